#include "tests/unit/folder.h"
#include "tests/unit/http_peer.h"
#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define HOST "Host: here\r\n"

/* Who can prove something: an authority, what it signed, and a stranger who signed the same name himself. */
struct identity {
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t crt;
	char key_file[256], crt_file[256];
	char finger[65];
};
static struct identity authority, server, reader, stranger;

static void must(int rc)
{
	if (rc < 0)
		fail_msg("%s", gnutls_strerror(rc));
}

static void store(const char *path, const gnutls_datum_t *pem)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(pem->data, 1, pem->size, f), pem->size);
	fclose(f);
}

static void identity_make(struct identity *i, const char *folder, const char *name, const struct identity *by)
{
	static uint8_t serial = 1;
	gnutls_datum_t pem;
	uint8_t sum[32];
	size_t n = sizeof(sum);

	must(gnutls_x509_privkey_init(&i->key));
	must(
	    gnutls_x509_privkey_generate(i->key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
	must(gnutls_x509_crt_init(&i->crt));
	must(gnutls_x509_crt_set_version(i->crt, 3));
	must(gnutls_x509_crt_set_serial(i->crt, &serial, 1));
	serial++;
	must(gnutls_x509_crt_set_activation_time(i->crt, time(NULL) - 3600));
	must(gnutls_x509_crt_set_expiration_time(i->crt, time(NULL) + 3600));
	must(gnutls_x509_crt_set_dn_by_oid(i->crt, GNUTLS_OID_X520_COMMON_NAME, 0, name, (unsigned)strlen(name)));
	must(gnutls_x509_crt_set_key(i->crt, i->key));
	must(gnutls_x509_crt_set_basic_constraints(i->crt, i == &authority, -1));
	must(gnutls_x509_crt_sign2(i->crt, by->crt, by->key, GNUTLS_DIG_SHA256, 0));
	must(gnutls_x509_crt_get_fingerprint(i->crt, GNUTLS_DIG_SHA256, sum, &n));
	for (size_t k = 0; k < n; k++)
		sprintf(i->finger + 2 * k, "%02x", sum[k]);
	snprintf(i->key_file, sizeof(i->key_file), "%s/%s.key", folder, name);
	snprintf(i->crt_file, sizeof(i->crt_file), "%s/%s.crt", folder, name);
	must(gnutls_x509_privkey_export2(i->key, GNUTLS_X509_FMT_PEM, &pem));
	store(i->key_file, &pem);
	gnutls_free(pem.data);
	must(gnutls_x509_crt_export2(i->crt, GNUTLS_X509_FMT_PEM, &pem));
	store(i->crt_file, &pem);
	gnutls_free(pem.data);
}

static void identity_free(struct identity *i)
{
	gnutls_x509_crt_deinit(i->crt);
	gnutls_x509_privkey_deinit(i->key);
}

static gnutls_certificate_credentials_t who;

/* A TLS connection that shows the certificate of me, or none. NULL when the handshake fails. */
static struct peer *dial_tls(uint16_t port, const struct identity *me, const char *priority)
{
	struct peer *p = dial(port);
	int rc;

	must(gnutls_certificate_allocate_credentials(&who));
	must(gnutls_certificate_set_x509_trust_file(who, authority.crt_file, GNUTLS_X509_FMT_PEM));
	if (me)
		must(gnutls_certificate_set_x509_key_file(who, me->crt_file, me->key_file, GNUTLS_X509_FMT_PEM));
	must(gnutls_init(&p->tls, GNUTLS_CLIENT | GNUTLS_FORCE_CLIENT_CERT));
	must(gnutls_priority_set_direct(p->tls, priority, NULL));
	must(gnutls_credentials_set(p->tls, GNUTLS_CRD_CERTIFICATE, who));
	gnutls_session_set_verify_cert(p->tls, NULL, 0);
	gnutls_transport_set_int(p->tls, p->fd);
	gnutls_handshake_set_timeout(p->tls, 20000);
	do
		rc = gnutls_handshake(p->tls);
	while (rc < 0 && !gnutls_error_is_fatal(rc));
	if (rc >= 0)
		return p;
	hang_up(p);
	gnutls_certificate_free_credentials(who);
	return NULL;
}

static void hang_up_tls(struct peer *p)
{
	hang_up(p);
	gnutls_certificate_free_credentials(who);
}

static void start(struct app *a, bool ask)
{
	app_options(a);
	a->o.certificate = server.crt_file;
	a->o.key = server.key_file;
	a->o.client_ca = ask ? authority.crt_file : NULL;
	a->o.head_ms = 1000;
	a->o.idle_ms = 3000;
	app_start(a);
}

static void expect(struct peer *p, const char *request, int status, const char *body)
{
	struct answer r;

	say(p, "%s", request);
	hear(p, &r, false);
	assert_int_equal(r.status, status);
	assert_string_equal((char *)r.body, body);
	answer_free(&r);
}

static void test_answers(void **state)
{
	static const char *const priorities[] = {"NORMAL:-VERS-ALL:+VERS-TLS1.3", "NORMAL:-VERS-ALL:+VERS-TLS1.2"};
	struct app a;
	struct answer r;

	(void)state;
	start(&a, false);
	for (int i = 0; i < 2; i++) {
		struct peer *p = dial_tls(http_port(a.h), NULL, priorities[i]);

		assert_non_null(p);
		expect(p, "GET /task/told HTTP/1.1\r\n" HOST "\r\n", 200, "GET|/task/told||none|127.0.0.1|1|0||");
		expect(p, "GET /hello HTTP/1.1\r\n" HOST "\r\n", 200, "hello\n");
		say(p, "GET /range?1000,525000,100,50 HTTP/1.1\r\n" HOST "\r\n");
		hear(p, &r, false);
		assert_int_equal(r.n, 525150);
		for (size_t k = 0; k < 525000; k++)
			if (r.body[100 + k] != file_byte(1000 + k))
				fail_msg("byte %zu is wrong", k);
		answer_free(&r);
		say(p, "POST /up HTTP/1.1\r\n" HOST "Content-Length: 3000000\r\n\r\n");
		say_n(p, (uint8_t[3000000]){0}, 3000000);
		hear(p, &r, false);
		assert_string_equal((char *)r.body, "3000000 0\n");
		answer_free(&r);
		hang_up_tls(p);
	}
	assert_null(dial_tls(http_port(a.h), NULL, "NORMAL:-VERS-ALL:+VERS-TLS1.1:%COMPAT"));
	assert_null(dial_tls(http_port(a.h), NULL, "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-CBC"));
	app_stop(&a);
}

static void test_client_certificates(void **state)
{
	struct app a;
	struct peer *p;
	char told[300];

	(void)state;
	start(&a, true);
	assert_non_null(p = dial_tls(http_port(a.h), NULL, "NORMAL"));
	expect(p, "GET /told HTTP/1.1\r\n" HOST "\r\n", 200, "GET|/told||none|127.0.0.1|1|0||");
	hang_up_tls(p);
	assert_non_null(p = dial_tls(http_port(a.h), &reader, "NORMAL"));
	snprintf(told, sizeof(told), "GET|/told||none|127.0.0.1|1|0|%s|CN=reader", reader.finger);
	expect(p, "GET /told HTTP/1.1\r\n" HOST "\r\n", 200, told);
	expect(p, "GET /told HTTP/1.1\r\n" HOST "\r\n", 200, told);
	hang_up_tls(p);
	/* Shown, and not of the authority: refused, not taken for none. */
	if ((p = dial_tls(http_port(a.h), &stranger, "NORMAL"))) {
		struct answer r;

		say(p, "GET /told HTTP/1.1\r\n" HOST "\r\n");
		hear(p, &r, false);
		assert_true(r.status == 403 || r.status == 0);
		answer_free(&r);
		hang_up_tls(p);
	}
	app_stop(&a);
	assert_int_equal(a.begun, 3);
}

/* Early answers, over TLS: forced out between pieces of the body, too. */
static void test_early_answer(void **state)
{
	uint8_t *block = calloc(1, 1 << 20);
	struct app a;

	(void)state;
	start(&a, false);
	for (int mb = 1; mb <= 64; mb *= 8) {
		struct peer *p = dial_tls(http_port(a.h), NULL, "NORMAL");
		struct answer r;

		say(p, "POST /early-piece HTTP/1.1\r\n" HOST "Content-Length: %d\r\n\r\n", mb << 20);
		for (int k = 0; k < mb; k++)
			say_n(p, block, 1 << 20);
		hear(p, &r, false);
		assert_int_equal(r.status, 507);
		answer_free(&r);
		hang_up_tls(p);
	}
	free(block);
	app_stop(&a);
}

static void test_wrong_protocol(void **state)
{
	struct app tls, plain;
	struct peer *p;
	struct answer r;

	(void)state;
	start(&tls, false);
	p = dial(http_port(tls.h));
	say(p, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
	hear(p, &r, false);
	assert_int_equal(r.status, 0);
	assert_in_range(closed_within(p, 20000), 0, 20000);
	answer_free(&r);
	hang_up(p);
	p = dial(http_port(tls.h)); /* says nothing, or stops in the handshake */
	assert_in_range(closed_within(p, 60000), 0, 60000);
	hang_up(p);
	p = dial(http_port(tls.h));
	say_n(p, "\x16\x03\x01\x02\x00\x01", 6);
	assert_in_range(closed_within(p, 20000), 0, 20000);
	hang_up(p);
	app_stop(&tls);

	app_options(&plain);
	plain.o.head_ms = 500;
	app_start(&plain);
	assert_null(dial_tls(http_port(plain.h), NULL, "NORMAL"));
	app_stop(&plain);
	assert_int_equal(plain.begun + tls.begun, 0);
}

static void test_bad_files(void **state)
{
	struct http_options o = {.listen = "127.0.0.1", .max_connections = 10, .head_most = 8192};
	struct http *h = NULL;
	struct err e = {0};

	(void)state;
	o.certificate = "/nowhere.pem";
	o.key = server.key_file;
	assert_int_equal(http_start(&o, &h, &e), -E_CONFIG);
	assert_non_null(strstr(e.msg, "/nowhere.pem"));
	e = (struct err){0};
	o.certificate = server.crt_file;
	o.key = reader.key_file;
	assert_int_equal(http_start(&o, &h, &e), -E_CONFIG);
	assert_non_null(strstr(e.msg, "reader.key"));
	e = (struct err){0};
	o.key = server.key_file;
	o.client_ca = server.key_file;
	assert_int_equal(http_start(&o, &h, &e), -E_CONFIG);
	assert_non_null(strstr(e.msg, "server.key"));
	e = (struct err){0};
	o = (struct http_options){.listen = "not.an.address", .max_connections = 10, .head_most = 8192};
	assert_int_equal(http_start(&o, &h, &e), -E_CONFIG);
	assert_null(h);
}

static int make_identities(void **state)
{
	const struct folder *f;

	if (folder_make(state) < 0)
		return -1;
	f = *state;
	identity_make(&authority, f->path, "authority", &authority);
	identity_make(&server, f->path, "server", &authority);
	identity_make(&reader, f->path, "reader", &authority);
	identity_make(&stranger, f->path, "stranger", &stranger);
	return 0;
}

static int drop_identities(void **state)
{
	identity_free(&authority);
	identity_free(&server);
	identity_free(&reader);
	identity_free(&stranger);
	return folder_remove(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_answers),      cmocka_unit_test(test_client_certificates),
	    cmocka_unit_test(test_early_answer), cmocka_unit_test(test_wrong_protocol),
	    cmocka_unit_test(test_bad_files),
	};

	return cmocka_run_group_tests(tests, make_identities, drop_identities);
}
