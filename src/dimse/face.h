/* dimse/face.h - the DICOM face: serves one association from negotiation to release.
 *
 * Services: C-ECHO, C-STORE, C-FIND, C-MOVE, C-GET, storage commitment. Who calls is looked up in the registry; everything asked runs in
 * the scope of the caller's site, everything sent becomes that site's. Threads:  face_serve() on each association's own
 * thread (net/server.h).
 */
#ifndef DIMSE_FACE_H
#define DIMSE_FACE_H

#include "archive/archive.h"
#include "archive/registry.h"
#include "base/config.h"
#include "dicom/coerce.h"
#include "net/server.h"

struct reporter;
struct face {
	struct archive *archive;
	const struct config *config;
	const struct coerce *coerce; /* of the configuration's rules */
	const struct site
	    *unknown_as; /* --accept-unknown: loopback callers that no peer entry names act as it; NULL: refused */
	const struct server *server; /* set once it listens */
	struct reporter *reporter;   /* NULL: no storage commitment */
};
void face_serve(void *face, shim_assoc *a);
#endif
