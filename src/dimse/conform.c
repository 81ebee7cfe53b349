#include "dimse/conform.h"
#include "dimse/session.h"
#include <string.h>

#define STATUSES 8
#define NEVER 4

/* What each service says of itself; failures that have a code of base/err.def come from there. */
static const struct service {
	const char *name;
	bool fails;            /* a request may fail for any reason of err.def, */
	uint16_t never[NEVER]; /* but for these, which have no cause here; 0 behind the last */
	struct {
		uint16_t status;
		const char *meaning;
	} says[STATUSES]; /* up to the first without a meaning */
} services[] = {
    {"C-ECHO", false, {0}, {{STATUS_SUCCESS, "the node is there"}}},
    {"C-STORE",
     true,
     {STATUS_CANCEL, 0x0111, 0x0112}, /* nobody cancels it; what is there already, or nowhere, is no failure of it */
     {{STATUS_SUCCESS, "durable and findable, or the very same was so already"},
      {STATUS_WARNING,
       "coercion of data elements: Offending Element and Error Comment name them; or kept in quarantine, "
       "and the Error Comment says why"},
      {STATUS_CLASS_NOT_SUPPORTED, "the SOP class is not that of the presentation context"},
      {STATUS_INVALID_INSTANCE, "the SOP Instance UID cannot be one"},
      {STATUS_MISMATCH, "the UIDs of request and data set differ"},
      {STATUS_UNABLE, "the data set is not understood, or cannot be coerced as configured; it is kept aside"}}},
    {"C-FIND",
     true,
     {0x0111, 0x0112}, /* nothing is made, and no match is success */
     {{STATUS_PENDING, "a match"},
      {STATUS_PENDING_WARNING, "a match; a key is not supported, or is not matched"},
      {STATUS_SUCCESS, "no more matches"},
      {STATUS_CANCEL, "cancelled"},
      {STATUS_MISMATCH, "the identifier lacks a unique key or the level"},
      {STATUS_UNABLE, "a key has a value that its VR cannot have"}}},
    {"C-MOVE",
     true,
     {0},
     {{STATUS_PENDING, "sub-operations go on"},
      {STATUS_SUCCESS, "all were sent, or nothing matched"},
      {STATUS_WARNING, "some sub-operations failed or had a warning"},
      {STATUS_SUB_FAILED, "all sub-operations failed"},
      {STATUS_NO_DESTINATION, "the move destination is not known"},
      {STATUS_CANCEL, "cancelled"},
      {STATUS_MISMATCH, "the identifier lacks a unique key or the level"}}},
    {"C-GET",
     true,
     {0},
     {{STATUS_PENDING, "sub-operations go on"},
      {STATUS_SUCCESS, "all were sent, or nothing matched"},
      {STATUS_WARNING, "some sub-operations failed or had a warning"},
      {STATUS_SUB_FAILED, "all sub-operations failed"},
      {STATUS_CANCEL, "cancelled"},
      {STATUS_MISMATCH, "the identifier lacks a unique key or the level"}}},
    {"N-ACTION",
     false,
     {0},
     {{STATUS_SUCCESS, "the request for storage commitment is kept, and its result will be told"},
      {STATUS_NO_SUCH_CLASS, "the requested SOP class is not that of storage commitment"},
      {STATUS_NO_SUCH_INSTANCE, "the requested SOP instance is not the well-known one"},
      {STATUS_NO_SUCH_ACTION, "the action type is not known"},
      {STATUS_INVALID_ARGUMENT, "the action information is not understood"},
      {STATUS_DUPLICATE_TRANSACTION, "another request has this transaction UID"},
      {STATUS_RESOURCE_LIMITATION, "no room for the request now"},
      {STATUS_PROCESSING_FAILURE, "the request could not be kept"}}},
    {"any other", false, {0}, {{STATUS_UNRECOGNIZED, "the operation is not known"}}},
};

const char *conform_service(unsigned n)
{
	return n < sizeof services / sizeof *services ? services[n].name : NULL;
}

static const char *kind_of(uint16_t status)
{
	if (status == STATUS_SUCCESS)
		return "success";
	if (status >> 8 == STATUS_PENDING >> 8)
		return "pending";
	if (status == STATUS_CANCEL)
		return "cancel";
	return status >> 12 == STATUS_WARNING >> 12 ? "warning" : "failure";
}

static bool said(const struct service *s, uint16_t status)
{
	for (unsigned i = 0; i < STATUSES && s->says[i].meaning; i++)
		if (s->says[i].status == status)
			return true;
	return false;
}

static bool never_said(const struct service *s, uint16_t status)
{
	for (unsigned i = 0; i < NEVER && s->never[i]; i++)
		if (s->never[i] == status)
			return true;
	return false;
}

/* The first code of err.def that is answered so stands for the others. */
static bool repeated(unsigned code, uint16_t status)
{
	for (unsigned before = E_OK + 1; before < code; before++)
		if (session_status(&(struct err){.code = (enum err_code)before}) == status)
			return true;
	return false;
}

int conform_statuses(unsigned n, int (*seen)(void *arg, const struct conform_status *s), void *arg)
{
	const struct service *s = &services[n];
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < STATUSES && s->says[i].meaning; i++)
		rc = seen(arg,
			  &(struct conform_status){s->says[i].status, kind_of(s->says[i].status), s->says[i].meaning});
	for (unsigned code = E_OK + 1; rc == 0 && s->fails && code < E_COUNT; code++) {
		uint16_t status = session_status(&(struct err){.code = (enum err_code)code});

		if (!said(s, status) && !never_said(s, status) && !repeated(code, status))
			rc =
			    seen(arg, &(struct conform_status){status, kind_of(status), err_text((enum err_code)code)});
	}
	return rc;
}
