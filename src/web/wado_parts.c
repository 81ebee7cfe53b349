#include "web/wado_parts.h"
#include "base/metrics.h"
#include "web/json.h"
#include "web/reply.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define HEADS_MOST 2048u /* of a part's end and the next one's head */
#define PIECES_ONE(p) ((p)->pieces ? (p)->pieces : &(p)->one)

struct parts {
	struct exchange *x;
	const struct part_ops *ops;
	void *arg;
	char boundary[PARTS_BOUNDARY];
	struct part part;
	bool open;    /* part is being given */
	bool bare;    /* no heads, no boundaries: one part alone */
	size_t piece; /* of the part, and how much of it was given */
	uint64_t at;
};

#define FRAMES_HELP "Frames answered over HTTP, by where they come from"
#define BYTES_HELP "Bytes of frames answered over HTTP, by where they come from"
static struct metric m_frames[PART_FROMS] = {
    [PART_STORED] = METRIC(COUNTER, "teleread_http_frames_total", "from=\"stored\"", FRAMES_HELP),
    [PART_DECODED] = METRIC(COUNTER, "teleread_http_frames_total", "from=\"decoded\"", FRAMES_HELP),
    [PART_MADE] = METRIC(COUNTER, "teleread_http_frames_total", "from=\"transcoded\"", FRAMES_HELP),
};
static struct metric m_bytes[PART_FROMS] = {
    [PART_STORED] = METRIC(COUNTER, "teleread_http_frames_bytes_total", "from=\"stored\"", BYTES_HELP),
    [PART_DECODED] = METRIC(COUNTER, "teleread_http_frames_bytes_total", "from=\"decoded\"", BYTES_HELP),
    [PART_MADE] = METRIC(COUNTER, "teleread_http_frames_bytes_total", "from=\"transcoded\"", BYTES_HELP),
};

static void count(const struct exchange *x, const struct part *p, uint64_t bytes)
{
	if (p->from == PART_OTHER || strcmp(http_method(x->http), "HEAD") == 0)
		return;
	metric_add(&m_frames[p->from], 1);
	metric_add(&m_bytes[p->from], (int64_t)bytes);
}

void part_cleanup(struct part *p)
{
	view_cleanup(&p->view);
	free(p->pieces);
	free(p->text);
	p->pieces = NULL;
	p->text = NULL;
}

void part_whole(struct part *p, struct view *view)
{
	p->view = *view;
	view->other = NULL;
	view->fd = -1;
	memcpy(p->syntax, p->view.syntax, sizeof(p->syntax));
	p->type = "application/dicom";
	p->one = (struct frame_piece){.at = 0, .n = p->view.size};
	p->n = 1;
}

uint64_t part_length(const struct part *p)
{
	const struct frame_piece *pieces = PIECES_ONE(p);
	uint64_t n = 0;

	if (p->bits)
		return (p->bits + 7) / 8;
	for (size_t i = 0; i < p->n; i++)
		n += pieces[i].n;
	return n;
}

void part_locate(struct exchange *x, struct part *p, const char *fmt, ...)
{
	const char *path = http_path(x->http), *studies = strstr(path, "/studies");
	size_t room = sizeof(p->location);
	va_list args;
	int n = snprintf(p->location, room, "%.*s", studies ? (int)(studies - path) : 0, path);

	if (n < 0 || (size_t)n >= room) {
		p->location[0] = '\0';
		return;
	}
	va_start(args, fmt);
	if (vsnprintf(p->location + n, room - (size_t)n, fmt, args) >= (int)(room - (size_t)n))
		p->location[0] = '\0';
	va_end(args);
}

void part_warn(struct part *p, const char *fmt, ...)
{
	va_list args;

	if (p->warning[0])
		return;
	va_start(args, fmt);
	vsnprintf(p->warning, sizeof(p->warning), fmt, args);
	va_end(args);
	for (char *c = p->warning; *c; c++)
		if (*c < ' ' || *c > '~' || *c == '"' || *c == '\\')
			*c = '\'';
}

int part_error(struct part *p, const struct err *why, struct err *e)
{
	AUTO(buf) text = BUF(4096);
	int rc = buf_byte(&text, '{', e);

	if (rc < 0 || (rc = json_member(&text, "error", why->msg[0] ? why->msg : err_text(why->code), e)) < 0 ||
	    (rc = buf_str(&text, "}\n", e)) < 0)
		return rc;
	p->type = "application/json";
	p->from = PART_OTHER;
	p->syntax[0] = '\0';
	p->one = (struct frame_piece){.n = text.len};
	p->n = 1;
	p->text = (char *)STEAL(text.data);
	return 0;
}

/* ---- text between parts */

int parts_boundary(char out[PARTS_BOUNDARY], struct err *e)
{
	uint8_t bytes[(PARTS_BOUNDARY - 1) / 2];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return err_sys(e, E_IO, "random bytes for a boundary");
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}

static int put_head(const struct part *p, const char *boundary, struct buf *out, struct err *e)
{
	int rc = buf_printf(out, e, "--%s\r\nContent-Type: %s%s%s\r\nContent-Length: %" PRIu64 "\r\n", boundary,
			    p->type, p->syntax[0] ? "; transfer-syntax=" : "", p->syntax, part_length(p));

	if (rc == 0 && p->location[0])
		rc = buf_printf(out, e, "Content-Location: %s\r\n", p->location);
	if (rc == 0 && p->warning[0])
		rc = buf_printf(out, e, "Warning: 299 - \"%s\"\r\n", p->warning);
	return rc < 0 ? rc : buf_str(out, "\r\n", e);
}

static int content_type(const char *type, const char *boundary, struct buf *out, struct err *e)
{
	return buf_printf(out, e, "multipart/related; type=\"%s\"; boundary=%s", type, boundary);
}

/* ---- bytes of a part */

/* Bits of a byte count from the lowest (PS3.5 8.1.1 and 8.2): a frame of single bits that begins within a byte is moved to the
 * beginning of one, and its last byte filled with zeros. */
static int give_bits(struct parts *s, struct buf *out, struct err *e)
{
	const struct part *p = &s->part;
	uint64_t whole = part_length(p);
	size_t n = whole - s->at < HTTP_PIECE / 2 ? (size_t)(whole - s->at) : HTTP_PIECE / 2;
	size_t more = s->at + n < p->one.n ? n + 1 : n;
	uint8_t *to;
	int rc;

	if ((rc = buf_reserve(out, more, e)) < 0)
		return rc;
	to = out->data + out->len;
	if ((rc = view_read(&p->view, p->one.at + s->at, to, more, e)) < 0)
		return rc;
	for (size_t i = 0; p->shift > 0 && i < n; i++)
		to[i] = (uint8_t)(to[i] >> p->shift | (i + 1 < more ? to[i + 1] << (8 - p->shift) : 0));
	s->at += n;
	if (s->at == whole && p->bits % 8)
		to[n - 1] &= (uint8_t)((1u << p->bits % 8) - 1);
	out->len += n;
	return s->at == whole;
}

/* 1: that was all of it. */
static int give(struct parts *s, struct buf *out, struct err *e)
{
	const struct part *p = &s->part;
	const struct frame_piece *pieces = PIECES_ONE(p);
	size_t room = out->len < HTTP_PIECE ? HTTP_PIECE - out->len : 0;
	int rc;

	if (p->bits)
		return give_bits(s, out, e);
	if (p->text) {
		rc = buf_put(out, p->text, p->one.n, e);
		return rc < 0 ? rc : 1;
	}
	while (s->piece < p->n && room > 0) {
		const struct frame_piece *piece = &pieces[s->piece];
		size_t n = piece->n - s->at < room ? (size_t)(piece->n - s->at) : room;

		if ((rc = buf_reserve(out, n, e)) < 0 ||
		    (rc = view_read(&p->view, piece->at + s->at, out->data + out->len, n, e)) < 0)
			return rc;
		out->len += n;
		room -= n;
		s->at += n;
		if (s->at < piece->n)
			return 0;
		s->piece++;
		s->at = 0;
	}
	return s->piece == p->n;
}

/* ---- the source */

static int begin_part(struct parts *s, struct buf *out, struct err *e)
{
	int rc;

	memset(&s->part, 0, sizeof(s->part));
	if ((rc = s->ops->next(s->arg, &s->part, e)) <= 0) {
		part_cleanup(&s->part);
		return rc;
	}
	s->open = true;
	s->piece = 0;
	s->at = 0;
	rc = put_head(&s->part, s->boundary, out, e);
	return rc < 0 ? rc : 1;
}

static int end_part(struct parts *s, struct buf *out, struct err *e)
{
	if (!s->bare)
		count(s->x, &s->part, part_length(&s->part));
	part_cleanup(&s->part);
	s->open = false;
	return s->bare ? 0 : buf_str(out, "\r\n", e);
}

static int fill(void *arg, struct buf *out, struct err *e)
{
	struct parts *s = arg;
	int rc = 0;

	while (out->len + HEADS_MOST < HTTP_PIECE) {
		if (!s->open && (rc = begin_part(s, out, e)) <= 0)
			break;
		if ((rc = give(s, out, e)) < 0)
			return rc;
		if (rc == 0)
			continue;
		if ((rc = end_part(s, out, e)) < 0)
			return rc;
		if (s->bare)
			return HTTP_END;
		rc = 1;
	}
	if (rc < 0)
		return rc;
	if (rc > 0 || s->open)
		return HTTP_MORE;
	rc = buf_printf(out, e, "--%s--\r\n", s->boundary);
	return rc < 0 ? rc : HTTP_END;
}

static void end(void *arg)
{
	struct parts *s = arg;

	if (s->open)
		part_cleanup(&s->part);
	if (s->ops)
		s->ops->close(s->arg);
	free(s);
}

static const struct http_source source = {.fill = fill, .close = end};

int parts_reply(struct exchange *x, int status, const char *type, const struct part_ops *ops, void *arg, struct err *e)
{
	AUTO(buf) text = BUF(512);
	struct parts *s = calloc(1, sizeof(*s));
	int rc;

	if (!s || (rc = parts_boundary(s->boundary, e)) < 0 || (rc = content_type(type, s->boundary, &text, e)) < 0) {
		rc = s ? rc : err_set(e, E_NOMEM, "no memory for an answer");
		ops->close(arg);
		free(s);
		return rc;
	}
	s->x = x;
	s->ops = ops;
	s->arg = arg;
	return reply_stream(x, status, buf_text(&text), -1, &source, s, e);
}

/* ---- one part */

static int only(void *arg, struct part *out, struct err *e)
{
	struct part *p = arg;

	(void)e;
	if (!p->type)
		return 0;
	*out = *p;
	memset(p, 0, sizeof(*p));
	return 1;
}

static void only_close(void *arg)
{
	part_cleanup(arg);
	free(arg);
}

static const struct part_ops only_ops = {.next = only, .close = only_close};

/* Where the kernel can read all of it from a file, it does. -E_UNSUP: not so. */
static int from_file(struct exchange *x, struct part *p, int status, const char *type, struct http_range *range,
		     struct err *e)
{
	struct err why = {0};
	AUTO(fd) fd = -1;
	uint64_t begin;
	int rc;

	if (p->pieces || p->bits || p->text)
		return -E_UNSUP;
	if ((rc = view_descriptor(&p->view, &fd, &begin, &why)) < 0) {
		if (rc != -E_UNSUP)
			*e = why;
		return rc;
	}
	range->fd = fd;
	range->at += begin;
	if (http_add(x->http, "Vary", "Accept") < 0)
		return err_set(e, E_NOMEM, "a header of the answer could not be set");
	return reply_range(x, status, type, range, e);
}

/* Teleread-Resolutions: a list of RFC 8941, "8;bytes=1234, 4;bytes=5678, ..., 1;bytes=90123": the picture at 1/8 of its size
 * is in the first 1234 bytes. */
static int say_resolutions(struct exchange *x, const struct part *p, struct err *e)
{
	char text[APPENDIX_CUTS * 40] = "";
	size_t n = 0;

	if (p->n_cuts == 0)
		return 0;
	/* OpenJPEG refuses what ends before a marker: the two bytes of the one that begins the next resolution go along */
	const unsigned marker = strncmp(p->syntax, "1.2.840.10008.1.2.4.9", 21) == 0 ? 2 : 0;

	for (unsigned i = 0; i < p->n_cuts; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%u;bytes=%" PRIu64, i ? ", " : "",
				      1u << (p->n_cuts - 1 - i), p->cuts[i] + (i + 1 < p->n_cuts ? marker : 0));
	return http_add(x->http, "Teleread-Resolutions", text) < 0
		   ? err_set(e, E_NOMEM, "a header of the answer could not be set")
		   : 0;
}

static int say_warning(struct exchange *x, const struct part *p, struct err *e)
{
	char text[sizeof(p->warning) + 16];

	if (!p->warning[0])
		return 0;
	snprintf(text, sizeof(text), "299 - \"%s\"", p->warning);
	return http_add(x->http, "Warning", text) < 0 ? err_set(e, E_NOMEM, "a header of the answer could not be set")
						      : 0;
}

static int single_type(const struct part *p, struct buf *out, struct err *e)
{
	return buf_printf(out, e, "%s%s%s", p->type, p->syntax[0] ? "; transfer-syntax=" : "", p->syntax);
}

static int reply_alone(struct exchange *x, struct part *p, const char *tag, struct err *e)
{
	uint64_t at = 0, n = part_length(p);
	AUTO(buf) type = BUF(512);
	struct http_range range;
	int status = 200, rc;
	struct parts *s;

	if ((rc = single_type(p, &type, e)) < 0 || (rc = say_resolutions(x, p, e)) < 0)
		return rc;
	if (!p->bits && !p->pieces) {
		if ((rc = reply_ranged(x, tag, n, &at, &n, e)) < 0)
			return rc;
		status = rc == 1 ? 206 : 200;
		count(x, p, n);
		p->one.at += at;
		p->one.n = n;
		range = (struct http_range){.at = p->one.at, .n = n};
		if ((rc = from_file(x, p, status, buf_text(&type), &range, e)) != -E_UNSUP)
			return rc;
	}
	if (!(s = calloc(1, sizeof(*s))))
		return err_set(e, E_NOMEM, "no memory for an answer");
	if (p->bits || p->pieces)
		count(x, p, n);
	s->x = x;
	s->bare = s->open = true;
	s->part = *p;
	memset(p, 0, sizeof(*p));
	return reply_stream(x, status, buf_text(&type), (int64_t)n, &source, s, e);
}

/* A multipart of one part whose bytes lie in a file: two texts around a range. */
static int reply_around(struct exchange *x, struct part *p, struct err *e)
{
	char boundary[PARTS_BOUNDARY], tail[PARTS_BOUNDARY + 16];
	AUTO(buf) type = BUF(512), head = BUF(HEADS_MOST);
	struct http_range range = {.at = p->one.at, .n = p->one.n};
	int rc;

	if ((rc = parts_boundary(boundary, e)) < 0 || (rc = content_type(p->type, boundary, &type, e)) < 0 ||
	    (rc = put_head(p, boundary, &head, e)) < 0)
		return rc;
	range.head = head.data;
	range.head_n = head.len;
	range.tail = tail;
	range.tail_n = (size_t)snprintf(tail, sizeof(tail), "\r\n--%s--\r\n", boundary);
	if ((rc = from_file(x, p, 200, buf_text(&type), &range, e)) == 0)
		count(x, p, p->one.n);
	return rc;
}

/* Likewise of one that is read piece by piece. */
static int reply_pieces(struct exchange *x, struct part *p, struct err *e)
{
	struct part *kept = malloc(sizeof(*kept));

	if (!kept)
		return err_set(e, E_NOMEM, "no memory for an answer");
	*kept = *p;
	memset(p, 0, sizeof(*p));
	return parts_reply(x, 200, kept->type, &only_ops, kept, e);
}

int part_reply(struct exchange *x, struct part *p, bool multipart, const char *tag, struct err *e)
{
	int rc = say_warning(x, p, e);

	if (rc == 0 && !multipart)
		rc = reply_alone(x, p, tag, e);
	else if (rc == 0 && (rc = reply_around(x, p, e)) == -E_UNSUP)
		rc = reply_pieces(x, p, e);
	part_cleanup(p);
	return rc;
}
