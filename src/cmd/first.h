/* cmd/first.h - accounts that a node makes by itself: the first administrator, and those of a demo. */
#ifndef CMD_FIRST_H
#define CMD_FIRST_H

#include "archive/archive.h"
#include <stdbool.h>

/* Passwords go to standard error, past the log, and nowhere else. A demo's are new with each start. */
int first_accounts(struct archive *a, bool demo, struct err *e);
#endif
