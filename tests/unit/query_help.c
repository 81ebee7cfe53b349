/* tests/unit/query_help.c - see query_help.h. */
#include "query_help.h"

#include "base/clock.h"

#include <stdlib.h>
#include <unistd.h>

struct archive {
	struct db *db;
	char folder[64];
};

/* The index, queries and the registry know an archive by its database alone. */
struct db *archive_db(struct archive *a)
{
	return a->db;
}

const struct attr_set *help_attrs;

const struct attr_set *archive_attrs(struct archive *a)
{
	(void)a;
	return help_attrs;
}

static void add_site(struct archive *a, const char *code, const char *parent)
{
	struct site s = {0};
	struct err e = {0};

	snprintf(s.code, sizeof(s.code), "%s", code);
	snprintf(s.name, sizeof(s.name), "Site %s", code);
	snprintf(s.parent_code, sizeof(s.parent_code), "%s", parent);
	if (site_add(a, &s, &e) < 0)
		fail_msg("site_add: %s", e.msg);
}

struct archive *help_open(void)
{
	struct archive *a = calloc(1, sizeof(*a));
	struct err e = {0};
	char url[128];

	assert_non_null(a);
	assert_int_equal(dict_setup(&e), 0);
	strcpy(a->folder, "/tmp/teleread-query-XXXXXX");
	assert_non_null(mkdtemp(a->folder));
	snprintf(url, sizeof(url), "sqlite:%s/index.sqlite", a->folder);
	if (db_open(url, &a->db, &e) < 0)
		fail_msg("db_open: %s", e.msg);
	add_site(a, "one", "");
	add_site(a, "two", "one");
	add_site(a, "three", "one");
	add_site(a, "four", "");
	return a;
}

void help_close(struct archive *a)
{
	char command[128];

	db_close(a->db);
	snprintf(command, sizeof(command), "rm -r '%s'", a->folder);
	assert_int_equal(system(command), 0);
	free(a);
}

struct db_conn *help_writer(struct archive *a)
{
	struct db_conn *c;
	struct err e = {0};

	if (db_get(a->db, DB_WRITE, &c, &e) < 0 || db_begin(c, &e) < 0)
		fail_msg("writer: %s", e.msg);
	return c;
}

void help_commit(struct db_conn *c)
{
	struct err e = {0};

	if (db_commit(c, &e) < 0)
		fail_msg("commit: %s", e.msg);
	db_put(c);
}

static void put(struct dset *d, uint32_t tag, const char *text)
{
	struct err e = {0};

	if (text && *text && dset_put(d, tag, NULL, text, strlen(text), &e) < 0)
		fail_msg("dset_put: %s", e.msg);
}

struct dset *help_dset(const struct sample *s)
{
	struct err e = {0};
	struct dset *d;

	assert_int_equal(dset_new(&d, &e), 0);
	put(d, TAG(0x0008, 0x0005), s->charset ? s->charset : "ISO_IR 192");
	put(d, TAG(0x0008, 0x0016), s->class ? s->class : "1.2.840.10008.5.1.4.1.1.2");
	put(d, TAG(0x0008, 0x0018), s->sop);
	put(d, TAG(0x0008, 0x0020), s->date);
	put(d, TAG(0x0008, 0x0030), s->time);
	put(d, TAG(0x0008, 0x0050), s->accession);
	put(d, TAG(0x0008, 0x0060), s->modality);
	put(d, TAG(0x0010, 0x0010), s->name);
	put(d, TAG(0x0010, 0x0020), s->patient_id);
	put(d, TAG(0x0010, 0x0021), s->issuer);
	put(d, TAG(0x0020, 0x000D), s->study);
	put(d, TAG(0x0020, 0x000E), s->series);
	put(d, TAG(0x0020, 0x0011), s->series_number);
	put(d, TAG(0x0020, 0x0013), s->number);
	if (s->rows)
		assert_int_equal(dset_put_int(d, TAG(0x0028, 0x0010), s->rows, &e), 0);
	return d;
}

int help_put_dset(struct db_conn *c, const struct dset *d, const char *syntax, int64_t site, int content, char *reason)
{
	static uint64_t seq;
	struct index_item it = {.site = site, .received_us = clock_wall_us(), .aet = "TEST"};
	AUTO(buf) bytes = BUF(1 << 24);
	struct err e = {0};
	char remark[160];
	int rc;

	assert_int_equal(dset_write(d, syntax, &bytes, &e), 0);
	assert_int_equal(index_head_new(syntax, help_attrs, &it.head, &e), 0);
	for (size_t at = 0; rc = 0, at < bytes.len; at += 7) {
		size_t n = bytes.len - at < 7 ? bytes.len - at : 7;

		if ((rc = index_head_feed(it.head, bytes.data + at, n, &e)) < 0)
			break;
	}
	if (rc < 0 || index_head_end(it.head, remark, &e) < 0) {
		if (reason)
			snprintf(reason, 160, "%.159s", e.msg);
		index_head_free(it.head);
		return -1;
	}
	it.seq = ++seq;
	it.where.pack = 1;
	it.where.at = seq * 4096;
	it.where.head_len = 300;
	it.where.part10_len = 300 + 1000;
	it.where.digest[0] = (uint8_t)content;
	snprintf(it.where.syntax, sizeof(it.where.syntax), "%s", syntax);
	if (index_put(c, &it, &e) < 0)
		fail_msg("index_put: %s", e.msg);
	index_head_free(it.head);
	if (reason)
		memcpy(reason, it.reason, sizeof(it.reason));
	return (int)it.outcome;
}

int help_put(struct db_conn *c, const struct sample *s, char *reason)
{
	AUTO(dset) d = help_dset(s);

	return help_put_dset(c, d, UID_EXPLICIT_LE, s->site, s->content, reason);
}

int64_t help_count(struct archive *a, const char *sql)
{
	AUTO(db_conn) c = NULL;
	struct err e = {0};
	int64_t n = -1;

	if (db_get(a->db, DB_READ, &c, &e) < 0 || db_one_int(c, sql, &n, &e) < 0)
		fail_msg("%s: %s", sql, e.msg);
	return n;
}

struct dset *help_keys(const char *keyword, ...)
{
	struct err e = {0};
	struct dset *d;
	va_list args;

	assert_int_equal(dset_new(&d, &e), 0);
	va_start(args, keyword);
	for (const char *k = keyword; k; k = va_arg(args, const char *)) {
		const char *value = va_arg(args, const char *);
		uint32_t tag;

		if (dict_tag(k, &tag, &e) < 0 || dset_put_text(d, tag, value, &e) < 0)
			fail_msg("key %s: %s", k, e.msg);
	}
	va_end(args);
	return d;
}

const char *help_find(struct archive *a, const struct query *q, const char *show)
{
	static char out[1 << 20];
	const struct dset *row;
	struct cursor *c;
	struct err e = {0};
	size_t len = 0;
	uint32_t tag;
	int rc;

	out[0] = '\0';
	assert_int_equal(dict_tag(show, &tag, &e), 0);
	if ((rc = query_open(a, q, &c, &e)) == 0) {
		while ((rc = cursor_next(c, &row, &e)) > 0)
			len +=
			    (size_t)snprintf(out + len, sizeof(out) - len, "%s%s", len ? "|" : "", dset_text(row, tag));
		cursor_close(c);
	}
	if (rc < 0) {
		assert_true(e.msg[0]);
		snprintf(out, sizeof(out), "!%s", err_name((enum err_code) - rc));
	}
	return out;
}

struct scope help_scope(int64_t site)
{
	struct scope s = {.kind = SCOPE_SITES, .n = 1, .sites = malloc(sizeof(int64_t))};

	assert_non_null(s.sites);
	s.sites[0] = site;
	return s;
}
