#include "web/accept.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define TEXT_MOST (16u << 10) /* real ones are below one kilobyte */

/* ---- reading */

struct cursor {
	const char *at, *end;
	bool form; /* from a query, where a + that nobody escaped has become a blank */
};

static void skip_blanks(struct cursor *c)
{
	while (c->at < c->end && (*c->at == ' ' || *c->at == '\t'))
		c->at++;
}

static bool take(struct cursor *c, char wanted)
{
	skip_blanks(c);
	if (c->at == c->end || *c->at != wanted)
		return false;
	c->at++;
	return true;
}

/* What may stand in a word. A slash is no token's, but stands in values that should be quoted. */
static bool word_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c && strchr("!#$%&'*+-.^_`|~/", c));
}

/* A blank between two characters of a word can only be the + of application/dicom+json. */
static bool lost_plus(const struct cursor *c, const char *from)
{
	return c->form && c->at > from && c->at + 1 < c->end && *c->at == ' ' && word_char(c->at[-1]) &&
	       word_char(c->at[1]);
}

/* A word into out; longer ones end as -E_LIMIT. */
static int take_word(struct cursor *c, char *out, size_t room, struct err *e)
{
	const char *from;
	size_t n;

	skip_blanks(c);
	for (from = c->at; c->at < c->end && (word_char(*c->at) || lost_plus(c, from));)
		c->at++;
	if ((n = (size_t)(c->at - from)) >= room)
		return err_set(e, E_LIMIT, "Accept: a word of %zu characters, at most %zu are known", n, room - 1);
	for (size_t i = 0; i < n; i++)
		out[i] = (char)(from[i] == ' ' ? '+' : from[i]);
	out[n] = '\0';
	return n ? 0
		 : err_set(e, E_INVAL,
			   "Accept: expected a media range such as application/dicom+json or */*, with parameters "
			   "behind ;");
}

static int take_quoted(struct cursor *c, char *out, size_t room, struct err *e)
{
	const char *from = c->at;
	size_t n = 0;

	for (; c->at < c->end && *c->at != '"'; c->at++) {
		if (*c->at == '\\' && ++c->at == c->end)
			break;
		if (n + 1 >= room)
			return err_set(e, E_LIMIT, "Accept: a quoted value is longer than %zu characters", room - 1);
		out[n++] = (char)(lost_plus(c, from) ? '+' : *c->at);
	}
	out[n] = '\0';
	if (c->at == c->end)
		return err_set(e, E_INVAL, "Accept: a quote is not closed");
	c->at++;
	return 0;
}

static void lower(char *text)
{
	for (; *text; text++)
		if (*text >= 'A' && *text <= 'Z')
			*text = (char)(*text - 'A' + 'a');
}

static bool type_shaped(const char *type)
{
	const char *slash = strchr(type, '/');

	return slash && slash != type && slash[1] && !strchr(slash + 1, '/') &&
	       (!strchr(type, '*') || strcmp(type, "*/*") == 0 ||
		(strcmp(slash, "/*") == 0 && strchr(type, '*') == slash + 1));
}

/* 0 to 1000, rounded up from 0 so that what is wanted a little stays wanted. -E_INVAL. */
static int read_q(const char *text)
{
	int q = 0, unit = 100;

	if (*text == '0' || *text == '1')
		q = (*text++ - '0') * 1000;
	else if (*text != '.')
		return -E_INVAL;
	if (*text == '.') {
		for (text++; *text >= '0' && *text <= '9'; text++, unit /= 10)
			q += (*text - '0') * unit + (unit == 0 && *text != '0' && q == 0);
	}
	return *text || q > 1000 ? -E_INVAL : q;
}

static int copy(char *out, size_t room, const char *value, const char *what, struct err *e)
{
	size_t n = strlen(value);

	if (n >= room)
		return err_set(e, E_LIMIT, "Accept: %s is longer than %zu characters", what, room - 1);
	memcpy(out, value, n + 1);
	return 0;
}

/* A range as it is being read. */
struct range {
	struct media m;
	char inner[sizeof((struct media *)0)->type]; /* type= */
};

/* type="application/dicom; transfer-syntax=1.2.3": some clients put it there. */
static int take_inner(struct range *r, char *value, struct err *e)
{
	char *tail = strchr(value, ';');
	const char *syntax = tail ? strcasestr(tail, "transfer-syntax=") : NULL;
	int rc;

	if (tail)
		*tail = '\0';
	for (size_t n = strlen(value); n > 0 && value[n - 1] == ' '; n--)
		value[n - 1] = '\0';
	lower(value);
	if (!type_shaped(value))
		return err_set(e, E_INVAL, "Accept: type=%.60s is no media type", value);
	if ((rc = copy(r->inner, sizeof r->inner, value, "a media type", e)) < 0 || !syntax)
		return rc;
	syntax += strlen("transfer-syntax=");
	return copy(r->m.syntax, sizeof r->m.syntax, syntax, "transfer-syntax", e);
}

/* One parameter: name, and a value where there is one. done: q was seen; what follows belongs to the header's extensions. */
static int take_parameter(struct cursor *c, struct range *r, bool *done, struct err *e)
{
	char name[64], value[256] = "";
	int rc, q;

	if ((rc = take_word(c, name, sizeof name, e)) < 0)
		return rc;
	if (take(c, '=') &&
	    (rc = take(c, '"') ? take_quoted(c, value, sizeof value, e) : take_word(c, value, sizeof value, e)) < 0)
		return rc;
	if (*done)
		return 0;
	if (strcasecmp(name, "q") == 0) {
		if ((q = read_q(value)) < 0)
			return err_set(e, E_INVAL, "Accept: q=%.20s: expected a number from 0 to 1", value);
		r->m.q = (unsigned)q;
		*done = true;
		return 0;
	}
	if (strcasecmp(name, "transfer-syntax") == 0)
		return copy(r->m.syntax, sizeof r->m.syntax, value, "transfer-syntax", e);
	if (strcasecmp(name, "charset") == 0) {
		lower(value);
		return copy(r->m.charset, sizeof r->m.charset, value, "charset", e);
	}
	return strcasecmp(name, "type") == 0 ? take_inner(r, value, e) : 0;
}

static int take_range(struct cursor *c, struct media *out, struct err *e)
{
	struct range r = {.m.q = 1000};
	bool done = false;
	int rc;

	if ((rc = take_word(c, r.m.type, sizeof r.m.type, e)) < 0)
		return rc;
	lower(r.m.type);
	if (strcmp(r.m.type, "*") == 0) /* of old Java clients */
		strcpy(r.m.type, "*/*");
	if (!type_shaped(r.m.type))
		return err_set(e, E_INVAL, "Accept: %.60s is no media range", r.m.type);
	while (take(c, ';')) {
		skip_blanks(c);
		if (c->at == c->end || *c->at == ';' || *c->at == ',')
			continue; /* a ; too many */
		if ((rc = take_parameter(c, &r, &done, e)) < 0)
			return rc;
	}
	if (strcmp(r.m.type, "multipart/related") == 0 || strcmp(r.m.type, "multipart/*") == 0) {
		r.m.multipart = true;
		memcpy(r.m.type, r.inner[0] ? r.inner : "*/*", r.inner[0] ? sizeof r.inner : sizeof "*/*");
	}
	*out = r.m;
	return 0;
}

/* ---- order */

static int exactness(const struct media *m)
{
	int type = strcmp(m->type, "*/*") == 0 ? 0 : strchr(m->type, '*') ? 2 : 4;

	return type + m->multipart + (m->syntax[0] && m->syntax[0] != '*');
}

static bool before(const struct media *a, const struct media *b)
{
	if (a->parameter != b->parameter)
		return a->parameter;
	return a->q != b->q ? a->q > b->q : exactness(a) > exactness(b);
}

static int keep(struct accept *a, const struct media *m, struct err *e)
{
	unsigned at = a->n;

	if (m->q == 0 ? a->n_refused == ACCEPT_MOST : a->n == ACCEPT_MOST)
		return err_set(e, E_LIMIT, "Accept: more than %u media ranges", ACCEPT_MOST);
	if (m->q == 0) {
		a->refused[a->n_refused++] = *m;
		return 0;
	}
	while (at > 0 && before(m, &a->list[at - 1]))
		at--;
	memmove(&a->list[at + 1], &a->list[at], (a->n - at) * sizeof *m);
	a->list[at] = *m;
	a->n++;
	return 0;
}

static int parse(const char *text, bool parameter, const char *syntax, struct accept *a, struct err *e)
{
	struct cursor c = {text, text + strnlen(text, TEXT_MOST + 1), parameter};
	int rc = 0;

	if (c.end - c.at > TEXT_MOST)
		return err_set(e, E_LIMIT, "Accept: longer than %u bytes", TEXT_MOST);
	do {
		struct media m;

		skip_blanks(&c);
		if (c.at == c.end || *c.at == ',')
			continue; /* empty entries are allowed (RFC 9110 5.6.1) */
		if ((rc = take_range(&c, &m, e)) < 0)
			return rc;
		m.parameter = parameter;
		if (syntax && !m.syntax[0] && (rc = copy(m.syntax, sizeof m.syntax, syntax, "transfer-syntax", e)) < 0)
			return rc;
		if ((rc = keep(a, &m, e)) < 0)
			return rc;
	} while (take(&c, ','));
	skip_blanks(&c);
	if (c.at < c.end)
		return err_set(e, E_INVAL, "Accept: expected , or ; behind a media range, not %.10s", c.at);
	return 0;
}

static const struct media any = {.type = "*/*", .q = 1000};

int accept_parse(const char *text, struct accept *out, struct err *e)
{
	int rc;

	out->n = out->n_refused = 0;
	if (text && (rc = parse(text, false, NULL, out, e)) < 0)
		return rc;
	return out->n || out->n_refused ? 0 : keep(out, &any, e);
}

int accept_prefer(const char *text, const char *syntax, struct accept *io, struct err *e)
{
	if (text && *text)
		return parse(text, true, syntax && *syntax ? syntax : NULL, io, e);
	/* without a type it qualifies those of the header that name none */
	for (unsigned i = 0; syntax && *syntax && i < io->n; i++) {
		struct media *m = &io->list[i];
		int rc = m->syntax[0] ? 0 : copy(m->syntax, sizeof m->syntax, syntax, "transfer-syntax", e);

		if (rc < 0)
			return rc;
	}
	return 0;
}

/* ---- choosing */

bool accept_mixed(const struct accept *a)
{
	static const char *const rendered[] = {"image/", "video/", "text/", "application/pdf", "application/rtf"};
	bool dicom = false, picture = false;

	for (unsigned i = 0; i < a->n; i++) {
		const struct media *m = &a->list[i];

		dicom = dicom || strncmp(m->type, "application/dicom", strlen("application/dicom")) == 0;
		for (unsigned k = 0; k < sizeof rendered / sizeof *rendered; k++)
			picture = picture || (!m->multipart && strncmp(m->type, rendered[k], strlen(rendered[k])) == 0);
	}
	return dicom && picture;
}

static bool covers(const struct media *m, const struct offer *o)
{
	size_t n = strlen(m->type);

	if (m->multipart ? !o->multipart : !o->single && strcmp(m->type, "*/*") != 0)
		return false;
	if (m->syntax[0] && m->syntax[0] != '*' && o->syntax && strcmp(m->syntax, o->syntax) != 0)
		return false;
	return strcmp(m->type, "*/*") == 0 || strcmp(m->type, o->type) == 0 ||
	       (m->type[n - 1] == '*' && strncmp(m->type, o->type, n - 1) == 0);
}

/* The most exact range that covers the offer says how much it is liked (RFC 9110 12.5.1); NULL: none, or q=0. */
static const struct media *judge(const struct accept *a, const struct offer *o, bool parameter)
{
	const struct media *best = NULL;

	for (unsigned i = 0; i < a->n; i++)
		if (a->list[i].parameter == parameter && covers(&a->list[i], o) &&
		    (!best || exactness(&a->list[i]) > exactness(best)))
			best = &a->list[i];
	for (unsigned i = 0; best && i < a->n_refused; i++)
		if (a->refused[i].parameter == parameter && covers(&a->refused[i], o) &&
		    exactness(&a->refused[i]) >= exactness(best))
			best = NULL;
	return best;
}

static const struct offer *choose(const struct accept *a, const struct offer *offers, unsigned n, bool parameter,
				  bool *multipart)
{
	const struct offer *chosen = NULL;
	const struct media *by = NULL;

	for (unsigned i = 0; i < n; i++) {
		const struct media *m = judge(a, &offers[i], parameter);

		if (!m ||
		    (by && (m > by || (m == by && !(m->syntax[0] == '*' && offers[i].stored && !chosen->stored)))))
			continue; /* the list is in order of preference */
		chosen = &offers[i];
		by = m;
	}
	if (chosen)
		*multipart = by->multipart || (strcmp(by->type, "*/*") == 0 && chosen->multipart);
	return chosen;
}

const struct offer *accept_choose(const struct accept *a, const struct offer *offers, unsigned n, bool *multipart)
{
	const struct offer *chosen = choose(a, offers, n, true, multipart);

	return chosen ? chosen : choose(a, offers, n, false, multipart);
}

static int list_one(const struct offer *o, bool multipart, struct buf *out, struct err *e)
{
	int rc =
	    buf_printf(out, e, multipart ? "%smultipart/related; type=\"%s\"" : "%s%s", out->len ? ", " : "", o->type);

	return rc < 0 || !o->syntax ? rc : buf_printf(out, e, "; transfer-syntax=%s", o->syntax);
}

int accept_list(const struct offer *offers, unsigned n, struct buf *out, struct err *e)
{
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < n; i++) {
		if (offers[i].single)
			rc = list_one(&offers[i], false, out, e);
		if (rc == 0 && offers[i].multipart)
			rc = list_one(&offers[i], true, out, e);
	}
	return rc;
}

bool accept_coding(const char *text, const char *name)
{
	const char *end = text ? text + strnlen(text, TEXT_MOST) : NULL;
	int any_q = -1, own_q = -1;

	for (const char *at = text; at && at < end;) {
		size_t n = strcspn(at, ","), blank = strspn(at, " \t"), word;
		const char *q;
		int value = 1000;
		char digits[16] = "";

		word = strcspn(at + blank, " \t;,");
		if ((q = memmem(at, n, "q=", 2)) != NULL) {
			snprintf(digits, sizeof digits, "%.*s", (int)strcspn(q + 2, " \t;,"), q + 2);
			value = read_q(digits);
		}
		if (word == 1 && at[blank] == '*')
			any_q = value;
		else if (word == strlen(name) && strncasecmp(at + blank, name, word) == 0)
			own_q = value;
		at += n < (size_t)(end - at) ? n + 1 : (size_t)(end - at);
	}
	return own_q >= 0 ? own_q > 0 : any_q > 0;
}
