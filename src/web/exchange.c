#include "access/login.h"
#include "base/log.h"
#include "web/exchange_own.h"
#include "web/reply.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define REST_MOST 8192u

struct kept_item {
	void *p;
	void (*free_it)(void *);
	struct kept_item *next;
};

/* ---- what it keeps */

int exchange_keep(struct exchange *x, void *p, void (*free_it)(void *), struct err *e)
{
	struct own *o = own_of(x);
	struct kept_item *k = malloc(sizeof *k);

	if (!k) {
		free_it(p);
		return err_set(e, E_NOMEM, "no memory for a request");
	}
	*k = (struct kept_item){p, free_it, o->kept};
	o->kept = k;
	return 0;
}

static void release(struct own *o)
{
	while (o->kept) {
		struct kept_item *k = o->kept;

		o->kept = k->next;
		k->free_it(k->p);
		free(k);
	}
	url_query_cleanup(&o->x.query);
	scope_cleanup(&o->opened);
	access_release(o->who);
	free(o->rest);
	free(o);
}

/* ---- the head */

/* A refusal that another status says better than the code does. */
static int refuse(struct exchange *x, int status, enum err_code code, const char *sentence, struct err *e)
{
	x->status = status;
	return err_set(e, code, "%s", sentence);
}

static int check_uid(struct own *o, const struct route_piece *piece, char out[65], const char *what, struct err *e)
{
	if (!piece->at)
		return 0;
	/* what is new needs a real one; what was stored under letters is found by them */
	if (url_decode(piece->at, piece->n, out, 65, e) < 0 || !url_uid(out, o->x.route->right == RIGHT_STORE)) {
		if (e->code == E_OK)
			err_set(e, E_INVAL, "not digits and dots");
		out[0] = '\0';
		e->code = E_INVAL;
		return err_prefix(e, "the %s in the path is no UID", what);
	}
	if (!o->odd && !url_uid(out, true))
		o->odd = what;
	return 0;
}

static int take_path(struct own *o, const struct route_match *m, struct err *e)
{
	int rc;

	if ((rc = check_uid(o, &m->study, o->study, "study", e)) < 0 ||
	    (rc = check_uid(o, &m->series, o->series, "series", e)) < 0 ||
	    (rc = check_uid(o, &m->instance, o->instance, "instance", e)) < 0 || !m->rest.at)
		return rc;
	if (m->rest.n > REST_MOST) {
		o->x.status = 414;
		return err_set(e, E_LIMIT, "a part of the path is longer than %u bytes", REST_MOST);
	}
	if (!(o->rest = malloc(m->rest.n + 1)))
		return err_set(e, E_NOMEM, "no memory for a request");
	if ((rc = url_decode(m->rest.at, m->rest.n, o->rest, m->rest.n + 1, e)) < 0)
		return rc;
	o->x.rest = o->rest;
	return 0;
}

/* All parameters accept of the query count, as several headers of a name do. */
static int take_accept_parameters(struct exchange *x, struct err *e)
{
	const char *syntax = url_query_get(&x->query, "transfer-syntax");
	bool any = false;
	int rc;

	for (unsigned i = 0; i < x->query.n; i++) {
		const struct url_pair *p = &x->query.pairs[i];

		if (strcmp(p->name, "accept") != 0 || !p->value[0])
			continue;
		if ((rc = accept_prefer(p->value, syntax, &x->accept, e)) < 0)
			return rc;
		any = true;
	}
	return any ? 0 : accept_prefer(NULL, syntax, &x->accept, e);
}

static int take_accept(struct exchange *x, struct err *e)
{
	const char *charset = http_header(x->http, "Accept-Charset");
	int rc;

	x->status = 400;
	if ((rc = accept_parse(http_header(x->http, "Accept"), &x->accept, e)) < 0 ||
	    (rc = take_accept_parameters(x, e)) < 0)
		return rc;
	if (strncmp(x->route->path, "/dicom-web/", strlen("/dicom-web/")) == 0 && accept_mixed(&x->accept))
		return err_set(e, E_INVAL, "Accept: DICOM media types and rendered ones cannot be asked for together");
	if (charset && *charset && !accept_coding(charset, "utf-8"))
		return refuse(x, 406, E_UNSUP, "answers are in UTF-8 only", e);
	x->status = 0;
	return 0;
}

static int check_body(struct exchange *x, struct err *e)
{
	int64_t length = http_length(x->http), most = x->config->http_max_body;
	const char *coding = http_header(x->http, "Content-Encoding");

	if (most > 0 && length > most) {
		x->status = 413;
		return err_set(e, E_LIMIT, "the body has %lld bytes, http.max_body is %lld", (long long)length,
			       (long long)most);
	}
	if (length != 0 && coding && *coding && strcasecmp(coding, "identity") != 0)
		return refuse(x, 415, E_UNSUP, "a body with a Content-Encoding is not taken: send it as it is", e);
	return 0;
}

static int find_route(struct own *o, struct route_match *m, struct err *e)
{
	struct exchange *x = &o->x;
	const char *method = http_method(x->http);

	if (route_find(x->web->routes, method, http_path(x->http), m) < 0)
		return err_set(e, E_NOENT, "there is nothing at this path");
	x->route = m->route;
	if (x->route)
		return 0;
	http_add(x->http, "Allow", m->allow);
	x->status = 405;
	return err_set(e, E_UNSUP, "this path does not know the method %.20s; it knows %s", method, m->allow);
}

static int take_head(struct own *o, struct route_match *m, struct err *e)
{
	int rc;

	if ((rc = find_route(o, m, e)) < 0 || (rc = take_path(o, m, e)) < 0 ||
	    (rc = url_query_parse(http_query(o->x.http), &o->x.query, e)) < 0 || (rc = take_accept(&o->x, e)) < 0)
		return rc;
	return check_body(&o->x, e);
}

/* ---- who asks */

static void credentials(struct own *o, struct credentials *out)
{
	struct http_request *r = o->x.http;

	*out = (struct credentials){
	    .authorization = http_header(r, "Authorization"),
	    .cookie = http_header(r, "Cookie"),
	    .csrf = http_header(r, "X-CSRF-Token"),
	    .certificate = o->sender.certificate[0] ? o->sender.certificate : NULL,
	    .address = o->sender.address,
	    .local = o->sender.local,
	    .secure = o->sender.secure,
	};
}

static bool changes(const char *method)
{
	return strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0 && strcmp(method, "OPTIONS") != 0;
}

static int lacks(struct exchange *x, struct err *e)
{
	x->status = 403;
	return err_set(e, E_DENIED, "this needs the right to %s, which no role of yours gives",
		       right_name(x->route->right));
}

static int admit(struct own *o, const struct credentials *c, struct err *e)
{
	struct exchange *x = &o->x;

	x->who = o->who;
	x->scope = &o->who->scope;
	if (x->study[0] && x->route->right == RIGHT_SEE &&
	    access_scope_for(x->access, o->who, x->study, &o->opened) > 0)
		x->scope = &o->opened;
	if (!(o->who->rights & 1u << x->route->right))
		return lacks(x, e);
	if (changes(http_method(x->http)) && !access_csrf(o->who, c))
		return refuse(x, 403, E_DENIED, "the header X-CSRF-Token is missing or not this session's", e);
	return 0;
}

static int identify(struct own *o, struct err *e)
{
	struct credentials c;
	int rc;

	credentials(o, &c);
	if ((rc = access_identify(o->x.access, &c, &o->who, e)) == 0)
		return admit(o, &c, e);
	if (rc == -E_NOENT || rc == -E_DENIED)
		o->x.status = 401;
	if (rc == -E_NOENT && !e->msg[0])
		err_set(e, E_NOENT, "please log in, or show a token");
	return rc;
}

static bool same_scope(const struct scope *a, const struct scope *b)
{
	return a->kind == b->kind && a->n == b->n &&
	       (a->n == 0 || memcmp(a->sites, b->sites, a->n * sizeof *a->sites) == 0);
}

bool exchange_still(struct exchange *x)
{
	const struct own *o = own_of(x);
	struct principal *now = NULL;
	struct credentials c;
	bool still;

	credentials(own_of(x), &c);
	if (access_identify(x->access, &c, &now, NULL) < 0)
		return false;
	still = strcmp(now->subject, o->who->subject) == 0 && (now->rights & 1u << x->route->right) &&
		same_scope(&now->scope, &o->who->scope);
	access_release(now);
	return still;
}

/* ---- running */

static enum http_next answer_error(struct exchange *x, const struct err *e)
{
	reply_error(x, e);
	return HTTP_ANSWERED;
}

/* Allow was set by who looked for the method. */
static enum http_next answer_options(struct exchange *x)
{
	struct err e = {0};

	if (reply_prepare(x, NULL, &e) < 0)
		return answer_error(x, &e);
	http_reply(x->http, 204, NULL, 0);
	return HTTP_ANSWERED;
}

/* What is known about the one who asks without waiting. 1: known and admitted, 0: not known, negative: refused. */
static int known(struct own *o, struct err *e)
{
	struct credentials c;

	if (o->x.route->right == RIGHT_NOBODY)
		return 1;
	credentials(o, &c);
	if (!access_known(o->x.access, &c, &o->who))
		return 0;
	return admit(o, &c, e) < 0 ? -(int)e->code : 1;
}

static struct own *own_new(struct web *w, struct http_request *r)
{
	struct own *o = calloc(1, sizeof *o);

	if (!o)
		return NULL;
	o->x = (struct exchange){
	    .archive = w->archive,
	    .access = w->access,
	    .config = w->settings(w->arg),
	    .web = w,
	    .http = r,
	    .study = o->study,
	    .series = o->series,
	    .instance = o->instance,
	    .rest = "",
	    .address = o->sender.address,
	};
	sender_find(r, w->trusted, &o->sender);
	o->x.secure = o->sender.secure;
	http_set_context(r, o);
	return o;
}

enum http_next exchange_begin(void *arg, struct http_request *r)
{
	struct route_match m;
	struct err e = {0};
	struct own *o = own_new(arg, r);
	int rc;

	if (!o) {
		http_reply(r, 503, NULL, 0);
		return HTTP_ANSWERED;
	}
	if (take_head(o, &m, &e) < 0) {
		if (o->x.status == 405 && strcmp(http_method(r), "OPTIONS") == 0) {
			o->x.status = 0;
			return answer_options(&o->x);
		}
		return answer_error(&o->x, &e);
	}
	if ((rc = known(o, &e)) < 0)
		return answer_error(&o->x, &e);
	if (rc > 0 && o->x.route->quick && o->x.route->quick(&o->x))
		return HTTP_ANSWERED;
	http_set_share(r, route_share(o->x.route, &o->x.accept));
	return HTTP_WORK;
}

void exchange_work(void *arg, struct http_request *r)
{
	struct own *o = http_context(r);
	struct err e = {0};

	(void)arg;
	if (o->x.route->right != RIGHT_NOBODY && !o->who && identify(o, &e) < 0) {
		reply_error(&o->x, &e);
		return;
	}
	if (o->x.route->handle(&o->x, &e) < 0)
		reply_error(&o->x, &e);
}

void exchange_done(void *arg, struct http_request *r, const struct http_outcome *out)
{
	struct own *o = http_context(r);

	(void)arg;
	log_debug("%s %s: %d, %llu bytes in, %llu out, %lld us%s", http_method(r), http_path(r), out->status,
		  (unsigned long long)out->in, (unsigned long long)out->out, (long long)out->us,
		  out->complete ? "" : ", not taken to its end");
	if (!o)
		return;
	exchange_note(o, out);
	release(o);
}
