#include "net/mime.h"
#include <glib.h>
#include <stdbool.h>
#include <string.h>

struct reader {
	const char *p, *end;
	struct mime *out;
	size_t used; /* of out->text */
	struct err *e;
};

static bool token_char(char c)
{
	return c > ' ' && c < 0x7F && !strchr("()<>@,;:\\\"[]?={}", c);
}

static void blanks(struct reader *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\t'))
		r->p++;
}

static int keep(struct reader *r, char c)
{
	if (r->used + 1 >= MIME_TEXT)
		return err_set(r->e, E_LIMIT, "the parameters of a media type are longer than %u bytes", MIME_TEXT);
	r->out->text[r->used++] = c;
	return 0;
}

static int name(struct reader *r)
{
	int rc = 0;

	while (rc == 0 && r->p < r->end && token_char(*r->p))
		rc = keep(r, g_ascii_tolower(*r->p++));
	return rc < 0 ? rc : keep(r, '\0');
}

static int quoted(struct reader *r)
{
	int rc = 0;

	for (r->p++; rc == 0 && r->p < r->end && *r->p != '"'; r->p++) {
		if (*r->p == '\\' && r->p + 1 < r->end)
			r->p++;
		if ((unsigned char)*r->p < ' ' && *r->p != '\t')
			return err_set(r->e, E_INVAL, "a control character in a media type");
		rc = keep(r, *r->p);
	}
	if (rc == 0 && r->p == r->end)
		return err_set(r->e, E_INVAL, "a media type ends within quotes");
	r->p++;
	return rc < 0 ? rc : keep(r, '\0');
}

static int bare(struct reader *r)
{
	int rc = 0;

	while (rc == 0 && r->p<r->end && * r->p> ' ' && *r->p < 0x7F && *r->p != ';' && *r->p != '"')
		rc = keep(r, *r->p++);
	return rc < 0 ? rc : keep(r, '\0');
}

static int parameter(struct reader *r)
{
	struct mime *m = r->out;
	size_t at = r->used;
	int rc;

	if (m->n == MIME_PARAMS)
		return err_set(r->e, E_LIMIT, "a media type has more than %u parameters", MIME_PARAMS);
	if ((rc = name(r)) < 0)
		return rc;
	blanks(r);
	if (!m->text[at] || r->p == r->end || *r->p != '=')
		return err_set(r->e, E_INVAL, "a parameter of a media type is not of the form name=value");
	if (mime_param(m, m->text + at))
		return err_set(r->e, E_INVAL, "the parameter %.32s comes twice in a media type", m->text + at);
	r->p++;
	blanks(r);
	m->params[m->n].name = (uint16_t)at;
	m->params[m->n].value = (uint16_t)r->used;
	if ((rc = r->p < r->end && *r->p == '"' ? quoted(r) : bare(r)) < 0)
		return rc;
	m->n++;
	return 0;
}

static int type(struct reader *r)
{
	size_t n = 0;
	unsigned slashes = 0;

	for (; r->p < r->end && token_char(*r->p) && n < sizeof r->out->type - 1; r->p++) {
		slashes += *r->p == '/';
		r->out->type[n++] = g_ascii_tolower(*r->p);
	}
	if (slashes != 1 || r->out->type[0] == '/' || r->out->type[n - 1] == '/')
		return err_set(r->e, E_INVAL, "a media type is of the form type/subtype");
	return 0;
}

int mime_parse(const char *text, size_t n, struct mime *out, struct err *e)
{
	struct mime m = {0};
	struct reader r = {.p = text, .end = text + n, .out = &m, .e = e};
	int rc;

	blanks(&r);
	if ((rc = type(&r)) < 0)
		return rc;
	for (blanks(&r); r.p < r.end; blanks(&r)) {
		if (*r.p++ != ';')
			return err_set(e, E_INVAL, "no ; before a parameter of a media type");
		blanks(&r);
		if (r.p < r.end && *r.p != ';' && (rc = parameter(&r)) < 0)
			return rc;
	}
	*out = m;
	return 0;
}

const char *mime_param(const struct mime *m, const char *wanted)
{
	for (unsigned i = 0; i < m->n; i++)
		if (strcmp(m->text + m->params[i].name, wanted) == 0)
			return m->text + m->params[i].value;
	return NULL;
}
