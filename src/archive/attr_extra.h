/* archive/attr_extra.h - attributes that the index keeps because the configuration asks for them.
 *
 * Spelling: entries between semicolons, each
 *               KEYWORD LEVEL                  DistanceSourceToDetector series
 *               gggg,eeee VR LEVEL             0018,9345 FD image
 *               gggg,eeee "CREATOR" VR LEVEL   0029,1010 "ACME 1.1" LO study
 *           with the level patient, study, series or image. Of a private tag the block does not count: each object says
 *           which block its creator reserved (PS3.5 7.8.1).
 * Codes:    each entry is given one the first time an archive is opened with it (table extra_attr), and has it for ever.
 *           What was stored before shows after a reindex.
 * Errors:   -E_CONFIG says which entry is wrong and what was expected; -E_LIMIT when all codes are given.
 * Threads:  read-only once opened.
 */
#ifndef ARCHIVE_ATTR_EXTRA_H
#define ARCHIVE_ATTR_EXTRA_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct attr;
struct attr_set;
struct db;

int attr_set_check(const char *text, struct err *e); /* is the list well-formed? */
/* Calls seen for each entry of a list; what it returns other than 0 ends that and is returned. */
int attr_set_each(const char *text, int (*seen)(void *arg, const struct attr *a), void *arg, struct err *e);
/* assign: give codes to what has none; else such entries are left out. text NULL is an empty list. */
int attr_set_open(struct db *d, const char *text, bool assign, struct attr_set **out, struct err *e);
void attr_set_free(struct attr_set *s);
/* An attribute of the standard: built in, or of the set (NULL is an empty one). NULL: not kept. */
const struct attr *attr_set_find(const struct attr_set *s, uint32_t tag);
/* A private attribute by its creator; of the tag the block does not count. */
const struct attr *attr_set_private(const struct attr_set *s, uint32_t tag, const char *creator, size_t n);
/* Does the set hold attributes of this creator in the tag's group? */
bool attr_set_creator(const struct attr_set *s, uint32_t tag, const char *creator, size_t n);
#endif
