#include "imaging/render.h"
#include "dicom/dict.h"

bool render_can(const char *syntax)
{
	return strcmp(syntax, UID_DEFLATED_LE) == 0 || codec_known(CODEC_DECODE, syntax);
}

const char *render_type(enum render_format f)
{
	return f == RENDER_PNG ? "image/png" : f == RENDER_WEBP ? "image/webp" : "image/jpeg";
}

int render_frame(int file, int state, const struct render_options *o, struct job_result *out, struct err *e)
{
	struct job j = {.kind = JOB_RENDER, .most = RENDER_PICTURE_MOST, .in = {file, state}};

	memcpy(j.more, o, sizeof(*o));
	return worker_run(&j, out, e);
}
