/* archive/registry.c - sites and peers: a few rows, looked up by whoever opens an association. */
#include "archive/registry.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- addresses */

/* A range of addresses; IPv4 is kept as ::ffff:a.b.c.d, so that an address compares equal however it came. */
struct range {
	uint8_t bytes[16];
	unsigned bits; /* 0..128 that must agree */
};

static bool parse_address(const char *text, size_t n, uint8_t out[16], bool *v4)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	char copy[INET6_ADDRSTRLEN];
	const char *zone = memchr(text, '%', n);

	if (zone)
		n = (size_t)(zone - text); /* fe80::1%eth0 */
	if (n == 0 || n >= sizeof(copy))
		return false;
	memcpy(copy, text, n);
	copy[n] = '\0';
	*v4 = inet_pton(AF_INET, copy, out + 12) == 1;
	if (!*v4)
		return inet_pton(AF_INET6, copy, out) == 1;
	memcpy(out, mapped, sizeof(mapped));
	return true;
}

/* "" is every address. */
static bool parse_range(const char *text, struct range *out)
{
	const char *slash = strchr(text, '/');
	unsigned long bits;
	char *end;
	bool v4;

	memset(out, 0, sizeof(*out));
	if (!*text)
		return true;
	if (!parse_address(text, slash ? (size_t)(slash - text) : strlen(text), out->bytes, &v4))
		return false;
	out->bits = 128;
	if (!slash)
		return true;
	bits = isdigit((unsigned char)slash[1]) ? strtoul(slash + 1, &end, 10) : 999;
	if (bits > (v4 ? 32 : 128) || *end)
		return false;
	out->bits = (unsigned)bits + (v4 ? 96 : 0);
	for (unsigned i = out->bits; i < 128; i++)
		out->bytes[i / 8] &= (uint8_t) ~(0x80u >> i % 8);
	return true;
}

static bool in_range(const struct range *r, const uint8_t address[16])
{
	unsigned whole = r->bits / 8, rest = r->bits % 8;

	return memcmp(r->bytes, address, whole) == 0 &&
	       (rest == 0 || ((r->bytes[whole] ^ address[whole]) & (0xFF00u >> rest & 0xFF)) == 0);
}

/* The one spelling in which a range is kept. */
static void range_text(const struct range *r, char out[64])
{
	char address[INET6_ADDRSTRLEN];
	bool v4 = r->bits >= 96 && IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)(const void *)r->bytes);
	unsigned bits = v4 ? r->bits - 96 : r->bits;

	if (v4)
		inet_ntop(AF_INET, r->bytes + 12, address, sizeof(address));
	else
		inet_ntop(AF_INET6, r->bytes, address, sizeof(address));
	if (bits == (v4 ? 32 : 128))
		snprintf(out, 64, "%s", address);
	else
		snprintf(out, 64, "%s/%u", address, bits);
}

/* ---------------------------------------------------------------- words */

static bool printable(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7F)
			return false;
	return true;
}

static bool code_ok(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("._-", *s))
			return false;
	return true;
}

/* Without the blanks around it; false when nothing is left, it is too long or cannot be an AE title (PS3.5 6.2). */
static bool trim_aet(const char *aet, char out[17])
{
	size_t n;

	while (*aet == ' ')
		aet++;
	n = strlen(aet);
	while (n > 0 && aet[n - 1] == ' ')
		n--;
	if (n == 0 || n > 16)
		return false;
	for (size_t i = 0; i < n; i++)
		if (aet[i] < 0x20 || aet[i] > 0x7E || aet[i] == '\\')
			return false;
	memcpy(out, aet, n);
	out[n] = '\0';
	return true;
}

static void copy_text(char *out, size_t room, struct db_stmt *s, int col)
{
	snprintf(out, room, "%s", db_text(s, col, NULL));
}

static void bind_str(struct db_stmt *s, int n, const char *text)
{
	db_bind_text(s, n, text, strlen(text));
}

static int prepare(struct db_conn *c, const char *name, struct db_stmt **out, struct err *e)
{
	return db_prepare(c, db_sql(db_of(c), name), out, e);
}

static int run(struct db_stmt *s, struct err *e)
{
	int rc = db_step(s, e);

	if (rc > 0)
		db_reset(s);
	return rc < 0 ? rc : 0;
}

static int open_write(struct archive *a, struct db_conn **c, struct err *e)
{
	int rc = db_get(archive_db(a), DB_WRITE, c, e);

	return rc < 0 ? rc : db_begin(*c, e);
}

/* ---------------------------------------------------------------- sites */

static void read_site(struct db_stmt *s, struct site *out)
{
	memset(out, 0, sizeof(*out));
	out->id = db_int(s, 0);
	copy_text(out->code, sizeof(out->code), s, 1);
	copy_text(out->name, sizeof(out->name), s, 2);
	copy_text(out->tier, sizeof(out->tier), s, 3);
	out->parent = db_int(s, 4);
	copy_text(out->parent_code, sizeof(out->parent_code), s, 5);
}

static int find_site(struct db_conn *c, const char *code, struct site *out, struct err *e)
{
	struct db_stmt *s;
	int rc = prepare(c, "site-get", &s, e);

	if (rc < 0)
		return rc;
	bind_str(s, 1, code);
	if ((rc = db_step(s, e)) < 0)
		return rc;
	if (rc == 0)
		return err_set(e, E_NOENT, "there is no site %s", code);
	read_site(s, out);
	db_reset(s);
	return 0;
}

static int check_site(const struct site *s, struct err *e)
{
	if (!code_ok(s->code))
		return err_set(e, E_INVAL, "a site's code is made of letters, digits, . _ and -");
	if (!printable(s->name) || !printable(s->tier))
		return err_set(e, E_INVAL, "name and tier of site %s must be printable", s->code);
	return 0;
}

static int collect_below(struct db_conn *c, int64_t site, struct scope *out, struct err *e)
{
	struct scope found = {.kind = SCOPE_SITES};
	unsigned room = 0;
	struct db_stmt *s;
	int rc = prepare(c, "site-below", &s, e);

	if (rc < 0)
		return rc;
	db_bind_int(s, 1, site);
	while ((rc = db_step(s, e)) > 0) {
		if (found.n == SCOPE_MOST) {
			rc = err_set(e, E_LIMIT, "more than %d sites below one", SCOPE_MOST);
			break;
		}
		if (found.n == room) {
			int64_t *more = reallocarray(found.sites, room = room ? room * 2 : 8, sizeof(*more));

			if (!more) {
				rc = err_set(e, E_NOMEM, "no memory for the sites of a scope");
				break;
			}
			found.sites = more;
		}
		found.sites[found.n++] = db_int(s, 0);
	}
	if (rc < 0) {
		db_reset(s);
		scope_cleanup(&found);
		return rc;
	}
	if (found.n == 0)
		found.kind = SCOPE_NOTHING;
	*out = found;
	return 0;
}

/* The parent's key; -E_CONFLICT when it stands below the site itself (or is it). */
static int find_parent(struct db_conn *c, const struct site *s, int64_t id, int64_t *parent, struct err *e)
{
	struct scope below = {0};
	struct site up;
	int rc;

	*parent = 0;
	if (!s->parent_code[0])
		return 0;
	if ((rc = find_site(c, s->parent_code, &up, e)) < 0)
		return rc;
	*parent = up.id;
	if (id == 0)
		return 0;
	if ((rc = collect_below(c, id, &below, e)) < 0)
		return rc;
	if (scope_has(&below, up.id))
		rc = err_set(e, E_CONFLICT, "site %s stands below %s and cannot be above it, too", up.code, s->code);
	scope_cleanup(&below);
	return rc;
}

static void bind_parent(struct db_stmt *s, int n, int64_t parent)
{
	if (parent)
		db_bind_int(s, n, parent);
	else
		db_bind_null(s, n);
}

int site_add(struct archive *a, const struct site *site, struct err *e)
{
	AUTO(db_conn) c = NULL;
	struct db_stmt *s;
	int64_t parent;
	int rc;

	if ((rc = check_site(site, e)) < 0 || (rc = open_write(a, &c, e)) < 0 ||
	    (rc = find_parent(c, site, 0, &parent, e)) < 0 || (rc = prepare(c, "site-add", &s, e)) < 0)
		return rc;
	bind_str(s, 1, site->code);
	bind_str(s, 2, site->name);
	bind_str(s, 3, site->tier);
	bind_parent(s, 4, parent);
	if ((rc = run(s, NULL)) < 0)
		return rc == -E_EXISTS ? err_set(e, E_EXISTS, "there is a site %s already", site->code)
				       : err_set(e, (enum err_code) - rc, "site %s could not be added: %s", site->code,
						 err_text((enum err_code) - rc));
	return db_commit(c, e);
}

int site_get(struct archive *a, const char *code, struct site *out, struct err *e)
{
	AUTO(db_conn) c = NULL;
	int rc = db_get(archive_db(a), DB_READ, &c, e);

	return rc < 0 ? rc : find_site(c, code, out, e);
}

int site_set(struct archive *a, const struct site *site, struct err *e)
{
	AUTO(db_conn) c = NULL;
	struct site there;
	struct db_stmt *s;
	int64_t parent;
	int rc;

	if ((rc = check_site(site, e)) < 0 || (rc = open_write(a, &c, e)) < 0 ||
	    (rc = find_site(c, site->code, &there, e)) < 0 || (rc = find_parent(c, site, there.id, &parent, e)) < 0 ||
	    (rc = prepare(c, "site-set", &s, e)) < 0)
		return rc;
	db_bind_int(s, 1, there.id);
	bind_str(s, 2, site->name);
	bind_str(s, 3, site->tier);
	bind_parent(s, 4, parent);
	if ((rc = run(s, e)) < 0)
		return rc;
	return db_commit(c, e);
}

static int check_unused(struct db_conn *c, const struct site *site, struct err *e)
{
	static const char *const what[] = {"sites stand below it", "it has peers", "the archive holds studies of it",
					   "the quarantine holds records of it"};
	struct db_stmt *s;
	int rc = prepare(c, "site-used", &s, e);

	if (rc < 0)
		return rc;
	db_bind_int(s, 1, site->id);
	if ((rc = db_step(s, e)) <= 0)
		return rc;
	rc = 0;
	for (int i = 0; rc == 0 && i < 4; i++)
		if (db_int(s, i) > 0)
			rc = err_set(e, E_CONFLICT, "site %s cannot be removed: %s", site->code, what[i]);
	db_reset(s);
	return rc;
}

int site_remove(struct archive *a, const char *code, struct err *e)
{
	AUTO(db_conn) c = NULL;
	struct site there;
	struct db_stmt *s;
	int rc;

	if ((rc = open_write(a, &c, e)) < 0 || (rc = find_site(c, code, &there, e)) < 0 ||
	    (rc = check_unused(c, &there, e)) < 0 || (rc = prepare(c, "site-remove", &s, e)) < 0)
		return rc;
	db_bind_int(s, 1, there.id);
	if ((rc = run(s, e)) < 0)
		return rc;
	return db_commit(c, e);
}

int site_each(struct archive *a, int (*seen)(void *arg, const struct site *s), void *arg, struct err *e)
{
	AUTO(db_conn) c = NULL;
	struct db_stmt *s;
	struct site site;
	int rc;

	if ((rc = db_get(archive_db(a), DB_READ, &c, e)) < 0 || (rc = prepare(c, "site-each", &s, e)) < 0)
		return rc;
	while ((rc = db_step(s, e)) > 0) {
		read_site(s, &site);
		if ((rc = seen(arg, &site)) != 0) {
			db_reset(s);
			return rc;
		}
	}
	return rc;
}

int site_scope(struct archive *a, int64_t site, struct scope *out, struct err *e)
{
	AUTO(db_conn) c = NULL;
	int rc = db_get(archive_db(a), DB_READ, &c, e);

	return rc < 0 ? rc : collect_below(c, site, out, e);
}

/* ---------------------------------------------------------------- peers */

static void read_peer(struct db_stmt *s, struct peer *out)
{
	memset(out, 0, sizeof(*out));
	out->id = db_int(s, 0);
	out->site = db_int(s, 1);
	copy_text(out->aet, sizeof(out->aet), s, 2);
	copy_text(out->site_code, sizeof(out->site_code), s, 3);
	copy_text(out->host, sizeof(out->host), s, 4);
	copy_text(out->address, sizeof(out->address), s, 5);
	out->port = (uint16_t)db_int(s, 6);
	out->private_classes = db_int(s, 7) != 0;
	out->max_associations = (int)db_int(s, 8);
	out->tls = db_int(s, 9) != 0;
	copy_text(out->certificate, sizeof(out->certificate), s, 10);
}

static int check_peer(const struct peer *p, char aet[17], char address[64], struct err *e)
{
	struct range range;

	if (!trim_aet(p->aet, aet))
		return err_set(e, E_INVAL, "an AE title has 1 to 16 characters, none of them a backslash or a control");
	if (!parse_range(p->address, &range))
		return err_set(e, E_INVAL,
			       "address of peer %s: \"%s\" is neither an address nor a range such as 10.1.0.0/16", aet,
			       p->address);
	address[0] = '\0';
	if (p->address[0])
		range_text(&range, address);
	if (!printable(p->host) || strchr(p->host, ' '))
		return err_set(e, E_INVAL, "host of peer %s: not a name or address", aet);
	if (p->certificate[0] && (strlen(p->certificate) != 64 || strspn(p->certificate, "0123456789abcdef") != 64))
		return err_set(e, E_INVAL, "certificate of peer %s: not a SHA-256 fingerprint", aet);
	if (p->max_associations < 0)
		return err_set(e, E_INVAL, "peer %s: associations at once cannot be negative", aet);
	return 0;
}

static int find_peer(struct archive *a, const char *title, bool (*better)(void *arg, const struct peer *p), void *arg,
		     struct peer *out, struct err *e);

static bool same_address(void *address, const struct peer *p)
{
	return strcmp(p->address, address) == 0;
}

/* That aet at address is there already, and whose it is. */
static int say_exists(struct archive *a, const char *aet, char *address, struct err *e)
{
	const char *where = address[0] ? address : "any address";
	struct peer there;
	int rc = find_peer(a, aet, same_address, address, &there, NULL);

	if (rc <= 0)
		return err_set(e, E_EXISTS, "there is a peer %s at %s already", aet, where);
	return err_set(e, E_EXISTS, "there is a peer %s at %s already, of site %s: remove that one first", aet, where,
		       there.site_code);
}

int peer_add(struct archive *a, const struct peer *p, struct err *e)
{
	AUTO(db_conn) c = NULL;
	char aet[17], address[64];
	struct site site;
	struct db_stmt *s;
	int rc;

	if ((rc = check_peer(p, aet, address, e)) < 0 || (rc = open_write(a, &c, e)) < 0 ||
	    (rc = find_site(c, p->site_code, &site, e)) < 0 || (rc = prepare(c, "peer-add", &s, e)) < 0)
		return rc;
	db_bind_int(s, 1, site.id);
	bind_str(s, 2, aet);
	bind_str(s, 3, address);
	bind_str(s, 4, p->host);
	db_bind_int(s, 5, p->port);
	db_bind_int(s, 6, p->private_classes);
	db_bind_int(s, 7, p->max_associations);
	db_bind_int(s, 8, p->tls);
	bind_str(s, 9, p->certificate);
	if ((rc = run(s, NULL)) == -E_EXISTS)
		return say_exists(a, aet, address, e);
	if (rc < 0)
		return err_set(e, (enum err_code) - rc, "peer %s could not be added: %s", aet,
			       err_text((enum err_code) - rc));
	return db_commit(c, e);
}

int peer_remove(struct archive *a, const char *aet, const char *site_code, struct err *e)
{
	AUTO(db_conn) c = NULL;
	struct site site = {0};
	struct db_stmt *s;
	char title[17];
	int rc;

	if (!trim_aet(aet, title))
		return err_set(e, E_NOENT, "there is no such peer");
	if ((rc = open_write(a, &c, e)) < 0 || (site_code[0] && (rc = find_site(c, site_code, &site, e)) < 0) ||
	    (rc = prepare(c, "peer-remove", &s, e)) < 0)
		return rc;
	bind_str(s, 1, title);
	db_bind_int(s, 2, site.id);
	if ((rc = run(s, e)) < 0)
		return rc;
	if (db_changes(c) == 0)
		return err_set(e, E_NOENT, "there is no peer %s%s%s", title, site_code[0] ? " of site " : "",
			       site_code);
	return db_commit(c, e);
}

int peer_each(struct archive *a, int (*seen)(void *arg, const struct peer *p), void *arg, struct err *e)
{
	AUTO(db_conn) c = NULL;
	struct db_stmt *s;
	struct peer peer;
	int rc;

	if ((rc = db_get(archive_db(a), DB_READ, &c, e)) < 0 || (rc = prepare(c, "peer-each", &s, e)) < 0)
		return rc;
	while ((rc = db_step(s, e)) > 0) {
		read_peer(s, &peer);
		if ((rc = seen(arg, &peer)) != 0) {
			db_reset(s);
			return rc;
		}
	}
	return rc;
}

/* Walks the peers of a title; `better` says whether one is to be taken over what was found so far. */
static int find_peer(struct archive *a, const char *title, bool (*better)(void *arg, const struct peer *p), void *arg,
		     struct peer *out, struct err *e)
{
	AUTO(db_conn) c = NULL;
	bool found = false;
	struct db_stmt *s;
	struct peer peer;
	int rc;

	if ((rc = db_get(archive_db(a), DB_READ, &c, e)) < 0 || (rc = prepare(c, "peer-get", &s, e)) < 0)
		return rc;
	bind_str(s, 1, title);
	while ((rc = db_step(s, e)) > 0) {
		read_peer(s, &peer);
		if (better(arg, &peer)) {
			*out = peer;
			found = true;
		}
	}
	return rc < 0 ? rc : found;
}

struct caller {
	uint8_t address[16];
	int bits;   /* of the narrowest range so far; -1: none */
	bool known; /* from there or elsewhere */
};

static bool narrower(void *arg, const struct peer *p)
{
	struct caller *caller = arg;
	struct range range;

	caller->known = true;
	if (!parse_range(p->address, &range) || !in_range(&range, caller->address) || (int)range.bits <= caller->bits)
		return false;
	caller->bits = (int)range.bits;
	return true;
}

int peer_identify(struct archive *a, const char *aet, const char *address, struct peer *out, struct err *e)
{
	struct caller caller = {.bits = -1};
	char title[17];
	bool v4;
	int rc;

	if (!trim_aet(aet, title))
		return err_set(e, E_DENIED, "the caller gives no AE title");
	if (!parse_address(address, strlen(address), caller.address, &v4))
		return err_set(e, E_DENIED, "the caller %s has no address", title);
	if ((rc = find_peer(a, title, narrower, &caller, out, e)) < 0)
		return rc;
	if (rc == 0 && caller.known)
		return err_set(e, E_DENIED, "%s is registered, but not from %s", title, address);
	return rc ? 0 : err_set(e, E_DENIED, "nobody is registered as %s at %s", title, address);
}

struct callee {
	int64_t site; /* of the one who asks */
	bool known, found, near;
};

/* The first with a host and port, but one of the own site before others. */
static bool callable(void *arg, const struct peer *p)
{
	struct callee *callee = arg;
	bool near = p->site == callee->site;

	callee->known = true;
	if (!p->host[0] || !p->port || callee->near || (callee->found && !near))
		return false;
	callee->near = near;
	return callee->found = true;
}

int peer_destination(struct archive *a, const char *aet, int64_t site, struct peer *out, struct err *e)
{
	struct callee callee = {.site = site};
	char title[17];
	int rc;

	if (!trim_aet(aet, title))
		return err_set(e, E_NOENT, "a destination needs an AE title");
	if ((rc = find_peer(a, title, callable, &callee, out, e)) < 0)
		return rc;
	if (rc == 0 && callee.known)
		return err_set(e, E_NOENT, "%s has no host and port to be called at", title);
	return rc ? 0 : err_set(e, E_NOENT, "there is no peer %s", title);
}
