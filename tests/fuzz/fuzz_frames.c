/* Frames of any bytes under any syntax: whatever is found lies within the file, in order, each fragment in one frame at most.
 * Byte 0 picks the syntax, the rest is the data set. */
#include "archive/frames_read.h"
#include "dicom/dict.h"
#include "fuzz.h"
#include <string.h>

static const char *const syntaxes[] = {
    UID_IMPLICIT_LE,          UID_EXPLICIT_LE,           UID_EXPLICIT_BE,       "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.110", "1.2.840.10008.1.2.5", "1.2.3.4",
    "1.2.840.10008.1.2.4.102"};
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
	rc = frames_read(&src, syntaxes[data[0] % SYNTAXES], &t, &e);
	FUZZ_EXPECT(rc == 0 || (rc < 0 && e.msg[0]));
	if (rc < 0)
		return 0;
	look_at(t, f.n);
	frames_close(t);
	return 0;
}
