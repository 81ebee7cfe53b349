/* imaging/rebuild.c - what was received, made again by the recipe of a settled instance. */
#include "dicom/part10.h"
#include "imaging/frame.h"
#include "imaging/transcode_own.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { META_MOST = 64 << 10 };

struct rebuilding {
	const struct image_source *in;
	struct appendix about;
	struct sink out;
	XXH3_state_t *hash;
	uint64_t n, most; /* bytes of the data set made, and to be made */
	uint8_t *room;
	bool samples; /* were given */
	struct transcode_about made;
};

static int read_at(int64_t (*read)(void *arg, uint64_t offset, void *buf, size_t n, struct err *e), void *arg,
		   uint64_t at, void *buf, size_t n, struct err *e)
{
	for (size_t have = 0; have < n;) {
		const int64_t k = read(arg, at + have, (uint8_t *)buf + have, n - have, e);

		if (k < 0)
			return (int)k;
		if (k == 0)
			return err_set(e, E_CORRUPT, "a settled instance ends early");
		have += (size_t)k;
	}
	return 0;
}

static int give(void *arg, const void *data, size_t n, struct err *e)
{
	struct rebuilding *b = arg;

	if (n > b->most - b->n)
		return err_set(e, E_CORRUPT, "a recipe makes more than the %" PRIu64 " bytes that were received",
			       b->most);
	b->n += n;
	XXH3_128bits_update(b->hash, data, n);
	return sink_put(&b->out, data, n, e);
}

/* ---- pieces */

static int settled(struct rebuilding *b, const struct recipe_piece *p, struct err *e)
{
	const uint64_t most = b->in->size - b->in->head_len;
	int rc;

	if (p->at > most || p->n > most - p->at)
		return err_set(e, E_CORRUPT, "a recipe wants what is not in the settled data set");
	for (uint64_t at = b->in->head_len + p->at, left = p->n, part; left > 0; at += part, left -= part) {
		part = left < SAMPLES_ROOM ? left : SAMPLES_ROOM;
		if ((rc = read_at(b->in->read, b->in->arg, at, b->room, (size_t)part, e)) < 0 ||
		    (rc = give(b, b->room, (size_t)part, e)) < 0)
			return rc;
	}
	return 0;
}

/* Its code stream in a worker's input. */
static int stream_of(struct rebuilding *b, uint64_t frame, struct err *e)
{
	uint8_t entry[16 + 4 * APPENDIX_CUTS];
	struct appendix_frame f;
	AUTO(fd) fd = -1;
	int rc;

	if (appendix_entry_size(&b->about) > sizeof entry)
		return err_set(e, E_BUG, "an entry of a table of frames is larger than it can be");
	if ((rc = read_at(b->in->appendix, b->in->arg, appendix_entry_at(&b->about, frame), entry,
			  appendix_entry_size(&b->about), e)) < 0 ||
	    (rc = appendix_entry(&b->about, entry, &f, e)) < 0)
		return rc;
	if (f.n > FRAME_STREAM_MOST || f.at > b->in->size || f.n > b->in->size - f.at)
		return err_set(e, E_CORRUPT, "a frame of %" PRIu64 " bytes is not in the file", f.n);
	if ((fd = worker_input(e)) < 0)
		return fd;
	rc = samples_copy(b->in, f.at, f.n, fd, b->room, e);
	return rc < 0 ? rc : fd_steal(&fd);
}

static int frame_samples(struct rebuilding *b, uint64_t frame, struct samples_out *to, struct err *e)
{
	struct job j = {.kind = JOB_DECODE, .pixels = b->about.pixels, .most = FRAME_MOST};
	AUTO(job_result) r = {0};
	AUTO(fd) fd = stream_of(b, frame, e);
	int rc;

	if (fd < 0)
		return fd;
	j.in[0] = fd;
	snprintf(j.syntax, sizeof j.syntax, "%s", b->in->syntax);
	if ((rc = worker_run(&j, &r, e)) < 0)
		return rc;
	if (r.pixels.rows != b->about.pixels.rows || r.pixels.columns != b->about.pixels.columns || r.pixels.planar ||
	    !image_pixel_frame_fits(&r.pixels, FRAME_MOST) || r.n != image_pixel_frame_bytes(&r.pixels))
		return err_set(e, E_CORRUPT, "%" PRIu64 " bytes of samples are not a frame", r.n);
	return samples_put(to, r.out, &r.pixels, b->room, e);
}

static int samples(struct rebuilding *b, const struct recipe_piece *p, struct err *e)
{
	struct samples_out to = {.swap = b->about.swap, .planar = b->about.planar, .put = give, .arg = b, .left = p->n};
	struct err why = {0};

	if (b->samples)
		return err_set(e, E_CORRUPT, "a recipe wants all samples twice");
	b->samples = true;
	b->made.value_at = b->out.at;
	b->made.value_n = p->n;
	b->made.tag = T_PIXELS;
	b->made.pixels = b->about.pixels;
	b->made.pixels.planar = b->about.planar;
	for (uint64_t i = 0; i < b->about.frames; i++)
		if (frame_samples(b, i, &to, &why) < 0)
			return err_set(e, why.code, "frame %" PRIu64 " of %" PRIu64 ": %.180s", i + 1, b->about.frames,
				       why.msg);
	const int rc = samples_end(&to, e);
	return rc == 0 && to.left > 0 ? err_set(e, E_CORRUPT, "%" PRIu64 " bytes of samples are missing", to.left) : rc;
}

static int piece(void *arg, const struct recipe_piece *p, const uint8_t *bytes, struct err *e)
{
	struct rebuilding *b = arg;

	switch (p->kind) {
	case RECIPE_SETTLED:
		return settled(b, p, e);
	case RECIPE_BYTES:
		return give(b, bytes, (size_t)p->n, e);
	case RECIPE_SAMPLES:
		return samples(b, p, e);
	}
	return err_set(e, E_CORRUPT, "a recipe has pieces of kind %d", (int)p->kind);
}

/* ---- all of it */

static int meta(struct rebuilding *b, const char *syntax, struct err *e)
{
	const struct image_source *in = b->in;
	AUTO(str) head = malloc(META_MOST);
	AUTO(buf) text = BUF(META_MOST);
	struct part10_meta m;
	int64_t rc;

	if (!head)
		return err_set(e, E_NOMEM, "no memory for a file's head");
	if ((rc = in->read(in->arg, 0, head, in->head_len < META_MOST ? in->head_len : META_MOST, e)) < 0)
		return (int)rc; /* cppcheck-suppress memleak */
	if ((rc = part10_read(head, (size_t)rc, &m, NULL)) < 0)
		return err_set(e, E_CORRUPT, "a settled instance has no File Meta Information");
	snprintf(m.syntax, sizeof m.syntax, "%s", syntax);
	if ((rc = part10_write(&m, &text, e)) < 0)
		return (int)rc;
	b->made.head_len = text.len;
	return sink_put(&b->out, text.data, text.len, e);
}

static int follow(struct rebuilding *b, struct err *e)
{
	const uint64_t n = b->about.size - b->about.recipe_at;
	AUTO(str) recipe = NULL;
	int rc;

	if (!b->about.has_recipe || n > APPENDIX_MOST)
		return err_set(e, E_NOENT, "there is no recipe of what was received");
	if (!(recipe = malloc((size_t)n)))
		return err_set(e, E_NOMEM, "no memory for a recipe");
	if ((rc = read_at(b->in->appendix, b->in->arg, b->about.recipe_at, recipe, (size_t)n, e)) < 0)
		return rc;
	return appendix_recipe_each(&b->about, recipe, (size_t)n, piece, b, e);
}

static int rebuild(struct rebuilding *b, const char *syntax, const uint8_t digest[16], int out, struct err *e)
{
	const struct image_source *in = b->in;
	uint8_t head[APPENDIX_HEAD];
	XXH128_canonical_t made;
	int rc;

	if (!in->appendix || in->appendix_n < APPENDIX_HEAD)
		return err_set(e, E_NOENT, "there is no recipe of what was received");
	if ((rc = read_at(in->appendix, in->arg, 0, head, sizeof head, e)) < 0 ||
	    (rc = appendix_read(head, in->appendix_n, &b->about, e)) < 0 || (rc = sink_open(&b->out, out, e)) < 0 ||
	    (rc = meta(b, syntax, e)) < 0)
		return rc;
	XXH3_128bits_reset(b->hash);
	if ((rc = follow(b, e)) < 0)
		return rc;
	XXH128_canonicalFromHash(&made, XXH3_128bits_digest(b->hash));
	if (b->n != b->most || memcmp(made.digest, digest, 16) != 0)
		return err_set(e, E_CORRUPT, "what a recipe makes is not what was received");
	return 0;
}

static int rebuild_about(const struct image_source *settled_one, const struct transcode_received *was, int out,
			 struct transcode_about *about, uint64_t *size, struct err *e)
{
	struct rebuilding b = {.in = settled_one, .most = was->n};
	int rc;

	b.room = malloc(SAMPLES_ROOM + 16);
	b.hash = XXH3_createState();
	if (!b.room || !b.hash)
		rc = err_set(e, E_NOMEM, "no memory to rebuild with");
	else
		rc = rebuild(&b, was->syntax, was->digest, out, e);
	if (rc == 0 && about)
		*about = b.made;
	if (rc == 0 && size)
		*size = b.out.at;
	free(b.room);
	XXH3_freeState(b.hash);
	return rc;
}

int transcode_rebuild(const struct image_source *settled_one, const char *syntax, const uint8_t digest[16],
		      uint64_t data_n, int out, uint64_t *size, struct err *e)
{
	const struct transcode_received was = {syntax, digest, data_n};

	return rebuild_about(settled_one, &was, out, NULL, size, e);
}

int transcode_for(const struct image_source *in, const struct transcode_received *received, const char *to, int out,
		  struct transcode_about *about, struct err *e)
{
	AUTO(transcode_result) r = {0};
	int rc;

	if (received && in->appendix_n > 0 && strcmp(received->syntax, to) == 0) {
		rc = rebuild_about(in, received, out, about, NULL, e);
		if (rc != -E_NOENT)
			return rc;
		if (e)
			*e = (struct err){0};
	}
	if ((rc = transcode(in, to, NULL, out, &r, e)) < 0)
		return rc;
	*about = (struct transcode_about){.head_len = r.head_len,
					  .value_at = r.value_at,
					  .value_n = r.value_n,
					  .tag = uid_is_deflated(to) ? 0 : r.tag,
					  .encapsulated = uid_is_encapsulated(to),
					  .pixels = r.pixels};
	return 0;
}
