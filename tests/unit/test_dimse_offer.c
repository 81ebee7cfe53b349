#include "dicom/dict.h"
#include "dimse/offer.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define CT "1.2.840.10008.5.1.4.1.1.2"
#define MR "1.2.840.10008.5.1.4.1.1.4"
#define JPEG "1.2.840.10008.1.2.4.50"

static void add(struct offer *p, const char *abstract, const char *syntax)
{
	struct err e = {0};

	if (offer_add(p, abstract, syntax, &e) < 0)
		fail_msg("%s", e.msg);
}

static bool has(const struct scu_proposal *p, unsigned n, const char *abstract, const char *syntax)
{
	unsigned found = 0;

	for (unsigned i = 0; i < n; i++)
		found +=
		    strcmp(p[i].abstract, abstract) == 0 && strcmp(p[i].syntaxes[0], syntax) == 0 && !p[i].syntaxes[1];
	assert_true(found <= 1);
	return found;
}

static void test_one_group(void **state)
{
	struct scu_proposal out[SCU_PROPOSALS];
	struct offer p = {0};
	unsigned n;

	(void)state;
	for (int i = 0; i < 3; i++) {
		add(&p, CT, UID_EXPLICIT_LE);
		add(&p, MR, JPEG);
		add(&p, CT, JPEG);
	}
	offer_divide(&p);
	assert_int_equal(p.groups, 1);
	assert_int_equal(offer_group(&p, CT), 0);
	assert_int_equal(offer_group(&p, "1.2.3"), -1);
	n = offer_proposals(&p, 0, out);
	assert_int_equal(n, 6);
	assert_true(has(out, n, CT, UID_EXPLICIT_LE) && has(out, n, CT, UID_IMPLICIT_LE) && has(out, n, CT, JPEG));
	assert_true(has(out, n, MR, UID_EXPLICIT_LE) && has(out, n, MR, UID_IMPLICIT_LE) && has(out, n, MR, JPEG));
	offer_cleanup(&p);
}

/* 100 classes, each stored in one compressed syntax: 300 contexts, 42 classes to an association. */
static void test_many_classes(void **state)
{
	/* trap 16: 128 contexts: the rest goes over another association */
	struct scu_proposal out[SCU_PROPOSALS];
	struct offer p = {0};
	char class[65];
	unsigned total = 0;

	(void)state;
	for (int i = 0; i < 100; i++) {
		snprintf(class, sizeof(class), "1.2.3.%d", i);
		add(&p, class, JPEG);
	}
	offer_divide(&p);
	assert_int_equal(p.groups, 3);
	for (unsigned g = 0; g < p.groups; g++) {
		unsigned n = offer_proposals(&p, g, out);

		assert_in_range(n, 1, SCU_PROPOSALS);
		total += n;
		for (unsigned i = 0; i < n; i++)
			assert_int_equal(offer_group(&p, out[i].abstract), g);
	}
	assert_int_equal(total, 300);
	offer_cleanup(&p);
}

static void test_one_class_in_every_syntax(void **state)
{
	/* trap 16: a context for each syntax that is stored */
	struct scu_proposal out[SCU_PROPOSALS];
	struct offer p = {0};
	char syntax[65];
	struct err e = {0};
	int rc = 0;

	(void)state;
	add(&p, MR, JPEG);
	for (int i = 0; i < 300; i++) {
		snprintf(syntax, sizeof(syntax), "1.2.3.%d", i);
		add(&p, CT, syntax);
	}
	offer_divide(&p);
	assert_int_equal(p.groups, 2);
	assert_int_equal(offer_proposals(&p, 1, out), SCU_PROPOSALS);
	for (unsigned i = 0; rc == 0 && i < 2 * OFFER_PAIRS; i++) {
		snprintf(syntax, sizeof(syntax), "1.2.4.%u", i);
		rc = offer_add(&p, CT, syntax, &e);
	}
	assert_int_equal(rc, -E_LIMIT);
	offer_cleanup(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_one_group),
	    cmocka_unit_test(test_many_classes),
	    cmocka_unit_test(test_one_class_in_every_syntax),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
