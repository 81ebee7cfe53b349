/* tests/unit/test_access.c - who somebody is by a token, a certificate or nothing, and what that allows. */
#include "access/credential.h"
#include "access_help.h"

static int who(struct world *w, const char *authorization, struct principal **p)
{
	struct credentials c = {.authorization = authorization, .address = "10.0.0.1"};
	struct err e = {0};
	int rc = access_identify(w->access, &c, p, &e);

	if (rc < 0)
		assert_true(e.msg[0] != '\0' && (!authorization || !strstr(e.msg, authorization)));
	return rc;
}

static void make_token(struct world *w, struct holder *h, char header[TOKEN_TEXT + 8])
{
	char token[TOKEN_TEXT];
	struct err e = {0};

	if (holder_token(w->archive, h, token, &e) < 0)
		fail_msg("%s", e.msg);
	snprintf(header, TOKEN_TEXT + 8, "Bearer %s", token);
}

static void test_rights(void **state)
{
	static const struct {
		uint32_t role, can, cannot;
	} rows[] = {
	    {0, 1u << RIGHT_NOBODY, ~(1u << RIGHT_NOBODY)},
	    {ROLE_SITE_SENDER, 1u << RIGHT_STORE, 1u << RIGHT_SEE | 1u << RIGHT_DELETE | 1u << RIGHT_MANAGE},
	    {ROLE_SITE_VIEWER, 1u << RIGHT_SEE, 1u << RIGHT_STORE | 1u << RIGHT_DELETE | 1u << RIGHT_WATCH},
	    {ROLE_READER, 1u << RIGHT_SEE, 1u << RIGHT_STORE | 1u << RIGHT_DELETE | 1u << RIGHT_AUDIT},
	    {ROLE_CHIEF, 1u << RIGHT_SEE | 1u << RIGHT_DELETE, 1u << RIGHT_MANAGE | 1u << RIGHT_AUDIT},
	    {ROLE_QA, 1u << RIGHT_AUDIT | 1u << RIGHT_WATCH, 1u << RIGHT_MANAGE | 1u << RIGHT_DELETE},
	    {ROLE_ADMIN, 1u << RIGHT_MANAGE, 1u << RIGHT_SEE | 1u << RIGHT_STORE},
	};
	uint32_t set;
	struct err e = {0};
	char text[ROLES_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_int_equal(access_rights(rows[i].role) & rows[i].can, rows[i].can);
		assert_int_equal(access_rights(rows[i].role) & rows[i].cannot, 0);
	}
	assert_int_equal(roles_parse("reader, qa,admin", &set, &e), 0);
	assert_int_equal(set, ROLE_READER | ROLE_QA | ROLE_ADMIN);
	assert_string_equal(roles_text(set, text), "reader,qa,admin");
	assert_int_equal(roles_parse("reader,root", &set, &e), -E_INVAL);
	assert_non_null(strstr(e.msg, "root"));
	roles_text(~0u, text);
	assert_int_equal(roles_parse(text, &set, NULL), 0);
	assert_int_equal(set, 63);
}

static void test_token(void **state)
{
	struct world *w = *state;
	struct holder h = holder_for("gateway", ROLE_SITE_VIEWER, "PROV");
	struct principal *p = NULL, *again = NULL;
	char header[TOKEN_TEXT + 8], other[TOKEN_TEXT + 8];

	make_token(w, &h, header);
	assert_int_equal(who(w, header, &p), 0);
	assert_string_equal(p->how, "token");
	assert_string_equal(p->name, "gateway");
	assert_int_equal(p->rights, access_rights(ROLE_SITE_VIEWER));
	assert_true(scope_has(&p->scope, site_id(w, "NORTH")) && scope_has(&p->scope, site_id(w, "PROV")));
	assert_false(scope_has(&p->scope, site_id(w, "ALONE")));
	assert_int_equal(who(w, header, &again), 0);
	assert_ptr_equal(p, again);
	access_release(p);
	access_release(again);

	/* one character of the secret, the number, the form, the scheme */
	strcpy(other, header);
	other[strlen(other) - 2] ^= 1;
	assert_int_equal(who(w, other, &p), -E_DENIED);
	snprintf(other, sizeof other, "Bearer tr_9%s", strchr(header + 10, '_'));
	assert_int_equal(who(w, other, &p), -E_DENIED);
	strcpy(other, header);
	other[strlen(other) - 1] = '\0';
	assert_int_equal(who(w, other, &p), -E_DENIED);
	assert_int_equal(who(w, "Basic eDp5", &p), -E_DENIED);
	assert_int_equal(who(w, "Bearer ", &p), -E_DENIED);
	assert_int_equal(who(w, "Bearer tr_99999999999999999999_x", &p), -E_DENIED);
	assert_int_equal(who(w, NULL, &p), -E_NOENT);
}

static void test_token_ends(void **state)
{
	struct world *w = *state;
	struct holder h = holder_for("gateway", ROLE_SITE_SENDER, "NORTH"), got;
	struct principal *p = NULL;
	char header[TOKEN_TEXT + 8];

	h.expires = now_us + HOUR;
	make_token(w, &h, header);
	assert_int_equal(who(w, header, &p), 0);
	assert_string_equal(p->site_code, "NORTH");
	assert_int_equal(p->site, site_id(w, "NORTH"));
	access_release(p);
	assert_int_equal(holder_get(w->archive, HOLDER_TOKEN, h.id, &got, NULL), 0);
	assert_int_equal(got.used, now_us);
	now_us += HOUR;
	assert_int_equal(who(w, header, &p), -E_DENIED);

	h = holder_for("other", ROLE_SITE_SENDER, "NORTH");
	make_token(w, &h, header);
	assert_int_equal(who(w, header, &p), 0);
	access_release(p);
	assert_int_equal(holder_remove(w->archive, HOLDER_TOKEN, h.id, NULL), 0);
	assert_int_equal(holder_remove(w->archive, HOLDER_TOKEN, h.id, NULL), -E_NOENT);
	now_us += ACCESS_TTL_US; /* that a change by another process may take */
	assert_int_equal(who(w, header, &p), -E_DENIED);
}

static void test_memory(void **state)
{
	struct world *w = *state;
	struct holder h = holder_for("gateway", ROLE_SITE_VIEWER, "NORTH");
	struct credentials c = {0}, with_cookie = {0}, local = {.local = true};
	struct principal *p = NULL, *q = NULL;
	char header[TOKEN_TEXT + 8];

	make_token(w, &h, header);
	c.authorization = with_cookie.authorization = header;
	with_cookie.cookie = "a=b";
	assert_int_equal(access_known(w->access, &c, &p), 0);
	assert_int_equal(who(w, header, &q), 0);
	c.address = NULL;
	assert_int_equal(access_known(w->access, &c, &p), 1);
	assert_ptr_equal(p, q);
	access_release(p);
	assert_int_equal(access_known(w->access, &with_cookie, &p), 0);
	assert_int_equal(access_known(w->access, &local, &p), 0);
	access_forget(w->access);
	assert_int_equal(access_known(w->access, &c, &p), 0);
	assert_string_equal(q->name, "gateway"); /* who holds it keeps it */
	access_release(q);
}

static void test_unknown(void **state)
{
	struct world *w = *state;
	struct credentials nothing = {.local = true}, far = {.local = false},
			   wrong = {.authorization = "Bearer tr_1_no", .local = true},
			   over = {.cookie = "teleread=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", .local = true},
			   certificate = {.certificate = "00", .local = true};
	struct principal *p = NULL;

	assert_int_equal(access_identify(w->access, &nothing, &p, NULL), -E_NOENT);
	world_reopen(w, "PROV");
	assert_int_equal(access_identify(w->access, &nothing, &p, NULL), 0);
	assert_string_equal(p->how, "unknown");
	assert_int_equal(p->roles, ROLE_SITE_SENDER | ROLE_SITE_VIEWER);
	assert_int_equal(p->site, site_id(w, "PROV"));
	assert_true(scope_has(&p->scope, site_id(w, "SOUTH")));
	assert_false(scope_has(&p->scope, site_id(w, "ALONE")));
	access_release(p);
	assert_int_equal(access_identify(w->access, &far, &p, NULL), -E_NOENT);
	assert_int_equal(access_known(w->access, &far, &p), 0);
	assert_int_equal(access_identify(w->access, &wrong, &p, NULL), -E_DENIED);
	assert_int_equal(access_identify(w->access, &over, &p, NULL), -E_DENIED);
	assert_int_equal(access_identify(w->access, &certificate, &p, NULL), -E_DENIED);
}

static void test_certificate(void **state)
{
	static const char hex[] = "00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff";
	struct world *w = *state;
	struct holder h = holder_for("gateway", ROLE_SITE_SENDER, "SOUTH");
	struct credentials c = {.certificate = hex, .cookie = "a=b"}, other = {.certificate = hex + 1};
	struct principal *p = NULL;

	h.kind = HOLDER_CERTIFICATE;
	h.proof_n = 32;
	assert_int_equal(fingerprint_parse(hex, h.proof), 0);
	assert_int_equal(access_identify(w->access, &c, &p, NULL), -E_DENIED);
	assert_int_equal(holder_add(w->archive, &h, NULL), 0);
	assert_int_equal(access_identify(w->access, &c, &p, NULL), 0);
	assert_string_equal(p->how, "certificate");
	assert_string_equal(p->site_code, "SOUTH");
	access_release(p);
	assert_int_equal(access_identify(w->access, &other, &p, NULL), -E_DENIED);
	h.id = 0;
	assert_int_equal(holder_add(w->archive, &h, NULL), -E_EXISTS);
	c.certificate = "ff112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff"; /* same cookie */
	assert_int_equal(access_identify(w->access, &c, &p, NULL), -E_DENIED);
}

static void test_store_as(void **state)
{
	struct world *w = *state;
	struct holder h = holder_for("gateway", ROLE_SITE_SENDER, "PROV"), got;
	struct principal *p = NULL;
	char header[TOKEN_TEXT + 8], token[TOKEN_TEXT];

	strcpy(h.store_as_code, "ALONE");
	assert_int_equal(holder_token(w->archive, &h, token, NULL), -E_INVAL);
	strcpy(h.store_as_code, "NOWHERE");
	assert_int_equal(holder_token(w->archive, &h, token, NULL), -E_NOENT);
	strcpy(h.store_as_code, "NORTH");
	make_token(w, &h, header);
	assert_int_equal(who(w, header, &p), 0);
	assert_string_equal(p->site_code, "NORTH");
	access_release(p);

	/* a site that goes takes its part of the scope with it */
	assert_int_equal(site_remove(w->archive, "NORTH", NULL), 0);
	now_us += ACCESS_TTL_US;
	assert_int_equal(who(w, header, &p), 0);
	assert_int_equal(p->site, 0);
	access_release(p);
	assert_int_equal(holder_get(w->archive, HOLDER_TOKEN, h.id, &got, NULL), 0);
	assert_string_equal(got.store_as_code, "");
	h = holder_for("nobody", ROLE_READER, NULL);
	make_token(w, &h, header);
	assert_int_equal(who(w, header, &p), 0);
	assert_int_equal(p->scope.kind, SCOPE_NOTHING);
	access_release(p);
}

static void test_cookies(void **state)
{
	char out[8];

	(void)state;
	assert_int_equal(cookie_get(NULL, "s", out, sizeof out, NULL), 0);
	assert_int_equal(cookie_get("ss=1; s=2 ;t=3", "s", out, sizeof out, NULL), 1);
	assert_string_equal(out, "2");
	assert_int_equal(cookie_get("xs=1; s =2", "s", out, sizeof out, NULL), 0);
	assert_int_equal(cookie_get("s=1; s=1", "s", out, sizeof out, NULL), -E_DENIED);
	assert_int_equal(cookie_get("s=1, s=2", "s", out, sizeof out, NULL), -E_DENIED);
	assert_int_equal(cookie_get("s=12345678", "s", out, sizeof out, NULL), -E_DENIED);
	assert_int_equal(cookie_get("s=", "s", out, sizeof out, NULL), 1);
	assert_string_equal(out, "");
	assert_int_equal(cookie_get(";;,;", "s", out, sizeof out, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rights), world_test(test_token),         world_test(test_token_ends),
	    world_test(test_memory),       world_test(test_unknown),       world_test(test_certificate),
	    world_test(test_store_as),     cmocka_unit_test(test_cookies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
