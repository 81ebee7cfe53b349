/* cmd/cmd.h - the program's subcommands: one row for each, and what they share.
 *
 * Exit codes: 0 done; 1 done, and something was found or failed that the output names; 2 usage or configuration.
 * Results go to standard output, everything else to standard error as "teleread SUB: sentence".
 * Threads:    main thread only, where nothing else is said.
 */
#ifndef CMD_CMD_H
#define CMD_CMD_H

#include "access/audit.h"
#include "archive/archive.h"
#include "base/config.h"
#include <glib.h>
#include <jansson.h>
#include <sys/types.h>

enum { EXIT_DONE = 0, EXIT_FOUND = 1, EXIT_USAGE = 2 };

struct command {
	const char *name;
	int (*run)(int argc, char **argv); /* argv[0] is the name */
	const char *summary;
};
extern const struct command commands[]; /* ends with a NULL name */

int cmd_serve(int argc, char **argv);
int cmd_import(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_find(int argc, char **argv);
int cmd_site(int argc, char **argv);
int cmd_peer(int argc, char **argv);
int cmd_user(int argc, char **argv);
int cmd_token(int argc, char **argv);
int cmd_commitment(int argc, char **argv);
int cmd_quarantine(int argc, char **argv);
int cmd_drop(int argc, char **argv);
int cmd_hold(int argc, char **argv);
int cmd_events(int argc, char **argv);
int cmd_settle(int argc, char **argv);
int cmd_fsck(int argc, char **argv);
int cmd_reindex(int argc, char **argv);
int cmd_audit(int argc, char **argv);
int cmd_alerts(int argc, char **argv);
int cmd_backup(int argc, char **argv);
int cmd_config(int argc, char **argv);
int cmd_statement(int argc, char **argv);

/* ---- options. Every subcommand has --data, --config and --help; --json where it prints something.
 * Precedence: command line, then environment (TELEREAD_DATA, TELEREAD_CONFIG), then configuration file, then default.
 * Without --config the file is DATA/teleread.conf, when it is there. */
struct usage {
	const char *name;        /* "site add" */
	const char *args, *text; /* what --help says: "PATH..." and sentences; NULL: none */
	const GOptionEntry
	    *options;    /* NULL: none but the common ones. Strings are G_OPTION_ARG_FILENAME: bytes as given */
	bool json;       /* takes --json */
	int least, most; /* arguments besides options; most -1: any number */
};
struct common {
	const char *name;
	char *data, *config_path; /* as given; NULL: not given */
	gboolean json;
	char *config_file; /* the file that was read, or NULL */
	struct config config;
	uint64_t listed; /* counted by what prints a list */
};
/* Takes the options out of argv, loads the configuration. Returns -1 to go on, else the exit code (it was said why). */
int common_parse(struct common *c, const struct usage *u, int *argc, char ***argv);
/* Loads the configuration again by the same rules (serve, when told to by SIGHUP). */
int common_load(const struct common *c, struct config *out, char **file, struct err *e);
void common_cleanup(struct common *c);
AUTO_TYPE(common, struct common);

struct verb {
	const char *name;
	int (*run)(int argc, char **argv); /* argv[0] is the verb */
	const char *summary;
};
/* Runs the verb that argv[1] names; verbs ends with a NULL name. */
int verbs_run(const char *name, const struct verb *verbs, int argc, char **argv);

/* ---- saying so */
/* Returns EXIT_USAGE for E_CONFIG, else EXIT_FOUND. Says whose the archive is, where this user has no right to it. */
int complain(const char *name, const struct err *e);
/* Where E_INVAL can only be a word of the command line: EXIT_USAGE for that, too. */
int complain_input(const char *name, const struct err *e);
int misused(const char *name, const char *fmt, ...) __attribute__((format(printf, 2, 3))); /* returns EXIT_USAGE */
/* Notes in the audit trail what the operator did here. study may be NULL. */
void audit_operator(const struct config *c, enum audit_kind kind, const char *study, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void user_name(uid_t uid, char out[65]); /* the name of a user, else the number */
/* Prints one JSON value on a line of its own; consumes it. */
void print_json(json_t *value);

/* Prints what a terminal may print, a question mark for the rest, and returns the columns it takes: a Chinese character
 * takes two. */
int print_safely(const char *text);

/* A bar on a terminal for what takes more than two seconds; silent elsewhere. Any one thread at a time. */
struct progress {
	const char *what;
	int64_t begun_us, shown_us;
	bool shown;
};
void progress_begin(struct progress *p, const char *what);
void progress_at(struct progress *p, uint64_t done, uint64_t of, const char *unit); /* of 0: unknown; unit "B": sizes */
void progress_end(struct progress *p);                                              /* takes the bar away */
const char *size_text(uint64_t bytes, char out[16]);                                /* "1.5 GB" */

/* ---- damage that a command finds is an alert: of the running node, else written here. Begins as zeros but for common. */
struct alert_way {
	const struct common *common;
	bool tried, opened;
	int node; /* its control socket, or -1 */
};
void alert_tell(struct alert_way *w, const char *subject, const char *sentence); /* subject: no blanks */
void alert_told(struct alert_way *w);

/* ---- what a long check says as it goes: callbacks of archive/check.h, whose arg is a watch */
struct watch {
	const struct common *common;
	struct progress bar;
	struct alert_way *alerts; /* NULL: faults are printed only */
};
void watch_fault(void *watch, const char *sentence);
void watch_progress(void *watch, uint64_t done, uint64_t of); /* bytes */

/* ---- pictures */
/* Starts the workers as [imaging] says. Who does not call it before the first picture gets the defaults. */
int start_imaging(const struct config *c, struct err *e);

/* ---- the archive */
/* Opens it beside a node or not. For what only reads, and for the registry. make: an empty one where there is none. */
int open_beside(const struct common *c, bool make, struct archive **out, struct err *e);
/* Calls say with each AE title of [coerce AET] that no registered peer has. */
int coerce_strangers(struct archive *a, const struct config *c, void (*say)(const char *aet), struct err *e);
/* The end of a list: EXIT_DONE; where there was nothing to print, standard error says so, but not with --json. */
int end_list(const struct common *c);
/* -E_NOENT where there is neither an index nor packs: for what writes to an archive, but must not make one. */
int archive_there(const struct common *c, struct err *e);
static inline void archive_cleanup(struct archive **a)
{
	archive_close(*a);
}
AUTO_TYPE(archive, struct archive *);
#endif
