/* imaging/form.h - the form that an instance is kept in once its series is settled: the rules of [settle NAME].
 *
 * Each section of the configuration is a rule; the first one counts whose conditions all hold:
 *     modality = CT, MR            sop_class = UID, ...       site = CODE, ...      photometric = RGB, ...
 *     form = htj2k-lossless | j2k-lossless | jpegls-lossless | keep
 * Where none holds it is htj2k-lossless: HTJ2K Lossless RPCL (1.2.840.10008.1.2.4.202), which orders its bytes by
 * resolution, so that a viewer shows a coarse picture from the first of them, and whose code streams are valid under .201, too.
 * That goes for colour as well (RGB through the reversible transform): measured over a mixed corpus it becomes as small as grey
 * does, nearly a third, and indices of palettes little more than a half.
 * Whatever the rules say, an instance is kept as it came where it has no pixel data, where it came compressed or
 * deflated, has pixels of floating point or of single bits (which few viewers read compressed), is cut off, or the codec cannot carry its samples exactly (codec_can()).
 *
 * There is no lossy form. After loss an image is another one, with a SOP Instance UID of its own (PS3.3 C.7.6.1.1.5),
 * so it cannot stand for what was received, which peers were promised to find (storage commitment); who wants smaller copies asks
 * for them when retrieving.
 * Errors:   of rules -E_CONFIG with file, line, key and what was expected.
 * Threads:  rules are read-only once made.
 */
#ifndef IMAGING_FORM_H
#define IMAGING_FORM_H

#include "base/config_rules.h"
#include "dicom/source.h"

#define FORM_RULES 256u /* most of them */
#define FORM_REASON 160u
struct forms;
/* file: for the sentences, NULL when there is none. rules are borrowed until forms_free(). */
int forms_compile(const struct config_rules *rules, const char *file, struct forms **out, struct err *e);
/* Tells what of the rules can never hold, as sentences: codes and UIDs that no image has, rules behind one that holds for everything. */
void forms_doubts(const struct forms *f, void (*say)(void *arg, const char *sentence), void *arg);
void forms_free(struct forms *f);
static inline void forms_cleanup(struct forms **f)
{
	forms_free(*f);
}
AUTO_TYPE(forms, struct forms *);

struct form_facts {
	const char *modality, *sop_class, *site; /* site: its code */
	const struct image_source *image;
};
struct form_choice {
	const char *syntax;       /* to be encoded in; NULL: kept as it is */
	const char *rule;         /* its name; "": none of them held. Borrowed from the rules */
	const char *form;         /* what the rule says, "htj2k-lossless" */
	char reason[FORM_REASON]; /* why it is kept */
};
void forms_choose(const struct forms *f, const struct form_facts *facts, struct form_choice *out);
#endif
