/* Any bytes as an Accept header and, behind line feeds, as the two query parameters: refused with a sentence, or in order. */
#include "tests/fuzz/fuzz.h"
#include "web/accept.h"
#include <string.h>

static const struct offer offers[] = {
    {.type = "application/dicom", .syntax = "1.2.840.10008.1.2.1", .multipart = true, .single = true},
    {.type = "application/octet-stream", .syntax = "1.2.840.10008.1.2.4.50", .multipart = true, .stored = true},
    {.type = "application/dicom+json", .single = true},
    {.type = "image/jpeg", .single = true},
};

static void check(const struct accept *a)
{
	bool multipart = false;
	const struct offer *o;

	FUZZ_EXPECT(a->n <= ACCEPT_MOST && a->n_refused <= ACCEPT_MOST && a->n + a->n_refused > 0);
	for (unsigned i = 0; i < a->n; i++) {
		const struct media *m = &a->list[i];

		FUZZ_EXPECT(m->q >= 1 && m->q <= 1000 && strchr(m->type, '/'));
		FUZZ_EXPECT(i == 0 || m[-1].parameter || !m->parameter);
		FUZZ_EXPECT(i == 0 || m[-1].parameter != m->parameter || m[-1].q >= m->q);
	}
	if ((o = accept_choose(a, offers, sizeof offers / sizeof *offers, &multipart)))
		FUZZ_EXPECT(multipart ? o->multipart : o->single);
	accept_mixed(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(str) text = strndup((const char *)data, size);
	char *parameter = text ? strchr(text, '\n') : NULL, *syntax;
	struct accept a;
	struct err e = {0};

	if (!text)
		abort();
	if (parameter)
		*parameter++ = '\0';
	if ((syntax = parameter ? strchr(parameter, '\n') : NULL))
		*syntax++ = '\0';
	accept_coding(text, "gzip");
	if (accept_parse(text, &a, &e) < 0) {
		FUZZ_EXPECT(e.msg[0]);
		return 0;
	}
	check(&a);
	if (accept_prefer(parameter, syntax, &a, &e) < 0)
		FUZZ_EXPECT(e.msg[0]);
	else
		check(&a);
	return 0;
}
