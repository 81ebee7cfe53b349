#include "web/metadata.h"
#include "web/telling.h"
#include "web/wado_metadata.h"
#include <string.h>
#include <zstd.h>

#define LEVEL 6 /* of some ten kilobytes for each instance that differ little: more finds hardly more */

/* A skippable frame: its magic number and its length, little endian. */
static const char form[] = "\x54\x2A\x4D\x18\x13\0\0\0teleread metadata " METADATA_FORM;
#define FORM_N (sizeof(form) - 1)

struct metadata_writer {
	ZSTD_CCtx *z;
	struct buf *out, json;
	uint64_t instances;
	const char *instance; /* under way */
};

static int reference(void *arg, const char *path, const struct scan_element *el, struct buf *out, struct err *e)
{
	const struct metadata_writer *w = arg;

	(void)el;
	return buf_printf(out, e, "instances/%s/bulkdata/%s", w->instance, path);
}

/* What was written so far goes through the compression. */
static int squeeze(struct metadata_writer *w, bool last, struct err *e)
{
	ZSTD_inBuffer in = {.src = buf_text(&w->json), .size = w->json.len};
	size_t left;
	int rc;

	do {
		if ((rc = buf_reserve(w->out, ZSTD_CStreamOutSize(), e)) < 0)
			return rc;
		ZSTD_outBuffer to = {.dst = w->out->data + w->out->len, .size = ZSTD_CStreamOutSize()};

		left = ZSTD_compressStream2(w->z, &to, &in, last ? ZSTD_e_end : ZSTD_e_continue);
		if (ZSTD_isError(left))
			return err_set(e, E_BUG, "metadata cannot be compressed: %s", ZSTD_getErrorName(left));
		w->out->len += to.pos;
	} while (last ? left > 0 : in.pos < in.size);
	buf_clear(&w->json);
	return 0;
}

int metadata_new(struct buf *out, struct metadata_writer **to, struct err *e)
{
	AUTO(metadata_writer) w = calloc(1, sizeof(*w));
	int rc;

	_Static_assert(sizeof(form) - 1 == 8 + 19, "the length that the skippable frame says");
	if (!w || !(w->z = ZSTD_createCCtx()))
		return err_set(e, E_NOMEM, "no memory for metadata");
	ZSTD_CCtx_setParameter(w->z, ZSTD_c_compressionLevel, LEVEL);
	ZSTD_CCtx_setParameter(w->z, ZSTD_c_checksumFlag, 1);
	w->out = out;
	w->json = BUF(METADATA_PENDING_MOST);
	if ((rc = buf_put(out, form, FORM_N, e)) < 0)
		return rc; /* cppcheck-suppress memleak */
	*to = STEAL(w);
	return 0; /* cppcheck-suppress memleak */
}

int metadata_add(struct metadata_writer *w, const struct metadata_instance *i, struct err *e)
{
	const struct model_options o = {
	    .format = MODEL_JSON, .bulk_over = METADATA_BULK_OVER, .bulk = reference, .arg = w};
	AUTO(telling) t = NULL;
	int rc = buf_str(&w->json, w->instances++ ? ",\n" : "[", e);

	w->instance = i->sop_instance;
	if (rc < 0 || (rc = telling_new(i, &o, &w->json, &t, e)) < 0)
		return rc;
	while ((rc = telling_step(t, e)) > 0)
		if ((rc = squeeze(w, false, e)) < 0)
			return rc;
	return rc < 0 ? rc : squeeze(w, false, e);
}

int metadata_end(struct metadata_writer *w, struct err *e)
{
	int rc = buf_str(&w->json, w->instances ? "]\n" : "[]\n", e);

	return rc < 0 ? rc : squeeze(w, true, e);
}

void metadata_free(struct metadata_writer *w)
{
	if (!w)
		return;
	ZSTD_freeCCtx(w->z);
	buf_cleanup(&w->json);
	free(w);
}

bool metadata_current(const void *blob, size_t n)
{
	return n > FORM_N && memcmp(blob, form, FORM_N) == 0;
}

const void *metadata_frame(const void *blob, size_t n, size_t *out)
{
	*out = n - FORM_N;
	return (const uint8_t *)blob + FORM_N;
}
