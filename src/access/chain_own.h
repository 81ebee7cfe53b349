/* access/chain_own.h - lines, names and the head of a chain, for the two that write and read it. Of these alone.
 */
#ifndef ACCESS_CHAIN_OWN_H
#define ACCESS_CHAIN_OWN_H

#include "access/chain.h"
#include <sys/types.h>

#define CHAIN_NAME_DIGITS 12
#define CHAIN_HEAD_ROOM (20 + 1 + 64 + 1) /* "NUMBER DIGEST " before the text */
#define CHAIN_LINE_MOST (CHAIN_HEAD_ROOM + CHAIN_TEXT_MOST + 1)

extern const struct chain_end chain_beginning; /* before the first line */

void chain_digest(const struct chain_end *before, uint64_t number, const char *text, size_t n, char out[65]);
/* "NUMBER DIGEST TEXT"; without the line end, but with a NUL behind it. */
bool chain_split(char *line, size_t n, struct chain_line *out);

char *chain_path(const char *folder, uint64_t first); /* NULL: no memory */
/* The file with the lowest first number that is at least `from` (next), or the highest at all below it. 0: none. */
uint64_t chain_find(const char *folder, uint64_t from, bool next);

struct chain_state { /* what the head says */
	struct chain_end end;
	uint64_t first; /* number that the last file is named after */
	int64_t at;     /* its length */
};
#define CHAIN_STATE_MOST 160
/* false: nothing that could be used. */
bool chain_state_read(int fd, struct chain_state *out);
#endif
