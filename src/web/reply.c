#include "web/reply.h"
#include "web/exchange_own.h"
#include "web/gzip.h"
#include "web/json.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define PACKET 1400u /* less than that is not worth compressing */
#define ERROR_MOST 4096u
#define RETRY_S 5

/* Scripts of our own origin, WebAssembly for codecs, workers and pictures that a viewer makes; nothing inline but styles. */
#define POLICY_PAGE                                                                                                    \
	"default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; connect-src 'self'; "      \
	"img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; font-src 'self'; base-uri 'none'; "             \
	"form-action 'self'; frame-ancestors 'none'"
#define POLICY_DATA "default-src 'none'; frame-ancestors 'none'"

/* ---- headers */

static const struct {
	const char *name, *value;
} always[] = {
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
};

int reply_prepare(struct exchange *x, const char *type, struct err *e)
{
	struct own *o = own_of(x);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof always / sizeof *always; i++)
		rc = http_add(x->http, always[i].name, always[i].value);
	if (rc == 0)
		rc = http_add(x->http, "Content-Security-Policy", x->page ? POLICY_PAGE : POLICY_DATA);
	if (rc == 0 && x->secure)
		rc = http_add(x->http, "Strict-Transport-Security", "max-age=31536000");
	if (rc == 0)
		rc = http_add(x->http, "Cache-Control", o->cache ? o->cache : "no-store");
	if (rc == 0 && o->tag[0])
		rc = http_add(x->http, "ETag", o->tag);
	if (rc == 0 && type)
		rc = http_add(x->http, "Content-Type", type);
	return rc < 0 ? err_set(e, (enum err_code) - rc, "a header of the answer could not be set") : 0;
}

static bool compressible(const char *type)
{
	size_t n = strcspn(type, ";");

	return strncmp(type, "text/", 5) == 0 || strncmp(type, "application/json", n) == 0 ||
	       (n > 5 && (strncmp(type + n - 5, "+json", 5) == 0 || strncmp(type + n - 4, "+xml", 4) == 0)) ||
	       strncmp(type, "application/xml", n) == 0 || strncmp(type, "application/javascript", n) == 0 ||
	       strncmp(type, "application/wasm", n) == 0;
}

/* Says what the answer depends on, and whether it goes out gzipped. */
static int negotiate(struct exchange *x, const char *type, bool *zip, struct err *e)
{
	bool can = type && compressible(type) && strcmp(type, "text/event-stream") != 0;

	*zip = can && accept_coding(http_header(x->http, "Accept-Encoding"), "gzip");
	if (http_add(x->http, "Vary", can ? "Accept, Accept-Encoding" : "Accept") < 0 ||
	    (*zip && http_add(x->http, "Content-Encoding", "gzip") < 0))
		return err_set(e, E_NOMEM, "a header of the answer could not be set");
	return 0;
}

/* ---- answers */

int reply_bytes(struct exchange *x, int status, const char *type, const void *body, size_t n, struct err *e)
{
	AUTO(buf) small = BUF(n + n / 8 + 1024);
	bool zip = false;
	int rc = reply_prepare(x, type, e);

	if (rc < 0 || (n > PACKET && (rc = negotiate(x, type, &zip, e)) < 0) ||
	    (zip && (rc = gzip_bytes(body, n, &small, e)) < 0))
		return rc;
	if (zip)
		http_reply(x->http, status, small.data, small.len);
	else
		http_reply(x->http, status, body, n);
	return 0;
}

int reply_stream(struct exchange *x, int status, const char *type, int64_t length, const struct http_source *source,
		 void *arg, struct err *e)
{
	struct gzip *g;
	bool zip = false;
	int rc;

	if ((rc = reply_prepare(x, type, e)) < 0 || (rc = negotiate(x, type, &zip, e)) < 0 ||
	    (zip && (rc = gzip_new(source, arg, &g, e)) < 0)) {
		if (source->close)
			source->close(arg);
		return rc;
	}
	if (zip)
		http_reply_stream(x->http, status, -1, &gzip_source, g);
	else
		http_reply_stream(x->http, status, length, source, arg);
	return 0;
}

int reply_range(struct exchange *x, int status, const char *type, const struct http_range *range, struct err *e)
{
	int rc = reply_prepare(x, type, e);

	if (rc == 0)
		http_reply_range(x->http, status, range);
	return rc;
}

/* ---- refusals */

static void add_hints(struct exchange *x, int status)
{
	if (status == 401)
		http_add(x->http, "WWW-Authenticate", "Bearer realm=\"teleread\"");
	if (status == 503 || status == 429) {
		char seconds[16];

		snprintf(seconds, sizeof seconds, "%d", x->retry_s > 0 ? x->retry_s : RETRY_S);
		http_add(x->http, "Retry-After", seconds);
	}
}

void reply_service(const struct exchange *x, char out[SERVICE_MOST])
{
	static const char sane[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]";
	const char *host = http_header(x->http, "Host");
	size_t n = host ? strlen(host) : 0;

	if (n == 0 || n > 255 || strspn(host, sane) != n)
		snprintf(out, SERVICE_MOST, "/dicom-web");
	else
		snprintf(out, SERVICE_MOST, "http%s://%.255s/dicom-web", x->secure ? "s" : "", host);
}

void reply_error(struct exchange *x, const struct err *why)
{
	struct own *o = own_of(x);
	AUTO(buf) text = BUF(ERROR_MOST);
	struct err e = {0};
	int status = x->status ? x->status : err_http(why->code);
	const char *sentence = o->offered && status == 406 ? o->offered : why->msg[0] ? why->msg : err_text(why->code);
	char odd[80];

	if (status == 404 && o->odd) { /* nothing is stored under it, so it is the client's mistake */
		snprintf(odd, sizeof odd, "%s is no UID: not digits and dots", o->odd);
		sentence = odd;
		status = 400;
	}
	x->page = false;
	o->cache = NULL; /* what was said of the answer that did not come does not hold for this one */
	o->tag[0] = '\0';
	o->refused = status == 401 || status == 403;
	exchange_audit_why(x, sentence);
	add_hints(x, status);
	if (buf_byte(&text, '{', &e) < 0 || json_member(&text, "error", sentence, &e) < 0 ||
	    buf_str(&text, "}\n", &e) < 0 || reply_prepare(x, "application/json", &e) < 0)
		buf_clear(&text);
	http_reply(x->http, status, text.data, text.len);
}

int reply_unacceptable(struct exchange *x, const struct offer *offers, unsigned n, struct err *e)
{
	AUTO(buf) list = BUF(ERROR_MOST / 2);
	char *sentence;

	x->status = 406;
	accept_list(offers, n, &list, NULL);
	if (asprintf(&sentence, "not acceptable; there is: %s", buf_text(&list)) > 0 &&
	    exchange_keep(x, sentence, free, NULL) == 0)
		own_of(x)->offered = sentence;
	return err_set(e, E_UNSUP, "not acceptable; there is: %.200s", buf_text(&list));
}

/* ---- entity tags */

bool reply_tag_listed(const char *list, const char *tag)
{
	size_t n = strlen(tag);

	while (*list) {
		list += strspn(list, " \t,");
		if (*list == '*')
			return true;
		if (list[0] == 'W' && list[1] == '/')
			list += 2;
		if (*list == '"') {
			const char *end = strchr(++list, '"');

			if (!end)
				return false;
			if ((size_t)(end - list) == n && memcmp(list, tag, n) == 0)
				return true;
			list = end + 1;
		} else {
			list += strcspn(list, ",");
		}
	}
	return false;
}

int reply_fresh(struct exchange *x, const char *tag, bool for_ever, struct err *e)
{
	const char *known = http_header(x->http, "If-None-Match"), *method = http_method(x->http);
	struct own *o = own_of(x);
	int rc;

	snprintf(o->tag, sizeof o->tag, "%s\"%.100s\"", for_ever ? "" : "W/", tag);
	o->cache = for_ever ? "private, max-age=31536000, immutable" : "private, no-cache";
	if (!known || (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) || !reply_tag_listed(known, tag))
		return 0;
	if ((rc = reply_prepare(x, NULL, e)) < 0)
		return rc;
	http_add(x->http, "Vary", "Accept, Accept-Encoding");
	http_reply(x->http, 304, NULL, 0);
	return 1;
}

/* ---- ranges */

/* Digits at *text; -1 for none, INT64_MAX for more than that. */
static int64_t read_count(const char **text)
{
	int64_t n = 0;

	if (**text < '0' || **text > '9')
		return -1;
	for (; **text >= '0' && **text <= '9'; (*text)++)
		if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, **text - '0', &n))
			n = INT64_MAX / 16; /* beyond any body, and stays so */
	return n;
}

int reply_parse_range(const char *header, uint64_t size, uint64_t *at, uint64_t *n)
{
	int64_t from, to;

	if (strncasecmp(header, "bytes=", 6) != 0)
		return 0;
	header += 6;
	from = read_count(&header);
	if (*header++ != '-')
		return 0;
	to = read_count(&header);
	if (*header || (from < 0 && to < 0) || (from >= 0 && to >= 0 && to < from))
		return 0; /* several, or none that is understood: as if it were not there (RFC 9110 14.2) */
	if (from < 0) {
		*n = (uint64_t)to < size ? (uint64_t)to : size;
		*at = size - *n;
		return *n ? 1 : -E_INVAL;
	}
	if ((uint64_t)from >= size)
		return -E_INVAL;
	*at = (uint64_t)from;
	*n = to < 0 || (uint64_t)to >= size ? size - *at : (uint64_t)to - *at + 1;
	return 1;
}

int reply_ranged(struct exchange *x, const char *tag, uint64_t size, uint64_t *at, uint64_t *n, struct err *e)
{
	const char *wanted = http_header(x->http, "Range"), *only = http_header(x->http, "If-Range");
	char header[96];
	int rc;

	if (http_add(x->http, "Accept-Ranges", "bytes") < 0)
		return err_set(e, E_NOMEM, "a header of the answer could not be set");
	if (!wanted || strcmp(http_method(x->http), "GET") != 0)
		return 0;
	/* strong comparison: a weak tag never matches, nor does a date */
	if (only && !(only[0] == '"' && strlen(only) == strlen(tag) + 2 && strncmp(only + 1, tag, strlen(tag)) == 0))
		return 0;
	if ((rc = reply_parse_range(wanted, size, at, n)) == 0)
		return 0;
	if (rc < 0) {
		x->status = 416;
		snprintf(header, sizeof header, "bytes */%" PRIu64, size);
		http_add(x->http, "Content-Range", header);
		return err_set(e, E_INVAL, "no byte of the range is within %" PRIu64 " bytes", size);
	}
	snprintf(header, sizeof header, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, *at, *at + *n - 1, size);
	return http_add(x->http, "Content-Range", header) < 0
		   ? err_set(e, E_NOMEM, "a header of the answer could not be set")
		   : 1;
}
