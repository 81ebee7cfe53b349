/* web/wado.h - what handlers of retrieval share: which instances are meant, and the answer to whom. Of this room only.
 *
 * Source:   PS3.18 10.4.   Threads: handlers run on workers, those named quick on connections' threads.
 */
#ifndef WEB_WADO_H
#define WEB_WADO_H

#include "web/exchange.h"
#include "web/wado_parts.h"

/* The instances of the study, series or instance of the path, in order. -E_NOENT: none in the scope. Told to the audit
 * trail. */
int wado_select(struct exchange *x, struct selection **out, uint64_t *total, struct err *e);
/* The one instance of the path. Told to the audit trail. */
int wado_instance(struct exchange *x, struct stored *out, struct err *e);

/* Answers with it as application/dicom alone, in a syntax that x->accept takes. */
int wado_reply_instance(struct exchange *x, const struct stored *s, struct err *e);

/* ---- handlers, for web/routes.c */
int wado_retrieve(struct exchange *x, struct err *e); /* study, series, instance */
int wado_retrieve_quick(struct exchange *x);
int wado_zip(struct exchange *x, struct selection *s, uint64_t total, struct err *e); /* consumes s */
int wado_metadata(struct exchange *x, struct err *e);
int wado_frames(struct exchange *x, struct err *e);
int wado_frames_quick(struct exchange *x);
int wado_pixeldata(struct exchange *x, struct err *e);
int wado_bulkdata(struct exchange *x, struct err *e);     /* one value */
int wado_bulkdata_all(struct exchange *x, struct err *e); /* all of a study, series or instance */
int wado_uri(struct exchange *x, struct err *e);
#endif
