/* Frames of any bytes under any syntax: whatever is found lies within the file, in order, each fragment in one frame at most.
 * Byte 0 picks the syntax, the rest is the data set. Or it says that the rest is an appendix, or numbers of which one is made:
 * tables of frames carry sums, which changed bytes do not meet. */
#include "archive/frames_read.h"
#include "dicom/appendix.h"
#include "dicom/dict.h"
#include "fuzz.h"
#include <string.h>

static const char *const syntaxes[] = {
    UID_IMPLICIT_LE,          UID_EXPLICIT_LE,           UID_EXPLICIT_BE,       "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.110", "1.2.840.10008.1.2.5", "1.2.3.4",
    "1.2.840.10008.1.2.4.102"};
enum { RAW_APPENDIX = 0xFF, MADE_APPENDIX = 0xFE };
enum { SYNTAXES = sizeof syntaxes / sizeof *syntaxes, PIECES = 8, FRAMES = 1000 };

struct file {
	const uint8_t *data;
	size_t n;
};

static int64_t read_file(void *arg, uint64_t at, void *buf, size_t n, struct err *e)
{
	const struct file *f = arg;

	(void)e;
	if (at >= f->n)
		return 0;
	n = n < f->n - at ? n : (size_t)(f->n - at);
	memcpy(buf, f->data + at, n);
	return (int64_t)n;
}

static void look_at(const struct frame_table *t, size_t size)
{
	const struct frames *f = frames_of(t);
	struct frame_piece p[PIECES];
	uint64_t end = 0;

	FUZZ_EXPECT(f->value_at <= size && f->value_n <= size - f->value_at);
	FUZZ_EXPECT(f->encapsulated ? f->n > 0 && f->n <= t->n_fragments : f->frame_bits > 0);
	for (uint64_t i = 0; i < f->n && i < FRAMES; i++) {
		int64_t n = frames_locate(t, i, p, PIECES, NULL);

		FUZZ_EXPECT(n > 0);
		for (int64_t k = 0; k < n && k < PIECES; k++) {
			FUZZ_EXPECT(p[k].at >= f->value_at && p[k].at <= size && p[k].n <= size - p[k].at);
			FUZZ_EXPECT(!f->encapsulated || p[k].at >= end + 8);
			end = p[k].at + p[k].n;
		}
	}
	FUZZ_EXPECT(frames_locate(t, f->n, p, PIECES, NULL) == -E_NOENT);
}

static void look_at_cuts(const struct frame_table *t)
{
	uint64_t cuts[APPENDIX_CUTS];
	struct frame_piece p;

	for (uint64_t i = 0; i < frames_of(t)->n && i < FRAMES; i++) {
		unsigned n = frames_cuts(t, i, cuts);

		FUZZ_EXPECT(n <= APPENDIX_CUTS && frames_locate(t, i, &p, 1, NULL) == 1);
		for (unsigned k = 0; k < n; k++)
			FUZZ_EXPECT(cuts[k] <= p.n && (k == 0 || cuts[k] >= cuts[k - 1]));
	}
}

static void read_appendix(const uint8_t *data, size_t size, uint64_t file_n)
{
	struct file f = {data, size};
	struct frame_source src = {.read = read_file, .arg = &f, .size = size};
	struct frame_table *t;
	struct err e = {0};
	int rc = frames_appendix(&src, file_n, &t, &e);

	FUZZ_EXPECT(rc == 0 || (rc < 0 && e.msg[0]));
	if (rc < 0)
		return;
	look_at(t, (size_t)file_n);
	look_at_cuts(t);
	frames_close(t);
}

static uint64_t number(const uint8_t *p, unsigned n)
{
	uint64_t v = 0;

	while (n-- > 0)
		v = v << 8 | p[n];
	return v;
}

/* Byte 0: cuts; four bytes each: size of the file, place and length of its pixel data; then a frame for each 3 bytes and one for
 * each cut: how far behind the last one, its length, its cuts; 0xFF is far out. */
static void make_appendix(const uint8_t *data, size_t size)
{
	AUTO(appendix_writer) w = NULL;
	AUTO(buf) made = BUF(1 << 20);
	struct appendix about = {.pixels = {.rows = 1, .columns = 1, .samples = 1, .bits_allocated = 8}};
	unsigned cuts = size > 13 ? data[0] % (APPENDIX_CUTS + 1) : 0;
	uint64_t at;

	if (size <= 13 || appendix_new(cuts, &w, NULL) < 0)
		return;
	about.value_at = at = number(data + 5, 4);
	about.value_n = number(data + 9, 4);
	for (const uint8_t *p = data + 13; (size_t)(data + size - p) >= 3 + cuts; p += 3 + cuts) {
		struct appendix_frame f = {.at = at + (p[0] == 0xFF ? UINT64_MAX / 2 : p[0]), .n = number(p + 1, 2)};

		for (unsigned k = 0; k < cuts; k++)
			f.cut[k] = p[3 + k] == 0xFF ? UINT32_MAX : p[3 + k];
		at = f.at + f.n;
		if (appendix_add(w, &f, NULL) < 0)
			return;
	}
	if (appendix_end(w, &about, &made, NULL) == 0)
		read_appendix(made.data, made.len, number(data + 1, 4));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct file f = {data + 1, size - 1};
	struct frame_source src = {.read = read_file, .arg = &f, .size = size - 1};
	struct frame_table *t;
	struct err e = {0};
	int rc;

	FUZZ_EXPECT(dict_setup(NULL) == 0);
	if (size < 1)
		return 0;
	if (data[0] == RAW_APPENDIX || data[0] == MADE_APPENDIX) {
		if (data[0] == RAW_APPENDIX)
			read_appendix(data + 1, size - 1, 1 << 20);
		else
			make_appendix(data + 1, size - 1);
		return 0;
	}
	rc = frames_read(&src, syntaxes[data[0] % SYNTAXES], &t, &e);
	FUZZ_EXPECT(rc == 0 || (rc < 0 && e.msg[0]));
	if (rc < 0)
		return 0;
	look_at(t, f.n);
	frames_close(t);
	return 0;
}
