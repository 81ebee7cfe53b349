/* cmd/demo.h - sample sites, peers and studies, so that a newcomer sees a working node at once. All of it is
 * fictitious.
 *
 * Filling is repeatable: what is there already stays as it is.
 */
#ifndef CMD_DEMO_H
#define CMD_DEMO_H

#include "archive/archive.h"

#define DEMO_SITE "DEMO-COUNTY"
#define DEMO_PROVINCE "DEMO-PROV" /* above it */
/* -E_CONFIG for an archive that holds other sites, but not the demo's. */
int demo_fill(struct archive *a, struct err *e);
#endif
