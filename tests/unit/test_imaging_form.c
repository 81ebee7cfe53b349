/* Rules of [settle NAME]: which one holds, what is never encoded, and what is said of wrong ones. */
#include "dicom/dict.h"
#include "imaging/form.h"
#include "shim/shim.h"
#include "tests/unit/folder.h"
#include <string.h>

#define HTJ2K "1.2.840.10008.1.2.4.202"
#define J2K "1.2.840.10008.1.2.4.90"
#define JPEGLS "1.2.840.10008.1.2.4.80"
#define CT "1.2.840.10008.5.1.4.1.1.2"
#define PIXEL_DATA TAG(0x7FE0, 0x0010)

struct rules {
	struct config_rules list;
	struct forms *forms;
};

static void rules_cleanup(struct rules *r)
{
	forms_free(r->forms);
	config_rules_cleanup(&r->list);
}
AUTO_TYPE(rules, struct rules);

/* Triples of name, key and value. */
static int try_rules(struct rules *r, const char *const *triples, struct err *e)
{
	for (unsigned line = 7; *triples; triples += 3, line++)
		assert_int_equal(config_rules_add(&r->list, triples[0], triples[1], triples[2], line, e), 0);
	return forms_compile(&r->list, "t.conf", &r->forms, e);
}
#define RULES(...) ((const char *const[]){__VA_ARGS__, NULL})

static struct image_source native(uint16_t samples, uint16_t bits, const char *photometric)
{
	struct image_source s = {.syntax = "1.2.840.10008.1.2.1", .frames = 2, .tag = PIXEL_DATA};

	s.pixels = (struct image_pixel){.rows = 5,
					.columns = 7,
					.samples = samples,
					.bits_allocated = bits,
					.bits_stored = bits,
					.high_bit = (uint16_t)(bits - 1)};
	snprintf(s.pixels.photometric, sizeof s.pixels.photometric, "%s", photometric);
	s.value_n = (5 * 7 * samples * bits / 8 * 2 + 1) / 2 * 2;
	return s;
}

static struct form_choice choose(const struct rules *r, const struct image_source *s, const char *modality,
				 const char *site)
{
	const struct form_facts facts = {.modality = modality, .sop_class = CT, .site = site, .image = s};
	struct form_choice c;

	forms_choose(r->forms, &facts, &c);
	return c;
}

static void without_rules_what_is_native_becomes_htj2k(void **state)
{
	const struct image_source grey = native(1, 16, "MONOCHROME2"), colour = native(3, 8, "RGB"),
				  palette = native(1, 8, "PALETTE COLOR");
	AUTO(rules) r = {0};

	(void)state;
	assert_string_equal(choose(&r, &grey, "CT", "NORTH").syntax, HTJ2K);
	assert_string_equal(choose(&r, &grey, "CT", "NORTH").rule, "");
	assert_string_equal(choose(&r, &colour, "US", "NORTH").syntax, HTJ2K);
	assert_string_equal(choose(&r, &palette, "US", "NORTH").syntax, HTJ2K);
}

static void keeps(const struct image_source *s, const char *why)
{
	AUTO(rules) r = {0};
	struct form_choice c;
	struct err e = {0};

	assert_int_equal(try_rules(&r, RULES("all", "form", "htj2k-lossless"), &e), 0);
	c = choose(&r, s, "CT", "NORTH");
	assert_null(c.syntax);
	if (why)
		assert_string_equal(c.reason, why);
	else
		assert_true(c.reason[0]);
}

static void what_cannot_be_another_form_is_kept_whatever_a_rule_says(void **state)
{
	struct image_source s = native(1, 16, "MONOCHROME2");

	(void)state;
	s.encapsulated = true;
	keeps(&s, "it came compressed");
	s = native(1, 16, "MONOCHROME2");
	snprintf(s.syntax, sizeof s.syntax, "1.2.840.10008.1.2.1.99");
	keeps(&s, "it came deflated");
	s = native(1, 16, "MONOCHROME2");
	s.tag = 0;
	keeps(&s, "it has no pixel data");
	s = native(1, 32, "MONOCHROME2");
	s.tag = TAG(0x7FE0, 0x0008);
	keeps(&s, "its pixels are numbers of floating point");
	s = native(1, 16, "MONOCHROME2");
	s.value_n -= 2;
	keeps(&s, "its pixel data is not as long as its frames are");
	s = native(1, 16, "MONOCHROME2");
	s.value_n += 2;
	keeps(&s, "its pixel data is not as long as its frames are");
	s = native(1, 1, "MONOCHROME2");
	s.value_n = 10;
	keeps(&s, "its pixels are single bits");
	s = native(1, 32, "MONOCHROME2");
	keeps(&s, NULL); /* the codec says why */
	s = native(3, 8, "YBR_FULL_422");
	s.value_n = 5 * 8 * 2 * 2;
	keeps(&s, NULL);
}

static void the_first_rule_that_holds_counts(void **state)
{
	const struct image_source grey = native(1, 16, "MONOCHROME2"), inverse = native(1, 16, "MONOCHROME1"),
				  palette = native(1, 8, "PALETTE COLOR");
	AUTO(rules) r = {0};
	struct err e = {0};

	(void)state;
	if (try_rules(&r,
		      RULES("chest", "modality", "CR,  DX", "chest", "photometric", "MONOCHROME1", "chest", "form",
			    "j2k-lossless", "south", "site", "SOUTH", "south", "form", "keep", "mr", "sop_class",
			    "1.2.840.10008.5.1.4.1.1.4", "mr", "form", "keep", "palettes", "photometric",
			    "RGB,PALETTE COLOR", "palettes", "form", "keep", "rest", "form", "jpegls-lossless"),
		      &e) < 0)
		fail_msg("%s", e.msg);
	assert_string_equal(choose(&r, &inverse, "DX", "SOUTH").syntax, J2K);
	assert_string_equal(choose(&r, &inverse, "DX", "SOUTH").rule, "chest");
	assert_string_equal(choose(&r, &inverse, "D", "NORTH").rule, "rest");
	assert_null(choose(&r, &grey, "DX", "SOUTH").syntax);
	assert_string_equal(choose(&r, &grey, "DX", "SOUTH").reason, "rule south");
	assert_string_equal(choose(&r, &palette, "US", "NORTH").reason, "rule palettes");
	assert_string_equal(choose(&r, &grey, "CT", "NORTH").syntax, JPEGLS);
	assert_string_equal(choose(&r, &grey, "CT", "NORTH").form, "jpegls-lossless");
}

static void wrong(const char *const *triples, const char *want)
{
	AUTO(rules) r = {0};
	struct err e = {0};

	assert_int_equal(try_rules(&r, triples, &e), -E_CONFIG);
	assert_string_equal(e.msg, want);
}

static void wrong_rules_name_file_line_key_and_what_was_expected(void **state)
{
	(void)state;
	wrong(RULES("a", "modality", "CT", "a", "form", "small"),
	      "t.conf:8: [settle a] form = small: expected htj2k-lossless, j2k-lossless, jpegls-lossless or keep");
	wrong(RULES("a", "form", "j2k-lossy"),
	      "t.conf:7: [settle a] form = j2k-lossy: expected htj2k-lossless, j2k-lossless, jpegls-lossless or keep: "
	      "after loss it is another image, with another UID");
	wrong(RULES("a", "colour", "RGB"), "t.conf:7: [settle a] colour = RGB: expected modality, sop_class, site, "
					   "photometric or form as the key");
	wrong(RULES("a", "modality", "ct"),
	      "t.conf:7: [settle a] modality = ct: expected codes of modalities between commas, such as CT, MR");
	wrong(RULES("a", "modality", "CT,,MR"),
	      "t.conf:7: [settle a] modality = CT,,MR: expected codes of modalities between commas, such as CT, MR");
	wrong(RULES("a", "modality", ""),
	      "t.conf:7: [settle a] modality = : expected codes of modalities between commas, such as CT, MR");
	wrong(RULES("a", "sop_class", "CT Image"),
	      "t.conf:7: [settle a] sop_class = CT Image: expected UIDs of SOP classes between commas");
	wrong(RULES("a", "site", "A,"), "t.conf:7: [settle a] site = A,: expected codes of sites between commas");
	wrong(
	    RULES("a", "form", "keep", "b", "modality", "CT", "c", "form", "keep"),
	    "t.conf:8: [settle b] has no form: expected form = htj2k-lossless, j2k-lossless, jpegls-lossless or keep");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(without_rules_what_is_native_becomes_htj2k),
	    cmocka_unit_test(what_cannot_be_another_form_is_kept_whatever_a_rule_says),
	    cmocka_unit_test(the_first_rule_that_holds_counts),
	    cmocka_unit_test(wrong_rules_name_file_line_key_and_what_was_expected),
	};

	if (shim_setup() < 0 || dict_setup(NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
