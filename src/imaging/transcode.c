/* imaging/transcode.c - what is to be done with an instance, and the order of doing it. */
#include "imaging/transcode.h"
#include "imaging/transcode_own.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void transcode_result_cleanup(struct transcode_result *r)
{
	buf_cleanup(&r->appendix);
	buf_cleanup(&r->changes);
}

/* ---- what is possible */

static bool native(const char *syntax)
{
	return strcmp(syntax, UID_IMPLICIT_LE) == 0 || strcmp(syntax, UID_EXPLICIT_LE) == 0 ||
	       strcmp(syntax, UID_EXPLICIT_BE) == 0 || strcmp(syntax, UID_DEFLATED_LE) == 0;
}

bool transcode_can(const char *from, const char *to)
{
	if (strcmp(from, to) == 0)
		return true;
	return (native(from) || codec_known(CODEC_DECODE, from)) &&
	       (native(to) || (codec_known(CODEC_ENCODE, to) && codec_lossless(to)));
}

static int plan(struct transcoding *t, struct err *e)
{
	const char *from = t->in->syntax;
	const bool same = strcmp(from, t->to) == 0, loss = t->how->codec.ratio > 0 || t->how->codec.quality > 0;

	/* what has no pixel data is the same data set in all that are encapsulated (PS3.5 A.4) */
	const bool bare =
	    !t->in->tag && !uid_is_deflated(from) && !uid_is_deflated(t->to) && uid_is_encapsulated(t->to);

	t->same = same;
	t->encode = !same && (t->in->tag || uid_is_deflated(from)) && !native(t->to);
	t->decode = !same && t->in->encapsulated;
	t->lossy = t->encode && !codec_lossless(t->to);
	if (t->lossy ? !loss || !codec_known(CODEC_ENCODE, t->to) : !bare && !transcode_can(from, t->to))
		return err_set(e, E_UNSUP, "there is no way from %s to %s", uid_name(from), uid_name(t->to));
	if (t->in->tag && t->in->tag != T_PIXELS && t->encode)
		return err_set(e, E_UNSUP, "samples that are no integers are not compressed");
	if (t->how->prove && (uid_is_deflated(from) || t->in->encapsulated || t->lossy))
		return err_set(e, E_UNSUP, "what is compressed, or would lose something, is kept as it came");
	if (same && uid_is_deflated(from))
		return err_set(e, E_UNSUP, "a deflated data set is not deflated again");
	return 0;
}

/* ---- doing it */

static int write_all_of_it(struct transcoding *t, const struct image_source *given, struct err *e)
{
	int rc;

	if ((rc = head_meta(t, given, e)) < 0 || (rc = head_begin(t, e)) < 0 ||
	    (t->in->tag && (rc = pixels_write(t, e)) < 0) || (rc = head_rest(t, e)) < 0 || (rc = loss_ratio(t, e)) < 0)
		return rc;
	return sink_end(&t->out, &t->r->size, e);
}

static int finish(struct transcoding *t, struct err *e)
{
	const struct appendix about = {.swap = t->swap,
				       .planar = t->in->pixels.planar,
				       .pixels = t->pixels,
				       .value_at = t->r->value_at,
				       .value_n = t->r->value_n};
	int rc;

	t->r->coded = t->coded;
	t->r->frames = t->in->frames;
	t->r->pixels = t->pixels;
	if (!t->how->prove)
		return 0;
	if ((rc = proof_end(&t->proof, t->in, t->how->digest, e)) < 0)
		return rc;
	return appendix_end(t->proof.w, &about, &t->r->appendix, e);
}

/* Samples of more than a byte lie in words, whatever VR is written there (PS3.5 8.1.2). */
static uint8_t words_of(const struct transcoding *t)
{
	const uint8_t swap = t->in->encapsulated ? 0 : samples_swap(t->in->syntax, t->was.pixel_vr);
	const bool words = !t->in->encapsulated && t->in->tag == T_PIXELS && t->in->pixels.bits_allocated > 8;

	return swap == 0 && words ? samples_swap(t->in->syntax, "OW") : swap;
}

static int run(struct transcoding *t, const struct image_source *given, struct err *e)
{
	int rc;

	warn(t, given->warning);
	if ((rc = plan(t, e)) < 0 || (rc = head_open(t, e)) < 0)
		return rc;
	t->encode =
	    t->encode || (t->in->tag && !native(t->to) && !t->in->encapsulated); /* found in what was deflated */
	t->swap = words_of(t);
	if ((rc = pixels_first(t, e)) < 0)
		return rc;
	if (t->how->prove && (rc = proof_open(&t->proof, t->n_cuts, e)) < 0)
		return rc;
	if ((rc = head_describe(t, e)) < 0 || (rc = write_all_of_it(t, given, e)) < 0)
		return rc;
	return finish(t, e);
}

int transcode(const struct image_source *in, const char *to, const struct transcode_how *how, int out,
	      struct transcode_result *result, struct err *e)
{
	static const struct transcode_how plainly;
	struct transcode_result r = {.appendix = BUF(APPENDIX_MOST), .changes = BUF(1 << 20)};
	struct transcoding *t = calloc(1, sizeof *t);
	int rc = 0;

	if (!t || !(t->room = malloc(SAMPLES_ROOM + 16))) {
		free(t);
		return err_set(e, E_NOMEM, "no memory to transcode with");
	}
	t->in = in;
	t->to = to;
	t->how = how ? how : &plainly;
	t->r = &r;
	t->plain.fd = t->head.fd = t->first_samples = -1;
	snprintf(r.syntax, sizeof r.syntax, "%s", to);
	if ((rc = sink_open(&t->out, out, e)) == 0)
		rc = run(t, in, e);
	sink_cleanup(&t->out);
	proof_cleanup(&t->proof);
	edits_cleanup(&t->edits);
	job_result_cleanup(&t->first);
	fd_cleanup(&t->first_samples);
	own_close(&t->plain);
	own_close(&t->head);
	free(t->room);
	free(t);
	if (rc < 0)
		transcode_result_cleanup(&r);
	*result = rc < 0 ? (struct transcode_result){.workers_limit = r.workers_limit} : r;
	return rc;
}
