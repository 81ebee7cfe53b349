/* Models of data sets: any text is read or refused; what is read is a data set that can be parsed, and that, printed as
 * JSON, reads as the same again. Byte 0: JSON, XML, or an array in pieces. */
#include "dicom/model.h"
#include "dicom/model_read.h"
#include "fuzz.h"
#include <string.h>

static void check(const struct model_set *s)
{
	AUTO(buf) json = BUF(64u << 20);
	AUTO(dset) d = NULL;
	AUTO(model_set) again = {0};
	struct err e = {0};
	int rc = dset_parse(s->bytes.data, s->bytes.len, UID_EXPLICIT_LE, &d, &e);

	for (unsigned i = 0; i < s->n_bulks; i++)
		FUZZ_EXPECT(s->bulks[i].at <= s->bytes.len && s->bulks[i].uri < s->uris.len &&
			    (i == 0 || s->bulks[i - 1].at <= s->bulks[i].at));
	FUZZ_EXPECT(rc == 0 || rc == -E_LIMIT);
	if (rc < 0 || dset_count(d) == 0)
		return;
	FUZZ_EXPECT(model_dset(d, MODEL_JSON, NULL, &json, &e) == 0);
	rc = model_read_json(buf_text(&json), json.len, &again, &e);
	FUZZ_EXPECT(rc == 0 || e.msg[0]); /* text that came as bytes need not make sense as what it says it is */
}

static int object(void *arg, const char *text, size_t n, struct err *e)
{
	AUTO(model_set) s = {0};

	(void)arg;
	if (model_read_json(text, n, &s, e) == 0)
		check(&s);
	return 0;
}

static int count(void *arg, const char *text, size_t n, struct err *e)
{
	(void)e;
	FUZZ_EXPECT(n > 0 && text[0] == '{');
	*(uint64_t *)arg = *(uint64_t *)arg * 31 + n;
	return 0;
}

static int split(const uint8_t *data, size_t n, size_t piece, int (*each)(void *, const char *, size_t, struct err *),
		 uint64_t *sum)
{
	AUTO(model_split) s = NULL;
	struct err e = {0};
	int rc = model_split_new(each, sum, &s, &e);

	for (size_t at = 0; at < n && rc == 0; at += piece)
		rc = model_split_feed(s, data + at, n - at < piece ? n - at : piece, &e);
	if (rc == 0)
		rc = model_split_end(s, &e);
	FUZZ_EXPECT(rc == 0 || e.msg[0]);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(model_set) s = {0};
	struct err e = {0};
	uint64_t whole = 0, pieces = 0;
	int rc;

	FUZZ_EXPECT(dict_setup(NULL) == 0); /* does something the first time only */
	if (size < 2)
		return 0;
	if (data[0] % 3 == 2) {
		rc = split(data + 1, size - 1, size, object, &whole);
		FUZZ_EXPECT(split(data + 1, size - 1, size, count, &whole) == rc);
		FUZZ_EXPECT(split(data + 1, size - 1, 1 + data[0] / 3 % 7, count, &pieces) == rc && pieces == whole);
		return 0;
	}
	rc = (data[0] % 3 ? model_read_xml : model_read_json)((const char *)data + 1, size - 1, &s, &e);
	FUZZ_EXPECT(rc == 0 || e.msg[0]);
	if (rc == 0)
		check(&s);
	return 0;
}
