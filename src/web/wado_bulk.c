#include "web/wado_bulk.h"
#include "dicom/dict.h"
#include "dicom/model.h"
#include "web/wado_metadata.h"
#include <string.h>

#define PIECE 65536u
#define ITEM TAG(0xFFFE, 0xE000)
#define FRAGMENTS_MOST (1u << 20)

/* ---- paths */

static bool read_tag(const char **at, uint32_t *out)
{
	uint32_t tag = 0;

	for (unsigned i = 0; i < 8; i++) {
		char c = *(*at)++;

		if (c >= '0' && c <= '9')
			tag = tag << 4 | (uint32_t)(c - '0');
		else if (c >= 'A' && c <= 'F')
			tag = tag << 4 | (uint32_t)(c - 'A' + 10);
		else if (c >= 'a' && c <= 'f')
			tag = tag << 4 | (uint32_t)(c - 'a' + 10);
		else
			return false;
	}
	*out = tag;
	return true;
}

static bool read_item(const char **at, uint32_t *out)
{
	uint32_t n = 0;
	unsigned digits = 0;

	for (; **at >= '0' && **at <= '9' && digits < 9; (*at)++, digits++)
		n = n * 10 + (uint32_t)(**at - '0');
	*out = n;
	return digits > 0 && **at == '/';
}

int bulk_path_parse(const char *text, struct bulk_path *out, struct err *e)
{
	memset(out, 0, sizeof(*out));
	for (;;) {
		if (!read_tag(&text, &out->tag[out->depth]))
			break;
		if (!*text)
			return 0;
		if (*text++ != '/' || !read_item(&text, &out->item[out->depth]) || out->depth + 1 == SCAN_DEPTH)
			break;
		text++;
		out->depth++;
	}
	return err_set(e, E_INVAL, "a value is named by its tag, 00282000, within sequences 00081140/0/00081150");
}

/* ---- one value */

struct finder {
	const struct bulk_path *path;
	unsigned matched;          /* levels of the path that we are within */
	uint32_t next[SCAN_DEPTH]; /* number of the next item, by depth */
	uint32_t open[SCAN_DEPTH]; /* tag of the sequence, by depth */
	bool found;
	struct scan_element el;
};

static bool within(const struct finder *f, unsigned depth)
{
	for (unsigned d = 0; d < depth; d++)
		if (f->open[d] != f->path->tag[d] || f->next[d] != f->path->item[d] + 1)
			return false;
	return true;
}

static int element(void *arg, const struct scan_element *el, struct err *e)
{
	struct finder *f = arg;

	(void)e;
	if (el->depth == 0 && el->tag > f->path->tag[0])
		return 1; /* tags ascend: it is not there */
	if (el->depth >= SCAN_DEPTH)
		return 0;
	f->open[el->depth] = el->tag;
	f->next[el->depth] = 0;
	if (el->depth != f->path->depth || el->tag != f->path->tag[el->depth] || !within(f, el->depth))
		return 0;
	f->found = strcmp(el->vr, "SQ") != 0;
	f->el = *el;
	return 1;
}

static int item(void *arg, unsigned depth, bool begin, struct err *e)
{
	struct finder *f = arg;

	(void)e;
	if (begin && depth < SCAN_DEPTH)
		f->next[depth]++;
	return 0;
}

static int scan_view(const struct view *v, struct scan *scan, struct err *e)
{
	uint8_t piece[PIECE];
	uint64_t at = v->head_len;
	int rc = 0;

	while (rc == 0 && at < v->size) {
		size_t n = v->size - at < sizeof(piece) ? (size_t)(v->size - at) : sizeof(piece);

		if ((rc = view_read(v, at, piece, n, e)) == 0)
			rc = scan_feed(scan, piece, n, e);
		at += n;
	}
	return rc < 0 ? rc : 0;
}

static uint32_t little32(const uint8_t *p)
{
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

/* The items from at on, up to the one that is no item. */
static int find_fragments(const struct view *v, uint64_t at, struct part *out, struct err *e)
{
	size_t room = 0;
	uint8_t head[8];
	int rc;

	for (bool first = true;; first = false) {
		if (at + sizeof(head) > v->size)
			return err_set(e, E_MISMATCH, "pixel data ends within its fragments");
		if ((rc = view_read(v, at, head, sizeof(head), e)) < 0)
			return rc;
		uint32_t tag = (uint32_t)(head[1] << 8 | head[0]) << 16 | (uint32_t)(head[3] << 8 | head[2]),
			 n = little32(head + 4);

		if (tag != ITEM)
			break;
		at += sizeof(head);
		if (n > v->size - at)
			return err_set(e, E_MISMATCH, "a fragment of %u bytes ends behind the data set", n);
		if (!first) {
			if (out->n == FRAGMENTS_MOST)
				return err_set(e, E_LIMIT, "more than %u fragments", FRAGMENTS_MOST);
			if (out->n == room) {
				struct frame_piece *more =
				    reallocarray(out->pieces, room ? room * 2 : 16, sizeof(*more));

				if (!more)
					return err_set(e, E_NOMEM, "no memory for fragments");
				out->pieces = more;
				room = room ? room * 2 : 16;
			}
			out->pieces[out->n++] = (struct frame_piece){.at = at, .n = n};
		}
		at += n;
	}
	return 0;
}

int bulk_find(const struct view *v, const struct bulk_path *p, struct part *out, struct err *e)
{
	static const struct scan_ops ops = {.element = element, .item = item};
	struct finder f = {.path = p};
	AUTO(scan) scan = NULL;
	uint64_t at;
	int rc;

	if ((rc = scan_new(v->syntax, 0, &ops, &f, &scan, e)) < 0 || (rc = scan_view(v, scan, e)) < 0)
		return rc;
	if (!f.found)
		return err_set(e, E_NOENT, "no such value");
	at = v->head_len + f.el.at;
	if (f.el.length == SCAN_UNDEFINED)
		return find_fragments(v, at, out, e);
	if (at > v->size || f.el.length > v->size - at)
		return err_set(e, E_MISMATCH, "a value of %u bytes ends behind the data set", f.el.length);
	out->one = (struct frame_piece){.at = at, .n = f.el.length};
	out->n = 1;
	return 0;
}

/* ---- all that metadata refer to */

static int note_path(void *arg, const char *path, const struct scan_element *el, struct buf *out, struct err *e)
{
	(void)el;
	(void)out;
	return buf_put(arg, path, strlen(path) + 1, e);
}

int bulk_list(struct archive *a, const struct stored *s, struct buf *out, struct err *e)
{
	const struct model_options o = {.bulk_over = METADATA_BULK_OVER, .bulk = note_path, .arg = out};
	AUTO(buf) text = BUF(METADATA_PENDING_MOST);
	AUTO(model) model = NULL;
	uint8_t piece[PIECE];
	struct view v;
	int rc;

	view_stored(a, s, &v);
	if ((rc = model_new(&o, s->syntax, &text, &model, e)) < 0)
		return rc;
	for (uint64_t at = v.head_len; at < v.size && rc == 0; at += sizeof(piece)) {
		size_t n = v.size - at < sizeof(piece) ? (size_t)(v.size - at) : sizeof(piece);

		if ((rc = view_read(&v, at, piece, n, e)) == 0)
			rc = model_feed(model, piece, n, e);
		buf_clear(&text);
	}
	return rc < 0 ? rc : 0;
}
