/* The codecs, locked in: what they need the sandbox leaves them, with frames that are well and with damaged ones. */
#include "base/metrics.h"
#include "dicom/dict.h"
#include "imaging/worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef TELEREAD_FAULTS
int main(void)
{
	puts("1..1\nok 1 - codecs in workers # SKIP this build does not find its workers (configure --enable-faults)");
	return 77;
}
#else

#define SIDE 48u
#define MUTANTS 12u

static const char *const syntaxes[] = {
    UID_IMPLICIT_LE,           UID_EXPLICIT_BE,           "1.2.840.10008.1.2.5",     "1.2.840.10008.1.2.8.1",
    "1.2.840.10008.1.2.4.50",  "1.2.840.10008.1.2.4.51",  "1.2.840.10008.1.2.4.57",  "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.80",  "1.2.840.10008.1.2.4.81",  "1.2.840.10008.1.2.4.90",  "1.2.840.10008.1.2.4.91",
    "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202", "1.2.840.10008.1.2.4.203",
};
#define SHAPE(samples_, allocated_, stored_, signed_, photometric_)                                                    \
	{                                                                                                              \
		.rows = SIDE, .columns = SIDE, .samples = (samples_), .bits_allocated = (allocated_),                  \
		.bits_stored = (stored_), .high_bit = (stored_)-1, .is_signed = (signed_), .photometric = photometric_ \
	}
static const struct image_pixel shapes[] = {
    SHAPE(1, 8, 8, false, "MONOCHROME2"),  SHAPE(1, 16, 12, false, "MONOCHROME2"),
    SHAPE(1, 16, 16, true, "MONOCHROME2"), SHAPE(1, 8, 8, false, "PALETTE COLOR"),
    SHAPE(3, 8, 8, false, "RGB"),          SHAPE(3, 8, 8, false, "YBR_FULL"),
};

static uint32_t noise(void)
{
	static uint32_t state = 2463534242u;

	state ^= state << 13;
	state ^= state >> 17;
	return state ^= state << 5;
}

static int input_of(const void *data, size_t n)
{
	struct err e = {0};
	int fd = worker_input(&e);

	assert_true(fd > 0);
	assert_int_equal(write(fd, data, n), (ssize_t)n);
	return fd;
}

/* Slopes with a little noise, in the bits that are stored. */
static size_t fill(const struct image_pixel *p, uint8_t out[SIDE * SIDE * 4])
{
	size_t n = (size_t)image_pixel_frame_bytes(p), wide = p->bits_allocated / 8u;

	assert_true(n <= SIDE * SIDE * 4);
	for (size_t i = 0; i < n / wide; i++) {
		uint32_t v = (uint32_t)(i % SIDE * 3 + i / SIDE) + (noise() & 3);

		v &= (1u << (p->bits_stored - p->is_signed)) - 1;
		for (size_t b = 0; b < wide; b++)
			out[i * wide + b] = (uint8_t)(v >> (8 * b));
	}
	return n;
}

/* cause: "" all. */
static long deaths(const char *cause)
{
	AUTO(buf) text = BUF(1 << 20);
	long n = 0;

	assert_int_equal(metrics_print(&text, NULL), 0);
	for (const char *at = buf_text(&text); (at = strstr(at, "\nteleread_imaging_deaths_total{")); at++)
		if (!cause[0] || strncmp(strchr(at, '"') + 1, cause, strlen(cause)) == 0)
			n += strtol(strchr(at, '}') + 1, NULL, 10);
	return n;
}

static int encode(const char *syntax, const struct image_pixel *p, struct job_result *out, struct err *e)
{
	static uint8_t samples[SIDE * SIDE * 4];
	struct job j = {.kind = codec_lossless(syntax) ? JOB_PROVE : JOB_ENCODE, .pixels = *p};
	int rc;

	snprintf(j.syntax, sizeof j.syntax, "%s", syntax);
	j.in[0] = input_of(samples, fill(p, samples));
	rc = worker_run(&j, out, e);
	close(j.in[0]);
	return rc;
}

static int decode(const char *syntax, const struct image_pixel *p, const void *stream, size_t n, struct err *e)
{
	struct job j = {.kind = JOB_DECODE, .pixels = *p};
	AUTO(job_result) r = {0};
	int rc;

	snprintf(j.syntax, sizeof j.syntax, "%s", syntax);
	j.in[0] = input_of(stream, n);
	rc = worker_run(&j, &r, e);
	close(j.in[0]);
	return rc;
}

static void begin_again(void)
{
	const struct imaging_options o = {.workers = 1, .seconds = 1, .sandbox_optional = true};
	struct err e = {0};

	imaging_stop();
	assert_int_equal(imaging_start(&o, &e), 0);
}

static void every_codec_has_what_it_needs(void **state)
{
	unsigned made = 0;

	(void)state;
	begin_again();
	for (unsigned s = 0; s < sizeof syntaxes / sizeof syntaxes[0]; s++)
		for (unsigned i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
			AUTO(job_result) r = {0};
			struct err e = {0};
			void *p;

			if (!codec_can(CODEC_ENCODE, syntaxes[s], &shapes[i], NULL))
				continue;
			if (encode(syntaxes[s], &shapes[i], &r, &e) < 0)
				fail_msg("%s, shape %u: %s", syntaxes[s], i, e.msg);
			p = mmap(NULL, r.n, PROT_READ, MAP_PRIVATE, r.out, 0);
			assert_true(p != MAP_FAILED);
			if (decode(syntaxes[s], &r.pixels, p, r.n, &e) < 0)
				fail_msg("%s, shape %u, decoded: %s", syntaxes[s], i, e.msg);
			munmap(p, r.n);
			made++;
		}
	assert_int_equal(deaths(""), 0);
	assert_true(made > 40);
	print_message("# %u pairs of syntax and shape\n", made);
}

/* CharLS before 2.4.3 never ends on some damaged streams, which takes a worker its time: few of those. */
static unsigned mutants(const char *syntax)
{
	return strncmp(syntax, "1.2.840.10008.1.2.4.8", 21) == 0 ? 2 : MUTANTS;
}

/* The way to an error (messages, exceptions, time) must not need what is taken away. That a library crashes on damage may be: it
 * is what workers are for. */
static void damage_needs_no_more_than_they_have(void **state)
{
	unsigned wrong = 0;

	(void)state;
	begin_again();
	for (unsigned s = 0; s < sizeof syntaxes / sizeof syntaxes[0]; s++)
		for (unsigned i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
			static uint8_t stream[SIDE * SIDE * 32];
			AUTO(job_result) r = {0};
			struct err e = {0};
			ssize_t n;

			if (!codec_can(CODEC_ENCODE, syntaxes[s], &shapes[i], NULL))
				continue;
			assert_int_equal(encode(syntaxes[s], &shapes[i], &r, &e), 0);
			assert_true((n = pread(r.out, stream, sizeof stream, 0)) > 0);
			for (unsigned m = 0; m < mutants(syntaxes[s]); m++) {
				size_t at = noise() % (m % 2 ? (uint32_t)n : 64u) % (size_t)n;
				uint8_t was = stream[at];

				e = (struct err){0};
				stream[at] = (uint8_t)noise();
				/* every third one is cut as well */
				wrong += decode(syntaxes[s], &r.pixels, stream, m % 3 ? (size_t)n : (size_t)n / 2 + 1,
						&e) < 0;
				stream[at] = was;
			}
		}
	print_message("# %u of the damaged frames were refused; %ld workers ran out of time, %ld crashed\n", wrong,
		      deaths("time") + deaths("hung"), deaths("crash"));
	assert_int_equal(deaths("forbidden") + deaths("answer") + deaths("exit") + deaths("outside"), 0);
	assert_true(wrong > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_codec_has_what_it_needs),
	    cmocka_unit_test(damage_needs_no_more_than_they_have),
	};
	int rc = cmocka_run_group_tests(tests, NULL, NULL);

	imaging_stop();
	return rc;
}
#endif
