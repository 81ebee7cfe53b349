#include "web/url.h"
#include "base/utf8.h"
#include <string.h>

#define TEXT_MOST (256u << 10) /* of a query string; heads are capped below it */
#define PAIRS_MOST 1024u

static int hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* Text, and none that a terminal or a log would obey. */
static int check_text(const char *text, size_t n, struct err *e)
{
	const uint8_t *at = (const uint8_t *)text, *end = at + n;

	while (at < end) {
		uint32_t cp;
		size_t len = utf8_next(at, (size_t)(end - at), &cp);

		if (!len)
			return err_set(e, E_INVAL, "the URL has bytes that are not UTF-8");
		if (utf8_control(cp))
			return err_set(e, E_INVAL, "the URL has a control character, U+%04X", (unsigned)cp);
		at += len;
	}
	return 0;
}

/* Decodes n bytes to out, which has room for n; its length. plus: + is a blank. */
static int64_t decode(const char *raw, size_t n, bool plus, char *out, struct err *e)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		int high, low;

		if (raw[i] != '%') {
			out[len++] = (char)(raw[i] == '+' && plus ? ' ' : raw[i]);
			continue;
		}
		if (n - i < 3 || (high = hex(raw[i + 1])) < 0 || (low = hex(raw[i + 2])) < 0)
			return err_set(e, E_INVAL,
				       "a broken escape in the URL: expected %% and two hexadecimal digits");
		out[len++] = (char)(high << 4 | low);
		i += 2;
	}
	return check_text(out, len, e) < 0 ? -E_INVAL : (int64_t)len;
}

int url_decode(const char *raw, size_t n, char *out, size_t room, struct err *e)
{
	AUTO(str) whole = NULL;
	int64_t len;

	if (n > TEXT_MOST)
		return err_set(e, E_LIMIT, "a part of the URL is longer than %u bytes", TEXT_MOST);
	if (!(whole = malloc(n + 1)))
		return err_set(e, E_NOMEM, "no memory for a URL");
	if ((len = decode(raw, n, false, whole, e)) < 0)
		return (int)len;
	if ((size_t)len >= room)
		return err_set(e, E_LIMIT, "a part of the URL is longer than %zu bytes", room - 1);
	memcpy(out, whole, (size_t)len);
	out[len] = '\0';
	return (int)len;
}

bool url_uid(const char *text, bool strict)
{
	static const char allowed[] = "0123456789.-_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	size_t n = strlen(text);

	return n > 0 && n <= 64 && strspn(text, strict ? "0123456789." : allowed) == n;
}

static unsigned count_pairs(const char *raw)
{
	unsigned n = 1;

	for (const char *c = raw; *c; c++)
		n += *c == '&';
	return n;
}

/* One name=value at raw, n bytes, into *text, which moves on. */
static int take_pair(const char *raw, size_t n, char **text, struct url_pair *out, struct err *e)
{
	const char *equals = memchr(raw, '=', n);
	size_t name = equals ? (size_t)(equals - raw) : n;
	int64_t len;

	out->name = *text;
	if ((len = decode(raw, name, true, *text, e)) < 0)
		return (int)len;
	*text += len;
	*(*text)++ = '\0';
	out->value = *text;
	if (equals && (len = decode(equals + 1, n - name - 1, true, *text, e)) < 0)
		return (int)len;
	*text += equals ? len : 0;
	*(*text)++ = '\0';
	return 0;
}

int url_query_parse(const char *raw, struct url_query *out, struct err *e)
{
	AUTO(url_query) q = {0};
	size_t n = strlen(raw);
	unsigned most = count_pairs(raw);
	char *text;

	if (n == 0) {
		*out = q;
		return 0;
	}
	if (n > TEXT_MOST || most > PAIRS_MOST)
		return err_set(e, E_LIMIT, "the query of the URL is over a limit: %u bytes, %u parameters", TEXT_MOST,
			       PAIRS_MOST);
	/* each pair needs two NULs, and has at most one byte less for it: the = */
	if (!(q.pairs = calloc(most, sizeof *q.pairs)) || !(q.text = text = malloc(n + 2 * (size_t)most)))
		return err_set(e, E_NOMEM, "no memory for a URL");
	for (const char *at = raw, *end = raw + n; at <= end;) {
		const char *stop = memchr(at, '&', (size_t)(end - at));
		size_t len = (size_t)((stop ? stop : end) - at);
		int rc = len ? take_pair(at, len, &text, &q.pairs[q.n], e) : 0;

		if (rc < 0)
			return rc;
		q.n += len != 0;
		at += len + 1;
	}
	*out = q;
	q = (struct url_query){0}; /* NOLINT(clang-analyzer-deadcode.DeadStores): cleaned up at the end */
	return 0;
}

const char *url_query_get(const struct url_query *q, const char *name)
{
	for (unsigned i = 0; i < q->n; i++)
		if (strcmp(q->pairs[i].name, name) == 0)
			return q->pairs[i].value;
	return NULL;
}

void url_query_cleanup(struct url_query *q)
{
	free(q->pairs);
	free(q->text);
	*q = (struct url_query){0};
}
