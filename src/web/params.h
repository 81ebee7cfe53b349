/* web/params.h - parameters of a query that are numbers or a line of text. Of this room only. */
#ifndef WEB_PARAMS_H
#define WEB_PARAMS_H

#include "web/exchange.h"

/* A number from 0 to most; standard where the parameter is absent. -E_INVAL names what was expected. */
int param_number(const struct exchange *x, const char *name, uint64_t standard, uint64_t most, uint64_t *out,
		 struct err *e);
#endif
