/* Searches over HTTP on a small index: whatever the URL says is refused with a sentence or answered, and every answer is
 * JSON. Byte 0 picks what is searched; the rest is the query of the URL. */
#include "../unit/query_help.h"

#include "archive/attr_extra.h"
#include "dicom/model.h"
#include "fuzz.h"
#include "web/qido.h"
#include <jansson.h>

#define EXTRA "0029,1010 \"ACME 1.1\" LO study; 0018,9345 FD image"

static struct archive *archive;
static const struct scope everything = {.kind = SCOPE_EVERYTHING};

static void remove_index(void)
{
	help_close(archive);
}

static void make_index(void)
{
	struct sample s = {.charset = "ISO_IR 192",
			   .patient_id = "P1",
			   .issuer = "",
			   .name = "Li^Lei=李^雷",
			   .study = "1.2",
			   .series = "1.3",
			   .sop = "1.4",
			   .date = "20260102",
			   .time = "0130",
			   .accession = "A1",
			   .modality = "CT",
			   .series_number = "1",
			   .number = "5",
			   .rows = 512,
			   .site = 1};
	struct attr_set *extra = NULL;
	struct db_conn *c;

	FUZZ_EXPECT(dict_setup(NULL) == 0);
	archive = help_open();
	atexit(remove_index);
	FUZZ_EXPECT(attr_set_open(archive_db(archive), EXTRA, true, &extra, NULL) == 0);
	help_attrs = extra;
	c = help_writer(archive);
	FUZZ_EXPECT(help_put(c, &s, NULL) == INTAKE_STORED);
	help_commit(c);
}

static void check_row(const struct qido *q, struct dset *row)
{
	AUTO(buf) json = BUF(16u << 20);
	struct err e = {0};
	json_t *j;

	FUZZ_EXPECT(qido_complete(q, "http://x/dicom-web", row, &e) == 0);
	FUZZ_EXPECT(model_dset(row, MODEL_JSON, "ISO_IR 192", &json, &e) == 0);
	FUZZ_EXPECT((j = json_loadb(buf_text(&json), json.len, JSON_REJECT_DUPLICATES, NULL)));
	FUZZ_EXPECT(json_object_get(j, "00081190") && json_object_get(j, "0020000D"));
	json_decref(j);
}

static void run(struct qido *q)
{
	struct cursor *c = NULL;
	struct dset *row = NULL;
	struct err e = {0};
	unsigned n = 0;

	q->query.scope = &everything;
	if (query_open(archive, &q->query, &c, &e) < 0) {
		FUZZ_EXPECT(e.msg[0]);
		return;
	}
	while (cursor_take(c, &row, &e) > 0) {
		n++;
		check_row(q, row);
		dset_free(row);
	}
	FUZZ_EXPECT(n <= 1 && e.code == E_OK);
	cursor_close(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct qido_target targets[] = {{LEVEL_STUDY, "", ""},     {LEVEL_SERIES, "", ""},
						     {LEVEL_SERIES, "1.2", ""}, {LEVEL_IMAGE, "", ""},
						     {LEVEL_IMAGE, "1.2", ""},  {LEVEL_IMAGE, "1.2", "1.3"}};
	AUTO(url_query) url = {0};
	AUTO(qido) q = {0};
	AUTO(str) raw = size ? strndup((const char *)data + 1, size - 1) : NULL;
	struct err e = {0};

	if (!archive)
		make_index();
	if (!raw)
		return 0;
	if (url_query_parse(raw, &url, &e) < 0 || qido_parse(&targets[data[0] % 6], &url, EXTRA, &q, &e) < 0) {
		FUZZ_EXPECT(e.msg[0]);
		return 0;
	}
	run(&q);
	return 0;
}
