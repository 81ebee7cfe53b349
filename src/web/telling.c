#include "web/telling.h"
#include "base/log.h"
#include "dicom/dict.h"
#include "web/wado_metadata.h"
#include <string.h>

#define PIECE (32u << 10)

struct telling {
	const struct metadata_instance *what;
	struct buf *out;
	struct model_judge *judge;
	struct model_writer *model;
	uint64_t at;       /* of the file */
	uint64_t piece_at; /* what piece holds, from where */
	size_t piece_n;
	uint8_t piece[PIECE];
};

/* The bytes from at on, at most a piece; those read last are at hand. */
static int piece_at(struct telling *t, uint64_t at, size_t *n, struct err *e)
{
	const struct metadata_instance *i = t->what;
	int rc;

	*n = i->size - at < PIECE ? (size_t)(i->size - at) : PIECE;
	if (t->piece_at == at && t->piece_n == *n)
		return 0;
	t->piece_n = 0;
	if ((rc = i->read(i->arg, at, t->piece, *n, e)) < 0)
		return rc;
	t->piece_at = at;
	t->piece_n = *n;
	return 0;
}

/* What the text is written in. */
static int judge(struct telling *t, struct err *e)
{
	struct err broken = {0};
	size_t n;
	int rc = model_judge_new(t->what->syntax, &t->judge, e);

	for (uint64_t at = t->what->head_len; rc == 0 && at < t->what->size; at += n) {
		if ((rc = piece_at(t, at, &n, e)) < 0)
			return rc;
		if (model_judge_feed(t->judge, t->piece, n, &broken) != 0)
			break;
	}
	return rc;
}

/* Implicit VR and big endian have no place on the web (PS3.18 8.7.3). */
static const char *available(const char *syntax)
{
	return uid_is_encapsulated(syntax) && !uid_is_deflated(syntax) ? syntax : UID_EXPLICIT_LE;
}

int telling_new(const struct metadata_instance *what, const struct model_options *o, struct buf *out,
		struct telling **to, struct err *e)
{
	AUTO(telling) t = calloc(1, sizeof(*t));
	struct model_options options = *o;
	int rc;

	if (!t)
		return err_set(e, E_NOMEM, "no memory for metadata");
	t->what = what;
	t->out = out;
	t->at = what->head_len;
	if ((rc = judge(t, e)) < 0)
		return rc;
	options.verdict = model_judge_end(t->judge);
	options.available = available(what->syntax);
	if ((rc = model_new(&options, what->syntax, out, &t->model, e)) < 0)
		return rc;
	*to = STEAL(t);
	return 0;
}

int telling_step(struct telling *t, struct err *e)
{
	struct err broken = {0};
	size_t n;
	int rc = 1;

	if (t->at < t->what->size) {
		if ((rc = piece_at(t, t->at, &n, e)) < 0)
			return rc;
		t->at += n;
		rc = model_feed(t->model, t->piece, n, &broken);
		if (rc == 0 && t->at < t->what->size)
			return 1;
	}
	if (rc == -E_LIMIT && t->out->len > t->out->cap / 2) {
		*e = broken;
		return rc;
	}
	if (model_end(t->model, &broken) < 0)
		log_warn("metadata of instance %s: %s", t->what->sop_instance, broken.msg);
	return 0;
}

void telling_free(struct telling *t)
{
	if (!t)
		return;
	model_free(t->model);
	model_judge_free(t->judge);
	free(t);
}
