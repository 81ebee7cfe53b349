#include "imaging/form.h"
#include "dicom/dict.h"
#include "imaging/codec.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct form {
	const char *name, *syntax; /* syntax NULL: kept */
} known[] = {
    {"htj2k-lossless", "1.2.840.10008.1.2.4.202"}, /* first: what holds without rules */
    {"j2k-lossless", "1.2.840.10008.1.2.4.90"},
    {"jpegls-lossless", "1.2.840.10008.1.2.4.80"},
    {"keep", NULL},
};
#define FORMS (sizeof known / sizeof known[0])
#define EXPECT_FORM "htj2k-lossless, j2k-lossless, jpegls-lossless or keep"
#define EXPECT_KEY "modality, sop_class, site, photometric or form"

enum condition { MODALITY, SOP_CLASS, SITE, PHOTOMETRIC, CONDITIONS };
static const char *const keys[CONDITIONS] = {
    [MODALITY] = "modality", [SOP_CLASS] = "sop_class", [SITE] = "site", [PHOTOMETRIC] = "photometric"};

struct rule {
	const char *name;
	const char *lists[CONDITIONS]; /* NULL: holds for everything */
	const struct form *form;       /* NULL: not said yet */
	const struct config_rule *first;
};
struct forms {
	struct rule v[FORM_RULES];
	unsigned n;
};

static int wrong(const struct config_rule *r, const char *expected, struct err *e)
{
	return err_set(e, E_CONFIG, "[settle %s] %.40s = %.40s: expected %s", r->name, r->key, r->value, expected);
}

/* ---- lists between commas */

/* The next entry, without blanks around it; false at the end. Empty ones are entries, too. */
static bool next_entry(const char **at, const char **entry, size_t *n)
{
	const char *p = *at;
	size_t len;

	if (!p)
		return false;
	p += strspn(p, " \t");
	len = strcspn(p, ",");
	*at = p[len] ? p + len + 1 : NULL;
	while (len > 0 && (p[len - 1] == ' ' || p[len - 1] == '\t'))
		len--;
	*entry = p;
	*n = len;
	return true;
}

static bool code_string(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_ ", text[i]) || !text[i])
			return false;
	return n > 0 && n <= 16;
}

static int check_list(const struct config_rule *r, enum condition what, struct err *e)
{
	const char *at = r->value, *entry;
	size_t n;

	while (next_entry(&at, &entry, &n)) {
		if (what == SOP_CLASS && !uid_sane(entry, n))
			return wrong(r, "UIDs of SOP classes between commas", e);
		if (what == SITE && (n == 0 || n > 32))
			return wrong(r, "codes of sites between commas", e);
		if (what == MODALITY && !code_string(entry, n))
			return wrong(r, "codes of modalities between commas, such as CT, MR", e);
		if (what == PHOTOMETRIC && !code_string(entry, n))
			return wrong(r, "photometric interpretations between commas, such as RGB, PALETTE COLOR", e);
	}
	return 0;
}

static bool in_list(const char *list, const char *value)
{
	const char *entry;
	size_t n;

	while (next_entry(&list, &entry, &n))
		if (n == strlen(value) && memcmp(entry, value, n) == 0)
			return true;
	return false;
}

/* ---- rules */

static int read_form(struct rule *rule, const struct config_rule *r, struct err *e)
{
	for (const struct form *f = known; f < known + FORMS; f++)
		if (strcmp(f->name, r->value) == 0) {
			rule->form = f;
			return 0;
		}
	if (strstr(r->value, "lossy"))
		return wrong(r, EXPECT_FORM ": after loss it is another image, with another UID", e);
	return wrong(r, EXPECT_FORM, e);
}

static int read_key(struct rule *rule, const struct config_rule *r, struct err *e)
{
	int rc;

	if (strcmp(r->key, "form") == 0)
		return read_form(rule, r, e);
	for (enum condition c = 0; c < CONDITIONS; c++)
		if (strcmp(r->key, keys[c]) == 0) {
			if ((rc = check_list(r, c, e)) == 0)
				rule->lists[c] = r->value;
			return rc;
		}
	return wrong(r, EXPECT_KEY " as the key", e);
}

static int rule_of(struct forms *f, const struct config_rule *r, struct rule **out, struct err *e)
{
	for (unsigned i = 0; i < f->n; i++)
		if (strcmp(f->v[i].name, r->name) == 0) {
			*out = &f->v[i];
			return 0;
		}
	if (f->n == FORM_RULES)
		return err_set(e, E_CONFIG, "[settle %s]: expected at most %u rules", r->name, FORM_RULES);
	*out = &f->v[f->n++];
	**out = (struct rule){.name = r->name, .first = r};
	return 0;
}

int forms_compile(const struct config_rules *rules, const char *file, struct forms **out, struct err *e)
{
	AUTO(forms) f = calloc(1, sizeof *f);
	const struct config_rule *r = NULL;
	struct rule *rule = NULL;
	int rc = 0;

	if (!f)
		return err_set(e, E_NOMEM, "no memory for the rules of settling");
	for (unsigned i = 0; i < rules->n && rc == 0; i++) {
		r = &rules->v[i];
		if ((rc = rule_of(f, r, &rule, e)) == 0)
			rc = read_key(rule, r, e);
	}
	for (unsigned i = 0; i < f->n && rc == 0; i++)
		if (!f->v[i].form) {
			r = f->v[i].first;
			rc = err_set(e, E_CONFIG, "[settle %s] has no form: expected form = " EXPECT_FORM, r->name);
		}
	if (rc < 0)
		return file && r && r->line ? err_prefix(e, "%s:%u", file, r->line) : rc;
	*out = STEAL(f);
	return 0;
}

void forms_free(struct forms *f)
{
	free(f);
}

/* ---- rules that can never hold */

static bool is_one_of(const char *const *words, size_t n, const char *entry, size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(words[i]) == len && memcmp(words[i], entry, len) == 0)
			return true;
	return false;
}

/* PS3.3 C.7.6.3.1.2, with those that were retired. */
static bool photometric_known(const char *entry, size_t n)
{
	static const char *const words[] = {
	    "MONOCHROME1",  "MONOCHROME2",     "PALETTE COLOR",   "RGB",     "HSV",     "ARGB", "CMYK", "YBR_FULL",
	    "YBR_FULL_422", "YBR_PARTIAL_422", "YBR_PARTIAL_420", "YBR_ICT", "YBR_RCT", "XYB"};

	return is_one_of(words, sizeof words / sizeof words[0], entry, n);
}

static const char *entry_doubt(enum condition what, const char *entry, size_t n)
{
	if (what == MODALITY && memchr(entry, ' ', n))
		return "no modality has a blank in it; expected commas between them";
	if (what == SOP_CLASS && (strspn(entry, "0123456789.") < n || !memchr(entry, '.', n)))
		return "this is no UID of a SOP class";
	if (what == PHOTOMETRIC && !photometric_known(entry, n))
		return "no such photometric interpretation is known";
	return NULL;
}

static void rule_doubts(const struct rule *r, void (*say)(void *arg, const char *sentence), void *arg)
{
	const char *at, *entry, *why;
	char text[256];
	size_t n;

	for (enum condition c = 0; c < CONDITIONS; c++)
		for (at = r->lists[c]; next_entry(&at, &entry, &n);)
			if ((why = entry_doubt(c, entry, n))) {
				snprintf(text, sizeof text, "[settle %s] %s: %.*s never holds: %s", r->name, keys[c],
					 (int)(n < 64 ? n : 64), entry, why);
				say(arg, text);
			}
}

static bool unconditional(const struct rule *r)
{
	for (enum condition c = 0; c < CONDITIONS; c++)
		if (r->lists[c])
			return false;
	return true;
}

void forms_doubts(const struct forms *f, void (*say)(void *arg, const char *sentence), void *arg)
{
	const struct rule *all = NULL; /* the first that holds for everything */
	char text[256];

	for (unsigned i = 0; f && i < f->n; i++) {
		rule_doubts(&f->v[i], say, arg);
		if (all) {
			snprintf(text, sizeof text,
				 "[settle %s] never counts: [settle %s] before it holds for everything", f->v[i].name,
				 all->name);
			say(arg, text);
		} else if (unconditional(&f->v[i])) {
			all = &f->v[i];
		}
	}
}

/* ---- choosing */

static bool holds(const struct rule *r, const struct form_facts *facts)
{
	const char *const values[CONDITIONS] = {[MODALITY] = facts->modality,
						[SOP_CLASS] = facts->sop_class,
						[SITE] = facts->site,
						[PHOTOMETRIC] = facts->image->pixels.photometric};

	for (enum condition c = 0; c < CONDITIONS; c++)
		if (r->lists[c] && !in_list(r->lists[c], values[c]))
			return false;
	return true;
}

/* Native frames are all there, and nothing but the byte that makes the length even lies behind them. */
static bool whole(const struct image_source *s)
{
	unsigned __int128 bytes = ((unsigned __int128)image_pixel_frame_bits(&s->pixels) * s->frames + 7) / 8;

	return s->frames > 0 && s->value_n >= bytes && s->value_n - bytes <= 1;
}

/* Why an instance cannot be in another form than the one it came in; NULL: it can. */
static const char *obstacle(const struct image_source *s, const char *syntax)
{
	const char *reason = NULL;

	if (uid_is_deflated(s->syntax))
		return "it came deflated";
	if (!s->tag)
		return "it has no pixel data";
	if (s->encapsulated)
		return "it came compressed";
	if (s->tag != TAG(0x7FE0, 0x0010))
		return "its pixels are numbers of floating point";
	if (s->pixels.bits_allocated == 1)
		return "its pixels are single bits";
	if (!whole(s))
		return "its pixel data is not as long as its frames are";
	if (!codec_can(CODEC_ENCODE, syntax, &s->pixels, &reason))
		return reason ? reason : "the codec cannot carry its samples";
	return NULL;
}

void forms_choose(const struct forms *f, const struct form_facts *facts, struct form_choice *out)
{
	const struct form *form = &known[0];
	const char *why;

	*out = (struct form_choice){.rule = ""};
	for (unsigned i = 0; f && i < f->n; i++)
		if (holds(&f->v[i], facts)) {
			form = f->v[i].form;
			out->rule = f->v[i].name;
			break;
		}
	out->form = form->name;
	if (!form->syntax)
		snprintf(out->reason, sizeof out->reason, "rule %s", out->rule);
	else if ((why = obstacle(facts->image, form->syntax)))
		snprintf(out->reason, sizeof out->reason, "%s", why);
	else
		out->syntax = form->syntax;
}
