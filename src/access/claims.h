/* access/claims.h - which roles and sites a provider's claims mean, by the configuration.
 *
 * A claim is found by its name, or by a path with dots where there is none of that name. Its value is a text (words with
 * blanks or commas between them) or a list of texts. A table, "radiologists=reader; heads=chief,qa", says what each value
 * means; without one a value is the name itself. What means nothing here is passed over.
 * Threads: depends on arguments alone.
 */
#ifndef ACCESS_CLAIMS_H
#define ACCESS_CLAIMS_H

#include "base/err.h"
#include <jansson.h>

/* Calls seen with each word that the claim means; stops at what is not 0 and returns it. */
int claims_each(const json_t *claims, const char *path, const char *table, int (*seen)(void *arg, const char *word),
		void *arg);
int claims_table_check(const char *table, struct err *e);        /* -E_CONFIG */
const char *claims_text(const json_t *claims, const char *path); /* NULL: no such text */
#endif
