/* The writer of JSON and XML on any bytes: what comes out is a whole document, however the data set ends, and the same in
 * pieces. Byte 0 picks syntax and format, byte 1 the size of pieces and from which length values are bulk. */
#include "dicom/model.h"
#include "fuzz.h"
#include <jansson.h>
#include <libxml/parser.h>
#include <string.h>

static int reference(void *arg, const char *path, const struct scan_element *el, struct buf *out, struct err *e)
{
	(void)arg;
	FUZZ_EXPECT(el->length > 0);
	return buf_printf(out, e, "../bulk/%s", path);
}

static int write_all(const struct model_options *o, const char *syntax, const uint8_t *p, size_t n, size_t step,
		     struct buf *out)
{
	AUTO(model) w = NULL;
	struct err e = {0};
	int rc = 0, end;

	FUZZ_EXPECT(model_new(o, syntax, out, &w, &e) == 0);
	for (size_t i = 0; i < n && rc == 0; i += step)
		rc = model_feed(w, p + i, n - i < step ? n - i : step, &e);
	FUZZ_EXPECT(rc >= 0 || e.msg[0]);
	e = (struct err){0};
	end = model_end(w, &e);
	FUZZ_EXPECT(end != -E_LIMIT || rc == -E_LIMIT);
	FUZZ_EXPECT(end == 0 || e.msg[0]);
	return rc;
}

static void check_document(enum model_format format, const struct buf *text)
{
	xmlDoc *xml;
	json_t *json;

	if (format == MODEL_JSON) {
		FUZZ_EXPECT((json = json_loadb(buf_text(text), text->len, JSON_ALLOW_NUL, NULL)));
		json_decref(json);
	} else {
		FUZZ_EXPECT((xml = xmlReadMemory(buf_text(text), (int)text->len, "x", NULL, XML_PARSE_HUGE)));
		xmlFreeDoc(xml);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const syntaxes[] = {UID_IMPLICIT_LE, UID_EXPLICIT_LE, UID_EXPLICIT_BE};
	struct model_options o = {.bulk = reference};
	AUTO(buf) whole = BUF(64u << 20);
	AUTO(buf) parts = BUF(64u << 20);
	AUTO(model_judge) j = NULL;
	const char *syntax;
	int rc;

	FUZZ_EXPECT(dict_setup(NULL) == 0);
	if (size < 2)
		return 0;
	syntax = syntaxes[data[0] % 3];
	o.format = data[0] / 3 % 2 ? MODEL_XML : MODEL_JSON;
	o.bulk_over = data[1] / 16;
	FUZZ_EXPECT(model_judge_new(syntax, &j, NULL) == 0);
	model_judge_feed(j, data + 2, size - 2, NULL);
	o.verdict = model_judge_end(j);
	rc = write_all(&o, syntax, data + 2, size - 2, size, &whole);
	check_document(o.format, &whole);
	FUZZ_EXPECT(write_all(&o, syntax, data + 2, size - 2, 1 + data[1] % 16, &parts) == rc);
	FUZZ_EXPECT(whole.len == parts.len && memcmp(whole.data, parts.data, whole.len) == 0);
	return 0;
}
