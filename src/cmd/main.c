#include "archive/attr_extra.h"
#include "cmd/cmd.h"
#include "config.h"
#include "dicom/dict.h"
#include "imaging/worker.h"
#include "shim/shim.h"
#include <locale.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

static int cmd_help(int argc, char **argv);
static int cmd_version(int argc, char **argv);

const struct command commands[] = {
    {"serve", cmd_serve, "run the node"},
    {"import", cmd_import, "take in files, folders and DICOMDIRs"},
    {"export", cmd_export, "write studies as files with a DICOMDIR"},
    {"find", cmd_find, "ask what the index holds"},
    {"site", cmd_site, "institutions: add, list, show, set, remove"},
    {"peer", cmd_peer, "their DICOM systems: add, list, echo, remove"},
    {"user", cmd_user, "people who log in: add, list, set, disable, password, remove"},
    {"token", cmd_token, "machines that come over HTTP: create, list, revoke"},
    {"quarantine", cmd_quarantine, "what is kept but not shown: list, show, release, drop"},
    {"drop", cmd_drop, "take studies out of sight, list them, bring them back"},
    {"hold", cmd_hold, "keep studies from being dropped"},
    {"events", cmd_events, "print who decided what, when and why"},
    {"commitment", cmd_commitment, "what peers asked to be kept, and whether they were told"},
    {"fsck", cmd_fsck, "check packs and index against each other"},
    {"reindex", cmd_reindex, "build the index again from the packs, or prove it equal"},
    {"settle", cmd_settle, "put complete series in order, compressed and proven"},
    {"alerts", cmd_alerts, "what a person must look at"},
    {"audit", cmd_audit, "the audit trail: verify, search"},
    {"backup", cmd_backup, "copy the archive, beside a running node"},
    {"config", cmd_config, "configuration: check, show, default"},
    {"statement", cmd_statement, "the DICOM conformance statement of this configuration"},
    {"help", cmd_help, "this text, or that of a subcommand"},
    {"version", cmd_version, "print the version"},
    {NULL, NULL, NULL},
};

static void print_help(FILE *f)
{
	fputs("Usage:\n  teleread SUBCOMMAND [OPTION...]\n\nA remote-diagnosis DICOM node.\n\nSubcommands:\n", f);
	for (const struct command *c = commands; c->name; c++)
		fprintf(f, "  %-10s %s\n", c->name, c->summary);
	fputs("\nEach has --help and a manual page, such as teleread-serve(1).\n", f);
}

static const struct command *find_command(const char *name)
{
	const struct command *c = commands;

	while (c->name && strcmp(c->name, name) != 0)
		c++;
	return c->name ? c : NULL;
}

/* What could not be printed was not done: a full disk must not look like an empty answer. */
static int run_command(const struct command *c, int argc, char **argv)
{
	char program[32];
	int code;

	snprintf(program, sizeof program, "teleread %s", c->name);
	g_set_prgname(program);
	code = c->run(argc, argv);
	if (code != EXIT_DONE || c->run == cmd_serve || (fflush(stdout) == 0 && !ferror(stdout)))
		return code;
	fprintf(stderr, "%s: the output cannot be written\n", program);
	return EXIT_FOUND;
}

/* Started by worker_run() alone, with its socket; not in the list, for it is nobody's subcommand. */
static int run_worker(void)
{
	int type = 0;
	socklen_t n = sizeof type;

	if (getsockopt(WORKER_SOCKET, SOL_SOCKET, SO_TYPE, &type, &n) == 0 && type == SOCK_SEQPACKET)
		worker_main(WORKER_SOCKET);
	fputs("teleread worker: is started by the program itself, to decode pictures; it does nothing by hand\n",
	      stderr);
	return EXIT_USAGE;
}

static bool asks_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static int cmd_version(int argc, char **argv)
{
	if (argc > 1 && asks_help(argv[1])) {
		puts("Usage:\n  teleread version\n\nPrints the version of the program.");
		return EXIT_DONE;
	}
	if (argc > 1)
		return misused("version", "takes no arguments");
	puts("teleread " PACKAGE_VERSION);
	return EXIT_DONE;
}

static int no_command(const char *name)
{
	fprintf(stderr, "teleread: no subcommand \"%s\"; teleread --help lists them\n", name);
	return EXIT_USAGE;
}

/* "help site add" is "site add --help". */
static int cmd_help(int argc, char **argv)
{
	const struct command *c;
	char help[] = "--help", *words[] = {NULL, help, NULL, NULL};

	if (argc < 2) {
		print_help(stdout);
		return EXIT_DONE;
	}
	if (asks_help(argv[1]) || strcmp(argv[1], "help") == 0) {
		puts("Usage:\n  teleread help [SUBCOMMAND [VERB]]\n\n"
		     "Prints the subcommands, or the usage and options of one.");
		return EXIT_DONE;
	}
	if (!(c = find_command(argv[1])))
		return no_command(argv[1]);
	words[0] = argv[1];
	if (argc > 2) {
		words[1] = argv[2];
		words[2] = help;
	}
	return run_command(c, argc > 2 ? 3 : 2, words);
}

/* Many threads come and go: few arenas, and memory of large buffers goes back to the system. */
static void tune_memory(void)
{
	mallopt(M_ARENA_MAX, 4);
	mallopt(M_MMAP_THRESHOLD, 256 << 10);
	mallopt(M_TRIM_THRESHOLD, 1 << 20);
}

int main(int argc, char **argv)
{
	const struct command *c;
	struct err e = {0};

	tune_memory();
	setlocale(LC_CTYPE, "C.UTF-8"); /* arguments and terminals are UTF-8, whatever the environment says */
	umask(027);
	if (argc < 2) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	if (asks_help(argv[1])) {
		print_help(stdout);
		return EXIT_DONE;
	}
	if (strcmp(argv[1], "--version") == 0)
		return cmd_version(argc - 1, argv + 1);
	c = find_command(argv[1]);
	if (!c && strcmp(argv[1], "worker") != 0)
		return no_command(argv[1]);
	if (shim_setup() < 0) {
		fprintf(stderr, "teleread: DCMTK: %s\n", shim_error());
		return EXIT_USAGE;
	}
	if (dict_setup(&e) < 0) {
		fprintf(stderr, "teleread: %s\n", e.msg);
		return EXIT_USAGE;
	}
	if (!c)
		return run_worker();
	config_check_list(attr_set_check);
	return run_command(c, argc - 1, argv + 1);
}
