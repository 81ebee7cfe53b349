/* access/access.c - from credentials to a principal, and what is remembered of it. */
#include "access/access.h"
#include "access/access_internal.h"
#include "access/credential.h"
#include "access/glass.h"
#include "access/oidc.h"
#include "access/session.h"
#include "access/throttle.h"
#include "base/clock.h"
#include "base/log.h"

#include <sodium.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#define USED_US (300 * SECOND_US)        /* when a token was used last is kept to so much */
#define SESSION_USED_US (60 * SECOND_US) /* likewise of a session, whose idle time it measures */
#define KEY 32

struct shared { /* a principal, and who holds it */
	_Atomic unsigned refs;
	struct principal p;
};
struct cached {
	uint8_t key[KEY];
	struct principal *p;
	int64_t until;
};

/* ---- principals */

static struct shared *shared_of(struct principal *p)
{
	return (struct shared *)((char *)p - offsetof(struct shared, p));
}

static struct principal *hold(struct principal *p)
{
	atomic_fetch_add(&shared_of(p)->refs, 1);
	return p;
}

void access_release(struct principal *p)
{
	if (!p || atomic_fetch_sub(&shared_of(p)->refs, 1) > 1)
		return;
	scope_cleanup(&p->scope);
	sodium_memzero(p, sizeof *p);
	free(shared_of(p));
}

static int by_number(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* Adds what is not there yet; both are sorted. */
static int scope_join(struct scope *into, const struct scope *more, struct err *e)
{
	int64_t *all = reallocarray(into->sites, (size_t)into->n + more->n + 1, sizeof *all);
	unsigned n = 0;

	if (!all)
		return err_set(e, E_NOMEM, "no memory for the sites of a scope");
	into->sites = all;
	if (more->n > 0)
		memcpy(all + into->n, more->sites, more->n * sizeof *all);
	qsort(all, into->n + more->n, sizeof *all, by_number);
	for (unsigned i = 0; i < into->n + more->n; i++)
		if (n == 0 || all[n - 1] != all[i])
			all[n++] = all[i];
	into->n = n;
	if (n > SCOPE_MOST)
		return err_set(e, E_LIMIT, "more than %d sites in one scope", SCOPE_MOST);
	into->kind = n ? SCOPE_SITES : SCOPE_NOTHING;
	return 0;
}

struct only {
	int64_t site;
	struct principal *p;
};

static int take_site(void *arg, const struct site *s)
{
	struct only *o = arg;

	if (s->id != o->site)
		return 0;
	o->p->site = s->id;
	g_strlcpy(o->p->site_code, s->code, sizeof o->p->site_code);
	return 1;
}

int principal_make(struct access *a, const char *name, uint32_t roles, const int64_t *sites, unsigned n,
		   struct principal **out, struct err *e)
{
	struct shared *s = calloc(1, sizeof *s);
	int rc = 0;

	if (!s)
		return err_set(e, E_NOMEM, "no memory for who asks");
	s->refs = 1;
	snprintf(s->p.name, sizeof s->p.name, "%s", name);
	s->p.roles = roles;
	s->p.rights = access_rights(roles);
	for (unsigned i = 0; i < n && rc == 0; i++) {
		struct scope below = {0};

		if ((rc = site_scope(a->archive, sites[i], &below, e)) == 0)
			rc = scope_join(&s->p.scope, &below, e);
		scope_cleanup(&below);
	}
	if (rc == 0 && n == 1) /* what it stores belongs to its only site, where nothing else is said */
		rc = site_each(a->archive, take_site, &(struct only){sites[0], &s->p}, e);
	if (rc < 0) {
		access_release(&s->p);
		return rc;
	}
	*out = &s->p;
	return 0;
}

/* What it stores belongs to the site that was named. Where that one has gone, to none. */
static void store_as(struct principal *p, const struct holder *h)
{
	if (!h->store_as)
		return;
	p->site = h->store_as_code[0] ? h->store_as : 0;
	g_strlcpy(p->site_code, h->store_as_code, sizeof p->site_code);
}

int principal_of(struct access *a, const struct holder *h, const char *how, struct principal **out, struct err *e)
{
	static const char *const words[] = {"", "account", "token", "certificate"};
	int64_t now = a->now();
	int rc;

	if (h->disabled || (h->expires && now >= h->expires))
		return err_set(e, E_DENIED, "%s %s", words[h->kind],
			       h->disabled ? "was taken back" : "is over its time");
	if ((rc = principal_make(a, h->name, h->roles, h->sites, h->n, out, e)) < 0)
		return rc;
	(*out)->how = how;
	(*out)->holder = h->id;
	snprintf((*out)->subject, sizeof(*out)->subject, "%s %lld", words[h->kind], (long long)h->id);
	store_as(*out, h);
	return 0;
}

/* ---- memory */

static void add_text(crypto_generichash_state *s, const char *text)
{
	size_t n = text ? strlen(text) : 0;

	crypto_generichash_update(s, (const uint8_t *)&n, sizeof n);
	crypto_generichash_update(s, (const uint8_t *)text, n);
}

/* All that decides who it is goes into the key. False: there is nothing to remember anyone by. */
static bool cache_key(const struct access *a, const struct credentials *c, uint8_t key[KEY])
{
	const uint8_t flags[2] = {c->local, c->secure};
	crypto_generichash_state s;

	if (!(c->authorization && *c->authorization) && !(c->cookie && *c->cookie) &&
	    !(c->certificate && *c->certificate) && !(a->unknown_as && c->local))
		return false;
	crypto_generichash_init(&s, NULL, 0, KEY);
	crypto_generichash_update(&s, flags, sizeof flags);
	add_text(&s, c->authorization);
	add_text(&s, c->cookie);
	add_text(&s, c->certificate);
	crypto_generichash_final(&s, key, KEY);
	return true;
}

static guint key_hash(gconstpointer key)
{
	guint n;

	memcpy(&n, key, sizeof n); /* it is a digest */
	return n;
}

static gboolean key_equal(gconstpointer x, gconstpointer y)
{
	return memcmp(x, y, KEY) == 0;
}

static void cached_free(gpointer p)
{
	struct cached *c = p;

	access_release(c->p);
	free(c);
}

int access_known(struct access *a, const struct credentials *c, struct principal **out)
{
	const struct cached *found;
	uint8_t key[KEY];
	int known = 0;

	if (!cache_key(a, c, key))
		return 0;
	pthread_mutex_lock(&a->lock);
	if ((found = g_hash_table_lookup(a->cache, key)) && a->now() < found->until) {
		*out = hold(found->p);
		known = 1;
	}
	pthread_mutex_unlock(&a->lock);
	return known;
}

static void remember(struct access *a, const uint8_t key[KEY], uint64_t generation, struct principal *p)
{
	struct cached *fresh = malloc(sizeof *fresh);

	if (!fresh)
		return;
	memcpy(fresh->key, key, KEY);
	fresh->until = a->now() + ACCESS_TTL_US;
	pthread_mutex_lock(&a->lock);
	if (generation != a->generation) { /* what was read may have changed since */
		free(fresh);
	} else {
		if (g_hash_table_size(a->cache) >= ACCESS_CACHED)
			g_hash_table_remove_all(a->cache);
		fresh->p = hold(p);
		g_hash_table_replace(a->cache, fresh->key, fresh);
	}
	pthread_mutex_unlock(&a->lock);
}

void access_forget(struct access *a)
{
	pthread_mutex_lock(&a->lock);
	a->generation++;
	g_hash_table_remove_all(a->cache);
	pthread_mutex_unlock(&a->lock);
}

/* ---- each kind of credentials */

static int note_used(struct access *a, const struct holder *h, struct err *e)
{
	int64_t now = a->now();

	return h->used && now < h->used + USED_US ? 0 : holder_used(a->archive, h->id, now, e);
}

static int by_token(struct access *a, const struct bearer *b, struct principal **out, struct err *e)
{
	struct holder h;
	int rc = holder_get(a->archive, HOLDER_TOKEN, b->id, &h, NULL);

	if (rc < 0 && rc != -E_NOENT)
		return err_set(e, (enum err_code) - rc, "the token could not be looked up");
	if (rc == -E_NOENT || h.proof_n != SECRET_PROOF || sodium_memcmp(h.proof, b->proof, SECRET_PROOF) != 0)
		return err_set(e, E_DENIED, "a token that is not known here");
	if ((rc = principal_of(a, &h, "token", out, e)) == 0 && note_used(a, &h, NULL) < 0)
		log_warn("token %lld: its use could not be noted", (long long)h.id);
	return rc;
}

static int by_certificate(struct access *a, const char *text, struct principal **out, struct err *e)
{
	uint8_t proof[32];
	struct holder h;
	int rc;

	if (fingerprint_parse(text, proof) < 0)
		return err_set(e, E_DENIED, "a certificate whose fingerprint cannot be read");
	rc = holder_proved(a->archive, HOLDER_CERTIFICATE, proof, sizeof proof, &h, NULL);
	if (rc < 0)
		return rc == -E_NOENT ? err_set(e, E_DENIED, "a certificate that is not known here")
				      : err_set(e, (enum err_code) - rc, "the certificate could not be looked up");
	if ((rc = principal_of(a, &h, "certificate", out, e)) == 0 && note_used(a, &h, NULL) < 0)
		log_warn("certificate %lld: its use could not be noted", (long long)h.id);
	return rc;
}

static int of_session(struct access *a, const struct session *s, struct principal **out, struct err *e)
{
	struct holder h;
	int rc;

	if (s->holder == 0) {
		if ((rc = principal_make(a, s->name, s->roles, s->sites, s->n, out, e)) == 0) {
			(*out)->how = "oidc";
			g_strlcpy((*out)->subject, s->subject, sizeof(*out)->subject);
		}
		return rc;
	}
	rc = holder_get(a->archive, HOLDER_ACCOUNT, s->holder, &h, NULL);
	if (rc < 0)
		return rc == -E_NOENT ? err_set(e, E_DENIED, "the account is gone")
				      : err_set(e, (enum err_code) - rc, "the account could not be looked up");
	return principal_of(a, &h, "password", out, e);
}

static int by_session(struct access *a, const char *secret, struct principal **out, struct err *e)
{
	int64_t now = a->now(), idle = a->config->login_idle_ms * 1000;
	int64_t fine = idle / 4 < SESSION_USED_US ? idle / 4 : SESSION_USED_US;
	struct session s;
	int rc;

	if ((rc = session_get(a->archive, secret, now, idle, &s, e)) < 0 || (rc = of_session(a, &s, out, e)) < 0)
		return rc;
	(*out)->cookie = true;
	snprintf((*out)->session, sizeof(*out)->session, "%lld", (long long)s.id);
	snprintf((*out)->csrf, sizeof(*out)->csrf, "%s", s.csrf);
	if (now >= s.used + fine && session_used(a->archive, s.id, now, NULL) < 0)
		log_warn("session %lld: its use could not be noted", (long long)s.id);
	return 0;
}

static int by_nothing(struct access *a, const struct credentials *c, struct principal **out, struct err *e)
{
	int rc;

	if (!a->unknown_as || !c->local)
		return err_set(e, E_NOENT, "who asks is not known: log in, or send a token");
	rc = principal_make(a, "unknown", ROLE_SITE_SENDER | ROLE_SITE_VIEWER, &a->unknown_as, 1, out, e);
	if (rc < 0)
		return rc;
	(*out)->how = "unknown";
	g_strlcpy((*out)->subject, "unknown", sizeof(*out)->subject);
	return 0;
}

static int find_out(struct access *a, const struct credentials *c, struct principal **out, struct err *e)
{
	char cookie[SECRET_TEXT + 20];
	struct bearer b;
	int rc;

	if ((rc = bearer_parse(c->authorization, &b, e)) < 0)
		return rc;
	if (b.kind == BEARER_TOKEN)
		return by_token(a, &b, out, e);
	if (b.kind == BEARER_JWT)
		return oidc_identify(a, b.jwt, out, e);
	if ((rc = cookie_get(c->cookie, c->secure ? COOKIE_SECURE : COOKIE_PLAIN, cookie, sizeof cookie, e)) < 0)
		return rc;
	if (rc > 0)
		return by_session(a, cookie, out, e);
	if (c->certificate && *c->certificate)
		return by_certificate(a, c->certificate, out, e);
	return by_nothing(a, c, out, e);
}

int access_identify(struct access *a, const struct credentials *c, struct principal **out, struct err *e)
{
	uint64_t generation;
	uint8_t key[KEY];
	bool keep = cache_key(a, c, key);
	int rc;

	if (access_known(a, c, out))
		return 0;
	pthread_mutex_lock(&a->lock);
	generation = a->generation;
	pthread_mutex_unlock(&a->lock);
	if ((rc = find_out(a, c, out, e)) < 0)
		return rc;
	if (keep)
		remember(a, key, generation, *out);
	return 0;
}

bool access_csrf(const struct principal *p, const struct credentials *c)
{
	size_t n = strlen(p->csrf);

	if (!p->cookie)
		return true;
	return c->csrf && n > 0 && strlen(c->csrf) == n && sodium_memcmp(c->csrf, p->csrf, n) == 0;
}

/* ---- opening */

int access_check(const struct config *c, struct err *e)
{
	return oidc_check(c, e);
}

int access_open(const struct access_options *o, struct access **out, struct err *e)
{
	struct access *a;
	int rc;

	if (sodium_init() < 0)
		return err_set(e, E_IO, "the system gives no random numbers");
	if (!(a = calloc(1, sizeof *a)))
		return err_set(e, E_NOMEM, "no memory for who may do what");
	a->archive = o->archive;
	a->config = o->config;
	a->now = o->now ? o->now : clock_wall_us;
	if (o->unknown_as)
		a->unknown_as = o->unknown_as->id;
	pthread_mutex_init(&a->lock, NULL);
	a->cache = g_hash_table_new_full(key_hash, key_equal, NULL, cached_free);
	a->throttle = throttle_new(a->config->login_tries, a->config->login_lock_ms * 1000);
	rc = a->throttle ? glass_open(a, e) : err_set(e, E_NOMEM, "no memory for who may do what");
	if (rc == 0)
		rc = holder_unlock(a->archive, e);
	if (rc == 0)
		rc = oidc_open(a, e);
	if (rc < 0) {
		access_close(a);
		return rc;
	}
	*out = a;
	return 0;
}

void access_close(struct access *a)
{
	if (!a)
		return;
	oidc_close(a);
	glass_close(a);
	throttle_free(a->throttle);
	g_hash_table_destroy(a->cache);
	pthread_mutex_destroy(&a->lock);
	free(a);
}
