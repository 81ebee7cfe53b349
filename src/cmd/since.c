#include "cmd/since.h"
#include "base/auto.h"
#include "base/clock.h"
#include <glib.h>
#include <stdio.h>
#include <string.h>

bool age_parse(const char *text, int64_t *us)
{
	static const struct {
		const char *unit;
		int64_t s;
	} units[] = {{"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}};
	char *unit;
	long long n = strtoll(text, &unit, 10);

	for (unsigned i = 0; i < sizeof units / sizeof units[0]; i++)
		if (unit > text && n >= 0 && n < 1000000 && strcmp(unit, units[i].unit) == 0) {
			*us = n * units[i].s * 1000000;
			return true;
		}
	return false;
}

bool since_parse(const char *text, char out[32])
{
	GTimeZone *utc = g_time_zone_new_utc();
	AUTO(str) day = NULL;
	GDateTime *t;
	int64_t age;

	if (age_parse(text, &age)) {
		clock_text(clock_wall_us() - age, out);
	} else {
		if (!strchr(text, 'T') && asprintf(&day, "%sT00:00:00", text) < 0)
			day = NULL;
		if ((t = g_date_time_new_from_iso8601(day ? day : text, utc)))
			clock_text(g_date_time_to_unix(t) * 1000000 + g_date_time_get_microsecond(t), out);
		g_clear_pointer(&t, g_date_time_unref);
	}
	g_time_zone_unref(utc);
	return out[0] != '\0';
}
