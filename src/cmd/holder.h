/* cmd/holder.h - options and lists that users, tokens and certificates have in common. */
#ifndef CMD_HOLDER_H
#define CMD_HOLDER_H

#include "access/access.h"
#include "access/holder.h"
#include "cmd/cmd.h"

struct holder_options {
	char **role, **site; /* each may be given several times, or with commas */
	char *store_as, *expires;
};
#define HOLDER_OPTIONS(o)                                                                                              \
	{"role",    0,                                                                                                 \
	 0,         G_OPTION_ARG_FILENAME_ARRAY,                                                                       \
	 &(o).role, "site-sender, site-viewer, reader, chief, qa or admin; several with commas, or again",             \
	 "ROLE"},                                                                                                      \
	    {"site",    0,                                                                                             \
	     0,         G_OPTION_ARG_FILENAME_ARRAY,                                                                   \
	     &(o).site, "Site, with all below it; several with commas, or again",                                      \
	     "CODE"},                                                                                                  \
	    {"store-as", 0, 0, G_OPTION_ARG_FILENAME, &(o).store_as, "Site that what is stored belongs to", "CODE"},   \
	{                                                                                                              \
		"expires", 0, 0, G_OPTION_ARG_FILENAME, &(o).expires,                                                  \
		    "When it ends: an age in s, min, h or d such as 90d, a date such as 2027-01-31, or never", "WHEN"  \
	}
/* Puts into h what was given, and leaves the rest. */
int holder_options_put(const struct holder_options *o, struct holder *h, struct err *e);
int holder_put(char *to, size_t room, const char *text, const char *what, struct err *e); /* copies an argument */
/* Says so where it has no site and a role that is worth nothing without one. */
void holder_warn(const char *name, const struct holder *h);
int holder_id(const char *text, int64_t *out, struct err *e);
void holder_print(const struct common *c, const struct holder *h);
#endif
