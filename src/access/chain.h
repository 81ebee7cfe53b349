/* access/chain.h - lines in files, chained by digest: what was changed, taken out or put in shows.
 *
 * FOLDER/NNNNNNNNNNNN.log, named after the number of its first line; a line is NUMBER DIGEST TEXT, the digest SHA-256
 * (hexadecimal) of the digest before it, a blank, NUMBER, a blank, TEXT. The first line follows 64 zeros. FOLDER/head says where
 * the end is: so a file that was cut shows, at once, and in what follows, since the chain goes on from the head. Where it is
 * older than the lines, or is not there, they are believed. What a chain and its head cannot tell is that its last lines and
 * the head were both changed: note the end from time to time elsewhere, or send the lines to another machine.
 * Several processes may append: they take turns (flock). A line that a crash left unfinished is cut off by the next one.
 * Threads:  one struct chain is shared by all.
 */
#ifndef ACCESS_CHAIN_H
#define ACCESS_CHAIN_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>

#define CHAIN_TEXT_MOST 65536u
struct chain_end {
	uint64_t number;
	char digest[65];
};
struct chain;
int chain_open(const char *folder, int64_t size, struct chain **out, struct err *e); /* folder is made */
void chain_close(struct chain *c);
/* text without line ends. Written on return, not yet synced. */
int chain_append(struct chain *c, const char *text, size_t n, struct err *e);
int chain_sync(struct chain *c, struct err *e); /* what was written and not synced */

struct chain_line {
	struct chain_end end; /* this line's */
	const char *text;     /* borrowed until the next */
	size_t n;
};
struct chain_report {
	uint64_t lines, first;
	struct chain_end end;
	char wrong[200]; /* "" or the first place where it does not fit, in words */
};
/* Walks the lines from number `from` on, each digest proved where verify is set: the first that does not fit ends it, with
 * -E_CORRUPT; so does an end before the one that the head says. What seen returns other than 0 ends it, and is returned. An
 * unfinished last line is left out, a head that is missing or knows none of the lines does not fit; without verify also what is no line of a chain. */
int chain_each(const char *folder, uint64_t from, bool verify, int (*seen)(void *arg, const struct chain_line *l),
	       void *arg, struct chain_report *report, struct err *e);
/* For a start: proves the last file alone, and that it fits the head. report->lines 0: there are none. */
int chain_check(const char *folder, struct chain_report *report, struct err *e);
#endif
