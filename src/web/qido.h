/* web/qido.h - searches (QIDO-RS): what a URL asks for, as a query of the archive, and what an answer holds. Of this room
 * only.
 *
 * Parameters: ATTRIBUTE=VALUE, with the attribute as 8 hexadecimal digits, as a keyword, or as a path of these through
 *           sequences (RequestAttributesSequence.ScheduledProcedureStepID). Values match as in C-FIND (archive/query.h);
 *           several values stand between commas (UI, CS) or backslashes, or the attribute comes several times. Dates with
 *           times of the same event are one range. An empty value only adds the attribute to the answers.
 *           Of a private attribute the creator is given beside it (00290010=ACME 1.1), or taken from index.attributes.
 *           includefield=ATTRIBUTE,...|all, limit, offset, fuzzymatching, emptyvaluematching, multiplevaluematching.
 *           accept, charset and transfer-syntax are read elsewhere.
 * Ignored:  parameters of any other name (PS3.18 8.3 wants that), attributes that are not kept, or belong to a level below: the answer says so (Warning).
 * Answers:  the attributes of PS3.18 Tables 10.6.3-3 to -5, those that were asked for, the unique keys above, and with searches
 *           across studies or series the attributes of the levels above.
 * Errors:   -E_INVAL with a sentence that names the parameter.
 * Source:   PS3.18 8.3.4, 10.6; PS3.4 C.2.2.2.   Threads: depends on arguments alone.
 */
#ifndef WEB_QIDO_H
#define WEB_QIDO_H

#include "archive/query.h"
#include "web/url.h"

struct qido_target {
	enum query_level level;
	const char *study, *series; /* of the path; "" for all of them */
};
struct qido {
	struct query query; /* all but the scope */
	struct dset *keys;  /* query.keys */
	struct buf ignored; /* what does nothing, ", " between; for a header */
	bool nothing;       /* limit=0 */
};
/* attributes: the setting index.attributes. */
int qido_parse(const struct qido_target *t, const struct url_query *url, const char *attributes, struct qido *out,
	       struct err *e);
void qido_cleanup(struct qido *q);
AUTO_TYPE(qido, struct qido);
/* Something that was asked for, and does nothing; name may be anything. */
int qido_ignore(struct qido *q, const char *name, struct err *e);
/* Puts what the index does not hold into a row: the URL of what was found, below service, and its availability; takes out
 * what is only there if known. */
int qido_complete(const struct qido *q, const char *service, struct dset *row, struct err *e);

/* ---- which attributes are answered without being asked for (qido_fields.c) */
int qido_defaults(const struct qido_target *t, struct dset *keys, struct err *e);
/* includefield=all: the attributes that are kept of the level itself, for studies also the patient's. */
int qido_all(const struct qido_target *t, const char *attributes, struct dset *keys, struct err *e);
/* The VR of a private attribute as the index keeps it, "LO" when it does not; puts its creator into the keys, unless one is
 * there for its block. */
int qido_private(const char *attributes, uint32_t tag, struct dset *keys, char vr[3], struct err *e);
bool qido_if_known(uint32_t tag); /* left out where it has no value */
#endif
