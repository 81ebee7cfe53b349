#include "dicom/model_read.h"
#include <stdlib.h>
#include <string.h>

#define NESTING (4 * SCAN_DEPTH) /* brackets: three for each level of sequences */

enum state { BEFORE, BETWEEN, NEXT, OBJECT, STRING, ESCAPE, AFTER };
struct model_split {
	int (*object)(void *arg, const char *text, size_t n, struct err *e);
	void *arg;
	enum state state;
	bool array; /* of several, else one object alone */
	unsigned depth;
	struct buf text;
};

int model_split_new(int (*object)(void *arg, const char *text, size_t n, struct err *e), void *arg,
		    struct model_split **out, struct err *e)
{
	struct model_split *s = calloc(1, sizeof *s);

	if (!s)
		return err_set(e, E_NOMEM, "no memory for reading JSON");
	s->object = object;
	s->arg = arg;
	s->text = BUF(MODEL_TEXT + 1);
	*out = s;
	return 0;
}

void model_split_free(struct model_split *s)
{
	if (!s)
		return;
	buf_cleanup(&s->text);
	free(s);
}

/* Of what is no object the reader proper finds out what is wrong with it: here brackets are counted, nothing else. */
static int outside(struct model_split *s, char c, struct err *e)
{
	bool begins = s->state == BEFORE || s->state == BETWEEN || s->state == NEXT;

	if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
		return 0;
	if (c == '[' && s->state == BEFORE) {
		s->array = true;
		s->state = BETWEEN;
	} else if (c == '{' && begins) {
		s->state = OBJECT;
		s->depth = 0;
		buf_clear(&s->text);
		return 1;
	} else if (c == ',' && s->state == AFTER && s->array) {
		s->state = NEXT;
	} else if (c == ']' && s->array && (s->state == AFTER || s->state == BETWEEN)) {
		s->state = AFTER;
		s->array = false;
	} else {
		return err_set(e, E_INVAL, "the JSON is not an array of data sets");
	}
	return 0;
}

static int over(struct model_split *s, struct err *e)
{
	s->state = AFTER;
	return s->object(s->arg, buf_text(&s->text), s->text.len, e);
}

/* How far this object goes within [p, end); 1 when it ended there. */
static int within(struct model_split *s, const char **p, const char *end, struct err *e)
{
	for (; *p < end; (*p)++) {
		char c = **p;

		if (s->state ==
		    ESCAPE) { /* NOLINT(bugprone-branch-clone): as far as it goes, like the beginning of a string */
			s->state = STRING;
		} else if (s->state == STRING) {
			s->state = c == '\\' ? ESCAPE : c == '"' ? OBJECT : STRING;
		} else if (c == '"') {
			s->state = STRING;
		} else if (c == '{' || c == '[') {
			if (++s->depth > NESTING)
				return err_set(e, E_LIMIT, "the JSON is nested deeper than %d brackets", NESTING);
		} else if ((c == '}' || c == ']') && --s->depth == 0) {
			(*p)++;
			return 1;
		}
	}
	return 0;
}

int model_split_feed(struct model_split *s, const void *data, size_t n, struct err *e)
{
	const char *p = data, *end = p + n, *from;
	int rc, whole;

	while (p < end) {
		if (s->state != OBJECT && s->state != STRING && s->state != ESCAPE) {
			if ((rc = outside(s, *p, e)) < 0)
				return rc;
			p += rc == 0; /* an object's brace belongs to it */
			continue;
		}
		from = p;
		if ((whole = within(s, &p, end, e)) < 0)
			return whole;
		if (s->text.len + (size_t)(p - from) > MODEL_TEXT)
			return err_set(e, E_LIMIT, "a data set in JSON is longer than %u bytes", MODEL_TEXT);
		if ((rc = buf_put(&s->text, from, (size_t)(p - from), e)) < 0 || (whole && (rc = over(s, e)) < 0))
			return rc;
	}
	return 0;
}

int model_split_end(struct model_split *s, struct err *e)
{
	if (s->state != AFTER || s->array)
		return err_set(e, E_INVAL, "the JSON ends %s",
			       s->state == BEFORE ? "before it began" : "within a data set");
	return 0;
}
