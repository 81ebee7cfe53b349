/* Data sets in memory: what is parsed can be printed as JSON that a JSON reader takes, and be written and parsed again
 * with the same result. Byte 0 picks the syntaxes. */
#include "dicom/dset.h"
#include "dicom/model.h"
#include "fuzz.h"
#include <jansson.h>
#include <string.h>

static const char *const syntaxes[] = {UID_IMPLICIT_LE, UID_EXPLICIT_LE, UID_EXPLICIT_BE};

static void check_json(const struct buf *json)
{
	json_error_t error;
	json_t *j = json_loadb((const char *)json->data, json->len, JSON_REJECT_DUPLICATES, &error);

	if (!j)
		fprintf(stderr, "%s: %s\n", error.text, buf_text(json));
	FUZZ_EXPECT(j);
	json_decref(j);
}

static void check_ask(const struct dset *d)
{
	for (unsigned i = 0; i < dset_count(d); i++) {
		const struct elem *el = dset_at(d, i);

		FUZZ_EXPECT(dset_get(d, el->tag) == el && el->value[el->len] == 0);
		FUZZ_EXPECT(i == 0 || dset_at(d, i - 1)->tag < el->tag);
		(void)strlen(dset_text(d, el->tag));
		(void)dset_int(d, el->tag, 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(buf) json = BUF(64u << 20);
	AUTO(buf) bytes = BUF(64u << 20);
	AUTO(buf) again = BUF(64u << 20);
	AUTO(dset) d = NULL;
	AUTO(dset) back = NULL;
	struct err e = {0};
	const char *syntax;
	int rc;

	FUZZ_EXPECT(dict_setup(NULL) == 0); /* does something the first time only */
	if (size < 1)
		return 0;
	if (dset_parse(data + 1, size - 1, syntaxes[data[0] % 3], &d, &e) < 0) {
		FUZZ_EXPECT(e.msg[0]);
		return 0;
	}
	check_ask(d);
	FUZZ_EXPECT(model_dset(d, MODEL_JSON, NULL, &json, &e) == 0);
	check_json(&json);
	syntax = syntaxes[data[0] / 3 % 3];
	rc = dset_write(d, syntax, &bytes, &e);
	FUZZ_EXPECT(rc == 0 || (rc == -E_LIMIT && strcmp(syntax, UID_IMPLICIT_LE)));
	if (rc < 0)
		return 0;
	rc = dset_parse(bytes.data, bytes.len, syntax, &back, &e);
	if (!strcmp(syntax, UID_IMPLICIT_LE)) /* values may have another VR now, and make no sense in it */
		return 0;
	FUZZ_EXPECT(rc == 0);
	FUZZ_EXPECT(dset_count(back) == dset_count(d));
	buf_clear(&again);
	FUZZ_EXPECT(dset_write(back, syntax, &again, &e) == 0);
	FUZZ_EXPECT(again.len == bytes.len && (again.len == 0 || !memcmp(again.data, bytes.data, again.len)));
	return 0;
}
