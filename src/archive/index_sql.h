/* archive/index_sql.h - small helpers over statements, for index.c and index_*.c. */
#ifndef ARCHIVE_INDEX_SQL_H
#define ARCHIVE_INDEX_SQL_H

#include "archive/index_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static inline int prepare(struct db_conn *c, const char *name, struct db_stmt **out, struct err *e)
{
	return db_prepare(c, db_sql(db_of(c), name), out, e);
}

static inline void bind_str(struct db_stmt *s, int n, const char *text)
{
	db_bind_text(s, n, text, strlen(text));
}

static inline void bind_buf(struct db_stmt *s, int n, const struct buf *b)
{
	db_bind_blob(s, n, b->data ? (const void *)b->data : "", b->len);
}

/* Steps a statement that answers nothing. */
static inline int run(struct db_stmt *s, struct err *e)
{
	int rc = db_step(s, e);

	if (rc > 0)
		db_reset(s);
	return rc < 0 ? rc : 0;
}

/* Steps a statement that answers at most one number: 1 and *out, or 0. */
static inline int one(struct db_stmt *s, int64_t *out, struct err *e)
{
	int rc = db_step(s, e);

	if (rc <= 0)
		return rc;
	*out = db_int(s, 0);
	db_reset(s);
	return 1;
}

/* As one(), where no answer is a bug (INSERT ... RETURNING). */
static inline int must(struct db_stmt *s, int64_t *out, struct err *e)
{
	int rc = one(s, out, e);

	return rc == 0 ? err_set(e, E_BUG, "an inserted row has no key") : rc < 0 ? rc : 0;
}

/* An IS value as a number to sort by; NULL when it is none. */
static inline void bind_number(struct db_stmt *s, int n, const struct buf *attrs, uint8_t code)
{
	char copy[16], *end;
	const char *text;
	size_t len;
	long long v;

	head_text(attrs, code, &text, &len);
	if (len == 0 || len >= sizeof(copy)) {
		db_bind_null(s, n);
		return;
	}
	memcpy(copy, text, len);
	copy[len] = '\0';
	v = strtoll(copy, &end, 10);
	if (*end || v < INT32_MIN || v > INT32_MAX)
		db_bind_null(s, n);
	else
		db_bind_int(s, n, v);
}

static inline int meta_number(struct db_conn *c, const char *key, uint64_t *out, struct err *e)
{
	struct db_stmt *s;
	int rc = prepare(c, "meta-get", &s, e);

	if (rc < 0)
		return rc;
	bind_str(s, 1, key);
	if ((rc = db_step(s, e)) < 0)
		return rc;
	*out = rc > 0 ? strtoull(db_text(s, 0, NULL), NULL, 10) : 0;
	if (rc > 0)
		db_reset(s);
	return 0;
}

static inline int set_meta_number(struct db_conn *c, const char *key, uint64_t v, struct err *e)
{
	struct db_stmt *s;
	char text[24];
	int rc = prepare(c, "meta-set", &s, e);

	if (rc < 0)
		return rc;
	snprintf(text, sizeof(text), "%" PRIu64, v);
	bind_str(s, 1, key);
	bind_str(s, 2, text);
	return run(s, e);
}
#endif
