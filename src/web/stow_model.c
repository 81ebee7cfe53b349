/* web/stow_model.c - instances that come as metadata and bulk data in parts of their own (PS3.18 8.6.1.2, 10.5.2).
 *
 * What metadata encodes to lies in a scratch file until the bulk data that it refers to has come there, too; then the
 * instance is copied together into an intake. Memory is a record for each instance and reference that wait, and the URIs of
 * these: of both there is a most.
 */
#include "archive/scratch.h"
#include "base/write.h"
#include "dicom/dict.h"
#include "dicom/model_read.h"
#include "web/stow_bulk.h"
#include "web/stow_own.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PIXEL_DATA TAG(0x7FE0, 0x0010)
#define WAITING_MOST 50000u       /* references and pieces of one request */
#define URIS_MOST (8u << 20)      /* bytes of what they refer by */
#define ROOM_STEP (4u << 20)      /* bytes between looks at the disk */
#define LENGTH_MOST 0xFFFFFFFEull /* of an element, a fragment */
#define JPEG_LOOK 65536u

struct piece {
	uint64_t at, n; /* in scratch */
};
struct bulk {
	char *uri;
	GArray *pieces;            /* struct piece */
	GPtrArray *users;          /* struct waiting, once for each reference */
	struct stow_pixels pixels; /* of the first piece */
	uint16_t failed;           /* a part of it was refused, for this reason; 0 */
};
struct waiting {
	struct waiting *next, *before;
	struct piece text; /* the encoded data set, without bulk */
	char sop_class[65], sop_instance[65], syntax[65];
	int64_t frames;
	unsigned n;
	struct reference {
		struct model_bulk where;
		struct bulk *bulk;
	} refs[];
};
struct stow_model {
	struct stow *s;
	int fd;
	uint64_t end, looked; /* of scratch */
	GHashTable *bulks;    /* by the path of their URI */
	struct waiting *first;
	unsigned records;
	size_t uris; /* bytes */
	/* the part at hand */
	struct model_split *split; /* JSON */
	struct buf text;           /* XML */
	struct bulk *bulk;
	struct piece piece;
};

/* The path of a URL; all of what is none. */
static const char *path_of(const char *uri)
{
	const char *host = strstr(uri, "://"), *path = host ? strchr(host + 3, '/') : NULL;

	return host && host - uri < 8 && path ? path : uri;
}

static void bulk_free(void *p)
{
	struct bulk *b = p;

	g_array_free(b->pieces, TRUE);
	g_ptr_array_free(b->users, TRUE);
	g_free(b->uri);
	g_free(b);
}

void stow_model_free(struct stow_model *m)
{
	if (!m)
		return;
	while (m->first) {
		struct waiting *w = m->first;

		m->first = w->next;
		free(w);
	}
	g_hash_table_destroy(m->bulks);
	model_split_free(m->split);
	buf_cleanup(&m->text);
	close(m->fd);
	free(m);
}

static int model_new(struct stow *s, struct err *e)
{
	char path[SCRATCH_PATH];
	int fd = scratch_file(s->x->archive, path, e);
	struct stow_model *m = fd < 0 ? NULL : calloc(1, sizeof *m);

	if (fd < 0)
		return fd;
	if (!m) {
		close(fd);
		return err_set(e, E_NOMEM, "no memory for a request");
	}
	*m = (struct stow_model){.s = s, .fd = fd, .text = BUF(MODEL_TEXT)};
	m->bulks = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, bulk_free);
	s->model = m;
	return 0;
}

/* ---- scratch */

static int spill(struct stow_model *m, const void *data, size_t n, struct err *e)
{
	int rc;

	if (m->end >= m->looked + ROOM_STEP) {
		m->looked = m->end;
		if ((rc = intake_room(m->s->x->archive, e)) < 0)
			return rc;
	}
	if (lseek(m->fd, (off_t)m->end, SEEK_SET) < 0)
		return err_sys(e, E_IO, "a scratch file");
	if ((rc = write_all(m->fd, data, n, "a scratch file", e)) == 0)
		m->end += n;
	return rc;
}

static void forget(struct stow_model *m, const struct piece *p)
{
	if (p->n)
		(void)fallocate(m->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)p->at, (off_t)p->n);
}

/* From scratch into the intake's own memory. */
static int copy(struct stow_model *m, struct intake *in, uint64_t at, uint64_t n, struct err *e)
{
	while (n > 0) {
		uint8_t *to;
		size_t room;
		ssize_t got;
		int rc = intake_space(in, &to, &room, e);

		if (rc < 0)
			return rc;
		got = pread(m->fd, to, n < room ? n : room, (off_t)at);
		if (got <= 0)
			return err_sys(e, E_IO, "reading a scratch file");
		if ((rc = intake_filled(in, (size_t)got, e)) < 0)
			return rc;
		at += (uint64_t)got;
		n -= (uint64_t)got;
	}
	return 0;
}

/* ---- putting an instance together */

static struct piece *piece_of(const struct bulk *b, unsigned i)
{
	return &g_array_index(b->pieces, struct piece, i);
}

static int put_head(struct intake *in, uint32_t tag, const char *vr, uint32_t length, struct err *e)
{
	AUTO(buf) head = BUF(16);
	int rc = model_bulk_head(tag, vr, length, &head, e);

	return rc < 0 ? rc : intake_write(in, head.data, head.len, e);
}

static int put_piece(struct stow_model *m, struct intake *in, const struct piece *p, struct err *e)
{
	int rc = copy(m, in, p->at, p->n, e);

	return rc == 0 && p->n & 1 ? intake_write(in, "", 1, e) : rc;
}

/* Where each frame begins; left empty where 32 bits cannot say it. */
static int put_offsets(const struct bulk *b, struct intake *in, struct err *e)
{
	AUTO(buf) table = BUF(4 * (size_t)WAITING_MOST);
	uint64_t at = 0;
	int rc = 0;

	for (unsigned i = 0; i < b->pieces->len && rc == 0; i++) {
		uint8_t le[4] = {(uint8_t)at, (uint8_t)(at >> 8), (uint8_t)(at >> 16), (uint8_t)(at >> 24)};

		rc = buf_put(&table, le, 4, e);
		if (at > UINT32_MAX)
			buf_clear(&table);
		at += 8 + piece_of(b, i)->n + (piece_of(b, i)->n & 1);
	}
	if (at > UINT32_MAX || b->pixels.video)
		buf_clear(&table);
	if (rc == 0)
		rc = put_head(in, TAG(0xFFFE, 0xE000), "", (uint32_t)table.len, e);
	return rc < 0 ? rc : intake_write(in, table.data, table.len, e);
}

static int put_frames(struct stow_model *m, const struct reference *r, struct intake *in, struct err *e)
{
	int rc = put_head(in, r->where.tag, "OB", SCAN_UNDEFINED, e);

	if (rc == 0)
		rc = put_offsets(r->bulk, in, e);
	for (unsigned i = 0; i < r->bulk->pieces->len && rc == 0; i++) {
		const struct piece *p = piece_of(r->bulk, i);

		if (p->n >= LENGTH_MOST)
			return err_set(e, E_LIMIT, "a frame is longer than 4 GiB");
		rc = put_head(in, TAG(0xFFFE, 0xE000), "", (uint32_t)(p->n + (p->n & 1)), e);
		if (rc == 0)
			rc = put_piece(m, in, p, e);
	}
	return rc < 0 ? rc : put_head(in, TAG(0xFFFE, 0xE0DD), "", 0, e);
}

static int put_reference(struct stow_model *m, const struct reference *r, struct intake *in, struct err *e)
{
	const struct piece *p = piece_of(r->bulk, 0);
	int rc;

	if (r->where.tag == PIXEL_DATA && r->bulk->pixels.frames)
		return put_frames(m, r, in, e);
	if (p->n > LENGTH_MOST)
		return err_set(e, E_LIMIT, "bulk data of (%04X,%04X) is longer than 4 GiB", r->where.tag >> 16,
			       r->where.tag & 0xFFFF);
	rc = put_head(in, r->where.tag, r->where.vr, (uint32_t)(p->n + (p->n & 1)), e);
	return rc < 0 ? rc : put_piece(m, in, p, e);
}

static int put_together(struct stow_model *m, const struct waiting *w, struct intake *in, struct err *e)
{
	uint64_t at = 0;
	int rc = 0;

	for (unsigned i = 0; i < w->n && rc == 0; i++) {
		const struct reference *r = &w->refs[i];

		rc = copy(m, in, w->text.at + at, r->where.at - at, e);
		at = r->where.at;
		if (rc == 0)
			rc = put_reference(m, r, in, e);
	}
	return rc < 0 ? rc : copy(m, in, w->text.at + at, w->text.n - at, e);
}

/* Of (7FE0,0010) of the data set itself. */
static const struct reference *pixels_of(const struct waiting *w)
{
	for (unsigned i = 0; i < w->n; i++)
		if (w->refs[i].where.tag == PIXEL_DATA && w->refs[i].where.depth == 0)
			return &w->refs[i];
	return NULL;
}

static int syntax_of(struct stow_model *m, const struct waiting *w, char out[65], struct err *e)
{
	const struct reference *r = pixels_of(w);
	unsigned char look[JPEG_LOOK];
	const char *syntax = r && r->bulk->pixels.frames ? r->bulk->pixels.syntax : UID_EXPLICIT_LE;

	if (!syntax[0]) {
		const struct piece *p = piece_of(r->bulk, 0);
		ssize_t n = pread(m->fd, look, p->n < sizeof look ? p->n : sizeof look, (off_t)p->at);

		syntax = stow_jpeg_syntax(look, n > 0 ? (size_t)n : 0);
	}
	if (!syntax[0])
		return err_set(e, E_UNSUP,
			       "the pixel data is no JPEG of DICOM's, and its part says no transfer-syntax");
	snprintf(out, 65, "%s", syntax);
	return 0;
}

/* No longer waits. */
static void drop(struct stow_model *m, struct waiting *w)
{
	*(w->before ? &w->before->next : &m->first) = w->next;
	if (w->next)
		w->next->before = w->before;
	forget(m, &w->text);
	m->records -= w->n + 1;
	for (unsigned i = 0; i < w->n; i++) {
		struct bulk *b = w->refs[i].bulk;

		g_ptr_array_remove_fast(b->users, w);
		if (b->users->len)
			continue;
		for (unsigned k = 0; k < b->pieces->len; k++)
			forget(m, piece_of(b, k));
		m->records -= b->pieces->len;
		if (m->bulk == b)
			m->bulk = NULL;
		m->uris -= strlen(b->uri) + 1;
		g_hash_table_remove(m->bulks, path_of(b->uri));
	}
	free(w);
}

/* All of it is there. */
static int take_in(struct stow_model *m, struct waiting *w, struct err *e)
{
	struct stow *s = m->s;
	struct intake *in = NULL;
	struct err why = {0};
	char syntax[65];
	int rc = syntax_of(m, w, syntax, &why);

	if (rc == 0)
		rc = intake_begin(s->x->archive, &s->source, syntax, "", "", &in, &why);
	if (rc == 0) {
		intake_hint(in, w->sop_class, w->sop_instance);
		rc = put_together(m, w, in, &why);
	}
	if (rc == 0) {
		drop(m, w);
		return stow_submit(s, in, e);
	}
	intake_abort(in);
	rc = stow_refuse(s, w->sop_class, w->sop_instance, stow_reason(&why), &why, e);
	drop(m, w);
	return rc;
}

/* How many pieces it needs before an instance of so many frames is whole. */
static int64_t pieces_due(const struct bulk *b, const struct waiting *w, const struct reference *r)
{
	bool frames = r->where.tag == PIXEL_DATA && r->where.depth == 0 && b->pixels.frames && !b->pixels.video;

	return frames ? w->frames : 1;
}

/* The first of its references that is not there; NULL: all are. */
static const struct reference *missing(const struct waiting *w)
{
	for (unsigned i = 0; i < w->n; i++) {
		const struct bulk *b = w->refs[i].bulk;

		if ((int64_t)b->pieces->len < pieces_due(b, w, &w->refs[i]))
			return &w->refs[i];
	}
	return NULL;
}

/* ---- metadata */

/* NULL: another reference differs from this one by its host alone, so nobody could tell their parts apart. */
static struct bulk *bulk_of(struct stow_model *m, const char *uri, struct waiting *w)
{
	struct bulk *b = g_hash_table_lookup(m->bulks, path_of(uri));

	if (b && strcmp(b->uri, uri) != 0)
		return NULL;
	if (!b) {
		b = g_new0(struct bulk, 1);
		b->uri = g_strdup(uri);
		m->uris += strlen(uri) + 1;
		b->pieces = g_array_new(FALSE, FALSE, sizeof(struct piece));
		b->users = g_ptr_array_new();
		g_hash_table_insert(m->bulks, (gpointer)(uintptr_t)path_of(b->uri), b);
	}
	g_ptr_array_add(b->users, w);
	return b;
}

static int refuse_reference(struct stow_model *m, struct waiting *w, const struct model_bulk *where, struct err *e)
{
	struct err why = {0};
	int rc;

	err_set(&why, E_INVAL, "BulkDataURI of (%04X,%04X) differs from another one by its host alone",
		where->tag >> 16, where->tag & 0xFFFF);
	rc = stow_refuse(m->s, w->sop_class, w->sop_instance, REASON_NOT_UNDERSTOOD, &why, e);
	drop(m, w);
	return rc;
}

static int wait_for(struct stow_model *m, const struct model_set *set, struct err *e)
{
	struct waiting *w;
	int rc;

	if (m->records + set->n_bulks + 1 > WAITING_MOST)
		return err_set(e, E_LIMIT, "more than %u references to bulk data wait: send it nearer to its metadata",
			       WAITING_MOST);
	if (m->uris + set->uris.len > URIS_MOST)
		return err_set(e, E_LIMIT,
			       "more than %u bytes of BulkDataURI wait: send bulk data nearer to its metadata",
			       URIS_MOST);
	w = calloc(1, sizeof *w + set->n_bulks * sizeof *w->refs);
	if (!w)
		return err_set(e, E_NOMEM, "no memory for an instance");
	w->text = (struct piece){m->end, set->bytes.len};
	if ((rc = spill(m, set->bytes.data, set->bytes.len, e)) < 0) {
		free(w);
		return rc;
	}
	memcpy(w->sop_class, set->sop_class, sizeof w->sop_class);
	memcpy(w->sop_instance, set->sop_instance, sizeof w->sop_instance);
	memcpy(w->syntax, set->syntax, sizeof w->syntax);
	w->frames = set->frames;
	m->records++;
	if ((w->next = m->first))
		w->next->before = w;
	m->first = w;
	for (unsigned i = 0; i < set->n_bulks; i++) {
		struct bulk *b = bulk_of(m, (const char *)set->uris.data + set->bulks[i].uri, w);

		if (!b)
			return refuse_reference(m, w, &set->bulks[i], e);
		w->refs[w->n++] = (struct reference){set->bulks[i], b};
		m->records++;
	}
	return w->n ? 0 : take_in(m, w, e);
}

/* One data set that cannot be read does not keep the others back. */
static int take_set(struct stow_model *m, int rc, struct model_set *set, const struct err *why, struct err *e)
{
	const struct stow_taker *taker = m->s->taker;

	rc = rc < 0 ? stow_refuse(m->s, "", "", stow_reason(why), why, e) : wait_for(m, set, e);
	m->s->taker = taker;
	return rc;
}

static int object(void *arg, const char *text, size_t n, struct err *e)
{
	AUTO(model_set) set = {0};
	struct err why = {0};
	int rc = model_read_json(text, n, &set, &why);

	return take_set(arg, rc, &set, &why, e);
}

static int metadata_begin(struct stow *s, const struct multipart_part *part, struct err *e)
{
	int rc = s->model ? 0 : model_new(s, e);

	if (rc < 0)
		return rc;
	buf_clear(&s->model->text);
	model_split_free(STEAL(s->model->split));
	return strcmp(part->type.type, "application/dicom+json") == 0
		   ? model_split_new(object, s->model, &s->model->split, e)
		   : 0;
}

/* Text that cannot be gone on with fails as a part; what it had before stays. */
static int part_failed(struct stow *s, const struct err *why, struct err *e)
{
	return stow_refuse(s, "", "", stow_reason(why), why, e);
}

static int metadata_data(struct stow *s, const uint8_t *data, size_t n, struct err *e)
{
	struct stow_model *m = s->model;
	struct err why = {0};
	int rc = m->split ? model_split_feed(m->split, data, n, &why) : buf_put(&m->text, data, n, &why);

	if (rc == 0)
		return 0;
	if (why.code != E_INVAL && why.code != E_LIMIT) {
		*e = why;
		return rc;
	}
	return part_failed(s, &why, e);
}

static int metadata_end(struct stow *s, struct err *e)
{
	struct stow_model *m = s->model;
	AUTO(model_set) set = {0};
	struct err why = {0};
	int rc;

	if (m->split)
		return model_split_end(m->split, &why) < 0 ? part_failed(s, &why, e) : 0;
	rc = model_read_xml(buf_text(&m->text), m->text.len, &set, &why);
	return take_set(m, rc, &set, &why, e);
}

const struct stow_taker stow_metadata = {metadata_begin, metadata_data, metadata_end};

/* ---- bulk data */

/* By Content-Location, of a URL by its path; or by Content-ID (cid:). */
static struct bulk *find_bulk(struct stow_model *m, const struct multipart_part *part)
{
	struct bulk *b = part->location[0] ? g_hash_table_lookup(m->bulks, path_of(part->location)) : NULL;
	char cid[1024];

	if (b || !part->id[0])
		return b;
	snprintf(cid, sizeof cid, "cid:%s", part->id);
	return g_hash_table_lookup(m->bulks, cid);
}

static int bulk_begin(struct stow *s, const struct multipart_part *part, struct err *e)
{
	struct stow_model *m = s->model;
	struct err why = {0};
	const struct waiting *w;

	if (!(m->bulk = find_bulk(m, part)))
		err_set(&why, E_INVAL, "bulk data that no metadata before it refers to, or more of it than was due");
	else if (m->records == WAITING_MOST)
		return err_set(e, E_LIMIT, "more than %u pieces of bulk data wait", WAITING_MOST);
	m->piece = (struct piece){m->end, 0};
	if (m->bulk && m->bulk->pieces->len == 0) {
		w = g_ptr_array_index(m->bulk->users, 0);
		if (stow_pixels_of(&part->type, w->syntax, &m->bulk->pixels, &why) < 0)
			m->bulk->failed = stow_reason(&why);
	}
	if (!why.msg[0])
		return 0;
	m->bulk = NULL;
	return stow_refuse(s, "", "", stow_reason(&why), &why, e);
}

static int bulk_data(struct stow *s, const uint8_t *data, size_t n, struct err *e)
{
	struct stow_model *m = s->model;
	struct err why = {0};

	m->piece.n += n;
	if (spill(m, data, n, &why) == 0)
		return 0;
	m->bulk->failed = stow_reason(&why);
	m->bulk = NULL;
	return part_failed(s, &why, e);
}

static int bulk_end(struct stow *s, struct err *e)
{
	struct stow_model *m = s->model;
	struct bulk *b = m->bulk;
	int rc = 0;

	g_array_append_val(b->pieces, m->piece);
	m->records++;
	for (unsigned i = 0; m->bulk && i < b->users->len && rc == 0;) { /* the last one takes it along */
		struct waiting *w = g_ptr_array_index(b->users, i);

		if (missing(w))
			i++;
		else
			rc = take_in(m, w, e);
	}
	m->bulk = NULL;
	return rc;
}

const struct stow_taker stow_bulk = {bulk_begin, bulk_data, bulk_end};

int stow_model_end(struct stow *s, struct err *e)
{
	struct stow_model *m = s->model;
	int rc = 0;

	while (rc == 0 && m->first) {
		struct waiting *w = m->first;
		const struct reference *r = missing(w);
		struct err why = {0};

		err_set(&why, E_INVAL, "bulk data of (%04X,%04X) did not come: %u of %lld parts", r->where.tag >> 16,
			r->where.tag & 0xFFFF, r->bulk->pieces->len, (long long)pieces_due(r->bulk, w, r));
		rc = stow_refuse(s, w->sop_class, w->sop_instance,
				 r->bulk->failed ? r->bulk->failed : REASON_NOT_UNDERSTOOD, &why, e);
		drop(m, w);
	}
	return rc;
}
