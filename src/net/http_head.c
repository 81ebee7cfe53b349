#include "base/log.h"
#include "net/http_private.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* The library is lenient where two readers of one head could come to see two requests: line feeds without a carriage
 * return, spaces before a colon, folded lines, NULs, both lengths. So the head is read again here, strictly. It lies in one
 * piece of memory, in which the library has put NULs for the ends of names, values and lines: between a value and the next
 * name there are exactly two, where the line had its CR LF and nothing was lost or moved. */

struct line {
	const char *name, *value;
	size_t name_n, value_n;
};
struct head {
	struct line lines[HTTP_FIELDS];
	size_t n, bytes;
	bool many;
};

static bool is_token(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] <= ' ' || (unsigned char)s[i] >= 127 || strchr("\"(),/:;<=>?@[\\]{}", s[i]))
			return false;
	return n > 0;
}

/* No control characters but tabs. */
static bool is_text(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (((unsigned char)s[i] < ' ' && s[i] != '\t') || s[i] == 127)
			return false;
	return true;
}

static enum MHD_Result gather(void *arg, enum MHD_ValueKind kind, const char *name, size_t name_n, const char *value,
			      size_t value_n)
{
	struct head *h = arg;

	(void)kind;
	if (h->n == HTTP_FIELDS) {
		h->many = true;
		return MHD_NO;
	}
	h->lines[h->n++] = (struct line){name, value ? value : "", name_n, value_n};
	h->bytes += name_n + value_n + 4;
	return MHD_YES;
}

/* Request line: method SP target SP version CR LF, every line of the head as told above, and the empty line, size bytes in
 * all. */
static bool lines_strict(const struct head *h, const char *method, const char *uri, size_t uri_n, const char *version,
			 size_t size)
{
	const char *at = version + 10;

	if (uri != method + strlen(method) + 1 || version != uri + uri_n + 1 || version[8] || version[9])
		return false;
	for (size_t i = 0; i < h->n; i++) {
		const struct line *l = &h->lines[i];

		if (l->name != at || !is_token(l->name, l->name_n) || !is_text(l->value, l->value_n))
			return false;
		at = l->value + l->value_n;
		if (at[0] || at[1])
			return false;
		at += 2;
	}
	return (size_t)(at - method) + 2 == size;
}

static const struct line *find(const struct head *h, const char *name, unsigned *n)
{
	const struct line *found = NULL;

	*n = 0;
	for (size_t i = 0; i < h->n; i++)
		if (strcasecmp(h->lines[i].name, name) == 0) {
			found = &h->lines[i];
			++*n;
		}
	return found;
}

/* Where the body ends: one length, or chunks, never both. */
static int framing(struct http_request *r, const struct head *h, const char **why)
{
	unsigned n_length, n_coding, n_host;
	const struct line *length = find(h, "Content-Length", &n_length),
			  *coding = find(h, "Transfer-Encoding", &n_coding);

	find(h, "Host", &n_host);
	if (n_host > 1 || (n_host == 0 && !r->one_zero))
		return *why = "not exactly one Host", 400;
	if (n_length + n_coding > 1)
		return *why = "more than one length of the body", 400;
	if (coding && r->one_zero)
		return *why = "Transfer-Encoding in HTTP/1.0", 400;
	if (coding && strcasecmp(coding->value, "chunked") != 0)
		return *why = "a transfer coding that is not known", 501;
	if (coding)
		return r->length = -1, 0;
	r->length = 0;
	if (!length)
		return 0;
	if (length->value_n == 0 || length->value_n > 18 || strspn(length->value, "0123456789") != length->value_n)
		return *why = "no Content-Length", 400;
	r->length = strtoll(length->value, NULL, 10);
	return 0;
}

static size_t trimmed(const struct line *l)
{
	size_t n = l->value_n;

	while (n && (l->value[n - 1] == ' ' || l->value[n - 1] == '\t'))
		n--;
	return n;
}

/* The value that fields of one name have together, behind at; returns its end. */
static char *join(char *at, const struct head *h, size_t first)
{
	const char *name = h->lines[first].name;
	const char *between = strcasecmp(name, "Cookie") == 0 ? "; " : ", ";

	for (size_t i = first; i < h->n; i++) {
		const struct line *l = &h->lines[i];

		if (i != first && strcasecmp(l->name, name) != 0)
			continue;
		if (i != first)
			at = mempcpy(at, between, 2);
		at = mempcpy(at, l->value, trimmed(l));
	}
	*at++ = '\0';
	return at;
}

static bool seen_before(const struct head *h, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (strcasecmp(h->lines[k].name, h->lines[i].name) == 0)
			return true;
	return false;
}

static int copy(struct http_request *r, const struct head *h, const char *method)
{
	char *at = malloc(h->bytes + strlen(method) + 1);

	r->block = at;
	r->fields = calloc(h->n + 1, sizeof(*r->fields));
	if (!at || !r->fields)
		return 503;
	r->method = at;
	at = stpcpy(at, method) + 1;
	for (size_t i = 0; i < h->n; i++) {
		struct http_field *f = &r->fields[r->n_fields];

		if (seen_before(h, i))
			continue;
		f->name = at;
		at = mempcpy(at, h->lines[i].name, h->lines[i].name_n);
		*at++ = '\0';
		f->value = at;
		at = join(at, h, i);
		r->n_fields++;
	}
	return 0;
}

/* The target: a path with its query, "*", or an address of which the path counts (RFC 9112 3.2.2). */
static int target(struct http_request *r, const char **why)
{
	char *path = r->uri;

	if (strncasecmp(path, "http://", 7) == 0 || strncasecmp(path, "https://", 8) == 0) {
		char *slash = strchr(strstr(path, "//") + 2, '/');

		path = slash ? slash : "/";
	}
	if (path[0] != '/' && strcmp(path, "*") != 0)
		return *why = "no path", 400;
	for (const char *p = path; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 127 || *p == '#')
			return *why = "a character that a path cannot have", 400;
	r->path = path;
	if ((r->query = strchr(path, '?')))
		*r->query++ = '\0';
	return 0;
}

int http_head_take(struct http_request *r, const char *method, const char *version, const char **why)
{
	const union MHD_ConnectionInfo *size = MHD_get_connection_info(r->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	size_t uri_n = strlen(r->uri), most = r->c->h->o.head_most;
	struct head h;
	int status;

	h.n = h.bytes = 0;
	h.many = false;
	if (uri_n > most)
		return *why = "the address is too long", 414;
	MHD_get_connection_values_n(r->mhd, MHD_HEADER_KIND, gather, &h);
	if (h.many || (size && size->header_size > most))
		return *why = "the head of the request is too long", 431;
	if (!lines_strict(&h, method, r->uri_at, uri_n, version, size ? size->header_size : 0) ||
	    !is_token(method, strlen(method)))
		return *why = "the head of the request is not as it must be", 400;
	r->one_zero = strcmp(version, "HTTP/1.0") == 0;
	if ((status = framing(r, &h, why)) != 0 || (status = target(r, why)) != 0)
		return status;
	return copy(r, &h, method);
}

/* ---- what callers ask */

const char *http_method(const struct http_request *r)
{
	return r->method;
}

const char *http_path(const struct http_request *r)
{
	return r->path;
}

const char *http_query(const struct http_request *r)
{
	return r->query ? r->query : "";
}

const char *http_header(const struct http_request *r, const char *name)
{
	for (size_t i = 0; i < r->n_fields; i++)
		if (strcasecmp(r->fields[i].name, name) == 0)
			return r->fields[i].value;
	return NULL;
}

const char *http_address(const struct http_request *r)
{
	return r->c->address;
}

bool http_secure(const struct http_request *r)
{
	return r->c->h->certificate != NULL;
}

const char *http_certificate(const struct http_request *r, const char **subject)
{
	if (subject)
		*subject = r->c->subject ? r->c->subject : "";
	return r->c->fingerprint;
}

int64_t http_length(const struct http_request *r)
{
	return r->length;
}

bool http_gone(const struct http_request *r)
{
	bool gone;

	pthread_mutex_lock(&r->c->lock);
	gone = r->gone || r->over;
	pthread_mutex_unlock(&r->c->lock);
	return gone;
}

void *http_context(const struct http_request *r)
{
	return r->context;
}

void http_set_context(struct http_request *r, void *context)
{
	r->context = context;
}

void http_set_share(struct http_request *r, enum http_share share)
{
	r->share = share;
}
