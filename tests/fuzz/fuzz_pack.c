/* Packs as a crash or a bad disk may leave them, walked and verified. Byte 0, 1: the bytes behind it are the pack; else
 * records are made by what they say, one for each ORDER bytes, so that their checksums hold. */
#include "archive/pack.h"
#include "fuzz.h"
#include <string.h>
#include <xxhash.h>

#define PACK 7u
#define PACK_MOST (256u << 10)
enum { ORDER = 16, ORDERS_MOST = 16 };

struct memory {
	struct blob_store store; /* first: it is cast back */
	uint8_t *data;
	size_t size;
};

static int64_t memory_read(struct blob_store *s, uint64_t key, uint64_t at, void *buf, size_t n, struct err *e)
{
	const struct memory *m = (const struct memory *)s;

	(void)key, (void)e;
	if (at >= m->size)
		return 0;
	if (n > m->size - at)
		n = (size_t)(m->size - at);
	memcpy(buf, m->data + at, n);
	return (int64_t)n;
}

static int64_t memory_size(struct blob_store *s, uint64_t key, struct err *e)
{
	(void)key, (void)e;
	return (int64_t)((const struct memory *)s)->size;
}

static uint64_t number(const uint8_t *p, int n)
{
	uint64_t v = 0;

	for (int i = n; i-- > 0;)
		v = v << 8 | p[i];
	return v;
}

/* Length 0..2, head 3..4, kind 5, sequence 6, gap 7, flags 8 (1: digest wrong, 2: length is huge, 4: head hash wrong),
 * place and value of a byte to spoil 9..12. */
static size_t put_record(struct memory *m, size_t at, const uint8_t *o)
{
	struct record r = {.kind = o[5], .pack = PACK, .at = at, .seq = o[6], .head_len = (uint32_t)number(o + 3, 2)};
	size_t spoil = at + number(o + 9, 3) % (PACK_HEAD + 100);
	uint8_t *body = m->data + at + PACK_HEAD;
	XXH128_canonical_t sum;

	r.part10_len = number(o, 3) % (PACK_MOST - at - PACK_HEAD);
	memset(body, o[6], (size_t)r.part10_len);
	if (r.head_len <= r.part10_len) {
		r.head_hash = XXH3_64bits(body, r.head_len) ^ (o[8] & 4);
		XXH128_canonicalFromHash(&sum, XXH3_128bits(body + r.head_len, (size_t)r.part10_len - r.head_len));
		memcpy(r.digest, sum.digest, sizeof(r.digest));
		r.digest[3] ^= o[8] & 1;
	}
	snprintf(r.sop_instance, sizeof(r.sop_instance), "1.2.%u", o[6]);
	size_t next = at + record_size(&r) + (size_t)(o[7] % 4) * PACK_BLOCK;
	if (o[8] & 2)
		r.part10_len <<= 40;
	record_header(&r, m->data + at);
	if (spoil < PACK_MOST)
		m->data[spoil] ^= o[12];
	return next;
}

static void make_pack(struct memory *m, const uint8_t *data, size_t size)
{
	size_t at = PACK_BLOCK;

	pack_header(PACK, size % 2 ? PACK_SINGLE : PACK_SHARED, 1, m->data);
	for (int i = 0; i < ORDERS_MOST && size >= ORDER && at + 2 * PACK_BLOCK < PACK_MOST; i++) {
		at = put_record(m, at, data);
		data += ORDER;
		size -= ORDER;
	}
	m->size = at < PACK_MOST ? at : PACK_MOST;
}

static int count(void *arg, const uint8_t *data, size_t n, struct err *e)
{
	uint8_t last = data[n - 1]; /* every byte given must be there */

	(void)last, (void)e;
	*(uint64_t *)arg += n;
	return 0;
}

static void walk(struct memory *m)
{
	struct pack_walk w;
	struct record r;
	struct err e = {0};
	uint64_t behind = 0;
	int rc = pack_walk_begin(&w, &m->store, PACK, &e);

	FUZZ_EXPECT(rc == 0 || ((rc == -E_CORRUPT || rc == -E_UNSUP) && e.msg[0]));
	while (rc != -E_UNSUP && w.window && pack_walk_next(&w, &r, &e) > 0) {
		struct err why = {0};
		uint64_t given = 0;

		FUZZ_EXPECT(r.pack == PACK && r.at % PACK_BLOCK == 0 && r.at >= PACK_BLOCK && r.at >= behind);
		FUZZ_EXPECT(r.head_len <= r.part10_len && memchr(r.sop_instance, 0, sizeof(r.sop_instance)));
		behind = r.at + record_size(&r);
		int verdict = record_verify(&m->store, &r, count, &given, &why);
		FUZZ_EXPECT(verdict == 0 ? given == r.part10_len - r.head_len : verdict == -E_CORRUPT && why.msg[0]);
	}
	pack_walk_end(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct blob_store_ops ops = {.name = "memory", .read = memory_read, .size = memory_size};
	struct memory m = {.store = {.ops = &ops}};

	if (size < 1 || size > PACK_MOST)
		return 0;
	FUZZ_EXPECT((m.data = calloc(1, data[0] == 1 ? size : PACK_MOST)));
	if (data[0] == 1)
		memcpy(m.data, data + 1, m.size = size - 1);
	else
		make_pack(&m, data + 1, size - 1);
	walk(&m);
	free(m.data);
	return 0;
}
