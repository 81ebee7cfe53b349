/* dimse/identifier.h - identifiers of C-FIND, C-MOVE and C-GET: read, made UTF-8, checked; and answers written.
 *
 * Answers go out in the request's character set when it holds every value, else in UTF-8 (ISO_IR 192); Specific
 * Character Set stands only where there is text outside ASCII (PS3.4 C.4.1.1.3.2).
 */
#ifndef DIMSE_IDENTIFIER_H
#define DIMSE_IDENTIFIER_H

#include "archive/query.h"
#include "dimse/session.h"

#define IDENTIFIER_MOST (1u << 20)

struct identifier {
	struct dset *keys;  /* UTF-8, without those that the face itself answers */
	struct dset *other; /* the same keys read as GB18030, when they may be that, too; NULL: no doubt */
	char charset
	    [CHARSET_LABEL]; /* of the request, as the standard spells it; "" when it has none, or an unknown one */
	enum query_level level;
	bool patient_root;
	bool availability;  /* Instance Availability was asked for */
	uint32_t offending; /* the element that a refusal is about; 0: none */
	char timezone[17];  /* Timezone Offset From UTC of the request, where that was agreed on; else "" */
};
/* Reads the data set of rq away in any case. *status other than success: refuse with why. Negative: association broken.
 */
int identifier_receive(struct session *s, const struct shim_command *rq, const struct shim_context *cx,
		       struct identifier *out, uint16_t *status, struct err *why, struct err *e);
void identifier_cleanup(struct identifier *id);
AUTO_TYPE(identifier, struct identifier);
/* One answer, encoded for the wire. */
int identifier_answer(const struct identifier *id, const struct dset *row, const char *aet, const char *syntax,
		      struct buf *out, struct err *e);
/* Is there a key with no counterpart in the answer: one that is not supported? */
bool identifier_ignored(const struct identifier *id, const struct dset *row);
#endif
