/* access/glass.h - studies that are open in an emergency, in memory; of this room only. Behind login.h. */
#ifndef ACCESS_GLASS_H
#define ACCESS_GLASS_H

#include "access/access_internal.h"

int glass_open(struct access *a, struct err *e); /* reads what holds still */
void glass_close(struct access *a);
#endif
