/* Identifiers of queries against a small index: whatever the keys are, they are refused with a sentence or answered, every
 * answer can be written and has the unique key of its level, and the same query finds the same twice. Byte 0 picks the
 * level and what was agreed on, byte 1 the syntax, and whether it is to be found or sent. */
#include "../unit/query_help.h"

#include "archive/attr_extra.h"
#include "fuzz.h"

#define PROCEDURE TAG(0x0008, 0x1032)

static struct archive *archive;
static const struct scope everything = {.kind = SCOPE_EVERYTHING};

static void put(struct dset *d, uint32_t tag, const char *vr, const char *text)
{
	FUZZ_EXPECT(dset_put(d, tag, vr, text, strlen(text), NULL) == 0);
}

static struct dset *object(int n)
{
	static const char *const names[] = {"Demo^One=王^小东", "Sample^Two", "Zhang^San=張^三"}, *const zones[] = {
												      "+0800", "-0330",
												      ""};
	char uids[3][32], number[8];
	struct sample s = {.charset = "ISO_IR 192",
			   .patient_id = n % 2 ? "P%_1" : "P2",
			   .issuer = "",
			   .name = names[n % 3],
			   .study = uids[0],
			   .series = uids[1],
			   .sop = uids[2],
			   .date = "20260102",
			   .time = "013000",
			   .accession = n % 2 ? "A1" : "",
			   .modality = n % 2 ? "CT" : "MR",
			   .series_number = "1",
			   .number = number,
			   .rows = 512,
			   .site = 1};
	struct dset *d, *item;

	snprintf(number, sizeof number, "%d", n);
	for (int i = 0; i < 3; i++)
		snprintf(uids[i], sizeof uids[i], "1.2.%d.%d", i + 3, n);
	d = help_dset(&s);
	put(d, TAG(0x0008, 0x0201), "SH", zones[n % 3]);
	put(d, TAG(0x0008, 0x002A), "DT", "20260102013000.5");
	put(d, TAG(0x0029, 0x0010), "LO", "ACME 1.1");
	put(d, TAG(0x0029, 0x1010), "LO", "private");
	FUZZ_EXPECT(dset_put_item(d, PROCEDURE, &item, NULL) == 0);
	put(item, TAG(0x0008, 0x0100), "SH", "A1");
	put(item, TAG(0x0008, 0x0104), "LO", "头部");
	FUZZ_EXPECT(dset_put_item(item, TAG(0x0040, 0x0008), &item, NULL) == 0);
	put(item, TAG(0x0008, 0x0100), "SH", "B2");
	return d;
}

static void remove_index(void)
{
	help_close(archive);
}

static void make_index(void)
{
	struct attr_set *extra = NULL;
	struct db_conn *c;

	FUZZ_EXPECT(dict_setup(NULL) == 0);
	archive = help_open();
	atexit(remove_index);
	FUZZ_EXPECT(attr_set_open(archive_db(archive), "0029,1010 \"ACME 1.1\" LO study; 0018,9345 FD image", true,
				  &extra, NULL) == 0);
	help_attrs = extra;
	c = help_writer(archive);
	for (int i = 0; i < 6; i++) {
		AUTO(dset) d = object(i);

		FUZZ_EXPECT(help_put_dset(c, d, UID_EXPLICIT_LE, 1, i, NULL) == INTAKE_STORED);
	}
	help_commit(c);
}

static unsigned find(const struct query *q)
{
	static const uint32_t unique[] = {TAG(0x0010, 0x0020), TAG(0x0020, 0x000D), TAG(0x0020, 0x000E),
					  TAG(0x0008, 0x0018)};
	struct cursor *c = NULL;
	const struct dset *row;
	struct err e = {0};
	unsigned n = 0;
	int rc;

	if (query_open(archive, q, &c, &e) < 0) {
		FUZZ_EXPECT(e.msg[0]);
		return 1000;
	}
	while ((rc = cursor_next(c, &row, &e)) > 0) {
		AUTO(buf) bytes = BUF(4u << 20);

		n++;
		FUZZ_EXPECT(dset_get(row, unique[q->level]));
		FUZZ_EXPECT(dset_write(row, UID_EXPLICIT_LE, &bytes, &e) == 0);
	}
	FUZZ_EXPECT(rc == 0 && n <= 6);
	cursor_close(c);
	return n;
}

static void send(const struct query *q)
{
	struct selection *s = NULL;
	struct stored what;
	struct err e = {0};
	uint64_t total, n = 0;

	if (select_open(archive, q, &s, &total, &e) < 0) {
		FUZZ_EXPECT(e.msg[0]);
		return;
	}
	while (select_next(s, &what, &e) > 0)
		n++;
	FUZZ_EXPECT(n == total);
	select_close(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const syntaxes[] = {UID_IMPLICIT_LE, UID_EXPLICIT_LE, UID_EXPLICIT_BE};
	AUTO(dset) keys = NULL;
	uint32_t offending = 0;
	struct query q = {.scope = &everything, .offending = &offending, .otherwise = "+0800"};

	if (!archive)
		make_index();
	if (size < 2 || dset_parse(data + 2, size - 2, syntaxes[data[1] % 3], &keys, NULL) < 0)
		return 0;
	q.keys = keys;
	q.level = (enum query_level)(data[0] & 3);
	q.patient_root = data[0] & 4;
	q.relational = data[0] & 8;
	q.datetime = data[0] & 16;
	q.empty = data[0] & 32;
	q.fuzzy = data[0] & 64;
	q.timezone = data[0] & 128 ? "-0330" : NULL;
	if (data[1] & 128)
		send(&q);
	else
		FUZZ_EXPECT(find(&q) == find(&q));
	return 0;
}
