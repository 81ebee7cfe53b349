/* Any bytes as a path and, behind the first line feed, a query: matched, decoded, taken apart and read as keys of a search, or
 * refused with a sentence. */
#include "base/text.h"
#include "tests/fuzz/fuzz.h"
#include "web/qido.h"
#include "web/route.h"
#include "web/url.h"
#include <string.h>

#define ROW(path)                                                                                                      \
	{                                                                                                              \
		"GET", path, NULL, NULL, RIGHT_NOBODY, "", ""                                                          \
	}
static const struct route table[] = {
    ROW("/dicom-web/studies"),
    ROW("/dicom-web/studies/{study}/series/{series}/instances/{instance}/frames/{frames}"),
    ROW("/dicom-web/studies/{study}/bulkdata/{bulk...}"),
    ROW("/api/{name}/restore"),
    {0},
};

/* What comes out is text, as long as it says, and decoding never makes it longer. */
static void decode(const struct route_piece *piece)
{
	char out[FUZZ_CAP];
	struct err e = {0};
	int n;

	if (!piece->at)
		return;
	n = url_decode(piece->at, piece->n, out, sizeof out, &e);
	FUZZ_EXPECT(n < 0 ? e.msg[0] != 0
			  : strlen(out) == (size_t)n && (size_t)n <= piece->n && text_valid(out, (size_t)n));
}

static void find(const char *path)
{
	static struct route_tree *t;
	struct route_match m;

	if (!t && route_tree_new(table, &t, NULL) < 0)
		abort();
	if (route_find(t, "GET", path, &m) < 0)
		return;
	FUZZ_EXPECT(m.route && m.allow[0]);
	decode(&m.study);
	decode(&m.series);
	decode(&m.instance);
	decode(&m.rest);
}

static void search(const struct url_query *url)
{
	static const struct qido_target targets[] = {
	    {LEVEL_STUDY, "", ""}, {LEVEL_SERIES, "1.2", ""}, {LEVEL_IMAGE, "1.2", "3.4"}};

	for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
		AUTO(qido) q = {0};
		struct err e = {0};

		FUZZ_EXPECT(qido_parse(&targets[i], url, "", &q, &e) < 0 ? e.msg[0] != 0 : q.keys != NULL);
	}
}

static void take_apart(const char *query)
{
	AUTO(url_query) q = {0};
	struct err e = {0};

	if (url_query_parse(query, &q, &e) < 0) {
		FUZZ_EXPECT(e.msg[0] && !q.pairs && !q.text);
		return;
	}
	for (unsigned i = 0; i < q.n; i++) {
		FUZZ_EXPECT(text_valid(q.pairs[i].name, strlen(q.pairs[i].name)));
		FUZZ_EXPECT(text_valid(q.pairs[i].value, strlen(q.pairs[i].value)));
		FUZZ_EXPECT(url_query_get(&q, q.pairs[i].name));
	}
	search(&q);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(str) text = strndup((const char *)data, size);
	char *query = text ? strchr(text, '\n') : NULL;

	if (!text)
		abort();
	if (query)
		*query++ = '\0';
	find(text);
	take_apart(query ? query : "");
	return 0;
}
