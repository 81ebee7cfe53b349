#include "web/transcoded.h"
#include "archive/frames.h"
#include "imaging/transcode.h"
#include <string.h>

_Static_assert(sizeof(struct transcode_about) <= DERIVED_ABOUT, "what is known of a file has room");

struct wanted {
	struct archive *archive;
	const struct stored *stored;
	const char *syntax;
};

static int make(void *arg, int fd, uint8_t about[DERIVED_ABOUT], struct err *e)
{
	const struct wanted *w = arg;
	const struct stored *s = w->stored;
	const struct transcode_received received = {s->received_syntax, s->received_digest, s->received_len};
	struct transcode_about made = {0};
	AUTO(frames_source) src = {0};
	int rc;

	if ((rc = frames_source(w->archive, s, &src, e)) < 0 ||
	    (rc = transcode_for(&src, s->settled ? &received : NULL, w->syntax, fd, &made, e)) < 0)
		return rc;
	memcpy(about, &made, sizeof(made));
	return 0;
}

int transcoded_open(struct archive *a, const struct stored *s, const char *syntax, struct derived **out, struct err *e)
{
	struct wanted w = {a, s, syntax};

	return derived_open(a, s, syntax, make, &w, out, e);
}

static const struct transcode_about *about(const struct derived *d)
{
	return (const struct transcode_about *)(const void *)derived_about(d);
}

int transcoded_file(const struct derived *d, uint64_t *size, uint64_t *head_len)
{
	*head_len = about(d)->head_len;
	return derived_file(d, size);
}

int transcoded_pixels(const struct derived *d, struct transcoded_pixels *out, struct err *e)
{
	const struct transcode_about *t = about(d);
	const uint64_t bits = image_pixel_frame_bits(&t->pixels);

	if (!t->tag || t->encapsulated || bits == 0 || t->value_n == 0)
		return err_set(e, E_NOENT, "no pixel data in native form");
	*out = (struct transcoded_pixels){.at = t->value_at, .n = t->value_n, .frame_bits = bits};
	return 0;
}
