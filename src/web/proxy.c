#include "web/proxy.h"
#include "net/server.h"
#include <arpa/inet.h>
#include <glib.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define NETWORKS_MOST 64u
#define DIGEST 64u

/* IPv4 as ::ffff:a.b.c.d, so that both are compared alike */
struct network {
	uint8_t address[16];
	unsigned bits;
};
struct networks {
	unsigned n;
	struct network list[NETWORKS_MOST];
};

static int read_address(const char *text, uint8_t out[16], bool *v4)
{
	static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF};

	*v4 = inet_pton(AF_INET, text, out + 12) == 1;
	if (*v4)
		memcpy(out, mapped, sizeof mapped);
	return *v4 || inet_pton(AF_INET6, text, out) == 1 ? 0 : -E_INVAL;
}

static int read_network(char *word, struct network *out, struct err *e)
{
	char *slash = strchr(word, '/'), *end = "";
	unsigned long bits = 128;
	bool v4;

	if (slash) {
		*slash = '\0';
		bits = strtoul(slash + 1, &end, 10);
	}
	if (read_address(word, out->address, &v4) < 0 || *end || (slash && (!slash[1] || bits > (v4 ? 32 : 128))))
		return err_set(e, E_CONFIG,
			       "[http] trusted_proxies: %.60s is no address and no range such as 10.1.0.0/16", word);
	out->bits = (unsigned)bits + (slash && v4 ? 96 : 0);
	return 0;
}

int networks_parse(const char *list, struct networks **out, struct err *e)
{
	AUTO(str) text = strdup(list);
	struct networks *n = calloc(1, sizeof *n);
	char *rest = NULL;
	int rc = text && n ? 0 : err_set(e, E_NOMEM, "no memory for addresses");

	for (char *w = rc < 0 ? NULL : strtok_r(text, ", \t;", &rest); rc == 0 && w;
	     w = strtok_r(NULL, ", \t;", &rest)) {
		if (n->n == NETWORKS_MOST)
			rc = err_set(e, E_CONFIG, "[http] trusted_proxies: more than %u", NETWORKS_MOST);
		else
			rc = read_network(w, &n->list[n->n++], e);
	}
	if (rc < 0)
		free(n);
	else
		*out = n;
	return rc;
}

void networks_free(struct networks *n)
{
	free(n);
}

static bool within(const struct network *n, const uint8_t address[16])
{
	unsigned whole = n->bits / 8, left = n->bits % 8;

	return memcmp(n->address, address, whole) == 0 &&
	       (left == 0 || ((n->address[whole] ^ address[whole]) & (0xFFu << (8 - left) & 0xFFu)) == 0);
}

bool networks_have(const struct networks *n, const char *address)
{
	uint8_t raw[16];
	bool v4;

	if (!n || n->n == 0 || read_address(address, raw, &v4) < 0)
		return false;
	for (unsigned i = 0; i < n->n; i++)
		if (within(&n->list[i], raw))
			return true;
	return false;
}

/* The last address of the list that is no trusted proxy itself: what stands before it anybody may have written. */
static void forwarded_for(const char *list, const struct networks *trusted, char address[64])
{
	const char *end = list + strlen(list);

	while (end > list) {
		const char *comma = memrchr(list, ',', (size_t)(end - list)), *at = comma ? comma + 1 : list;
		char one[64];
		uint8_t raw[16];
		bool v4;

		at += strspn(at, " \t");
		snprintf(one, sizeof one, "%.*s", (int)strcspn(at, " \t,"), at);
		if (read_address(one, raw, &v4) < 0)
			return;
		memcpy(address, one, sizeof one);
		if (!networks_have(trusted, one))
			return;
		end = comma ? comma : list;
	}
}

static void forwarded_certificate(const char *text, char out[DIGEST + 1])
{
	if (strlen(text) != DIGEST || strspn(text, "0123456789abcdefABCDEF") != DIGEST)
		return;
	for (unsigned i = 0; i <= DIGEST; i++)
		out[i] = (char)(text[i] >= 'A' && text[i] <= 'F' ? text[i] + 32 : text[i]);
}

/* A certificate as PEM, with %HH. What cannot be read counts as none. */
static void forwarded_pem(const char *text, char out[DIGEST + 1])
{
	char *pem = g_uri_unescape_string(text, NULL);
	gnutls_datum_t der = {0}, in = {.data = (unsigned char *)pem, .size = pem ? (unsigned)strlen(pem) : 0};
	unsigned char sum[DIGEST / 2];
	size_t n = sizeof sum;

	if (pem && gnutls_pem_base64_decode2("CERTIFICATE", &in, &der) >= 0 &&
	    gnutls_fingerprint(GNUTLS_DIG_SHA256, &der, sum, &n) >= 0)
		for (size_t i = 0; i < n; i++)
			snprintf(out + 2 * i, 3, "%02x", sum[i]);
	gnutls_free(der.data);
	g_free(pem);
}

void sender_find(const struct http_request *r, const struct networks *trusted, struct sender *out)
{
	const char *peer = http_address(r), *list = http_header(r, "X-Forwarded-For"),
		   *scheme = http_header(r, "X-Forwarded-Proto"),
		   *shown = http_header(r, "X-Client-Certificate-SHA256"),
		   *pem = http_header(r, "X-Client-Certificate"), *subject;
	bool proxy = networks_have(trusted, peer);

	*out = (struct sender){.secure = http_secure(r)};
	snprintf(out->address, sizeof out->address, "%s", peer);
	snprintf(out->certificate, sizeof out->certificate, "%s", http_certificate(r, &subject));
	out->local = server_loopback(peer) && !proxy && !list && !scheme && !http_header(r, "Forwarded") &&
		     !http_header(r, "X-Real-IP") && !http_header(r, "Via");
	if (!proxy)
		return;
	out->secure = scheme && strcasecmp(scheme, "https") == 0;
	out->certificate[0] = '\0'; /* the proxy's own is not its client's */
	if (list)
		forwarded_for(list, trusted, out->address);
	if (shown && *shown)
		forwarded_certificate(shown, out->certificate);
	else if (pem && *pem)
		forwarded_pem(pem, out->certificate);
}
