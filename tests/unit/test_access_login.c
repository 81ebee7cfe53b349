/* tests/unit/test_access_login.c - people: passwords, sessions, locks, and the study that is opened in an emergency. */
#include "access/login.h"
#include "access/throttle.h"
#include "access_help.h"

#define GOOD "correct horse 电池"

static void person(struct world *w, const char *name, uint32_t roles, const char *site)
{
	struct err e = {0};

	if (access_account(w->archive, name, roles, site, GOOD, &e) < 0)
		fail_msg("%s", e.msg);
}

static int login(struct world *w, const char *name, const char *password, struct session *s, char secret[SECRET_TEXT])
{
	int64_t wait;
	struct err e = {0};
	int rc = access_login(w->access, name, password, "10.0.0.1", s, secret, &wait, &e);

	assert_true(rc == 0 || e.msg[0]);
	assert_true((rc == -E_LIMIT) == (wait > 0));
	return rc;
}

static int by_cookie(struct world *w, const char *secret, struct principal **p)
{
	char cookie[200];
	struct credentials c = {.cookie = cookie};

	snprintf(cookie, sizeof cookie, "a=b; %s=%s", COOKIE_PLAIN, secret);
	return access_identify(w->access, &c, p, NULL);
}

static void test_policy(void **state)
{
	struct err e = {0};

	(void)state;
	assert_int_equal(password_policy("li", GOOD, NULL), 0);
	assert_int_equal(password_policy("li", "九个字符不够用的啊", NULL), -E_INVAL);
	assert_int_equal(password_policy("li", "十个字符就是够用了啊", NULL), 0);
	assert_int_equal(password_policy("li", "", &e), -E_INVAL);
	assert_non_null(strstr(e.msg, "10"));
	assert_int_equal(password_policy("administrator", "Administrator", NULL), -E_INVAL);
	assert_int_equal(password_policy("li", "aaaaaaaaaaaaaaa", NULL), -E_INVAL);
	assert_int_equal(password_policy("li", "\xff\xfe 012345678", NULL), -E_INVAL);
}

static void test_login(void **state)
{
	struct world *w = *state;
	struct session s;
	struct principal *p = NULL;
	struct credentials c = {0};
	char secret[SECRET_TEXT], other[SECRET_TEXT], cookie[120];

	person(w, "li", ROLE_READER, "PROV");
	assert_int_equal(login(w, "li", "wrong password", &s, secret), -E_DENIED);
	assert_int_equal(login(w, "nobody", GOOD, &s, secret), -E_DENIED);
	assert_int_equal(login(w, "li", GOOD, &s, secret), 0);
	assert_int_equal(by_cookie(w, secret, &p), 0);
	assert_true(p->cookie && !strcmp(p->how, "password") && !strcmp(p->name, "li"));
	assert_string_equal(p->subject, "account 1");

	/* a change needs the session's token */
	assert_false(access_csrf(p, &c));
	c.csrf = "";
	assert_false(access_csrf(p, &c));
	c.csrf = secret;
	assert_false(access_csrf(p, &c));
	c.csrf = s.csrf;
	assert_true(access_csrf(p, &c));
	access_release(p);

	/* over TLS the cookie has another name */
	snprintf(cookie, sizeof cookie, "%s=%s", COOKIE_PLAIN, secret);
	c = (struct credentials){.cookie = cookie, .secure = true};
	assert_int_equal(access_identify(w->access, &c, &p, NULL), -E_NOENT);
	snprintf(cookie, sizeof cookie, "%s=%s", COOKIE_SECURE, secret);
	assert_int_equal(access_identify(w->access, &c, &p, NULL), 0);
	access_release(p);

	/* each login has a secret of its own; logout ends one */
	assert_int_equal(login(w, "li", GOOD, &s, other), 0);
	assert_string_not_equal(secret, other);
	assert_int_equal(by_cookie(w, secret, &p), 0);
	assert_int_equal(access_logout(w->access, p, "10.0.0.1", NULL), 0);
	access_release(p);
	assert_int_equal(by_cookie(w, secret, &p), -E_DENIED);
	assert_int_equal(by_cookie(w, other, &p), 0);
	access_release(p);
	assert_int_equal(by_cookie(w, "", &p), -E_DENIED);
}

static void test_session_ends(void **state)
{
	struct world *w = *state;
	int64_t idle = w->config.login_idle_ms * 1000, most = w->config.login_session_ms * 1000, begun;
	struct session s;
	struct principal *p = NULL;
	char secret[SECRET_TEXT];

	person(w, "li", ROLE_READER, "PROV");
	assert_int_equal(login(w, "li", GOOD, &s, secret), 0);
	now_us += idle - SECOND;
	assert_int_equal(by_cookie(w, secret, &p), 0);
	access_release(p);
	now_us += idle - SECOND; /* it was used */
	assert_int_equal(by_cookie(w, secret, &p), 0);
	access_release(p);
	now_us += idle;
	assert_int_equal(by_cookie(w, secret, &p), -E_DENIED);

	assert_int_equal(login(w, "li", GOOD, &s, secret), 0);
	begun = now_us;
	for (; now_us < begun + most; now_us += idle / 2) {
		assert_int_equal(by_cookie(w, secret, &p), 0);
		access_release(p);
	}
	assert_int_equal(by_cookie(w, secret, &p), -E_DENIED);

	/* the shortest idle time, too, is counted from the last use */
	w->config.login_idle_ms = 60000;
	assert_int_equal(login(w, "li", GOOD, &s, secret), 0);
	for (begun = now_us; now_us < begun + HOUR; now_us += 40 * SECOND) {
		assert_int_equal(by_cookie(w, secret, &p), 0);
		access_release(p);
	}
}

static void test_password(void **state)
{
	struct world *w = *state;
	struct session s;
	struct principal *p = NULL, *q = NULL;
	char here[SECRET_TEXT], there[SECRET_TEXT];
	int64_t wait;

	person(w, "li", ROLE_READER, "PROV");
	assert_int_equal(login(w, "li", GOOD, &s, there), 0);
	assert_int_equal(login(w, "li", GOOD, &s, here), 0);
	assert_int_equal(by_cookie(w, here, &p), 0);
	assert_int_equal(access_password(w->access, p, "no, not that", "a better one 2", "::1", &wait, NULL),
			 -E_DENIED);
	assert_int_equal(access_password(w->access, p, GOOD, "short", "::1", &wait, NULL), -E_INVAL);
	assert_int_equal(access_password(w->access, p, GOOD, "a better one 2", "::1", &wait, NULL), 0);
	access_release(p);
	assert_int_equal(by_cookie(w, here, &q), 0);
	access_release(q);
	assert_int_equal(by_cookie(w, there, &q), -E_DENIED);
	assert_int_equal(login(w, "li", GOOD, &s, here), -E_DENIED);
	assert_int_equal(login(w, "li", "a better one 2", &s, here), 0);
}

static void test_disabled(void **state)
{
	struct world *w = *state;
	struct session s;
	struct holder h;
	struct principal *p = NULL;
	char secret[SECRET_TEXT];

	person(w, "li", ROLE_READER, "PROV");
	assert_int_equal(login(w, "li", GOOD, &s, secret), 0);
	assert_int_equal(holder_named(w->archive, HOLDER_ACCOUNT, "li", &h, NULL), 0);
	h.disabled = true;
	assert_int_equal(holder_set(w->archive, &h, NULL), 0);
	assert_int_equal(by_cookie(w, secret, &p), -E_DENIED);
	assert_int_equal(login(w, "li", GOOD, &s, secret), -E_DENIED);
	h.disabled = false;
	assert_int_equal(holder_set(w->archive, &h, NULL), 0);
	assert_int_equal(by_cookie(w, secret, &p), -E_DENIED); /* that session is over for good */
	assert_int_equal(login(w, "li", GOOD, &s, secret), 0);
	assert_int_equal(by_cookie(w, secret, &p), 0);
	access_release(p);
	assert_int_equal(holder_remove(w->archive, HOLDER_ACCOUNT, h.id, NULL), 0);
	access_forget(w->access);
	assert_int_equal(by_cookie(w, secret, &p), -E_DENIED);
}

static void test_lock(void **state)
{
	struct world *w = *state;
	struct session s;
	char secret[SECRET_TEXT];
	int64_t wait;
	int tried = 0;

	person(w, "li", ROLE_READER, "PROV");
	for (int i = 0; tried < w->config.login_tries && i < 1000; i++) {
		struct err e = {0};
		int rc = access_login(w->access, "li", "wrong password", "10.0.0.1", &s, secret, &wait, &e);

		assert_true(rc == -E_DENIED || rc == -E_LIMIT);
		tried += rc == -E_DENIED;
		now_us += rc == -E_LIMIT ? wait : 0;
	}
	assert_int_equal(tried, w->config.login_tries);
	assert_int_equal(login(w, "li", GOOD, &s, secret), -E_LIMIT); /* the right one does not help now */
	now_us += w->config.login_lock_ms * 1000 - SECOND;
	assert_int_equal(login(w, "li", GOOD, &s, secret), -E_LIMIT);
	now_us += SECOND;
	assert_int_equal(login(w, "li", GOOD, &s, secret), 0);
}

static void test_throttle(void **state)
{
	struct throttle *t = throttle_new(8, MINUTE);
	int64_t now = now_us;
	struct throttle_told told = {0};
	char name[32], address[48];
	int n;

	(void)state;
	assert_non_null(t);
	/* the first ones cost nothing, then pauses grow */
	assert_int_equal(throttle_try(t, "a", "1", now, &told), 0);
	assert_int_equal(throttle_try(t, "a", "2", now, &told), 0);
	assert_int_equal(throttle_try(t, "a", "3", now, &told), 0);
	for (int64_t pause = SECOND; pause <= 16 * SECOND; pause *= 2) {
		assert_false(told.last);
		assert_int_equal(throttle_try(t, "a", "4", now, &told), pause);
		now += pause;
		assert_int_equal(throttle_try(t, "a", "4", now, &told), 0);
	}
	assert_true(told.last);
	assert_int_equal(throttle_try(t, "a", "5", now, &told), MINUTE);
	assert_int_equal(throttle_try(t, "b", "5", now, &told), 0); /* nobody else is locked */
	now += MINUTE;
	assert_int_equal(throttle_try(t, "a", "5", now, &told), 0);
	throttle_right(t, "a", "5", now);
	for (n = 0; n < 3; n++)
		assert_int_equal(throttle_try(t, "a", "5", now, &told), 0);

	/* many names from one address */
	for (n = 0; n < 1000 && throttle_try(t, (snprintf(name, sizeof name, "n%d", n), name), "6", now, &told) == 0;
	     n++)
		;
	assert_true(n > 60 && n <= 80);
	/* more names than there is room for: still bounded, still works */
	for (n = 0; n < (int)THROTTLE_ENTRIES * 2; n++) {
		snprintf(name, sizeof name, "m%d", n);
		snprintf(address, sizeof address, "f%d", n);
		assert_int_equal(throttle_try(t, name, address, now + n, &told), 0);
	}
	throttle_free(t);
	t = throttle_new(8, MINUTE); /* a network of IPv6 is one address, whatever is in its lower half */
	for (n = 0; n < 1000 &&
		    throttle_try(t, (snprintf(name, sizeof name, "n%d", n), name),
				 (snprintf(address, sizeof address, "2001:db8::1:%x", n), address), now, &told) == 0;
	     n++)
		now += MINUTE / 100;
	assert_in_range(n, 70, 90);
	assert_int_equal(throttle_try(t, "x", "2001:db8:0:1::1", now, &told), 0);
	assert_int_equal(throttle_try(t, "y", "::ffff:192.0.2.1", now, &told), 0);
	throttle_free(t);
}

/* Who guesses elsewhere does not lock a name where it is known; and what the operator forgets is forgotten everywhere. */
static void test_throttle_known(void **state)
{
	struct throttle *t = throttle_new(8, MINUTE);
	struct throttle_told told;
	int64_t now = now_us;

	(void)state;
	assert_non_null(t);
	assert_int_equal(throttle_try(t, "a", "home", now, &told), 0);
	throttle_right(t, "a", "home", now);
	for (int n = 0; n < 8; n++) {
		int64_t wait = throttle_try(t, "a", "evil", now, &told);

		if (wait > 0)
			assert_int_equal(throttle_try(t, "a", "evil", now += wait, &told), 0);
	}
	assert_true(told.last && !told.by_address);
	assert_int_equal(throttle_try(t, "a", "other", now, &told), MINUTE);
	assert_true(told.locked && !told.by_address);
	assert_int_equal(told.since, now);
	assert_int_equal(throttle_try(t, "a", "home", now, &told), 0);
	for (int n = 1; n < 8; n++) { /* guesses from there are counted apart, not without end */
		int64_t wait = throttle_try(t, "a", "home", now, &told);

		if (wait > 0)
			assert_int_equal(throttle_try(t, "a", "home", now += wait, &told), 0);
	}
	assert_true(told.last);
	assert_int_equal(throttle_try(t, "a", "home", now, &told), MINUTE);
	throttle_forget(t, "a");
	assert_int_equal(throttle_try(t, "a", "home", now, &told), 0);
	assert_int_equal(throttle_try(t, "a", "evil", now, &told), 0);
	throttle_free(t);
}

static void test_first_admin(void **state)
{
	struct world *w = *state;
	struct session s;
	struct principal *p = NULL;
	char password[PASSWORD_RANDOM], secret[SECRET_TEXT];

	assert_int_equal(access_first_admin(w->archive, password, NULL), 1);
	assert_int_equal(login(w, "admin", password, &s, secret), 0);
	assert_int_equal(by_cookie(w, secret, &p), 0);
	assert_int_equal(p->roles, ROLE_ADMIN);
	assert_int_equal(p->scope.kind, SCOPE_NOTHING);
	access_release(p);
	assert_int_equal(access_first_admin(w->archive, password, NULL), 0);
}

/* ---- breaking the glass */

#define STUDY "1.2.3.4"

static void add_study(struct world *w, const char *site)
{
	struct db_conn *c;
	struct err e = {0};
	char sql[400];

	snprintf(
	    sql, sizeof sql,
	    "INSERT INTO patient (pk, site, issuer, patient_id, alone, names, attrs) VALUES (1, %lld, '', 'P1', '', "
	    "'', "
	    "x''); INSERT INTO study (study_uid, patient, site, study_date, accession, names, attrs) VALUES ('%s', 1, "
	    "%lld, '', '', '', x'')",
	    (long long)site_id(w, site), STUDY, (long long)site_id(w, site));
	assert_int_equal(db_get(archive_db(w->archive), DB_WRITE, &c, NULL), 0);
	if (db_exec(c, sql, &e) < 0)
		fail_msg("%s", e.msg);
	db_put(c);
}

static int count_glass(void *arg, const struct glass_entry *g)
{
	assert_string_equal(g->study, STUDY);
	assert_string_equal(g->name, "li");
	++*(int *)arg;
	return 0;
}

static struct principal *logged_in(struct world *w, const char *name)
{
	struct principal *p = NULL;
	struct session s;
	char secret[SECRET_TEXT];

	assert_int_equal(login(w, name, GOOD, &s, secret), 0);
	assert_int_equal(by_cookie(w, secret, &p), 0);
	return p;
}

static void test_glass(void **state)
{
	static const char reason[] = "stroke in the emergency room";
	struct world *w = *state;
	struct principal *li, *wang;
	struct scope open = {0};
	int64_t until;
	int n = 0;

	add_study(w, "ALONE");
	person(w, "li", ROLE_READER, "NORTH");
	person(w, "wang", ROLE_SITE_VIEWER, "NORTH");
	li = logged_in(w, "li");
	wang = logged_in(w, "wang");
	assert_int_equal(access_scope_for(w->access, li, STUDY, &open), 0);
	assert_int_equal(access_glass(w->access, wang, STUDY, reason, "::1", &until, NULL), -E_DENIED);
	assert_int_equal(access_glass(w->access, li, STUDY, " a b  .    ", "::1", &until, NULL), -E_INVAL);
	assert_int_equal(access_glass(w->access, li, STUDY, "脑卒中\u3000\u00a0", "::1", &until, NULL), -E_INVAL);
	assert_int_equal(access_glass(w->access, li, "1.2.3.5", reason, "::1", &until, NULL), -E_NOENT);
	assert_int_equal(access_glass(w->access, li, STUDY, reason, "::1", &until, NULL), 0);
	assert_int_equal(until, now_us + w->config.login_glass_ms * 1000);

	assert_int_equal(access_scope_for(w->access, li, STUDY, &open), 1);
	assert_true(open.n == 1 && scope_has(&open, site_id(w, "ALONE")));
	scope_cleanup(&open);
	assert_int_equal(access_scope_for(w->access, li, "1.2.3.5", &open), 0);
	assert_int_equal(access_scope_for(w->access, wang, STUDY, &open), 0);
	world_reopen(w, NULL); /* a restart does not close it */
	assert_int_equal(access_scope_for(w->access, li, STUDY, &open), 1);
	scope_cleanup(&open);
	now_us = until;
	assert_int_equal(access_scope_for(w->access, li, STUDY, &open), 0);
	assert_int_equal(access_glass_each(w->access, 10, count_glass, &n, NULL), 0);
	assert_int_equal(n, 1);
	access_release(li);
	access_release(wang);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_policy),   world_test(test_login),
	    world_test(test_session_ends),   world_test(test_password),
	    world_test(test_disabled),       world_test(test_lock),
	    cmocka_unit_test(test_throttle), cmocka_unit_test(test_throttle_known),
	    world_test(test_first_admin),    world_test(test_glass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
