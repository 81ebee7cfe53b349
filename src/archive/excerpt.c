#include "archive/excerpt.h"
#include "archive/frames.h"
#include "base/write.h"
#include "dicom/part10.h"
#include "dicom/scan.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PIECE (64u << 10)     /* stays in a processor's cache, and comes from memory that is in use already */
#define VALUE_MOST (2u << 20) /* a palette of 65,536 entries is 128 KiB, an overlay of 4,096 x 4,096 all of it */
#define DEFLATED_MOST (512ULL << 20)
#define GE_PRIVATE "1.2.840.113619.5.2" /* implicit little endian, but for pixel data */
#define SHARED_GROUPS TAG(0x5200, 0x9229)
#define FRAME_GROUPS TAG(0x5200, 0x9230)

/* ---- what is said about the frame */

struct head {
	struct dset *at[SCAN_DEPTH + 1]; /* by depth of the elements; [0] is the data set */
	uint32_t sequence[SCAN_DEPTH];   /* that is open at a depth */
	unsigned passing;                /* 1 + depth of a sequence or item that is left out; 0: none */
	bool in_item;                    /* which of both */
	uint64_t frame, item;            /* wanted, begun */
};

static bool wanted_here(uint32_t tag)
{
	uint32_t group = tag >> 16;

	return group == 0x28 || group == 0x2050 || ((group & 0xffe1) == 0x6000 && group <= 0x601e) ||
	       tag == SHARED_GROUPS || tag == FRAME_GROUPS || tag == TAG(0x48, 0x105) || tag == TAG(0x18, 0x1164);
}

static bool wanted(const struct scan_element *el)
{
	if (el->depth == 0)
		return wanted_here(el->tag);
	if (el->depth > 1 || strcmp(el->vr, "SQ") != 0)
		return true;
	return el->tag == TAG(0x28, 0x9110) || el->tag == TAG(0x28, 0x9132) || el->tag == TAG(0x28, 0x9145);
}

/* An overlay that is too large is left out; who draws it will miss it. */
static int keep(struct head *h, const struct scan_element *el, struct err *e)
{
	bool overlay = el->depth == 0 && (el->tag & 0xffff) == 0x3000;
	int rc = dset_put_scanned(h->at[el->depth], el, overlay ? NULL : e);

	return overlay && rc == -E_LIMIT ? 0 : rc;
}

static int element(void *arg, const struct scan_element *el, struct err *e)
{
	struct head *h = arg;
	bool sequence = strcmp(el->vr, "SQ") == 0;

	if (h->passing)
		return 0;
	if (el->depth == 0 && el->tag >= TAG(0x7fe0, 0x08))
		return 1;
	if (sequence && (!wanted(el) || el->depth + 1 >= SCAN_DEPTH)) {
		h->passing = el->depth + 1;
		h->in_item = false;
		return 0;
	}
	if (sequence) {
		h->sequence[el->depth] = el->tag;
		return 0;
	}
	return el->value && wanted(el) ? keep(h, el, e) : 0;
}

static int item(void *arg, unsigned depth, bool begin, struct err *e)
{
	struct head *h = arg;

	if (!begin) {
		if (h->passing == depth + 1 && h->in_item)
			h->passing = 0;
		return 0;
	}
	if (h->passing)
		return 0;
	if (depth == 0 && h->sequence[0] == FRAME_GROUPS && h->item++ != h->frame) {
		h->passing = depth + 1;
		h->in_item = true;
		return 0;
	}
	return dset_put_item(h->at[depth], h->sequence[depth], &h->at[depth + 1], e);
}

static int sequence_end(void *arg, unsigned depth, struct err *e)
{
	struct head *h = arg;

	(void)e;
	if (h->passing == depth + 1 && !h->in_item)
		h->passing = 0;
	return 0;
}

/* Up to end, where pixel data begins: the reader would gather those, too. */
static int read_head(struct archive *a, const struct stored *s, uint64_t end, uint64_t frame, uint8_t *piece,
		     struct dset **out, struct err *e)
{
	static const struct scan_ops ops = {.element = element, .item = item, .sequence_end = sequence_end};
	struct head h = {.frame = frame};
	AUTO(dset) d = NULL;
	AUTO(scan) scan = NULL;
	int64_t n;
	int rc;

	if ((rc = dset_new(&d, e)) < 0 || (rc = scan_new(s->syntax, VALUE_MOST, &ops, &h, &scan, e)) < 0)
		return rc;
	h.at[0] = d;
	for (uint64_t at = s->head_len; at < end && rc == 0; at += (uint64_t)n) {
		size_t part = end - at < PIECE ? (size_t)(end - at) : PIECE;

		if ((n = stored_read(a, s, at, piece, part, e)) <= 0)
			return n < 0 ? (int)n : err_set(e, E_CORRUPT, "record of %s is short", s->sop_instance);
		rc = scan_feed(scan, piece, (size_t)n, e);
	}
	if (rc < 0 || (rc = dset_put_text(d, TAG(0x28, 0x08), "1", e)) < 0)
		return rc;
	*out = STEAL(d);
	return 0;
}

/* ---- its bytes */

struct copy {
	struct archive *archive;
	const struct stored *stored;
	uint8_t *piece;
	int fd;
};

static int put(const struct copy *c, const void *data, size_t n, struct err *e)
{
	return write_all(c->fd, data, n, "an excerpt", e);
}

/* shift: the first bit of the frame within its first byte; bits go to the beginning of bytes. */
static int put_piece(const struct copy *c, const struct frame_piece *p, unsigned shift, struct err *e)
{
	uint64_t at = p->at, end = p->at + p->n;
	int64_t n;
	int rc = 0;

	for (uint8_t next; at < end && rc == 0; at += (uint64_t)n) {
		size_t part = end - at < PIECE ? (size_t)(end - at) : PIECE;

		if ((n = stored_read(c->archive, c->stored, at, c->piece, part, e)) <= 0)
			return n < 0 ? (int)n : err_set(e, E_CORRUPT, "a frame is short");
		if (shift) {
			next = 0;
			if (at + (uint64_t)n < end &&
			    stored_read(c->archive, c->stored, at + (uint64_t)n, &next, 1, e) < 0)
				return e ? -(int)e->code : -E_IO;
			for (int64_t i = 0; i < n; i++) {
				unsigned after = i + 1 < n ? c->piece[i + 1] : next;

				c->piece[i] = (uint8_t)((c->piece[i] | after << 8) >> shift);
			}
		}
		rc = put(c, c->piece, (size_t)n, e);
	}
	return rc;
}

static void put_header(uint8_t out[12], uint32_t tag, const char *vr, uint64_t n, bool big)
{
	uint8_t head[12] = {0xe0, 0x7f, (uint8_t)tag, 0, (uint8_t)vr[0], (uint8_t)vr[1]};

	if (big) {
		head[0] = 0x7f;
		head[1] = 0xe0;
		head[2] = 0;
		head[3] = (uint8_t)tag;
	}
	for (unsigned i = 0; i < 4; i++)
		head[big ? 11 - i : 8 + i] = (uint8_t)(n >> 8 * i);
	memcpy(out, head, sizeof(head));
}

static bool big_endian(const struct stored *s)
{
	return strcmp(s->syntax, UID_EXPLICIT_BE) == 0 || strcmp(s->syntax, GE_PRIVATE) == 0;
}

static const char *vr_of(const struct frames *f)
{
	if (f->words == 1)
		return "OB";
	if (f->tag != TAG(0x7fe0, 0x10))
		return f->tag == TAG(0x7fe0, 0x08) ? "OF" : "OD";
	return f->words || f->bits_allocated > 8 ? "OW" : "OB";
}

static int put_native(const struct copy *c, const struct frames *f, uint64_t frame, const struct frame_piece *p,
		      struct err *e)
{
	uint8_t head[12];
	int rc;

	if (p->n > UINT32_MAX - 1)
		return err_set(e, E_LIMIT, "a frame of %llu bytes", (unsigned long long)p->n);
	put_header(head, f->tag, vr_of(f), p->n + p->n % 2, big_endian(c->stored));
	if ((rc = put(c, head, sizeof(head), e)) < 0 ||
	    (rc = put_piece(c, p, (unsigned)(frame * f->frame_bits % 8), e)) < 0)
		return rc;
	if (p->n % 2 == 0)
		return 0;
	/* In words of big endian half of the last sample may be in what looks like padding. */
	struct frame_piece last = {p->at + p->n, 1};
	return last.at < f->value_at + f->value_n ? put_piece(c, &last, 0, e) : put(c, "", 1, e);
}

static int put_fragments(const struct copy *c, const struct frame_piece *pieces, size_t n, struct err *e)
{
	static const uint8_t table[8] = {0xfe, 0xff, 0x00, 0xe0}, end[8] = {0xfe, 0xff, 0xdd, 0xe0};
	uint8_t head[12];
	int rc;

	put_header(head, TAG(0x7fe0, 0x10), "OB", UINT32_MAX, false);
	if ((rc = put(c, head, sizeof(head), e)) < 0 || (rc = put(c, table, sizeof(table), e)) < 0)
		return rc;
	for (size_t i = 0; i < n; i++) {
		uint64_t len = pieces[i].n + pieces[i].n % 2;
		uint8_t item[8] = {0xfe,
				   0xff,
				   0x00,
				   0xe0,
				   (uint8_t)len,
				   (uint8_t)(len >> 8),
				   (uint8_t)(len >> 16),
				   (uint8_t)(len >> 24)};

		if ((rc = put(c, item, sizeof(item), e)) < 0 || (rc = put_piece(c, &pieces[i], 0, e)) < 0 ||
		    (pieces[i].n % 2 && (rc = put(c, "", 1, e)) < 0))
			return rc;
	}
	return put(c, end, sizeof(end), e);
}

static int put_pixels(const struct copy *c, const struct frame_table *t, uint64_t frame, struct err *e)
{
	const struct frames *f = frames_of(t);
	int64_t n = frames_locate(t, frame, NULL, 0, e);
	AUTO(str) room = NULL;
	struct frame_piece *pieces;
	uint64_t bytes = 0;

	if (n < 0)
		return (int)n;
	if (n == 0 || !(room = (char *)calloc((size_t)n, sizeof(*pieces))))
		return n ? err_set(e, E_NOMEM, "no memory for %lld fragments", (long long)n)
			 : err_set(e, E_CORRUPT, "frame %llu has no bytes", (unsigned long long)frame + 1);
	pieces = (struct frame_piece *)(void *)room;
	if ((n = frames_locate(t, frame, pieces, (size_t)n, e)) < 0)
		return (int)n;
	for (int64_t i = 0; i < n; i++) /* fragments lie in one file: the sum cannot wrap */
		bytes += pieces[i].n;
	if (bytes > EXCERPT_MOST)
		return err_set(e, E_LIMIT, "%llu bytes are more than the %llu that a picture is made of",
			       (unsigned long long)bytes, EXCERPT_MOST);
	return f->encapsulated ? put_fragments(c, pieces, (size_t)n, e) : put_native(c, f, frame, pieces, e);
}

static int make(struct copy *c, const struct frame_table *t, uint64_t frame, struct err *e)
{
	const struct stored *s = c->stored;
	struct part10_meta meta = {0};
	AUTO(buf) text = BUF(DSET_MOST + (1u << 20));
	AUTO(dset) d = NULL;
	int rc;

	snprintf(meta.sop_class, sizeof(meta.sop_class), "%s", s->sop_class);
	snprintf(meta.sop_instance, sizeof(meta.sop_instance), "%s", s->sop_instance);
	const char *native = big_endian(s) ? UID_EXPLICIT_BE : UID_EXPLICIT_LE;
	const struct frames *f = frames_of(t);
	bool encapsulated = f->encapsulated;
	snprintf(meta.syntax, sizeof(meta.syntax), "%s", encapsulated ? s->syntax : native);
	if ((rc = read_head(c->archive, s, f->value_at, frame, c->piece, &d, e)) < 0 ||
	    (rc = part10_write(&meta, &text, e)) < 0 ||
	    (rc = dset_write(d, encapsulated ? UID_EXPLICIT_LE : native, &text, e)) < 0 ||
	    (rc = put(c, text.data, text.len, e)) < 0)
		return rc;
	return put_pixels(c, t, frame, e);
}

static int whole(const struct copy *c, struct err *e)
{
	int64_t n;
	int rc = 0;

	for (uint64_t at = 0; at < c->stored->part10_len && rc == 0; at += (uint64_t)n) {
		if ((n = stored_read(c->archive, c->stored, at, c->piece, PIECE, e)) <= 0)
			return n < 0 ? (int)n : err_set(e, E_CORRUPT, "record of %s is short", c->stored->sop_instance);
		rc = put(c, c->piece, (size_t)n, e);
	}
	return rc;
}

int excerpt_whole(struct archive *a, const struct stored *s, uint64_t most, int to, struct err *e)
{
	AUTO(str) piece = NULL;

	if (s->part10_len > most)
		return err_set(e, E_LIMIT, "an instance of %llu bytes is larger than %llu",
			       (unsigned long long)s->part10_len, (unsigned long long)most);
	if (!(piece = malloc(PIECE)))
		return err_set(e, E_NOMEM, "no memory to copy with");
	/* cppcheck-suppress memleak */
	return whole(&(struct copy){.archive = a, .stored = s, .piece = (uint8_t *)piece, .fd = to}, e);
}

int excerpt_write(struct archive *a, const struct stored *s, uint64_t frame, int to, uint64_t *at, struct err *e)
{
	AUTO(str) piece = NULL;
	struct frame_table *t;
	int rc;

	*at = frame;
	if (uid_is_deflated(s->syntax)) /* its frames have no place in the file */
		return excerpt_whole(a, s, DEFLATED_MOST, to, e);
	if (!(piece = malloc(PIECE)))
		return err_set(e, E_NOMEM, "no memory to copy with");
	if ((rc = frames_open(a, s, &t, e)) < 0)
		return rc; /* cppcheck-suppress memleak */
	struct copy c = {.archive = a, .stored = s, .piece = (uint8_t *)piece, .fd = to};
	*at = 0;
	rc = make(&c, t, frame, e);
	frames_close(t);
	return rc;
}
