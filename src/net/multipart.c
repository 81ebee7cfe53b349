#include "net/multipart.h"
#include <errno.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

/* The delimiter is line end, two hyphens, boundary. Its first byte comes nowhere else in it, so a partial match that
 * breaks off never hides the beginning of another. */
#define BLANKS_MOST 64u /* behind a boundary */

enum state { AROUND, HEAD, DATA, TAIL, EPILOGUE, BROKEN };
struct multipart {
	struct multipart_ops ops;
	void *arg;
	enum state state;
	bool first; /* no boundary so far: AROUND is the preamble */
	bool bare;  /* lines end in LF alone */
	char delimiter[4 + MULTIPART_BOUNDARY + 1];
	size_t length;              /* of the delimiter: with CR, without where bare */
	size_t matched;             /* bytes of it that ended the last piece */
	size_t unreal;              /* of those: not data if the match breaks off */
	char tail[BLANKS_MOST + 2]; /* behind a whole delimiter */
	size_t n_tail;
	size_t around; /* bytes passed over */
	unsigned fields;
	size_t n_head, line; /* of head; where its last line begins */
	char head[MULTIPART_HEAD];
	int rc;
	struct err why;
};

/* With CR, or without where lines end in LF alone; before the first boundary both are taken. */
static const char *delimiter(const struct multipart *m)
{
	return m->bare ? m->delimiter + 1 : m->delimiter;
}

static void lines_are(struct multipart *m, bool bare)
{
	m->bare = bare;
	m->length = strlen(delimiter(m));
}

static bool boundary_sane(const char *b)
{
	size_t n = strlen(b);

	for (size_t i = 0; i < n; i++)
		if (b[i] < ' ' || b[i] > '~')
			return false;
	return n > 0 && n <= MULTIPART_BOUNDARY && b[n - 1] != ' ';
}

int multipart_new(const char *boundary, const struct multipart_ops *ops, void *arg, struct multipart **out,
		  struct err *e)
{
	struct multipart *m;

	if (!boundary_sane(boundary))
		return err_set(e, E_INVAL, "the boundary must be 1 to %u printable characters", MULTIPART_BOUNDARY);
	if (!(m = calloc(1, sizeof *m)))
		return err_set(e, E_NOMEM, "no memory for a reader of parts");
	m->ops = *ops;
	m->arg = arg;
	m->first = true;
	memcpy(m->delimiter, "\r\n--", 4);
	memcpy(m->delimiter + 4, boundary, strlen(boundary) + 1);
	lines_are(m, true);
	m->matched = m->unreal = 1; /* as if a line had ended just before */
	*out = m;
	return 0;
}

void multipart_free(struct multipart *m)
{
	free(m);
}

/* ---- the head of a part */

/* The value of the line in head if it has this name; NULL otherwise. */
static char *value_of(char *line, const char *name)
{
	size_t n = strlen(name);

	if (g_ascii_strncasecmp(line, name, n) != 0 || line[n] != ':')
		return NULL;
	return g_strstrip(line + n + 1);
}

static int length_of(const char *text, int64_t *out, struct err *e)
{
	guint64 v;

	if (!g_ascii_string_to_unsigned(text, 10, 0, INT64_MAX, &v, NULL))
		return err_set(e, E_INVAL, "the Content-Length of a part is no number of bytes");
	*out = (int64_t)v;
	return 0;
}

static const char *id_of(char *text)
{
	size_t n = strlen(text);

	if (n < 2 || text[0] != '<' || text[n - 1] != '>')
		return text;
	text[n - 1] = '\0';
	return text + 1;
}

static bool plain(const char *encoding)
{
	return !g_ascii_strcasecmp(encoding, "binary") || !g_ascii_strcasecmp(encoding, "8bit") ||
	       !g_ascii_strcasecmp(encoding, "7bit");
}

static int field(char *line, struct multipart_part *part, struct err *e)
{
	char *v;

	if (!strchr(line, ':') || line[0] == ':' || line[strcspn(line, ": \t")] != ':')
		return err_set(e, E_INVAL, "a line in the head of a part is not of the form name: value");
	if ((v = value_of(line, "Content-Type")) && part->typed)
		return err_set(e, E_INVAL, "a part has two Content-Type");
	if (v) {
		part->typed = true;
		return mime_parse(v, strlen(v), &part->type, e);
	}
	if ((v = value_of(line, "Content-Length")))
		return length_of(v, &part->length, e);
	if ((v = value_of(line, "Content-Location")))
		part->location = v;
	else if ((v = value_of(line, "Content-ID")))
		part->id = id_of(v);
	else if ((v = value_of(line, "Content-Transfer-Encoding")))
		part->plain = plain(v);
	return 0;
}

/* head holds its lines, each ended by LF; one that begins with a blank goes on with the one before. */
static int head_over(struct multipart *m, struct err *e)
{
	struct multipart_part part = {.location = "", .id = "", .length = -1, .plain = true};
	int rc = 0;

	if (memchr(m->head, '\0', m->n_head))
		return err_set(e, E_INVAL, "a NUL in the head of a part");
	for (size_t i = 0; i + 1 < m->n_head; i++)
		if (m->head[i] == '\n' && (m->head[i + 1] == ' ' || m->head[i + 1] == '\t'))
			m->head[i] = ' ';
	for (char *line = m->head, *end; line < m->head + m->n_head && rc == 0; line = end + 1) {
		end = memchr(line, '\n', (size_t)(m->head + m->n_head - line));
		*end = '\0';
		rc = field(line, &part, e);
	}
	m->state = DATA;
	m->matched = m->unreal =
	    m->length - strlen(m->delimiter + 2); /* a part may have no body: its head's end counts */
	return rc < 0 ? rc : m->ops.begin(m->arg, &part, e);
}

/* Lines up to an empty one. */
static int feed_head(struct multipart *m, const uint8_t **p, const uint8_t *end, struct err *e)
{
	while (*p < end && m->state == HEAD) {
		char c = (char)*(*p)++;

		if (m->n_head == MULTIPART_HEAD)
			return err_set(e, E_LIMIT, "the head of a part is longer than %u bytes", MULTIPART_HEAD);
		m->head[m->n_head++] = c;
		if (c != '\n')
			continue;
		if (m->n_head - m->line >= 2 && m->head[m->n_head - 2] == '\r')
			m->head[--m->n_head - 1] = '\n';
		if (m->n_head - m->line == 1) {
			m->n_head--;
			return head_over(m, e);
		}
		m->line = m->n_head;
		if (++m->fields > MULTIPART_FIELDS)
			return err_set(e, E_LIMIT, "the head of a part has more than %u lines", MULTIPART_FIELDS);
	}
	return 0;
}

/* ---- what stands between boundaries */

static int give(struct multipart *m, const void *data, size_t n, struct err *e)
{
	if (n == 0)
		return 0;
	if (m->state == DATA)
		return m->ops.data(m->arg, data, n, e);
	m->around += n;
	if (m->around > MULTIPART_AROUND)
		return err_set(e, E_LIMIT, "more than %u bytes %s boundary", MULTIPART_AROUND,
			       m->first ? "before the first" : "behind the closing");
	return 0;
}

/* A match that broke off was data. */
static int match_failed(struct multipart *m, struct err *e)
{
	size_t from = m->unreal, to = m->matched;

	m->matched = m->unreal = 0;
	return from < to ? give(m, delimiter(m) + from, to - from, e) : 0;
}

static void tail_begin(struct multipart *m)
{
	m->n_tail = 0;
	m->state = TAIL;
}

/* The longest beginning of the delimiter that these bytes end with. */
static size_t partial(const struct multipart *m, const uint8_t *p, size_t n)
{
	size_t most = n < m->length - 1 ? n : m->length - 1, k;
	const uint8_t *at = memrchr(p + n - most, delimiter(m)[0], most);

	if (!at)
		return 0;
	k = (size_t)(p + n - at);
	return memcmp(at, delimiter(m), k) == 0 ? k : 0;
}

static int feed_data(struct multipart *m, const uint8_t **p, const uint8_t *end, struct err *e)
{
	const uint8_t *found;
	int rc;

	while (m->matched > 0 && m->matched < m->length && *p < end) {
		if (**p == (uint8_t)delimiter(m)[m->matched]) {
			m->matched++;
			(*p)++;
		} else if ((rc = match_failed(m, e)) < 0) {
			return rc;
		}
	}
	if (m->matched == m->length)
		tail_begin(m);
	if (*p == end || m->state == TAIL)
		return 0;
	if ((found = memmem(*p, (size_t)(end - *p), delimiter(m), m->length))) {
		m->matched = m->length;
		m->unreal = 0;
	} else {
		m->matched = partial(m, *p, (size_t)(end - *p));
		found = end - m->matched;
	}
	rc = give(m, *p, (size_t)(found - *p), e);
	*p = found + m->matched;
	if (rc == 0 && m->matched == m->length)
		tail_begin(m);
	return rc;
}

/* ---- behind a boundary */

/* It only began like the boundary. The last byte may be the first of another, the one at hand is looked at again. */
static int tail_failed(struct multipart *m, struct err *e)
{
	size_t n = m->n_tail;
	bool again = n > 0 && m->tail[n - 1] == delimiter(m)[0];
	int rc;

	m->state = m->first ? AROUND : DATA;
	if ((rc = match_failed(m, e)) < 0 || (rc = give(m, m->tail, n - again, e)) < 0)
		return rc;
	m->matched = again;
	return 0;
}

static int boundary_over(struct multipart *m, bool closing, bool bare, struct err *e)
{
	int rc = m->first ? 0 : m->ops.end(m->arg, e);

	if (m->first)
		lines_are(m, bare);
	m->first = false;
	m->matched = m->unreal = m->around = 0;
	m->n_head = m->line = m->fields = 0;
	m->state = closing ? EPILOGUE : HEAD;
	return rc;
}

/* Two hyphens close; then blanks, then the line's end. */
static int feed_tail(struct multipart *m, const uint8_t **p, struct err *e)
{
	char c = (char)**p;
	size_t n = m->n_tail;
	bool closing = n >= 2 && m->tail[0] == '-', blank = c == ' ' || c == '\t';
	bool after_cr = n > 0 && m->tail[n - 1] == '\r';

	if (c == '\n' && !(n == 1 && m->tail[0] == '-')) {
		(*p)++;
		return boundary_over(m, closing, !after_cr, e);
	}
	if (!after_cr && n < sizeof m->tail &&
	    ((c == '-' && n == 0) || (c == '-' && n == 1 && m->tail[0] == '-') ||
	     ((blank || c == '\r') && !(n == 1 && m->tail[0] == '-')))) {
		m->tail[m->n_tail++] = c;
		(*p)++;
		return 0;
	}
	return tail_failed(m, e);
}

/* ---- all of it */

static int feed(struct multipart *m, const uint8_t *p, const uint8_t *end, struct err *e)
{
	int rc = 0;

	while (rc == 0 && p < end)
		switch (m->state) {
		case HEAD:
			rc = feed_head(m, &p, end, e);
			break;
		case AROUND:
		case DATA:
			rc = feed_data(m, &p, end, e);
			break;
		case TAIL:
			rc = feed_tail(m, &p, e);
			break;
		case EPILOGUE:
			rc = give(m, p, (size_t)(end - p), e);
			p = end;
			break;
		case BROKEN:
			return m->rc;
		}
	return rc;
}

int multipart_feed(struct multipart *m, const void *data, size_t n, struct err *e)
{
	if (m->state != BROKEN && (m->rc = feed(m, data, (const uint8_t *)data + n, &m->why)) < 0)
		m->state = BROKEN;
	if (m->rc < 0 && e)
		*e = m->why;
	return m->rc;
}

int multipart_end(struct multipart *m, struct err *e)
{
	bool closing = m->state == TAIL && m->n_tail >= 2 && m->tail[0] == '-';

	if (closing)
		m->rc = boundary_over(m, true, false, &m->why);
	else if (m->state != EPILOGUE && m->state != BROKEN)
		m->rc = err_set(&m->why, E_INVAL, "the body ends %s, without its closing boundary",
				m->state == HEAD ? "in the head of a part"
				: m->first       ? "before the first boundary"
						 : "within a part");
	if (m->rc < 0)
		m->state = BROKEN;
	if (m->rc < 0 && e)
		*e = m->why;
	return m->rc;
}
