/* Packs: headers and records as man/teleread-pack.5 has them, walking over what a crash may leave, the file store. */
#include "archive/pack.h"
#include "archive/packer.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

static char folder[] = "/tmp/test-pack.XXXXXX";

static int setup(void **state)
{
	struct blob_store *s;
	strcpy(folder + sizeof folder - 7, "XXXXXX");
	assert_non_null(mkdtemp(folder));
	assert_int_equal(blob_fs_open(folder, true, &s, NULL), 0);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	char command[100];
	struct blob_store *s = *state;
	s->ops->close(s);
	snprintf(command, sizeof command, "rm -rf %s", folder);
	return system(command);
}

static struct record sample(uint64_t pack, uint64_t at, uint64_t seq, const uint8_t *part10, uint32_t head,
			    uint32_t data)
{
	struct record r = {.kind = RECORD_INSTANCE,
			   .pack = pack,
			   .at = at,
			   .seq = seq,
			   .received_us = 1234567,
			   .part10_len = head + data,
			   .head_len = head};
	XXH128_canonical_t sum;
	XXH128_canonicalFromHash(&sum, XXH3_128bits(part10 + head, data));
	memcpy(r.digest, sum.digest, 16);
	r.head_hash = XXH3_64bits(part10, head);
	strcpy(r.site, "COUNTY");
	strcpy(r.aet, "CT1");
	strcpy(r.sop_class, "1.2.840.10008.5.1.4.1.1.2");
	snprintf(r.sop_instance, sizeof r.sop_instance, "1.2.3.%llu", (unsigned long long)seq);
	strcpy(r.syntax, "1.2.840.10008.1.2.1");
	return r;
}

static void put_record(struct blob_store *s, struct blob_writer *w, const struct record *r, const uint8_t *part10)
{
	uint8_t head[PACK_HEAD];
	record_header(r, head);
	assert_int_equal(s->ops->write(w, head, sizeof head, r->at, NULL), 0);
	assert_int_equal(s->ops->write(w, part10, (size_t)r->part10_len, r->at + PACK_HEAD, NULL), 0);
}

static void headers_say_what_the_manual_says(void **state)
{
	(void)state;
	uint8_t block[PACK_BLOCK], part10[300] = "x";
	enum pack_kind kind;
	pack_header(0x1234567890, PACK_SINGLE, 99, block);
	assert_memory_equal(block, "TLRDPACK\2\0\0\0\0\x10\0\0\x90\x78\x56\x34\x12\0\0\0", 24);
	assert_int_equal(pack_header_read(block, 0x1234567890, &kind, NULL), 0);
	assert_int_equal(kind, PACK_SINGLE);
	assert_int_equal(pack_header_read(block, 7, &kind, NULL), -E_CORRUPT);
	block[20] ^= 1;
	assert_int_equal(pack_header_read(block, 0x1234567890, &kind, NULL), -E_CORRUPT);

	pack_header(7, PACK_SHARED, 99, block); /* of a program to come */
	block[8] = 4;
	uint64_t sum = XXH3_64bits(block, 56);
	for (int k = 0; k < 8; k++)
		block[56 + k] = (uint8_t)(sum >> 8 * k);
	assert_int_equal(pack_header_read(block, 7, &kind, NULL), -E_UNSUP);

	uint64_t first, last;
	pack_header(7, PACK_SETTLED, 99, block);
	assert_memory_equal(block, "TLRDPACK\3\0\0\0", 12);
	pack_header_span(block, 11, 4711);
	assert_int_equal(pack_header_read(block, 7, &kind, NULL), 0);
	assert_int_equal(kind, PACK_SETTLED);
	pack_header_span_read(block, &first, &last);
	assert_int_equal(first, 11);
	assert_int_equal(last, 4711);

	struct record r = sample(5, 8192, 77, part10, 100, 200), back;
	struct record settled = r;
	settled.kind = RECORD_SETTLED;
	settled.was = (struct record_was){.kind = RECORD_INSTANCE,
					  .pack = 3,
					  .at = 4096,
					  .part10_len = 1000,
					  .head_len = 300,
					  .digest = "0123456789abcde",
					  .syntax = "1.2.840.10008.1.2"};
	settled.appendix_len = 40;
	settled.appendix_hash = 5;
	record_header(&settled, block);
	assert_string_equal((char *)block + 404, "1.2.840.10008.1.2");
	assert_int_equal(record_header_read(block, 5, 8192, &back), 1);
	assert_memory_equal(&settled, &back, sizeof settled);
	assert_int_equal(record_size(&settled), pack_round(PACK_HEAD + 300 + 40));
	record_header(&r, block);
	assert_memory_equal(block, "TLRDREC1\5", 9);
	assert_string_equal((char *)block + 80, "COUNTY");
	assert_string_equal((char *)block + 204, "1.2.3.77");
	assert_int_equal(record_header_read(block, 5, 8192, &back), 1);
	assert_memory_equal(&r, &back, sizeof r);
	assert_int_equal(record_header_read(block, 5, 12288, &back), 0); /* not of this place */
	assert_int_equal(record_header_read(block, 6, 8192, &back), 0);
	for (unsigned i = 0; i < PACK_HEAD; i++) {
		block[i] ^= 0x40;
		assert_int_equal(record_header_read(block, 5, 8192, &back), 0);
		block[i] ^= 0x40;
	}
}

static void walk_passes_over_what_is_torn(void **state)
{
	struct blob_store *s = *state;
	struct blob_writer *w;
	struct pack_walk walk;
	struct record r;
	uint8_t *part10 = calloc(1, 100000), block[PACK_BLOCK];
	memset(part10, 0x5a, 100000);
	assert_int_equal(s->ops->create(s, 9, &w, NULL), 0);
	assert_int_equal(s->ops->create(s, 9, &w, NULL), -E_EXISTS);
	pack_header(9, PACK_SHARED, 1, block);
	s->ops->write(w, block, sizeof block, 0, NULL);
	struct record a = sample(9, 4096, 1, part10, 300, 50000),
		      b = sample(9, 4096 + record_size(&a), 2, part10, 300, 60000),
		      c = sample(9, b.at + record_size(&b) + 3 * PACK_BLOCK, 3, part10, 300, 1);
	put_record(s, w, &a, part10);
	put_record(s, w, &b, part10);
	put_record(s, w, &c, part10); /* behind a stretch of zeros */
	s->ops->write(w, "torn", 4, b.at + 8, NULL);
	assert_int_equal(s->ops->sync(w, NULL), 0);
	assert_int_equal(s->ops->seal(w, c.at + record_size(&c), NULL), 0);

	assert_int_equal(pack_walk_begin(&walk, s, 9, NULL), 0);
	assert_int_equal(pack_walk_next(&walk, &r, NULL), 1);
	assert_int_equal(r.seq, 1);
	assert_int_equal(record_verify(s, &r, NULL, NULL, NULL), 0);
	assert_int_equal(pack_walk_next(&walk, &r, NULL), 1);
	assert_int_equal(r.seq, 3);
	assert_int_equal(pack_walk_next(&walk, &r, NULL), 0);
	pack_walk_end(&walk);

	struct err e = {0};
	assert_int_equal(s->ops->reopen(s, 9, &w, NULL), 0);
	s->ops->write(w, "!", 1, a.at + PACK_HEAD + 40000, NULL);
	assert_int_equal(record_verify(s, &a, NULL, NULL, &e), -E_CORRUPT);
	assert_string_equal(e.msg, "the data set of pack 9 at 4096 does not match its checksum");
	s->ops->drop(w);
	free(part10);
}

static void config_of(struct config *c, int64_t size, int64_t prewrite)
{
	*c = (struct config){.pack_size = size, .prewrite = prewrite, .reserve = 0};
}

static void packer_gives_places_in_order_and_seals(void **state)
{
	struct blob_store *s = *state;
	struct packer *p;
	struct config c;
	struct open_pack *k[40];
	uint64_t at[40], last_pack = 0, last_at = 0;
	uint8_t *data = calloc(1, 1 << 20);
	memset(data, 1, 1 << 20);
	config_of(&c, 8 << 20, 64 << 20);
	assert_int_equal(packer_open(s, &c, 5, &p, NULL), 0);
	for (int i = 0; i < 40; i++) {
		assert_int_equal(packer_reserve(p, 1 << 20, &k[i], &at[i], NULL), 0);
		assert_true(open_pack_id(k[i]) > last_pack ||
			    (open_pack_id(k[i]) == last_pack && at[i] >= last_at + (1 << 20)));
		last_pack = open_pack_id(k[i]);
		last_at = at[i];
		assert_int_equal(packer_write(k[i], data, 1 << 20, at[i], NULL), 0);
	}
	assert_true(last_pack >= 10);
	assert_true(packer_floor(p) <= open_pack_id(k[0]));
	uint64_t pack[40];
	for (int i = 0; i < 40; i++) {
		pack[i] = open_pack_id(k[i]);
		assert_int_equal(packer_sync(p, k[i], NULL), 0);
		packer_done(p, k[i]);
	}
	assert_true(packer_floor(p) == last_pack);
	assert_true(packer_close(p) > last_pack);
	uint8_t *back = malloc(1 << 20);
	for (int i = 0; i < 40; i++) { /* whatever was zeroed ahead has not touched what was written */
		assert_int_equal(s->ops->read(s, pack[i], at[i], back, 1 << 20, NULL), 1 << 20);
		assert_memory_equal(back, data, 1 << 20);
		assert_true(s->ops->size(s, pack[i], NULL) <= 8 << 20);
	}
	free(back);
	free(data);
}

static void a_failed_sync_makes_a_pack_bad(void **state)
{
	struct packer *p;
	struct config c;
	struct open_pack *a, *b;
	uint64_t at;
	struct blob_store *under;
	(void)state;
	assert_int_equal(blob_fs_open(folder, true, &under, NULL), 0);
	struct blob_store *s = blob_faulty_open(under, "sync:2");
	config_of(&c, 8 << 20, 0);
	assert_int_equal(packer_open(s, &c, 1, &p, NULL), 0);
	assert_int_equal(packer_reserve(p, 4096, &a, &at, NULL), 0);
	assert_int_equal(packer_sync(p, a, NULL), 0);
	assert_int_equal(packer_sync(p, a, NULL), -E_IO);
	assert_true(packer_is_bad(p, a));
	assert_int_equal(packer_reserve(p, 4096, &b, &at, NULL), 0);
	assert_ptr_not_equal(a, b);
	assert_int_equal(packer_sync(p, b, NULL), 0);
	packer_done(p, a);
	packer_done(p, b);
	packer_close(p);
	s->ops->close(s);
}

/* Bytes behind the first block of a pack of one record are a sender's: what looks like a record there is none. */
static void walk_trusts_no_record_within_another(void **state)
{
	struct blob_store *s = *state;
	struct blob_writer *w;
	struct pack_walk walk;
	struct record r;
	uint8_t part10[1000] = "x", block[PACK_BLOCK];
	assert_int_equal(s->ops->create(s, 9, &w, NULL), 0);
	pack_header(9, PACK_SINGLE, 1, block);
	s->ops->write(w, block, sizeof block, 0, NULL);
	struct record forged = sample(9, 3 * PACK_BLOCK, 1, part10, 300, 700);
	put_record(s, w, &forged, part10); /* the block of the true header is empty: the sender never came to an end */
	assert_int_equal(s->ops->seal(w, 4 * PACK_BLOCK, NULL), 0);
	assert_int_equal(pack_walk_begin(&walk, s, 9, NULL), 0);
	assert_int_equal(pack_walk_next(&walk, &r, NULL), 0);
	pack_walk_end(&walk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(headers_say_what_the_manual_says),
	    cmocka_unit_test_setup_teardown(walk_passes_over_what_is_torn, setup, teardown),
	    cmocka_unit_test_setup_teardown(walk_trusts_no_record_within_another, setup, teardown),
	    cmocka_unit_test_setup_teardown(packer_gives_places_in_order_and_seals, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_failed_sync_makes_a_pack_bad, setup, teardown),
	};
	return cmocka_run_group_tests_name("archive/pack", tests, NULL, NULL);
}
