/* archive/frames_items.c - encapsulated pixel data: its items walked, its fragments shared out among frames. */
#include "archive/frames_read.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	ITEM_HEAD = 8,
	LOOK = ITEM_HEAD + 12, /* what is looked at of an item: its head, and whether a codestream begins */
	WINDOW = 64 << 10,     /* read at once where items are short */
	SHORT = 8 << 10,       /* that short */
	SPARSE = 64,           /* read at once where they are not */
	AHEAD = 256,           /* heads announced at once, where a table says where they are */
	VIDEO_FROM = 100,      /* 1.2.840.10008.1.2.4.100 to .108: MPEG-2, MPEG-4, HEVC */
	VIDEO_TO = 108
};
enum codec { CODEC_UNKNOWN, CODEC_ONE_FRAGMENT, CODEC_JPEG, CODEC_J2K, CODEC_JXL, CODEC_VIDEO };
enum item { ITEM_FRAGMENT, ITEM_SEQUENCE_END, ITEM_OTHER_END, ITEM_NONE };

struct walk {
	const struct frame_source *src;
	struct frames *about;
	enum codec codec;
	uint8_t window[WINDOW];
	uint64_t window_at;
	size_t have;
	uint64_t last; /* length of the last item */
	struct frame_piece *fragments;
	uint8_t *starts; /* of each fragment: a codestream begins */
	size_t n, room;
	uint64_t base; /* where offsets count from: the first fragment's item */
	uint64_t *table, *lengths;
	size_t n_table; /* entries of the table; 0: there is none */
	bool fits;
	size_t announced;
};

static enum codec codec_of(const char *syntax)
{
	static const char root[] = "1.2.840.10008.1.2.";
	const char *tail = syntax + sizeof root - 1;
	if (strncmp(syntax, root, sizeof root - 1) != 0)
		return CODEC_UNKNOWN;
	if (!strcmp(tail, "5") || !strcmp(tail, "8.1")) /* RLE; each frame deflated */
		return CODEC_ONE_FRAGMENT;
	if (strncmp(tail, "4.", 2) != 0)
		return CODEC_UNKNOWN;
	unsigned long n = strtoul(tail + 2, NULL, 10);
	if (n >= VIDEO_FROM && n <= VIDEO_TO)
		return CODEC_VIDEO;
	if (n <= 81)
		return CODEC_JPEG; /* and JPEG-LS */
	if (n >= 110 && n <= 112)
		return CODEC_JXL;
	return (n >= 90 && n <= 93) || (n >= 201 && n <= 203) ? CODEC_J2K : CODEC_UNKNOWN;
}

static bool begins_with(const uint8_t *p, size_t n, const char *what, size_t len)
{
	return n >= len && memcmp(p, what, len) == 0;
}

static bool is_start(enum codec c, const uint8_t *p, size_t n)
{
	switch (c) {
	case CODEC_JPEG:
		return begins_with(p, n, "\xFF\xD8\xFF", 3);
	case CODEC_J2K: /* in a file of its own, too */
		return begins_with(p, n, "\xFF\x4F\xFF\x51", 4) || begins_with(p, n, "\0\0\0\x0CjP", 6);
	case CODEC_JXL:
		return begins_with(p, n, "\xFF\x0A", 2) || begins_with(p, n, "\0\0\0\x0CJXL ", 8);
	default:
		return false;
	}
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t get64(const uint8_t *p)
{
	return get32(p) | (uint64_t)get32(p + 4) << 32;
}

/* ---- reading */

/* What there is of the LOOK bytes at a place; fewer at the end. */
static int64_t look(struct walk *w, uint64_t at, const uint8_t **out, struct err *e)
{
	bool inside = at >= w->window_at && at - w->window_at < w->have;
	size_t left = inside ? w->have - (size_t)(at - w->window_at) : 0;
	if (left < LOOK && w->window_at + w->have < w->src->size) {
		size_t n = w->last <= SHORT ? WINDOW : SPARSE;
		int64_t k = w->src->read(w->src->arg, at, w->window, n, e);
		w->window_at = at;
		w->have = k > 0 ? (size_t)k : 0;
		if (k < 0)
			return k;
		left = w->have;
	}
	*out = w->window + (at - w->window_at);
	return left < LOOK ? (int64_t)left : LOOK;
}

/* Values of width bytes each into numbers. */
static int read_numbers(struct walk *w, const struct frame_piece *p, unsigned width, uint64_t *out, struct err *e)
{
	uint64_t at = p->at, left = p->n;
	while (left > 0) {
		size_t n = left < WINDOW ? (size_t)left : WINDOW;
		int64_t k = w->src->read(w->src->arg, at, w->window, n, e);
		w->have = 0;
		if (k < 0)
			return (int)k;
		if ((size_t)k < n)
			return err_set(e, E_CORRUPT, "the file ends inside an offset table");
		for (size_t i = 0; i < n; i += width)
			*out++ = width == 8 ? get64(w->window + i) : get32(w->window + i);
		at += n;
		left -= n;
	}
	return 0;
}

static int numbers(struct walk *w, const struct frame_piece *p, unsigned width, uint64_t **out, struct err *e)
{
	if (p->n / width > FRAMES_FRAGMENTS)
		return err_set(e, E_LIMIT, "an offset table of more than %u frames", FRAMES_FRAGMENTS);
	if (!(*out = calloc((size_t)(p->n / width), sizeof **out)))
		return err_set(e, E_NOMEM, "no memory for an offset table");
	return read_numbers(w, p, width, *out, e);
}

/* ---- tables */

static int extended_table(struct walk *w, const struct frame_offsets *t, struct err *e)
{
	if (t->offsets.n == 0)
		return 0;
	if (t->offsets.n % 8 != 0) {
		frames_warn(w->about, "the Extended Offset Table is no row of 64-bit numbers");
		return 0;
	}
	w->n_table = (size_t)(t->offsets.n / 8);
	int rc = numbers(w, &t->offsets, 8, &w->table, e);
	if (rc == 0 && t->lengths.n == t->offsets.n)
		rc = numbers(w, &t->lengths, 8, &w->lengths, e);
	return rc;
}

/* Offsets have 32 bits: writers let them go round where pixel data is longer. */
static int basic_table(struct walk *w, const struct frame_piece *value, struct err *e)
{
	if (value->n == 0 || w->n_table) /* where there are two, the extended one is meant to be alone */
		return 0;
	if (value->n % 4 != 0) {
		frames_warn(w->about, "the Basic Offset Table is no row of 32-bit numbers");
		return 0;
	}
	w->n_table = (size_t)(value->n / 4);
	int rc = numbers(w, value, 4, &w->table, e);
	for (size_t i = 1; i < w->n_table && rc == 0; i++)
		while (w->table[i] < w->table[i - 1] && w->table[i - 1] - w->table[i] > UINT32_MAX / 2)
			w->table[i] += 1ull << 32;
	return rc;
}

/* Where the table says that heads are, further on than what was announced so far. */
static void announce(struct walk *w)
{
	if (!w->src->ahead || w->last <= SHORT || w->n + AHEAD / 2 < w->announced)
		return;
	for (size_t end = w->announced + AHEAD; w->announced < end && w->announced < w->n_table; w->announced++)
		w->src->ahead(w->src->arg, w->base + w->table[w->announced], LOOK);
}

/* ---- items */

static enum item item_of(const uint8_t *p, int64_t n)
{
	if (n < ITEM_HEAD || p[0] != 0xFE || p[1] != 0xFF || p[3] != 0xE0)
		return ITEM_NONE;
	return p[2] == 0x00   ? ITEM_FRAGMENT
	       : p[2] == 0xDD ? ITEM_SEQUENCE_END
	       : p[2] == 0x0D ? ITEM_OTHER_END
			      : ITEM_NONE;
}

static int more_room(struct walk *w, struct err *e)
{
	size_t more = w->room ? w->room * 2 : 64;
	if (w->n >= FRAMES_FRAGMENTS)
		return err_set(e, E_LIMIT, "more than %u fragments in one instance", FRAMES_FRAGMENTS);
	struct frame_piece *bigger = reallocarray(w->fragments, more, sizeof *bigger);
	if (bigger)
		w->fragments = bigger;
	uint8_t *starts = bigger ? realloc(w->starts, more) : NULL;
	if (!starts)
		return err_set(e, E_NOMEM, "no memory for a table of frames");
	w->starts = starts;
	w->room = more;
	return 0;
}

/* One fragment; *at moves behind it. 1: nothing can be behind it. */
static int add_fragment(struct walk *w, const uint8_t *p, int64_t seen, uint64_t *at, struct err *e)
{
	uint64_t left = w->src->size - *at - ITEM_HEAD;
	uint32_t length = get32(p + 4);
	if (length == UINT32_MAX) {
		frames_warn(w->about, "fragment %zu has no length", w->n + 1);
		return 1;
	}
	if (w->n == w->room) {
		int rc = more_room(w, e);
		if (rc < 0)
			return rc;
	}
	if (length > left)
		frames_warn(w->about, "fragment %zu ends after %" PRIu64 " of %" PRIu32 " bytes", w->n + 1, left,
			    length);
	w->starts[w->n] =
	    is_start(w->codec, p + ITEM_HEAD, length < seen - ITEM_HEAD ? length : (size_t)(seen - ITEM_HEAD));
	w->fragments[w->n++] = (struct frame_piece){*at + ITEM_HEAD, length > left ? left : length};
	w->last = length;
	if (length > left) {
		*at = w->src->size;
		return 1;
	}
	*at += ITEM_HEAD + (uint64_t)length;
	return 0;
}

/* What stands where an item is due. A fragment of odd length may have been filled up all the same. */
static int next_item(struct walk *w, uint64_t *at, const uint8_t **p, int64_t *seen, enum item *out, struct err *e)
{
	if ((*seen = look(w, *at, p, e)) < 0)
		return (int)*seen;
	*out = item_of(*p, *seen);
	if (*out != ITEM_NONE || w->last % 2 == 0 || *seen <= ITEM_HEAD)
		return 0;
	if ((*seen = look(w, *at + 1, p, e)) < 0)
		return (int)*seen;
	*out = item_of(*p, *seen);
	if (*out != ITEM_NONE)
		++*at;
	return 0;
}

static int walk_items(struct walk *w, uint64_t *at, struct err *e)
{
	const uint8_t *p;
	enum item item = ITEM_NONE;
	int64_t seen;
	int rc = 0;
	w->base = *at;
	for (;;) {
		announce(w);
		if ((rc = next_item(w, at, &p, &seen, &item, e)) < 0)
			return rc;
		if (item == ITEM_SEQUENCE_END) {
			*at += ITEM_HEAD;
			return 0;
		}
		if (item == ITEM_NONE) {
			frames_warn(w->about,
				    seen ? "no item but other bytes at %" PRIu64 " of the file, behind fragment %zu"
					 : "the file ends at %" PRIu64
					   " without an end of its pixel data, behind fragment %zu",
				    *at, w->n);
			return 0;
		}
		if (item == ITEM_OTHER_END) /* superfluous */
			*at += ITEM_HEAD;
		else if ((rc = add_fragment(w, p, seen, at, e)) != 0)
			return rc < 0 ? rc : 0;
	}
}

/* The first item is the Basic Offset Table, unless somebody forgot it: no table begins like an image. */
static int first_item(struct walk *w, uint64_t *at, struct frame_piece *table, struct err *e)
{
	const uint8_t *p;
	int64_t seen = look(w, *at, &p, e);
	if (seen < 0)
		return (int)seen;
	if (item_of(p, seen) != ITEM_FRAGMENT)
		return err_set(e, E_CORRUPT, "encapsulated pixel data does not begin with an item");
	uint32_t length = get32(p + 4);
	bool image = seen == LOOK &&
		     (is_start(w->codec, p + ITEM_HEAD, LOOK - ITEM_HEAD) ||
		      (w->codec == CODEC_ONE_FRAGMENT && length >= 64 && get32(p + 8) - 1 < 15 && get32(p + 12) == 64));
	if (image) {
		frames_warn(w->about, "there is no Basic Offset Table, not even an empty one");
		return 0;
	}
	if (length > w->src->size - *at - ITEM_HEAD)
		return err_set(e, E_CORRUPT, "the Basic Offset Table says to be %" PRIu32 " bytes long", length);
	*table = (struct frame_piece){*at + ITEM_HEAD, length};
	*at += ITEM_HEAD + (uint64_t)length;
	return 0;
}

/* ---- which fragments are whose */

/* The table's entries as numbers of fragments: true where each is the place of an item, in order. */
static bool table_fits(const struct walk *w, uint32_t *first)
{
	size_t k = 0;
	if (w->n_table == 0 || w->table[0] != 0)
		return false;
	for (size_t i = 0; i < w->n_table; i++) {
		while (k < w->n && w->fragments[k].at - ITEM_HEAD - w->base < w->table[i])
			k++;
		if (k == w->n || w->fragments[k].at - ITEM_HEAD - w->base != w->table[i] || (i && first[i - 1] == k))
			return false;
		first[i] = (uint32_t)k;
	}
	return true;
}

/* Fragments with which a codestream begins; 0 when the first one is none of them. */
static size_t count_starts(const struct walk *w, uint32_t *first)
{
	size_t n = 0;
	for (size_t i = 0; i < w->n && w->starts[0]; i++)
		if (w->starts[i])
			first[n++] = (uint32_t)i;
	return n;
}

/* How many frames there are; first holds the first fragment of each where they are not one a frame. */
static size_t share_out(struct walk *w, uint64_t declared, uint32_t *first)
{
	bool fits = w->fits = table_fits(w, first);
	size_t k = fits ? w->n_table : 0;
	if (w->n_table && !fits)
		frames_warn(w->about, "the offset table does not fit the items");
	if (k == 1 && declared > 1) /* says where the first one is, as some do for every file: says nothing */
		fits = false, k = 0;
	if (w->codec == CODEC_VIDEO) {
		first[0] = 0;
		return 1;
	}
	if (w->codec == CODEC_ONE_FRAGMENT || w->n == declared)
		return w->n;
	if (k == declared)
		return k;
	if (fits && k < w->n && declared > 1) { /* of too few frames, or of as many as there are? */
		size_t starts = count_starts(w, first);
		if (starts == declared)
			return starts;
		table_fits(w, first);
		return k;
	}
	if (fits && (k > 1 || declared > 1))
		return k;
	size_t starts = count_starts(w, first);
	if (declared > 1)
		return starts ? starts : w->n;
	if (starts == w->n) /* whole images each, although one frame was announced */
		return starts;
	first[0] = 0;
	return 1;
}

/* Bytes without what a fragment was filled up with: by the Extended Offset Table Lengths. */
static void use_lengths(struct walk *w)
{
	for (size_t i = 0; i < w->n_table; i++)
		if (w->lengths[i] > w->fragments[i].n || w->fragments[i].n - w->lengths[i] > 1) {
			frames_warn(w->about, "the Extended Offset Table Lengths do not fit the items");
			return;
		}
	for (size_t i = 0; i < w->n_table; i++)
		w->fragments[i].n = w->lengths[i];
}

static int settle(struct walk *w, uint64_t declared, struct frame_table *t, struct err *e)
{
	struct frames *f = w->about;
	if (w->n == 0)
		return err_set(e, E_CORRUPT, "encapsulated pixel data without a fragment%s%.120s",
			       f->warning[0] ? ": " : "", f->warning);
	size_t room = (w->n > w->n_table ? w->n : w->n_table) + 1;
	uint32_t *first = calloc(room, sizeof *first);
	if (!first)
		return err_set(e, E_NOMEM, "no memory for a table of frames");
	f->video = w->codec == CODEC_VIDEO;
	f->n = share_out(w, declared ? declared : 1, first);
	if (!f->video && f->n != (declared ? declared : 1))
		frames_warn(f, "Number of Frames says %" PRIu64 ", there are %" PRIu64, declared ? declared : 1, f->n);
	if (f->n == w->n) { /* one each */
		if (w->lengths && w->fits && w->n_table == w->n)
			use_lengths(w);
		free(first);
		first = NULL;
	} else {
		uint32_t *less = realloc(first, ((size_t)f->n + 1) * sizeof *first);
		first = less ? less : first;
		first[f->n] = (uint32_t)w->n;
	} /* cppcheck-suppress memleak */
	struct frame_piece *exact = realloc(w->fragments, w->n * sizeof *exact);
	t->fragments = exact ? exact : w->fragments;
	w->fragments = NULL;
	t->n_fragments = (uint32_t)w->n;
	t->first = first;
	return 0; /* cppcheck-suppress memleak */
}

int frames_items(const struct frame_source *src, const char *syntax, const struct frame_offsets *extended,
		 uint64_t declared, struct frame_table *t, struct err *e)
{
	struct walk *w = calloc(1, sizeof *w);
	struct frame_piece basic = {0};
	uint64_t at = t->about.value_at;
	if (!w)
		return err_set(e, E_NOMEM, "no memory for a table of frames");
	w->src = src;
	w->about = &t->about;
	w->codec = codec_of(syntax);
	int rc = first_item(w, &at, &basic, e);
	if (rc == 0)
		rc = extended_table(w, extended, e);
	if (rc == 0)
		rc = basic_table(w, &basic, e);
	if (rc == 0)
		rc = walk_items(w, &at, e);
	if (rc == 0) {
		t->about.value_n = at - t->about.value_at;
		rc = settle(w, declared, t, e);
	}
	free(w->fragments);
	free(w->starts);
	free(w->table);
	free(w->lengths);
	free(w);
	return rc;
}
