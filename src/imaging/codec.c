/* imaging/codec.c - the door: looks the codec up, and what is common to all of them. */
#include "imaging/codec_own.h"
#include <stdlib.h>

void codec_frame_cleanup(struct codec_frame *f)
{
	free(f->data);
	*f = (struct codec_frame){0};
}

void codec_stream_cleanup(struct codec_stream *s)
{
	buf_cleanup(&s->bytes);
	*s = (struct codec_stream){0};
}

int codec_decode(const char *syntax, const struct image_pixel *said, const void *in, size_t n, unsigned reduce,
		 uint64_t most, struct codec_frame *out, struct err *e)
{
	(void)said, (void)in, (void)n, (void)reduce, (void)most, (void)out;
	return err_set(e, E_UNSUP, "no codec for %s", syntax);
}

int codec_encode(const char *syntax, const struct codec_how *how, const struct image_pixel *p, const void *samples,
		 size_t n, uint64_t most, struct codec_stream *out, struct err *e)
{
	(void)how, (void)p, (void)samples, (void)n, (void)most, (void)out;
	return err_set(e, E_UNSUP, "no codec for %s", syntax);
}
