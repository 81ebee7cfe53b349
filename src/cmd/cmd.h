/* cmd/cmd.h - one row for each subcommand. Exit codes: 0 done; 1 done, and something was found or failed that the output
 * names; 2 usage or configuration. */
#ifndef CMD_CMD_H
#define CMD_CMD_H

#include "archive/archive.h"
#include "base/config.h"

struct command {
	const char *name;
	int (*run)(int argc, char **argv); /* argv[0] is the name */
	const char *summary;
};
extern const struct command commands[]; /* ends with a NULL name */

/* Options every subcommand has: --data, --config, --json (where it makes sense). Environment: TELEREAD_DATA, TELEREAD_CONFIG. */
struct common {
	char *data, *config_path;
	int json;
	struct config config;
};
#endif
