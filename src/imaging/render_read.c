/* imaging/render_read.c - takes a Part 10 file apart: what is said of the frame, and its bytes. */
#include "dicom/part10.h"
#include "dicom/scan.h"
#include "imaging/render_own.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <zlib.h>

#define PIXEL_DATA TAG(0x7fe0, 0x10)
#define INFLATED_MOST (512ULL << 20)
#define NUMBER_ROOM 64u

void notes_add(struct notes *n, const char *fmt, ...)
{
	size_t have = strlen(n->text);
	char text[CODEC_WARNING];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (*text && !strstr(n->text, text))
		snprintf(n->text + have, sizeof(n->text) - have, "%s%s", have ? "; " : "", text);
}

int render_damaged(int rc, struct err *e)
{
	if (rc != -E_INVAL && rc != -E_MISMATCH)
		return rc;
	if (e)
		e->code = E_CORRUPT;
	return -E_CORRUPT;
}

void shot_cleanup(struct shot *s)
{
	dset_free(s->head);
	free(s->owned[0]);
	free(s->owned[1]);
	*s = (struct shot){0};
}

/* ---- values */

const struct dset *item_of(const struct dset *d, uint32_t sequence, unsigned n)
{
	const struct elem *el = d ? dset_get(d, sequence) : NULL;

	return el && n < el->n_items ? el->items[n] : NULL;
}

static bool text_number(const struct elem *el, unsigned n, double *out)
{
	const char *p = (const char *)el->value, *end = p + el->len;
	char text[NUMBER_ROOM], *stop;

	for (; n > 0; n--) {
		if (!(p = memchr(p, '\\', (size_t)(end - p))))
			return false;
		p++;
	}
	const char *next = memchr(p, '\\', (size_t)(end - p));
	size_t len = (size_t)((next ? next : end) - p);
	if (len == 0 || len >= sizeof(text))
		return false;
	memcpy(text, p, len);
	text[len] = '\0';
	*out = strtod(text, &stop);
	stop += strspn(stop, " ");
	return stop != text && (!*stop || stop == text + len);
}

static uint64_t bytes_le(const uint8_t *p, unsigned n)
{
	uint64_t v = 0;

	while (n-- > 0)
		v = v << 8 | p[n];
	return v;
}

bool number_of(const struct dset *d, uint32_t tag, unsigned n, double *out)
{
	static const struct {
		const char *vr;
		unsigned size;
		char kind;
	} binary[] = {{"US", 2, 'u'}, {"SS", 2, 's'}, {"UL", 4, 'u'}, {"SL", 4, 's'},
		      {"FL", 4, 'f'}, {"FD", 8, 'd'}, {"OW", 2, 'u'}};
	const struct elem *el = d ? dset_get(d, tag) : NULL;
	double v = 0;

	if (!el)
		return false;
	unsigned i = 0;
	while (i < sizeof(binary) / sizeof(*binary) && strcmp(binary[i].vr, el->vr) != 0)
		i++;
	if (i == sizeof(binary) / sizeof(*binary)) {
		if (!vr_is_string(el->vr) || !text_number(el, n, &v) || !isfinite(v))
			return false;
		*out = v;
		return true;
	}
	if (el->len / binary[i].size <= n)
		return false;
	uint64_t raw = bytes_le(el->value + (size_t)n * binary[i].size, binary[i].size);
	uint32_t raw32 = (uint32_t)raw;
	float single;

	memcpy(&single, &raw32, sizeof(single));
	switch (binary[i].kind) {
	case 'u':
		v = (double)raw;
		break;
	case 's':
		v = binary[i].size == 2 ? (double)(int16_t)raw : (double)(int32_t)raw;
		break;
	case 'f':
		v = (double)single;
		break;
	default:
		memcpy(&v, &raw, sizeof(v));
	}
	if (!isfinite(v))
		return false;
	*out = v;
	return true;
}

const char *code_of(const struct dset *d, uint32_t tag, char out[17])
{
	size_t n = 0;

	out[0] = '\0';
	if (d) {
		const char *text = dset_text(d, tag);
		n = strcspn(text, "\\");
		while (n > 0 && text[n - 1] == ' ')
			n--;
		snprintf(out, 17, "%.*s", (int)n, text);
	}
	return out;
}

const struct dset *frame_group(const struct shot *s, uint32_t kind)
{
	const struct dset *own =
	    s->frame <= UINT32_MAX ? item_of(s->head, TAG(0x5200, 0x9230), (unsigned)s->frame) : NULL;
	const struct dset *found = item_of(own, kind, 0);

	if (!found)
		found = item_of(item_of(s->head, TAG(0x5200, 0x9229), 0), kind, 0);
	return found ? found : s->head;
}

/* ---- where pixel data is */

struct outline {
	uint32_t tag, length;
	uint64_t head_at, at;
	char vr[3];
	bool found;
};

static int element(void *arg, const struct scan_element *el, struct err *e)
{
	struct outline *o = arg;

	(void)e;
	if (el->depth > 0 || (el->tag != PIXEL_DATA && el->tag != FLOAT_PIXELS && el->tag != DOUBLE_PIXELS))
		return 0;
	*o =
	    (struct outline){.tag = el->tag, .length = el->length, .head_at = el->head_at, .at = el->at, .found = true};
	memcpy(o->vr, el->vr, sizeof(o->vr));
	return 1;
}

static int find_pixels(const uint8_t *data, size_t n, const char *syntax, struct outline *out, struct err *e)
{
	static const struct scan_ops ops = {.element = element};
	AUTO(scan) scan = NULL;
	int rc;

	*out = (struct outline){0};
	if ((rc = scan_new(syntax, 0, &ops, out, &scan, e)) < 0)
		return rc;
	scan_pass_pixels(scan);
	rc = scan_feed(scan, data, n, e);
	return rc < 0 ? render_damaged(rc, e) : 0;
}

/* ---- a deflated data set (PS3.5 A.5) */

static int inflate_all(const uint8_t *data, size_t n, void **out, size_t *out_n, struct err *e)
{
	z_stream z = {.next_in = (Bytef *)(uintptr_t)data, .avail_in = n > UINT32_MAX ? UINT32_MAX : (uInt)n};
	AUTO(buf) room = BUF(INFLATED_MOST);
	int rc = 0, got = Z_OK;

	if (inflateInit2(&z, -MAX_WBITS) != Z_OK)
		return err_set(e, E_NOMEM, "no memory to inflate a data set");
	while (rc == 0 && got == Z_OK && (rc = buf_reserve(&room, 1u << 20, e)) == 0) {
		z.next_out = room.data + room.len;
		z.avail_out = 1u << 20;
		got = inflate(&z, Z_NO_FLUSH);
		room.len += (1u << 20) - z.avail_out;
		if (got == Z_BUF_ERROR || (got == Z_OK && z.avail_in == 0 && z.avail_out > 0))
			break;
	}
	inflateEnd(&z);
	if (rc < 0)
		return rc;
	if (got != Z_STREAM_END && got != Z_OK && got != Z_BUF_ERROR)
		return err_set(e, E_CORRUPT, "the deflated data set is damaged");
	*out = STEAL(room.data);
	*out_n = room.len;
	return 0;
}

/* ---- the frame's bytes */

static int join(struct shot *s, const uint8_t *p, size_t n, struct err *e)
{
	AUTO(buf) all = BUF(n);
	const uint8_t *only = NULL;
	size_t only_n = 0, fragments = 0;
	bool table = true;
	int rc = 0;

	for (size_t at = 0; at + 8 <= n && bytes_le(p + at, 4) == 0xe000fffe;) {
		size_t len = (size_t)bytes_le(p + at + 4, 4);
		at += 8;
		if (len > n - at)
			len = n - at; /* of a file that ends early */
		if (!table && fragments++ == 0) {
			only = p + at;
			only_n = len;
		} else if (!table && ((fragments == 2 && (rc = buf_put(&all, only, only_n, e)) < 0) ||
				      (rc = buf_put(&all, p + at, len, e)) < 0)) {
			return rc;
		}
		table = false;
		at += len;
	}
	if (fragments == 0)
		return err_set(e, E_CORRUPT, "the pixel data holds no fragment");
	s->data = fragments == 1 ? only : all.data;
	s->n = fragments == 1 ? only_n : all.len;
	s->owned[1] = STEAL(all.data);
	return 0;
}

static uint64_t claimed_frames(const struct dset *d)
{
	int64_t n = dset_int(d, TAG(0x28, 8), 1);

	return n < 1 ? 1 : (uint64_t)n;
}

/* Native samples: of the frame alone; those of single bits move to the beginning of bytes. */
static int cut(struct shot *s, const uint8_t *p, size_t n, struct err *e)
{
	struct image_pixel *said = &s->said;
	uint64_t frames = claimed_frames(s->head), area = (uint64_t)said->rows * said->columns;

	if (image_pixel_subsampled(said) && area * said->samples <= n / frames)
		memcpy(said->photometric, "YBR_FULL", sizeof("YBR_FULL")); /* the label is wrong: nothing is missing */
	unsigned __int128 bits = image_pixel_frame_bits(said), first = bits * s->frame;
	if (s->frame >= frames || first / 8 >= n)
		return err_set(
		    e, E_NOENT, "frame %llu of %llu", (unsigned long long)s->frame + 1,
		    (unsigned long long)(bits && frames > n * 8 / (uint64_t)bits ? n * 8 / (uint64_t)bits : frames));
	size_t at = (size_t)(first / 8), room = (size_t)((bits + 7) / 8), there = n - at;
	unsigned shift = (unsigned)(first % 8);

	s->data = p + at;
	s->n = there < room ? there : room;
	if (said->words > 1 && room % 2 && there > room)
		s->n++; /* half of the last word */
	if (shift == 0)
		return 0;
	uint8_t *moved = calloc(room, 1);
	if (!moved)
		return err_set(e, E_NOMEM, "no memory for a frame");
	uint64_t left = (uint64_t)there * 8 - shift;
	codec_bits_copy(moved, 0, s->data, shift, left < (uint64_t)bits ? left : (uint64_t)bits);
	s->owned[1] = moved;
	s->data = moved;
	return 0;
}

static int describe(struct shot *s, struct err *e)
{
	const struct dset *d = s->head;
	int64_t rows = dset_int(d, TAG(0x28, 0x10), 0), columns = dset_int(d, TAG(0x28, 0x11), 0),
		samples = dset_int(d, TAG(0x28, 2), 1), allocated = dset_int(d, TAG(0x28, 0x100), 0),
		stored = dset_int(d, TAG(0x28, 0x101), allocated), high = dset_int(d, TAG(0x28, 0x102), stored - 1);
	bool real = s->tag != PIXEL_DATA;

	if (real) {
		allocated = s->tag == FLOAT_PIXELS ? 32 : 64;
		stored = allocated;
		high = allocated - 1;
	}
	if (high == 0 && stored > 1)
		high = stored - 1;
	if (rows <= 0 || columns <= 0)
		return err_set(e, E_CORRUPT, "an image of %lld columns and %lld rows", (long long)columns,
			       (long long)rows);
	if (samples != 1 && samples != 3)
		return err_set(e, E_UNSUP, "%lld samples a pixel", (long long)samples);
	if (!real && allocated != 1 && allocated != 8 && allocated != 16 && allocated != 32)
		return err_set(e, E_UNSUP, "%lld bits allocated", (long long)allocated);
	if (stored < 1 || stored > allocated || high >= allocated || high + 1 < stored)
		return err_set(e, E_CORRUPT, "%lld bits stored of %lld allocated, the high one %lld", (long long)stored,
			       (long long)allocated, (long long)high);
	s->said = (struct image_pixel){.rows = (uint32_t)rows,
				       .columns = (uint32_t)columns,
				       .samples = (uint16_t)samples,
				       .bits_allocated = (uint16_t)allocated,
				       .bits_stored = (uint16_t)stored,
				       .high_bit = (uint16_t)high,
				       .planar = samples > 1 && dset_int(d, TAG(0x28, 6), 0) == 1,
				       .is_signed = dset_int(d, TAG(0x28, 0x103), 0) == 1};
	code_of(d, TAG(0x28, 4), s->said.photometric);
	if (!image_pixel_frame_fits(&s->said, RENDER_MOST))
		return err_set(e, E_LIMIT, "a frame of %lld columns and %lld rows is larger than %llu bytes",
			       (long long)columns, (long long)rows, (unsigned long long)RENDER_MOST);
	return 0;
}

static int open_file(const void *file, size_t n, struct part10_meta *meta, const uint8_t **data, size_t *data_n,
		     void **owned, struct err *e)
{
	int64_t at = part10_read(file, n, meta, e);
	int rc;

	if (at < 0)
		return render_damaged((int)at, e);
	*data = (const uint8_t *)file + at;
	*data_n = n - (size_t)at;
	if (!uid_is_deflated(meta->syntax))
		return 0;
	size_t room = 0;
	if ((rc = inflate_all(*data, *data_n, owned, &room, e)) < 0)
		return rc;
	*data = *owned;
	*data_n = room;
	snprintf(meta->syntax, sizeof(meta->syntax), "%s", UID_EXPLICIT_LE);
	return 0;
}

int shot_read(const void *file, size_t n, const struct render_options *o, struct shot *out, struct err *e)
{
	AUTO(shot) s = {.frame = o->frame, .number = o->number};
	struct part10_meta meta;
	struct outline pixels;
	const uint8_t *data;
	size_t data_n;
	int rc;

	if ((rc = open_file(file, n, &meta, &data, &data_n, &s.owned[0], e)) < 0 ||
	    (rc = find_pixels(data, data_n, meta.syntax, &pixels, e)) < 0)
		return rc;
	if (!pixels.found)
		return err_set(e, E_NOENT, "no pixel data");
	if ((rc = dset_parse(data, (size_t)pixels.head_at, meta.syntax, &s.head, e)) < 0)
		return render_damaged(rc, e);
	s.tag = pixels.tag;
	snprintf(s.sop_class, sizeof(s.sop_class), "%s", meta.sop_class);
	snprintf(s.sop_instance, sizeof(s.sop_instance), "%s", meta.sop_instance);
	bool encapsulated = uid_is_encapsulated(meta.syntax), big = strcmp(meta.syntax, UID_EXPLICIT_BE) == 0;
	snprintf(s.syntax, sizeof(s.syntax), "%s", encapsulated || big ? meta.syntax : UID_EXPLICIT_LE);
	if ((rc = describe(&s, e)) < 0)
		return rc;
	if (big)
		s.said.words = strcmp(pixels.vr, "OB") == 0 ? 1
			       : s.tag == PIXEL_DATA        ? 2
							    : (uint8_t)(s.said.bits_allocated / 8);
	size_t there = data_n - (size_t)pixels.at;
	if (encapsulated && pixels.length != SCAN_UNDEFINED)
		return err_set(e, E_CORRUPT, "pixel data is not in fragments, although its syntax says so");
	if (encapsulated && s.frame > 0)
		return err_set(e, E_NOENT, "frame %llu of 1", (unsigned long long)s.frame + 1);
	rc = encapsulated ? join(&s, data + pixels.at, there, e)
			  : cut(&s, data + pixels.at, pixels.length < there ? pixels.length : there, e);
	if (rc < 0)
		return rc;
	*out = s;
	s = (struct shot){0};
	return 0;
}

int shot_read_state(const void *file, size_t n, struct dset **out, char sop_class[65], struct err *e)
{
	struct part10_meta meta;
	void *owned = NULL;
	const uint8_t *data;
	size_t data_n;
	int rc = open_file(file, n, &meta, &data, &data_n, &owned, e);

	if (rc == 0)
		rc = dset_parse(data, data_n, meta.syntax, out, e);
	free(owned);
	if (rc < 0)
		return render_damaged(rc, e);
	snprintf(sop_class, 65, "%s", meta.sop_class);
	return 0;
}
