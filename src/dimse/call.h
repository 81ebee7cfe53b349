/* dimse/call.h - calls a peer of the registry as this node: its address, our limits, TLS where the peer speaks that.
 *
 * Errors:   those of net/scu.h; -E_CONFIG where our own certificate cannot be read; -E_DENIED where the peer's is not the one
 *           that it is known by, or cannot be proved.   Threads: any.
 */
#ifndef DIMSE_CALL_H
#define DIMSE_CALL_H

#include "archive/registry.h"
#include "base/config.h"
#include "net/scu.h"

/* connect_ms: most time for the association to be made, besides what the settings allow; 0: no more than that. */
int call_peer(const struct config *c, const struct peer *to, int64_t connect_ms, const struct scu_proposal *p,
	      unsigned n, struct scu **out, struct err *e);
/* TLS by the settings. *out NULL, and 0: none is configured (a caller needs no certificate of its own). */
int call_tls(const struct config *c, bool caller, shim_tls **out, struct err *e);
#endif
