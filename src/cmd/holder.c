#include "cmd/holder.h"
#include "base/clock.h"
#include "base/text.h"
#include "cmd/since.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int holder_put(char *to, size_t room, const char *text, const char *what, struct err *e)
{
	size_t n = strlen(text);

	if (!text_valid(text, n))
		return err_set(e, E_CONFIG, "%s: not UTF-8 text", what);
	if (n >= room)
		return err_set(e, E_CONFIG, "%s: longer than %zu bytes", what, room - 1);
	memcpy(to, text, n + 1);
	return 0;
}

void holder_warn(const char *name, const struct holder *h)
{
	if (h->n == 0 && h->roles & ~(uint32_t)ROLE_ADMIN)
		fprintf(stderr, "teleread %s: without --site %s sees and stores nothing\n", name, h->name);
}

int holder_id(const char *text, int64_t *out, struct err *e)
{
	char *end;

	*out = strtoll(text, &end, 10);
	if (*out <= 0 || *end)
		return err_set(e, E_CONFIG, "ID %.40s: expected a number, as the list prints it", text);
	return 0;
}

static int put_expires(const char *text, int64_t *out, struct err *e)
{
	GTimeZone *utc;
	AUTO(str) day = NULL;
	GDateTime *t;
	int64_t age;

	if (strcmp(text, "never") == 0) {
		*out = 0;
		return 0;
	}
	if (age_parse(text, &age)) {
		*out = clock_wall_us() + age;
		return age > 0 ? 0 : err_set(e, E_CONFIG, "--expires %.40s: that is over already", text);
	}
	if (asprintf(&day, "%sT00:00:00", text) < 0)
		day = NULL;
	utc = g_time_zone_new_utc();
	*out = 0;
	t = g_date_time_new_from_iso8601(day && !strchr(text, 'T') ? day : text, utc);
	if (t)
		*out = g_date_time_to_unix(t) * 1000000;
	g_clear_pointer(&t, g_date_time_unref);
	g_time_zone_unref(utc);
	if (*out > 0 && *out <= clock_wall_us())
		return err_set(e, E_CONFIG, "--expires %.40s: that is over already", text);
	return *out > 0 ? 0
			: err_set(e, E_CONFIG,
				  "--expires %.40s: expected never, an age such as 90d or a date such as "
				  "2027-01-31",
				  text);
}

/* "reader,,qa", ",", "" */
static bool empty_word(const char *list)
{
	size_t n;

	for (;; list += n + 1) {
		n = strcspn(list, ",");
		if (strspn(list, " ") >= n)
			return true;
		if (!list[n])
			return false;
	}
}

static int put_roles(char *const *words, uint32_t *out, struct err *e)
{
	uint32_t all = 0, some;

	for (; *words; words++) {
		if (empty_word(*words))
			return err_set(e, E_CONFIG,
				       "--role %.60s: a role is missing between, before or behind the commas", *words);
		if (roles_parse(*words, &some, e) < 0) {
			e->code = E_CONFIG;
			return err_prefix(e, "--role");
		}
		all |= some;
	}
	*out = all;
	return 0;
}

static int put_sites(char *const *words, struct holder *h, struct err *e)
{
	int rc = 0;

	h->n = 0;
	for (; *words; words++) {
		gchar **codes;

		if (empty_word(*words))
			return err_set(e, E_CONFIG,
				       "--site %.60s: a site is missing between, before or behind the commas", *words);
		codes = g_strsplit(*words, ",", -1);

		for (gchar **code = codes; *code && rc == 0; code++) {
			if (h->n == HOLDER_SITES)
				rc = err_set(e, E_CONFIG, "--site: more than %u; name a site above them", HOLDER_SITES);
			else if ((rc = holder_put(h->codes[h->n], sizeof h->codes[0], *code, "--site", e)) == 0)
				h->n++;
		}
		g_strfreev(codes);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int holder_options_put(const struct holder_options *o, struct holder *h, struct err *e)
{
	int rc = 0;

	if ((o->role && (rc = put_roles(o->role, &h->roles, e)) < 0) ||
	    (o->site && (rc = put_sites(o->site, h, e)) < 0) ||
	    (o->store_as &&
	     (rc = holder_put(h->store_as_code, sizeof h->store_as_code, o->store_as, "--store-as", e)) < 0) ||
	    (o->expires && (rc = put_expires(o->expires, &h->expires, e)) < 0))
		return rc;
	return 0;
}

/* ---- lists */

static const char *when(int64_t us, char out[32])
{
	return us ? clock_text(us, out) : "";
}

static json_t *times_put(json_t *o, const char *key, int64_t us)
{
	char text[32];

	json_object_set_new(o, key, us ? json_string(when(us, text)) : json_null());
	return o;
}

static void print_one_json(const struct holder *h)
{
	static const char *const kinds[] = {"", "user", "token", "certificate"};
	json_t *o = json_pack("{s:s, s:I, s:s, s:[], s:[], s:s, s:b}", "kind", kinds[h->kind], "id", (json_int_t)h->id,
			      "name", h->name, "roles", "sites", "store_as", h->store_as_code, "disabled", h->disabled);
	char roles[ROLES_TEXT], *rest = NULL;

	roles_text(h->roles, roles);
	for (char *r = strtok_r(roles, ",", &rest); r; r = strtok_r(NULL, ",", &rest))
		json_array_append_new(json_object_get(o, "roles"), json_string(r));
	for (unsigned i = 0; i < h->n; i++)
		json_array_append_new(json_object_get(o, "sites"), json_string(h->codes[i]));
	times_put(o, "created", h->created);
	times_put(o, "expires", h->expires);
	times_put(o, "used", h->used);
	times_put(o, "locked", h->locked > clock_wall_us() ? h->locked : 0);
	print_json(o);
}

void holder_print(const struct common *c, const struct holder *h)
{
	char roles[ROLES_TEXT], text[32];

	if (c->json) {
		print_one_json(h);
		return;
	}
	printf("%-5lld ", (long long)h->id);
	for (int n = print_safely(h->name); n < 20; n++)
		putchar(' ');
	printf(" %s  ", roles_text(h->roles, roles)[0] ? roles : "-");
	for (unsigned i = 0; i < h->n; i++)
		printf("%s%s", i ? "," : "", h->codes[i]);
	printf("%s%s%s", h->n ? "" : "-", h->store_as_code[0] ? "  stores as " : "", h->store_as_code);
	if (h->disabled)
		printf("  disabled");
	if (h->locked > clock_wall_us())
		printf("  locked until %.16sZ", when(h->locked, text));
	if (h->expires)
		printf("  until %.10s", when(h->expires, text));
	if (h->used)
		printf("  used %.16sZ", when(h->used, text));
	putchar('\n');
}
