/* cmd/since.h - moments as operators give them: a date, a time, or an age. Threads: depends on arguments alone. */
#ifndef CMD_SINCE_H
#define CMD_SINCE_H

#include <stdbool.h>
#include <stdint.h>

#define SINCE_FORMS "2026-11-22, 2026-11-22T14:30:00Z, or an age in s, min, h or d such as 24h"
bool age_parse(const char *text, int64_t *us); /* "90min", "24h", "7d" */
/* Writes it as clock_text() does. A date begins at midnight UTC; a time without a zone is UTC, too. */
bool since_parse(const char *text, char out[32]);
#endif
