/* dimse/conform.h - what the DICOM face agrees to and answers, told by what decides it: for the conformance statement.
 *
 * Threads:  depends on arguments alone.
 */
#ifndef DIMSE_CONFORM_H
#define DIMSE_CONFORM_H

#include "base/config.h"
#include "dicom/coerce.h"

/* As the caller of the question is: */
struct conform_peer {
	const struct coerce_peer *coerce; /* NULL: without rules */
	bool private_classes;
};
/* Would a presentation context of this one syntax be accepted? as_scp: the caller may be SCP of it, too. */
bool conform_accepts(const struct config *c, const struct conform_peer *p, const char *abstract, const char *syntax,
		     bool *as_scp);
/* Byte n of SOP class extended negotiation: its name, and whether it is agreed to; NULL where the class has no more. */
const char *conform_extended(const struct config *c, const char *abstract, unsigned n, bool *agreed);

struct conform_status {
	uint16_t status;
	const char *kind; /* "success", "pending", "warning", "cancel", "failure" */
	const char *meaning;
};
/* The services, and what each answers; NULL behind the last. */
const char *conform_service(unsigned n); /* "C-STORE" */
/* Statuses of service n; what seen returns other than 0 ends that, and is returned. */
int conform_statuses(unsigned n, int (*seen)(void *arg, const struct conform_status *s), void *arg);
#endif
