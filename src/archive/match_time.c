/* archive/match_time.c - dates, times of day and moments of match.h: in full precision, as ranges, across zones. */
#include "archive/match_internal.h"
#include "archive/when.h"

#include <string.h>

static bool digits(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] < '0' || s[i] > '9')
			return false;
	return true;
}

static unsigned two(const char *s)
{
	return (unsigned)(s[0] - '0') * 10 + (unsigned)(s[1] - '0');
}

static bool month_day(const char *s)
{
	return two(s) >= 1 && two(s) <= 12 && two(s + 2) >= 1 && two(s + 2) <= 31;
}

bool match_date(const char *text, size_t n, char out[9])
{
	char date[9] = "";

	match_trim("DA", &text, &n);
	if (n == 8)
		memcpy(date, text, 8);
	else if (n == 10 && text[4] == '.' && text[7] == '.') {
		memcpy(date, text, 4);
		memcpy(date + 4, text + 5, 2);
		memcpy(date + 6, text + 8, 2);
	} else
		return false;
	if (!digits(date, 8) || !month_day(date + 4))
		return false;
	memcpy(out, date, 9);
	return true;
}

/* HH[MM[SS[.F]]] (HH:MM:SS too) as HHMMSSFFFFFF, what is missing filled from `fill`. */
static bool time_full(const char *text, size_t n, const char *fill, char out[13])
{
	char packed[6];
	size_t have = 0, i = 0;

	memcpy(out, fill, 13);
	while (i < n && text[i] != '.') {
		if (text[i] == ':' && have > 0 && have % 2 == 0 && have < 6)
			i++;
		if (i == n || have == 6 || !digits(&text[i], 1))
			return false;
		packed[have++] = text[i++];
	}
	if (have == 0 || have % 2 != 0 || (i < n && have != 6) || two(packed) > 23 ||
	    (have > 2 && two(packed + 2) > 59) || (have > 4 && two(packed + 4) > 60))
		return false;
	memcpy(out, packed, have);
	if (i < n) {
		size_t f = n - i - 1;

		if (f == 0 || f > 6 || !digits(text + i + 1, f))
			return false;
		memcpy(out + 6, text + i + 1, f);
	}
	return true;
}

/* YYYY[MM[DD[HH...]]][&ZZXX] as 20 digits and its zone. */
static bool moment_full(const char *text, size_t n, bool upper, struct match_end *out)
{
	size_t date;

	memcpy(out->text, upper ? "99991231235959999999" : "00010101000000000000", MATCH_MOMENT);
	out->zone = n >= 9 ? when_zone(text + n - 5, 5) : WHEN_NO_ZONE;
	if (out->zone != WHEN_NO_ZONE)
		n -= 5;
	date = n < 8 ? n : 8;
	if ((date != 4 && date != 6 && date != 8) || !digits(text, date) || memcmp(text, "0000", 4) == 0 ||
	    (date > 4 && (two(text + 4) < 1 || two(text + 4) > 12)) || (date > 6 && !month_day(text + 4)))
		return false;
	memcpy(out->text, text, date);
	return n <= 8 || time_full(text + 8, n - 8, upper ? "235959999999" : "000000000000", out->text + 8);
}

/* One end of a range, or a stored value, in full precision. */
static bool full(const char *vr, const char *text, size_t n, bool upper, struct match_end *out)
{
	match_trim(vr, &text, &n);
	out->zone = WHEN_NO_ZONE;
	if (vr[1] == 'A')
		return match_date(text, n, out->text);
	if (vr[1] == 'M')
		return time_full(text, n, upper ? "235959999999" : "000000000000", out->text);
	return moment_full(text, n, upper, out);
}

/* Where a range is split; NULL for a single value. A DT may hold an offset such as -0500 (up to -1200), too. */
static const char *hyphen(const char *vr, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (text[i] != '-')
			continue;
		if (strcmp(vr, "DT") == 0 && i >= 4 && n - i >= 5 && digits(text + i + 1, 4) &&
		    (n - i == 5 || text[i + 5] == '-') && memcmp(text + i + 1, "1200", 4) <= 0)
			continue;
		return text + i;
	}
	return NULL;
}

bool match_range_key(struct match *m, const char *text, size_t n)
{
	const char *vr = m->attr->vr, *cut;

	match_trim(vr, &text, &n);
	if (!(cut = hyphen(vr, text, n)))
		return full(vr, text, n, false, &m->from) && full(vr, text, n, true, &m->to);
	m->span = true;
	if (n == 1)
		return false;
	return (cut == text || full(vr, text, (size_t)(cut - text), false, &m->from)) &&
	       (cut + 1 == text + n || full(vr, cut + 1, (size_t)(text + n - cut - 1), true, &m->to));
}

static int64_t moment(const struct match_end *end, int zone)
{
	return when_moment(end->text, end->zone == WHEN_NO_ZONE ? zone : end->zone);
}

bool match_range(const struct match *m, const char *text, size_t n, int zone)
{
	struct match_end at;

	if (!full(m->attr->vr, text, n, false, &at))
		return false;
	if (strcmp(m->attr->vr, "DT") == 0)
		return (!m->from.text[0] || moment(&at, zone) >= moment(&m->from, zone)) &&
		       (!m->to.text[0] || moment(&at, zone) <= moment(&m->to, zone));
	return (!m->from.text[0] || strcmp(at.text, m->from.text) >= 0) &&
	       (!m->to.text[0] || strcmp(at.text, m->to.text) <= 0);
}

/* A date and a time as one string that compares as the moment does. */
static void joined(const struct match_end *date, const struct match_end *time_of_day, char out[MATCH_MOMENT])
{
	memcpy(out, date->text, 8);
	memcpy(out + 8, time_of_day->text, 13);
}

bool match_together(const struct match *date, const struct match *time_of_day, const char *date_text, size_t date_n,
		    const char *time_text, size_t time_n)
{
	char at[MATCH_MOMENT], end[MATCH_MOMENT];
	struct match_end day, hour;

	if (!full("DA", date_text, date_n, false, &day) ||
	    !full("TM", time_n ? time_text : "00", time_n ? time_n : 2, false, &hour))
		return false; /* a day without a time is a moment of less precision: its beginning */
	joined(&day, &hour, at);
	if (date->from.text[0]) {
		joined(&date->from, &time_of_day->from, end);
		if (strcmp(at, end) < 0)
			return false;
	}
	if (!date->to.text[0])
		return true;
	joined(&date->to, &time_of_day->to, end);
	return strcmp(at, end) <= 0;
}
