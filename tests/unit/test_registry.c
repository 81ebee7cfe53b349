/* tests/unit/test_registry.c - the tree of sites, and who a caller is. */
#include "query_help.h"

#include <stdlib.h>

static int setup(void **state)
{
	*state = help_open(); /* one > two, three; four */
	return 0;
}

static int teardown(void **state)
{
	help_close(*state);
	return 0;
}

static struct site site(const char *code, const char *parent)
{
	struct site s = {0};

	snprintf(s.code, sizeof(s.code), "%s", code);
	snprintf(s.name, sizeof(s.name), "县医院 %s", code);
	snprintf(s.tier, sizeof(s.tier), "county");
	snprintf(s.parent_code, sizeof(s.parent_code), "%s", parent);
	return s;
}

static void test_sites(void **state)
{
	struct site s = site("five", "two"), got;
	struct err e = {0};

	assert_int_equal(site_add(*state, &s, &e), 0);
	assert_int_equal(site_add(*state, &s, &e), -E_EXISTS);
	assert_non_null(strstr(e.msg, "five"));
	assert_int_equal(site_get(*state, "five", &got, &e), 0);
	assert_string_equal(got.name, "县医院 five");
	assert_string_equal(got.tier, "county");
	assert_string_equal(got.parent_code, "two");
	assert_int_equal(got.parent, 2);
	assert_int_equal(site_get(*state, "six", &got, &e), -E_NOENT);
	s = site("six", "nowhere");
	assert_int_equal(site_add(*state, &s, &e), -E_NOENT);
	s = site("a b", "");
	assert_int_equal(site_add(*state, &s, &e), -E_INVAL);
	s = site("", "");
	assert_int_equal(site_add(*state, &s, &e), -E_INVAL);
	s = site("../x", "");
	assert_int_equal(site_add(*state, &s, &e), -E_INVAL);
	s = site("five", "");
	assert_int_equal(site_set(*state, &s, &e), 0);
	assert_int_equal(site_get(*state, "five", &got, &e), 0);
	assert_int_equal(got.parent, 0);
	s = site("nobody", "");
	assert_int_equal(site_set(*state, &s, &e), -E_NOENT);
}

static void test_cycles(void **state)
{
	struct site up = site("one", "two"), self = site("four", "four"), deep = site("five", "three"),
		    top = site("one", "five");
	struct err e = {0};

	assert_int_equal(site_set(*state, &up, &e), -E_CONFLICT);
	assert_int_equal(site_set(*state, &self, &e), -E_CONFLICT);
	assert_int_equal(site_add(*state, &deep, &e), 0);
	assert_int_equal(site_set(*state, &top, &e), -E_CONFLICT);
	top = site("one", "four");
	assert_int_equal(site_set(*state, &top, &e), 0);
}

static void test_scopes(void **state)
{
	struct scope s = {0};
	struct err e = {0};

	assert_int_equal(site_scope(*state, 1, &s, &e), 0);
	assert_true(s.n == 3 && s.sites[0] == 1 && s.sites[1] == 2 && s.sites[2] == 3);
	scope_cleanup(&s);
	assert_int_equal(site_scope(*state, 2, &s, &e), 0);
	assert_true(s.n == 1 && s.sites[0] == 2); /* nothing above or beside */
	scope_cleanup(&s);
	assert_int_equal(site_scope(*state, 77, &s, &e), 0);
	assert_int_equal(s.kind, SCOPE_NOTHING);
	scope_cleanup(&s);
}

static int count_sites(void *arg, const struct site *s)
{
	unsigned *n = arg;

	++*n;
	return strcmp(s->code, "three") == 0 ? 7 : 0;
}

static void test_remove(void **state)
{
	struct sample ct = {.patient_id = "P", .study = "1", .series = "1.1", .sop = "1.1.1", .site = 4};
	struct peer p = {.aet = "CT", .site_code = "three"};
	struct db_conn *c;
	struct err e = {0};
	unsigned n = 0;

	assert_int_equal(site_remove(*state, "one", &e), -E_CONFLICT); /* sites below */
	assert_int_equal(peer_add(*state, &p, &e), 0);
	assert_int_equal(site_remove(*state, "three", &e), -E_CONFLICT);
	assert_int_equal(peer_remove(*state, "CT", "", &e), 0);
	assert_int_equal(site_remove(*state, "three", &e), 0);
	assert_int_equal(site_remove(*state, "three", &e), -E_NOENT);
	c = help_writer(*state);
	assert_int_equal(help_put(c, &ct, NULL), INTAKE_STORED);
	help_commit(c);
	assert_int_equal(site_remove(*state, "four", &e), -E_CONFLICT);
	assert_int_equal(site_each(*state, count_sites, &n, &e), 0);
	assert_int_equal(n, 3);
}

static void test_each_stops(void **state)
{
	struct err e = {0};
	unsigned n = 0;

	assert_int_equal(site_each(*state, count_sites, &n, &e), 7); /* four, one, three */
	assert_int_equal(n, 3);
}

static void add(struct archive *a, const char *aet, const char *site_code, const char *address)
{
	struct peer p = {.port = 104};
	struct err e = {0};

	snprintf(p.aet, sizeof(p.aet), "%s", aet);
	snprintf(p.site_code, sizeof(p.site_code), "%s", site_code);
	snprintf(p.address, sizeof(p.address), "%s", address);
	if (peer_add(a, &p, &e) < 0)
		fail_msg("%s %s: %s", aet, address, e.msg);
}

static const char *who(struct archive *a, const char *aet, const char *address)
{
	static struct peer p;
	struct err e = {0};
	int rc = peer_identify(a, aet, address, &p, &e);

	if (rc < 0) {
		assert_true(e.msg[0]);
		return err_name((enum err_code) - rc);
	}
	return p.site_code;
}

static void test_identify(void **state)
{
	struct archive *a = *state;

	add(a, "CT", "one", "");
	add(a, "CT", "two", "10.1.0.0/16");
	add(a, "CT", "three", "10.1.2.0/24");
	add(a, "CT", "four", "10.1.2.3");
	add(a, "MR", "two", "192.168.1.0/25");
	add(a, "V6", "two", "2001:db8::/32");
	add(a, "V6", "three", "::1");
	assert_string_equal(who(a, "CT", "9.9.9.9"), "one");
	assert_string_equal(who(a, "CT", "10.1.9.9"), "two");
	assert_string_equal(who(a, "CT", "10.1.2.9"), "three");
	assert_string_equal(who(a, "CT", "10.1.2.3"), "four");
	assert_string_equal(who(a, "CT", "::ffff:10.1.2.3"), "four");
	assert_string_equal(who(a, " CT  ", "10.1.2.3"), "four");
	assert_string_equal(who(a, "ct", "10.1.2.3"), "DENIED"); /* case counts */
	assert_string_equal(who(a, "MR", "192.168.1.127"), "two");
	assert_string_equal(who(a, "MR", "192.168.1.128"), "DENIED");
	assert_string_equal(who(a, "MR", "::ffff:192.168.1.1"), "two");
	assert_string_equal(who(a, "V6", "2001:db8:1::5"), "two");
	assert_string_equal(who(a, "V6", "2001:db9::5"), "DENIED");
	assert_string_equal(who(a, "V6", "::1"), "three");
	assert_string_equal(who(a, "V6", "::1%lo"), "three");
	assert_string_equal(who(a, "V6", "0.0.0.1"), "DENIED"); /* not ::1 */
	assert_string_equal(who(a, "", "10.1.2.3"), "DENIED");
	assert_string_equal(who(a, "CT", "example"), "DENIED");
	assert_string_equal(who(a, "CT' OR '1'='1", "10.1.2.3"), "DENIED");
}

/* Two sites may use one title: who asks means the one of its own. */
static void test_destination_of_the_own_site(void **state)
{
	static const char *const sites[] = {"one", "two"};
	struct peer got;
	struct site site;

	for (int i = 0; i < 2; i++) {
		struct peer p = {.aet = "WORKSTATION", .port = 104};

		snprintf(p.site_code, sizeof(p.site_code), "%s", sites[i]);
		snprintf(p.host, sizeof(p.host), "ws.%s", sites[i]);
		snprintf(p.address, sizeof(p.address), "10.0.%d.1", i);
		assert_int_equal(peer_add(*state, &p, NULL), 0);
	}
	for (int i = 0; i < 2; i++) {
		assert_int_equal(site_get(*state, sites[i], &site, NULL), 0);
		assert_int_equal(peer_destination(*state, "WORKSTATION", site.id, &got, NULL), 0);
		assert_string_equal(got.site_code, sites[i]);
	}
	assert_int_equal(peer_destination(*state, "WORKSTATION", 0, &got, NULL), 0);
	assert_string_equal(got.site_code, "one");
}

static void test_peers(void **state)
{
	struct peer p = {.aet = " VIEWER ",
			 .site_code = "two",
			 .host = "viewer.example",
			 .port = 11112,
			 .address = "10.0.0.7/8",
			 .private_classes = true,
			 .max_associations = 3};
	struct peer got, bad;
	struct err e = {0};

	add(*state, "VIEWER", "one", ""); /* may call, cannot be called: no host */
	assert_int_equal(peer_destination(*state, "VIEWER", 0, &got, &e), -E_NOENT);
	assert_int_equal(peer_add(*state, &p, &e), 0);
	assert_int_equal(peer_destination(*state, "VIEWER ", 0, &got, &e), 0);
	assert_string_equal(got.aet, "VIEWER");
	assert_string_equal(got.host, "viewer.example");
	assert_string_equal(got.site_code, "two");
	assert_string_equal(got.address, "10.0.0.0/8"); /* in its shortest spelling */
	assert_true(got.port == 11112 && got.private_classes && got.max_associations == 3);
	snprintf(p.address, sizeof(p.address), "10.255.0.0/8"); /* the same range */
	assert_int_equal(peer_add(*state, &p, &e), -E_EXISTS);
	assert_int_equal(peer_destination(*state, "NOBODY", 0, &got, &e), -E_NOENT);

	static const char *const addresses[] = {"10.1.2",      "10.0.0.0/33", "10.0.0.0/", "::/129",
						"10.0.0.0/-1", "10.0.0.0/8x", "host"};
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		bad = p;
		snprintf(bad.address, sizeof(bad.address), "%s", addresses[i]);
		memset(&e, 0, sizeof(e));
		assert_int_equal(peer_add(*state, &bad, &e), -E_INVAL);
		assert_non_null(strstr(e.msg, addresses[i]));
	}
	static const char *const aets[] = {"", "   ", "A\\B", "A\nB"};
	for (size_t i = 0; i < sizeof(aets) / sizeof(aets[0]); i++) {
		bad = p;
		snprintf(bad.aet, sizeof(bad.aet), "%s", aets[i]);
		assert_int_equal(peer_add(*state, &bad, &e), -E_INVAL);
	}
	bad = p;
	snprintf(bad.site_code, sizeof(bad.site_code), "nowhere");
	assert_int_equal(peer_add(*state, &bad, &e), -E_NOENT);

	assert_int_equal(peer_remove(*state, "VIEWER", "three", &e), -E_NOENT);
	assert_int_equal(peer_remove(*state, "VIEWER", "two", &e), 0);
	assert_int_equal(peer_destination(*state, "VIEWER", 0, &got, &e), -E_NOENT);
	assert_string_equal(who(*state, "VIEWER", "10.0.0.7"), "one");
	assert_int_equal(peer_remove(*state, "VIEWER", "", &e), 0);
	assert_string_equal(who(*state, "VIEWER", "10.0.0.7"), "DENIED");
}

static void test_number_of_a_site_is_its_own(void **state)
{
	struct site s = {.code = "gone"}, got;
	int64_t gone;

	assert_int_equal(site_add(*state, &s, NULL), 0);
	assert_int_equal(site_get(*state, "gone", &got, NULL), 0);
	gone = got.id;
	assert_int_equal(site_remove(*state, "gone", NULL), 0);
	snprintf(s.code, sizeof(s.code), "other");
	assert_int_equal(site_add(*state, &s, NULL), 0);
	assert_int_equal(site_get(*state, "other", &got, NULL), 0);
	assert_true(got.id > gone);
}

/* The registry is kept when the index is emptied for a reindex. */
static void test_survives_clear(void **state)
{
	struct db_conn *c;
	struct site got;
	struct err e = {0};

	add(*state, "CT", "two", "");
	c = help_writer(*state);
	assert_int_equal(index_clear(c, &e), 0);
	help_commit(c);
	assert_int_equal(site_get(*state, "two", &got, &e), 0);
	assert_string_equal(who(*state, "CT", "1.2.3.4"), "two");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(test_sites),
	    TEST(test_cycles),
	    TEST(test_scopes),
	    TEST(test_remove),
	    TEST(test_each_stops),
	    TEST(test_identify),
	    TEST(test_number_of_a_site_is_its_own),
	    TEST(test_peers),
	    TEST(test_destination_of_the_own_site),
	    TEST(test_survives_clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
