/* Coercion: what comes out can be read where what went in could, has what the rules say, and is otherwise the same.
 * Byte 0 picks the syntax, byte 1 the size of the pieces. */
#include "dicom/coerce.h"
#include "dicom/dset.h"
#include "fuzz.h"
#include <string.h>

#define ROOM (16u << 20)

static const char *const syntaxes[] = {UID_IMPLICIT_LE, UID_EXPLICIT_LE, UID_EXPLICIT_BE};
static const struct coerce_peer *peer;

static void make_rules(void)
{
	static const char *const rules[][2] = {{"set InstitutionName", "\xE5\x8C\x97\xE5\x8E\xBF"},
					       {"default IssuerOfPatientID", "C1"},
					       {"prefix PatientID", "C1-"},
					       {"remove", "PatientAddress"}};
	static struct config_rules list;
	static struct coerce *c;

	FUZZ_EXPECT(dict_setup(NULL) == 0);
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
		FUZZ_EXPECT(config_rules_add(&list, "X", rules[i][0], rules[i][1], 0, NULL) == 0);
	FUZZ_EXPECT(coerce_compile(&list, NULL, &c, NULL) == 0);
	FUZZ_EXPECT((peer = coerce_of(c, "X")));
}

/* Elements that no rule names are the same, in the same order. */
static void compare(struct dset *before, struct dset *after)
{
	for (unsigned i = 0; i <= peer->n; i++) {
		uint32_t tag = i < peer->n ? peer->rules[i].tag : TAG(0x0400, 0x0561);

		dset_remove(before, tag);
		dset_remove(after, tag);
	}
	FUZZ_EXPECT(dset_count(before) == dset_count(after));
	for (unsigned i = 0; i < dset_count(before); i++) {
		const struct elem *x = dset_at(before, i), *y = dset_at(after, i);

		FUZZ_EXPECT(x->tag == y->tag && x->n_items == y->n_items);
		if (x->tag != TAG(0x0008, 0x0001))
			FUZZ_EXPECT(x->len == y->len && memcmp(x->value, y->value, x->len) == 0);
	}
}

static void check(const struct coercion *c, const uint8_t *data, size_t n, const struct buf *out, const char *syntax)
{
	AUTO(dset) before = NULL;
	AUTO(dset) after = NULL;
	const uint32_t *tags;
	const struct elem *note;

	if (coercion_changed(c, &tags) == 0) {
		FUZZ_EXPECT(out->len == n && (n == 0 || memcmp(out->data, data, n) == 0));
		return;
	}
	if (n == 0 || dset_parse(data, n, syntax, &before, NULL) < 0)
		return;
	FUZZ_EXPECT(dset_parse(out->data, out->len, syntax, &after, NULL) == 0);
	FUZZ_EXPECT((note = dset_get(after, TAG(0x0400, 0x0561))));
	FUZZ_EXPECT(!dset_get(after, TAG(0x0010, 0x1040)) && dset_get(after, TAG(0x0008, 0x0080)));
	compare(before, after);
}

static int pass(struct coercion *c, const uint8_t *data, size_t n, size_t piece, struct buf *out, struct err *e)
{
	int rc = 0;

	for (size_t at = 0; at < n && rc >= 0; at += piece) {
		size_t k = n - at < piece ? n - at : piece;
		bool passing = coercion_passing(c);

		rc = coercion_feed(c, data + at, k, e);
		if (rc >= 0 && passing)
			FUZZ_EXPECT(buf_put(out, data + at, k, NULL) == 0);
		else if (rc > 0)
			FUZZ_EXPECT(buf_put(out, coercion_out(c)->data, coercion_out(c)->len, NULL) == 0);
	}
	if (rc >= 0 && (rc = coercion_end(c, e)) > 0)
		FUZZ_EXPECT(buf_put(out, coercion_out(c)->data, coercion_out(c)->len, NULL) == 0);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(coercion) c = NULL;
	AUTO(buf) out = BUF(ROOM);
	struct err e = {0};
	const char *syntax;

	if (!peer)
		make_rules();
	if (size < 2)
		return 0;
	syntax = syntaxes[data[0] % 3];
	FUZZ_EXPECT(coercion_new(peer, syntax, "NODE", 0, &c, &e) == 0);
	if (pass(c, data + 2, size - 2, data[1] + 1u, &out, &e) < 0)
		FUZZ_EXPECT(e.msg[0] && e.code != E_BUG);
	else
		check(c, data + 2, size - 2, &out, syntax);
	return 0;
}
