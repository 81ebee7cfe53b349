#include "access/provider.h"
#include "access/fetch.h"
#include "base/clock.h"
#include "base/log.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_US 10000000LL /* while nothing is known at all */

struct provider {
	const struct config *config;
	pthread_t thread;
	bool running;
	_Atomic bool stop;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct published known;
	int64_t asked_us; /* monotonic; 0: not yet */
	uint64_t rounds;  /* that have ended */
	bool wanted, asking;
	unsigned waiting;
};

/* ---- asking it */

static int get(struct provider *p, const char *url, struct buf *out, struct err *e)
{
	const struct fetch f = {.url = url, .ca_file = p->config->oidc_ca_file, .stop = &p->stop};

	return fetch_document(&f, out, e);
}

/* A URL of the document; "" where it names none. */
static int copy_url(const json_t *o, const char *name, char out[512], struct err *e)
{
	const char *url = json_string_value(json_object_get(o, name));
	int n;

	out[0] = '\0';
	if (!url)
		return 0;
	n = snprintf(out, 512, "%s", url);
	if (n >= 512)
		return err_set(e, E_LIMIT, "the provider's %s is too long", name);
	return fetch_allowed(url, e);
}

static int discover(struct provider *p, struct published *fresh, char jwks[512], struct err *e)
{
	const char *issuer = p->config->oidc_issuer;
	AUTO(buf) text = {0};
	AUTO(json) o = NULL;
	const char *says;
	char url[1024];
	size_t n = strlen(issuer);
	int rc;

	snprintf(url, sizeof url, "%.*s/.well-known/openid-configuration",
		 (int)(n > 0 && issuer[n - 1] == '/' ? n - 1 : n), issuer);
	if ((rc = get(p, url, &text, e)) < 0)
		return rc;
	o = json_loadb(buf_text(&text), text.len, JSON_REJECT_DUPLICATES, NULL);
	says = json_string_value(json_object_get(o, "issuer"));
	if (!says || strcmp(says, issuer) != 0)
		return err_set(e, E_CONFIG, "%.120s: what it publishes is not of this issuer", issuer);
	if ((rc = copy_url(o, "jwks_uri", jwks, e)) < 0 ||
	    (rc = copy_url(o, "authorization_endpoint", fresh->authorize, e)) < 0 ||
	    (rc = copy_url(o, "token_endpoint", fresh->token, e)) < 0)
		return rc;
	return jwks[0] ? 0 : err_set(e, E_CONFIG, "%.120s: it names no keys (jwks_uri)", issuer);
}

static int ask(struct provider *p, struct published *fresh, struct err *e)
{
	AUTO(buf) text = {0};
	char jwks[512];
	int rc;

	if ((rc = discover(p, fresh, jwks, e)) < 0 || (rc = get(p, jwks, &text, e)) < 0)
		return rc;
	return jwks_parse(buf_text(&text), text.len, &fresh->keys, e);
}

/* ---- the thread */

static void ask_once(struct provider *p)
{
	struct published fresh = {0}, old = {0};
	struct err e = {0};
	int rc = ask(p, &fresh, &e);

	if (rc < 0 && rc != -E_CANCEL)
		log_warn("OpenID Connect: %s", e.msg);
	pthread_mutex_lock(&p->lock);
	if (rc == 0) {
		old = p->known;
		p->known = fresh;
	}
	p->rounds++;
	p->asking = false;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
	published_cleanup(&old);
}

static void *run(void *arg)
{
	struct provider *p = arg;

	log_context("oidc");
	pthread_mutex_lock(&p->lock);
	while (!p->stop) {
		int64_t due = p->asked_us + (p->known.keys ? PROVIDER_HOLDS_US : RETRY_US);

		if (p->asked_us && !p->wanted && clock_mono_us() < due) {
			clock_wait(&p->changed, &p->lock, due);
			continue;
		}
		p->wanted = false;
		p->asking = true;
		p->asked_us = clock_mono_us();
		pthread_mutex_unlock(&p->lock);
		ask_once(p);
		pthread_mutex_lock(&p->lock);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

void provider_get(struct provider *p, struct published *out)
{
	pthread_mutex_lock(&p->lock);
	*out = p->known;
	if (out->keys)
		jwks_ref(out->keys);
	pthread_mutex_unlock(&p->lock);
}

static int wait_round(struct provider *p, struct err *e)
{
	int64_t until = clock_mono_us() + PROVIDER_WAIT_US;
	uint64_t round = p->rounds;
	int late = 0;

	if (p->waiting >= PROVIDER_WAITING)
		return err_set(e, E_BUSY, "the provider's keys are being fetched: try again");
	p->waiting++;
	while (p->rounds == round && !p->stop && !late)
		late = clock_wait(&p->changed, &p->lock, until);
	p->waiting--;
	return p->rounds != round ? 0 : err_set(e, E_BUSY, "the provider does not answer: try again");
}

int provider_renew(struct provider *p, struct err *e)
{
	int rc;

	pthread_mutex_lock(&p->lock);
	if (p->asked_us && !p->wanted && !p->asking &&
	    clock_mono_us() < p->asked_us + p->config->oidc_refresh_ms * 1000) {
		rc = p->known.keys
			 ? err_set(e, E_DENIED, "the token is signed by a key that the provider does not name")
			 : err_set(e, E_BUSY, "the provider's keys are not known yet: try again");
	} else {
		p->wanted = !p->asking;
		pthread_cond_broadcast(&p->changed);
		rc = wait_round(p, e);
	}
	pthread_mutex_unlock(&p->lock);
	return rc;
}

int provider_open(const struct config *c, struct provider **out, struct err *e)
{
	struct provider *p;

	if (!(p = calloc(1, sizeof *p)))
		return err_set(e, E_NOMEM, "no memory for OpenID Connect");
	p->config = c;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->changed, NULL);
	p->running = pthread_create(&p->thread, NULL, run, p) == 0;
	if (!p->running) {
		provider_close(p);
		return err_set(e, E_NOMEM, "no thread for OpenID Connect");
	}
	*out = p;
	return 0;
}

void provider_close(struct provider *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
	if (p->running)
		pthread_join(p->thread, NULL);
	published_cleanup(&p->known);
	pthread_cond_destroy(&p->changed);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
