/* cmd/statement.h - the conformance statement: its facts as JSON, and from these the text. */
#ifndef CMD_STATEMENT_H
#define CMD_STATEMENT_H

#include "base/config.h"
#include <jansson.h>

/* Everything that the configuration and the tables say; NULL without memory, or with e. The caller's reference. */
json_t *statement_facts(const struct config *c, struct err *e);
/* Markdown, in the order of PS3.2 annex N. */
void statement_print(const json_t *facts);
#endif
