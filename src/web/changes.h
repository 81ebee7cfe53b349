/* web/changes.h - one entry of the change feed as JSON, for /api/changes and /events. Of this room only. */
#ifndef WEB_CHANGES_H
#define WEB_CHANGES_H

#include "archive/change.h"

/* {"number":5,"kind":"stored","at":"...","study":"...","series":"...","instance":"...","class":"..."}, with "site" in front unless
 * it is NULL; members that are not known are left out. */
int change_json(struct buf *out, const char *site, const struct change *c, struct err *e);
#endif
