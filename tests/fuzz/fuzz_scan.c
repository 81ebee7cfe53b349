/* The push parser: any bytes, any syntax, any pieces. Byte 0 picks the syntax, byte 1 how the rest is cut. */
#include "dicom/dict.h"
#include "dicom/scan.h"
#include "fuzz.h"
#include <string.h>

static const char *const syntaxes[] = {UID_IMPLICIT_LE, UID_EXPLICIT_LE, UID_EXPLICIT_BE, UID_DEFLATED_LE};

struct seen {
	unsigned open; /* items begun and not ended */
	unsigned sum;
};

static int on_element(void *arg, const struct scan_element *el, struct err *e)
{
	struct seen *s = arg;

	(void)e;
	FUZZ_EXPECT(el->depth == s->open && el->depth <= SCAN_DEPTH && strlen(el->vr) == 2);
	FUZZ_EXPECT(!el->value || el->length <= FUZZ_CAP);
	for (uint32_t i = 0; el->value && i < el->length; i++) /* every byte given must be there */
		s->sum += el->value[i];
	return 0;
}

static int on_item(void *arg, unsigned depth, bool begin, struct err *e)
{
	struct seen *s = arg;

	(void)e;
	s->open += begin ? 1u : -1u;
	FUZZ_EXPECT(s->open == depth + begin);
	return 0;
}

static int on_end(void *arg, unsigned depth, struct err *e)
{
	(void)e;
	FUZZ_EXPECT(((struct seen *)arg)->open == depth);
	return 0;
}

static int scan_in(const char *syntax, const uint8_t *data, size_t size, size_t piece, struct seen *seen, struct err *e)
{
	static const struct scan_ops ops = {.element = on_element, .item = on_item, .sequence_end = on_end};
	AUTO(scan) s = NULL;
	int rc = scan_new(syntax, FUZZ_CAP, &ops, seen, &s, e);

	for (size_t at = 0; at < size && rc == 0; at += piece)
		rc = scan_feed(s, data + at, size - at < piece ? size - at : piece, e);
	return rc ? rc : scan_end(s, e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen whole = {0}, cut = {0};
	struct err e = {0}, f = {0};
	const char *syntax;
	int a, b;

	FUZZ_EXPECT(dict_setup(NULL) == 0); /* does something the first time only */
	if (size < 2)
		return 0;
	syntax = syntaxes[data[0] % 4];
	a = scan_in(syntax, data + 2, size - 2, size, &whole, &e);
	b = scan_in(syntax, data + 2, size - 2, data[1] % 16 + 1, &cut, &f);
	FUZZ_EXPECT(a == b && whole.sum == cut.sum && whole.open == cut.open && !strcmp(e.msg, f.msg));
	FUZZ_EXPECT(a == 0 ? whole.open == 0 : e.msg[0] != 0);
	return 0;
}
