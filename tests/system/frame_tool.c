/* frame_tool - frames of Part 10 files through the codecs, for the system tests.
 *
 *     frame_tool decode FILE...          a JSON object a line: what the samples of all frames are, by SHA-256
 *     frame_tool samples FILE OUT        the samples of all frames
 *     frame_tool stream FILE FRAME OUT   the bytes of a frame (from 1), its fragments joined
 *     frame_tool encode FILE SYNTAX OUT  a small Part 10 file of the same frames in another syntax
 *
 * Samples of frames follow each other; those of single bits without padding.
 */
#include "archive/frames_read.h"
#include "dicom/dset.h"
#include "dicom/part10.h"
#include "imaging/codec.h"
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST (1ull << 30)
#define SECONDARY "1.2.840.10008.5.1.4.1.1.7"

struct file {
	const uint8_t *data;
	size_t n;
	struct part10_meta meta;
	struct frame_table *table;
	struct image_pixel pixels;
};

static int64_t read_at(void *arg, uint64_t at, void *buf, size_t n, struct err *e)
{
	const struct file *f = arg;
	(void)e;

	if (at >= f->n)
		return 0;
	n = n < f->n - at ? n : (size_t)(f->n - at);
	memcpy(buf, f->data + at, n);
	return (int64_t)n;
}

static struct image_pixel described(const struct frames *f)
{
	struct image_pixel p = {.rows = f->rows,
				.columns = f->columns,
				.samples = (uint16_t)(f->samples ? f->samples : 1),
				.bits_allocated = (uint16_t)f->bits_allocated,
				.bits_stored = (uint16_t)(f->bits_stored ? f->bits_stored : f->bits_allocated),
				.planar = f->planar == 1,
				.is_signed = f->pixel_signed,
				.words = f->words};

	p.high_bit = (uint16_t)(f->high_bit ? f->high_bit : p.bits_stored - 1u);
	snprintf(p.photometric, sizeof p.photometric, "%s", f->photometric);
	return p;
}

static int open_file(const char *path, struct file *f, struct err *e)
{
	struct stat st;
	AUTO(fd) fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, E_NOENT, "%s", path);
	f->n = (size_t)st.st_size;
	f->data = mmap(NULL, f->n ? f->n : 1, PROT_READ, MAP_PRIVATE, fd, 0);
	if (f->data == MAP_FAILED)
		return err_sys(e, E_IO, "%s", path);
	int64_t at = part10_read(f->data, f->n < 65536 ? f->n : 65536, &f->meta, e);
	if (at < 0)
		return (int)at;
	struct frame_source src = {.read = read_at, .arg = f, .size = f->n, .data_at = (uint64_t)at};
	int rc = frames_read(&src, f->meta.syntax, &f->table, e);
	if (rc == 0)
		f->pixels = described(frames_of(f->table));
	return rc;
}

/* The frame's bytes, its fragments joined; single bits begin with a byte. */
static int bytes_of(const struct file *f, uint64_t frame, struct buf *out, struct err *e)
{
	static struct frame_piece pieces[65536];
	const struct frames *about = frames_of(f->table);
	int64_t n = frames_locate(f->table, frame, pieces, 65536, e);
	int rc = 0;

	if (n == 1 && strcmp(f->meta.syntax, UID_EXPLICIT_BE) == 0 && about->words == 2 && pieces->n % 2)
		pieces->n++; /* bytes in words: the last one is the first of its word */
	for (int64_t i = 0; rc == 0 && i < n; i++)
		rc = buf_put(out, f->data + pieces[i].at, pieces[i].n, e);
	if (n < 0 || rc < 0)
		return n < 0 ? (int)n : rc;
	if (!about->encapsulated && about->bits_allocated == 1)
		codec_bits_copy(out->data, 0, out->data, frame * about->frame_bits % 8,
				about->frame_bits < out->len * 8 - frame * about->frame_bits % 8
				    ? about->frame_bits
				    : out->len * 8 - frame * about->frame_bits % 8);
	return 0;
}

static int decode_frame(const struct file *f, uint64_t frame, struct codec_frame *out, struct err *e)
{
	AUTO(buf) bytes = BUF(MOST);
	int rc = bytes_of(f, frame, &bytes, e);

	return rc < 0 ? rc : codec_decode(f->meta.syntax, &f->pixels, bytes.data, bytes.len, 0, MOST, out, e);
}

/* Samples of all frames, given to put() piece by piece. */
static int each_frame(const struct file *f, struct codec_frame *last,
		      int (*put)(void *arg, uint64_t frame, const struct codec_frame *, struct err *), void *arg,
		      struct err *e)
{
	int rc = 0;

	for (uint64_t i = 0; rc == 0 && i < frames_of(f->table)->n; i++) {
		codec_frame_cleanup(last);
		if ((rc = decode_frame(f, i, last, e)) == 0)
			rc = put(arg, i, last, e);
	}
	return rc;
}

struct all { /* samples, and their digest */
	EVP_MD_CTX *sum;
	struct buf bits; /* single bits of all frames */
	uint64_t n_bits;
	FILE *out;
	json_t *warnings;
};

static int put_all(struct all *a, const void *data, size_t n, struct err *e)
{
	EVP_DigestUpdate(a->sum, data, n);
	if (a->out && fwrite(data, 1, n, a->out) != n)
		return err_sys(e, E_IO, "cannot write");
	return 0;
}

static int take_frame(void *arg, uint64_t frame, const struct codec_frame *f, struct err *e)
{
	struct all *a = arg;
	int rc;

	if (f->warning[0])
		json_array_append_new(a->warnings, json_sprintf("frame %d: %s", (int)frame + 1, f->warning));
	if (f->pixels.bits_allocated != 1)
		return put_all(a, f->data, f->n, e);
	uint64_t more = image_pixel_frame_bits(&f->pixels);
	if ((rc = buf_reserve(&a->bits, more / 8 + 2, e)) < 0)
		return rc;
	codec_bits_copy(a->bits.data, a->n_bits, f->data, 0, more);
	a->n_bits += more;
	if (a->n_bits % 8)
		a->bits.data[a->n_bits / 8] &= (uint8_t)((1u << a->n_bits % 8) - 1);
	a->bits.len = (a->n_bits + 7) / 8;
	return 0;
}

static int run(const struct file *f, FILE *out, json_t *facts, struct err *e)
{
	AUTO(codec_frame) last = {0};
	struct all a = {EVP_MD_CTX_new(), BUF(MOST), 0, out, json_array()};
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	char hex[2 * EVP_MAX_MD_SIZE + 1] = "";

	EVP_DigestInit_ex(a.sum, EVP_sha256(), NULL);
	int rc = each_frame(f, &last, take_frame, &a, e);
	if (rc == 0 && a.n_bits)
		rc = put_all(&a, a.bits.data, a.bits.len, e);
	EVP_DigestFinal_ex(a.sum, digest, &n);
	EVP_MD_CTX_free(a.sum);
	buf_cleanup(&a.bits);
	for (unsigned i = 0; i < n; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	json_object_set_new(facts, "frames", json_integer((json_int_t)frames_of(f->table)->n));
	json_object_set_new(facts, "warnings", a.warnings);
	if (frames_of(f->table)->warning[0])
		json_array_append_new(a.warnings, json_string(frames_of(f->table)->warning));
	if (rc < 0)
		return rc;
	json_object_set_new(facts, "sha256", json_string(hex));
	json_object_set_new(facts, "rows", json_integer(last.pixels.rows));
	json_object_set_new(facts, "columns", json_integer(last.pixels.columns));
	json_object_set_new(facts, "samples", json_integer(last.pixels.samples));
	json_object_set_new(facts, "allocated", json_integer(last.pixels.bits_allocated));
	json_object_set_new(facts, "stored", json_integer(last.pixels.bits_stored));
	json_object_set_new(facts, "photometric", json_string(last.pixels.photometric));
	return 0;
}

static void close_file(struct file *f)
{
	if (f->table)
		frames_close(f->table);
	if (f->data && f->data != MAP_FAILED)
		munmap((void *)(uintptr_t)f->data, f->n ? f->n : 1);
	*f = (struct file){0};
}

static int one(const char *path, FILE *out)
{
	struct file f = {0};
	struct err e = {0};
	json_t *facts = json_object();
	int rc = open_file(path, &f, &e);

	json_object_set_new(facts, "syntax", json_string(f.meta.syntax));
	if (rc == 0)
		rc = run(&f, out, facts, &e);
	if (rc < 0) {
		json_object_set_new(facts, "error", json_string(e.msg));
		json_object_set_new(facts, "code", json_string(err_name(e.code)));
	}
	json_object_set_new(facts, "file", json_string(path));
	json_dumpf(facts, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(facts);
	close_file(&f);
	return rc;
}

/* ---- writing */

struct writing {
	const char *syntax;
	bool encapsulated;
	struct buf value; /* native frames, or items */
	struct image_pixel pixels;
	uint64_t frames;
};

static int put_item(struct buf *to, const void *data, size_t n, struct err *e)
{
	uint8_t head[8] = {
	    0xfe, 0xff, 0x00, 0xe0, (uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16), (uint8_t)(n >> 24)};
	int rc = buf_put(to, head, sizeof head, e);

	return rc < 0 ? rc : buf_put(to, data, n, e);
}

static int encode_frame(void *arg, uint64_t frame, const struct codec_frame *f, struct err *e)
{
	struct writing *w = arg;
	AUTO(codec_stream) s = {0};
	int rc = codec_encode(w->syntax, NULL, &f->pixels, f->data, f->n, MOST, &s, e);
	(void)frame;

	if (rc < 0)
		return rc;
	w->pixels = s.pixels;
	w->frames++;
	return w->encapsulated ? put_item(&w->value, s.bytes.data, s.bytes.len, e)
			       : buf_put(&w->value, s.bytes.data, s.bytes.len, e);
}

static void describe(struct dset *d, const struct writing *w)
{
	const struct image_pixel *p = &w->pixels;
	char frames[24];

	snprintf(frames, sizeof frames, "%llu", (unsigned long long)w->frames);
	dset_put_text(d, TAG(0x8, 0x16), SECONDARY, NULL);
	dset_put_text(d, TAG(0x8, 0x18), "2.25.1", NULL);
	dset_put_int(d, TAG(0x28, 0x2), p->samples, NULL);
	dset_put_text(d, TAG(0x28, 0x4), p->photometric, NULL);
	if (p->samples > 1)
		dset_put_int(d, TAG(0x28, 0x6), p->planar, NULL);
	dset_put_text(d, TAG(0x28, 0x8), frames, NULL);
	dset_put_int(d, TAG(0x28, 0x10), p->rows, NULL);
	dset_put_int(d, TAG(0x28, 0x11), p->columns, NULL);
	dset_put_int(d, TAG(0x28, 0x100), p->bits_allocated, NULL);
	dset_put_int(d, TAG(0x28, 0x101), p->bits_stored, NULL);
	dset_put_int(d, TAG(0x28, 0x102), p->high_bit, NULL);
	dset_put_int(d, TAG(0x28, 0x103), p->is_signed, NULL);
}

static int put_pixels(const struct writing *w, struct buf *out, struct err *e)
{
	static const uint8_t end[8] = {0xfe, 0xff, 0xdd, 0xe0};
	uint8_t head[12] = {0xe0, 0x7f, 0x10, 0x00, 'O', 'W'};
	size_t n = w->encapsulated ? 0xffffffff : w->value.len + w->value.len % 2;
	int rc;

	if (w->encapsulated || w->pixels.bits_allocated <= 8)
		head[5] = 'B';
	for (unsigned i = 0; i < 4; i++)
		head[8 + i] = (uint8_t)(n >> 8 * i);
	if ((rc = buf_put(out, head, sizeof head, e)) < 0 ||
	    (w->encapsulated && (rc = put_item(out, NULL, 0, e)) < 0) ||
	    (rc = buf_put(out, w->value.data, w->value.len, e)) < 0)
		return rc;
	return w->encapsulated ? buf_put(out, end, sizeof end, e) : w->value.len % 2 ? buf_byte(out, 0, e) : 0;
}

static int write_file(const char *path, const struct writing *w, struct err *e)
{
	AUTO(buf) out = BUF(MOST);
	AUTO(dset) d = NULL;
	struct part10_meta meta = {.sop_class = SECONDARY, .sop_instance = "2.25.1"};
	int rc;

	snprintf(meta.syntax, sizeof meta.syntax, "%s", w->syntax);
	if ((rc = dset_new(&d, e)) < 0)
		return rc;
	describe(d, w);
	if ((rc = part10_write(&meta, &out, e)) < 0 || (rc = dset_write(d, UID_EXPLICIT_LE, &out, e)) < 0 ||
	    (rc = put_pixels(w, &out, e)) < 0)
		return rc;
	FILE *f = fopen(path, "wb");
	if (!f || fwrite(out.data, 1, out.len, f) != out.len || fclose(f) != 0)
		return err_sys(e, E_IO, "%s", path);
	return 0;
}

static int encode(const char *from, const char *syntax, const char *to)
{
	struct file f = {0};
	struct err e = {0};
	AUTO(codec_frame) last = {0};
	struct writing w = {.syntax = syntax, .encapsulated = uid_is_encapsulated(syntax), .value = BUF(MOST)};
	int rc = open_file(from, &f, &e);

	if (rc == 0 && (rc = each_frame(&f, &last, encode_frame, &w, &e)) == 0)
		rc = write_file(to, &w, &e);
	if (rc < 0)
		fprintf(stderr, "%s: %s\n", err_name(e.code), e.msg);
	buf_cleanup(&w.value);
	close_file(&f);
	return rc;
}

static int stream(const char *path, uint64_t frame, const char *to)
{
	struct file f = {0};
	struct err e = {0};
	AUTO(buf) bytes = BUF(MOST);
	int rc = open_file(path, &f, &e);

	if (rc == 0 && (rc = bytes_of(&f, frame - 1, &bytes, &e)) == 0) {
		FILE *out = fopen(to, "wb");
		if (!out || fwrite(bytes.data, 1, bytes.len, out) != bytes.len || fclose(out) != 0)
			rc = err_sys(&e, E_IO, "%s", to);
	}
	if (rc < 0)
		fprintf(stderr, "%s: %s\n", err_name(e.code), e.msg);
	close_file(&f);
	return rc;
}

int main(int argc, char **argv)
{
	int rc = 0;

	if (dict_setup(NULL) < 0)
		return 1;
	if (argc == 5 && strcmp(argv[1], "encode") == 0)
		return encode(argv[2], argv[3], argv[4]) < 0 ? 2 : 0;
	if (argc == 5 && strcmp(argv[1], "stream") == 0)
		return stream(argv[2], strtoull(argv[3], NULL, 10), argv[4]) < 0 ? 2 : 0;
	if (argc == 4 && strcmp(argv[1], "samples") == 0) {
		FILE *out = fopen(argv[3], "wb");
		return !out || one(argv[2], out) < 0 || fclose(out) != 0 ? 2 : 0;
	}
	if (argc > 2 && strcmp(argv[1], "decode") == 0)
		for (int i = 2; i < argc; i++)
			rc |= one(argv[i], NULL);
	else
		rc = 1;
	return argc > 2 && strcmp(argv[1], "decode") == 0 ? 0 : rc;
}
