/* dicom/coerce.h - changes attributes of what a peer sends, by rule, as the data set passes.
 *
 * Rules come from the sections [coerce AET] of the configuration:
 *     set ATTRIBUTE = text       in the place of what is there, or added; no text: the attribute becomes empty
 *     default ATTRIBUTE = text   where the attribute is absent or empty
 *     prefix ATTRIBUTE = text    before a value that is there and does not begin so
 *     remove = ATTRIBUTE ...     taken out
 *     status = warning|success   what a C-STORE with a change answers: B000, or 0000
 * An attribute is one of the dictionary's of text or date (AE AS CS DA DT LO LT PN SH ST TM UC UT), of the groups 0004 to
 * 03FF, at the data set's top, but not (0008,0005) and nothing that says how pixels are read (group 0028); one rule each.
 *
 * A coercion holds a data set's head, up to (0400,0561), at most COERCE_HEAD bytes; behind it bytes pass as they are. Bytes
 * of what no rule names are kept as they came, but for group lengths that are there (PS3.5 7.2). Values are written in the
 * data set's own character set. What was changed is noted in a further item of Original Attributes Sequence.
 * Errors:   of rules -E_CONFIG with file, line, key and what was expected. Of a data set -E_LIMIT for the head, -E_INVAL for
 *           a head that is no data set, a value that its character set or VR cannot hold, an attribute that stands twice or
 *           behind the head: such an object cannot be changed as it was asked for.
 * Threads:  rules are read-only once made; one at a time for each coercion.
 * Source:   DICOM PS3.4 B.2.3, B.4.1.3; PS3.3 C.12.1.1.9.
 */
#ifndef DICOM_COERCE_H
#define DICOM_COERCE_H

#include "base/buf.h"
#include "base/config_rules.h"
#include "dicom/dict.h"

#define COERCE_HEAD (2u << 20)
#define COERCE_STEP (64u << 10) /* most bytes of one feed while the head is held */
#define COERCE_RULES 64u        /* most of one peer */

enum coerce_verb { COERCE_SET, COERCE_DEFAULT, COERCE_PREFIX, COERCE_REMOVE };
struct coerce_rule {
	enum coerce_verb verb;
	uint32_t tag;
	const char *value; /* UTF-8; of the configuration's rules, which outlive these */
};
struct coerce_peer {
	const char *aet;
	bool quiet;                             /* a change is answered with success */
	struct coerce_rule rules[COERCE_RULES]; /* sorted by tag */
	unsigned n;
};
struct coerce;

const char *coerce_verb_text(enum coerce_verb verb); /* "set" */
/* file: for the sentences, NULL when there is none. rules are borrowed until coerce_free(). */
int coerce_compile(const struct config_rules *rules, const char *file, struct coerce **out, struct err *e);
const struct coerce_peer *coerce_of(const struct coerce *c, const char *aet); /* NULL: nothing is changed */
void coerce_free(struct coerce *c);
static inline void coerce_cleanup(struct coerce **c)
{
	coerce_free(*c);
}
AUTO_TYPE(coerce, struct coerce *);

/* ---- one data set */
struct coercion;
/* -E_UNSUP for deflated syntaxes. modifier: our AE title; now_us: the time that is noted. */
int coercion_new(const struct coerce_peer *peer, const char *syntax, const char *modifier, int64_t now_us,
		 struct coercion **out, struct err *e);
/* 0: the bytes are held, or (coercion_passing) only watched; 1: the head is complete, and coercion_out() has it, with all
 * bytes that came behind it up to now. */
int coercion_feed(struct coercion *c, const void *data, size_t n, struct err *e);
int coercion_end(struct coercion *c, struct err *e); /* likewise 0 or 1: the data set is over */
bool coercion_passing(const struct coercion *c);
const struct buf *coercion_out(const struct coercion *c); /* borrowed until the next call */
/* Until the head is complete, and after a failure of it: all bytes so far as they were given. */
const struct buf *coercion_held(const struct coercion *c);
/* Tags of what was changed, sorted; their number. */
unsigned coercion_changed(const struct coercion *c, const uint32_t **tags);
void coercion_free(struct coercion *c);
static inline void coercion_cleanup(struct coercion **c)
{
	coercion_free(*c);
}
AUTO_TYPE(coercion, struct coercion *);
#endif
