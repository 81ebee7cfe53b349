/* base/write.h - all of a piece into a file. Threads: depends on arguments alone. */
#ifndef BASE_WRITE_H
#define BASE_WRITE_H

#include "base/err.h"
#include <stddef.h>

/* what: of which file errors speak, "a scratch file". -E_FULL when the disk is full, else -E_IO; part may be written then. */
int write_all(int fd, const void *data, size_t n, const char *what, struct err *e);
#endif
