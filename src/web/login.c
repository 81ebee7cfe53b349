/* web/login.c - logging in and out, the own password, and opening a study in an emergency: the faces of access/login.h. */
#include "access/login.h"
#include "web/body_json.h"
#include "web/exchange_own.h"
#include "web/handlers.h"
#include "web/reply.h"
#include <stdio.h>
#include <string.h>

#define BODY_MOST 8192u
#define COOKIE_MOST 160

/* ---- answers */

static int answer(struct exchange *x, int status, json_t *o, struct err *e)
{
	char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	int rc = text ? reply_bytes(x, status, "application/json", text, strlen(text), e)
		      : err_set(e, E_NOMEM, "no memory for an answer");

	free(text);
	json_decref(o);
	return rc;
}

int login_set_cookie(struct exchange *x, const char *secret, struct err *e)
{
	char cookie[COOKIE_MOST];

	snprintf(cookie, sizeof cookie, "%s=%s; Path=/; HttpOnly; SameSite=Strict%s%s",
		 x->secure ? COOKIE_SECURE : COOKIE_PLAIN, secret, x->secure ? "; Secure" : "",
		 *secret ? "" : "; Max-Age=0");
	return http_add(x->http, "Set-Cookie", cookie) < 0 ? err_set(e, E_NOMEM, "the cookie could not be set") : 0;
}

static json_t *names_of_roles(uint32_t roles)
{
	json_t *list = json_array();

	for (uint32_t r = 1; r <= ROLE_ADMIN; r <<= 1)
		if (roles & r)
			json_array_append_new(list, json_string(role_name((enum role)r)));
	return list;
}

/* Too many wrong passwords, or wrong ones. */
static void say_refused(struct exchange *x, int rc, int64_t wait_us)
{
	if (rc == -E_LIMIT) {
		x->status = 429;
		x->retry_s = (int)((wait_us + 999999) / 1000000);
	} else if (rc == -E_DENIED) {
		x->status = 401;
	}
}

/* ---- in and out */

static int login_with(struct exchange *x, const struct buf *body, struct err *e)
{
	AUTO(body_json) in = NULL;
	const char *name, *password;
	char secret[SECRET_TEXT];
	struct session s;
	int64_t wait = 0;
	int rc;

	if ((rc = body_json(x, body, &in, e)) < 0 || (rc = body_json_text(in, "name", &name, e)) < 0 ||
	    (rc = body_json_text(in, "password", &password, e)) < 0)
		return rc;
	exchange_told(x);
	if ((rc = access_login(x->access, name, password, x->address, &s, secret, &wait, e)) < 0) {
		say_refused(x, rc, wait);
		return rc;
	}
	if ((rc = login_set_cookie(x, secret, e)) < 0)
		return rc;
	return answer(x, 200, json_pack("{s:s, s:s}", "name", s.name, "csrf", s.csrf), e);
}

int login_in(struct exchange *x, struct err *e)
{
	return exchange_body(x, BODY_MOST, login_with, e);
}

int login_out(struct exchange *x, struct err *e)
{
	int rc;

	exchange_told(x);
	if ((rc = access_logout(x->access, x->who, x->address, e)) < 0 || (rc = login_set_cookie(x, "", e)) < 0 ||
	    (rc = reply_prepare(x, NULL, e)) < 0)
		return rc;
	http_reply(x->http, 204, NULL, 0);
	return 0;
}

/* ---- who one is */

struct codes {
	const struct scope *scope;
	json_t *list;
};

static int add_code(void *arg, const struct site *s)
{
	struct codes *c = arg;

	if (scope_has(c->scope, s->id))
		json_array_append_new(c->list, json_string(s->code));
	return 0;
}

int login_me(struct exchange *x, struct err *e)
{
	const struct principal *p = x->who;
	json_t *o = json_pack("{s:s, s:s, s:o, s:[], s:s, s:s, s:b}", "name", p->name, "how", p->how, "roles",
			      names_of_roles(p->roles), "sites", "store_as", p->site_code, "csrf", p->csrf, "session",
			      p->cookie);
	struct codes codes = {&p->scope, json_object_get(o, "sites")};
	int rc;

	if (o && (rc = site_each(x->archive, add_code, &codes, e)) < 0) {
		json_decref(o);
		return rc;
	}
	return answer(x, 200, o, e);
}

static int password_with(struct exchange *x, const struct buf *body, struct err *e)
{
	AUTO(body_json) in = NULL;
	const char *old, *fresh;
	int64_t wait = 0;
	int rc;

	if ((rc = body_json(x, body, &in, e)) < 0 || (rc = body_json_text(in, "old", &old, e)) < 0 ||
	    (rc = body_json_text(in, "new", &fresh, e)) < 0)
		return rc;
	exchange_told(x);
	if ((rc = access_password(x->access, x->who, old, fresh, x->address, &wait, e)) < 0) {
		if (rc == -E_LIMIT)
			say_refused(x, rc, wait);
		return rc;
	}
	if ((rc = reply_prepare(x, NULL, e)) < 0)
		return rc;
	http_reply(x->http, 204, NULL, 0);
	return 0;
}

int login_password(struct exchange *x, struct err *e)
{
	return exchange_body(x, BODY_MOST, password_with, e);
}

/* ---- breaking the glass */

static int glass_with(struct exchange *x, const struct buf *body, struct err *e)
{
	AUTO(body_json) in = NULL;
	const char *study, *reason;
	char text[32];
	int64_t until;
	int rc;

	if ((rc = body_json(x, body, &in, e)) < 0 || (rc = body_json_text(in, "study", &study, e)) < 0 ||
	    (rc = body_json_text(in, "reason", &reason, e)) < 0)
		return rc;
	if (!url_uid(study, false))
		return err_set(e, E_INVAL, "study: expected a UID");
	if (!url_uid(study, true))
		own_of(x)->odd = "study";
	exchange_told(x);
	if ((rc = access_glass(x->access, x->who, study, reason, x->address, &until, e)) < 0)
		return rc;
	return answer(x, 201, json_pack("{s:s, s:s}", "study", study, "until", clock_text(until, text)), e);
}

int login_glass(struct exchange *x, struct err *e)
{
	return exchange_body(x, BODY_MOST, glass_with, e);
}

static int add_glass(void *arg, const struct glass_entry *g)
{
	char created[32], until[32];

	json_array_append_new(arg, json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "id", (json_int_t)g->id,
					     "name", g->name, "who", g->subject, "address", g->address, "study",
					     g->study, "reason", g->reason, "created", clock_text(g->created, created),
					     "until", clock_text(g->until, until)));
	return 0;
}

int login_glasses(struct exchange *x, struct err *e)
{
	json_t *list = json_array();
	int rc = access_glass_each(x->access, 1000, add_glass, list, e);

	if (rc < 0) {
		json_decref(list);
		return rc;
	}
	return answer(x, 200, list, e);
}
