#include "dicom/coerce_value.h"
#include "base/text.h"
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { ASCII = 1, LINES = 2, PREFIX = 4, NAME = 8 };

static const struct kind {
	char vr[3];
	unsigned most; /* characters */
	unsigned is;
	const char *expected;
} kinds[] = {
    {"AE", 16, ASCII | PREFIX, "an AE title"},
    {"AS", 4, ASCII, "an age: 3 digits and D, W, M or Y"},
    {"CS", 16, ASCII | PREFIX, "capitals, digits, blanks and underscores"},
    {"DA", 8, ASCII, "a date: YYYYMMDD"},
    {"DT", 26, ASCII, "a date and time: YYYYMMDDHHMMSS.FFFFFF&ZZXX or its beginning"},
    {"LO", 64, PREFIX, "text"},
    {"LT", 10240, PREFIX | LINES, "text"},
    {"PN", 64, PREFIX | NAME, "a name: up to 3 groups of components"},
    {"SH", 16, PREFIX, "text"},
    {"ST", 1024, PREFIX | LINES, "text"},
    {"TM", 14, ASCII, "a time: HHMMSS.FFFFFF or its beginning"},
    {"UC", 65534, PREFIX, "text"},
    {"UT", 65534, PREFIX | LINES, "text"},
};

static const struct kind *find(const char *vr)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (!strcmp(vr, kinds[i].vr))
			return &kinds[i];
	return NULL;
}

bool coerce_value_kind(const char *vr)
{
	return find(vr) != NULL;
}

bool coerce_value_prefix(const char *vr)
{
	const struct kind *k = find(vr);

	return k && k->is & PREFIX;
}

static bool digits(const char *s, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (s[i] < '0' || s[i] > '9')
			return false;
	return true;
}

static bool between(const char *s, size_t n, size_t at, int least, int most)
{
	int v;

	if (n < at + 2)
		return true; /* it ends before */
	v = (s[at] - '0') * 10 + s[at + 1] - '0';
	return v >= least && v <= most;
}

/* HH, HHMM, HHMMSS, with a fraction of 1 to 6 digits behind seconds. */
static bool is_time(const char *s, size_t n)
{
	size_t whole = strcspn(s, ".");

	if (whole > n)
		whole = n;
	if (whole % 2 || whole > 6 || (whole < 6 && whole < n) || !digits(s, 0, whole))
		return false;
	if (whole < n && (n - whole < 2 || n - whole > 7 || !digits(s, whole + 1, n)))
		return false;
	return between(s, whole, 0, 0, 23) && between(s, whole, 2, 0, 59) && between(s, whole, 4, 0, 60);
}

static bool is_moment(const char *s, size_t n)
{
	size_t zone = strcspn(s, "+-"), day;

	if (zone < n && (n - zone != 5 || !digits(s, zone + 1, n) || !between(s + zone + 1, 4, 0, 0, 14) ||
			 !between(s + zone + 1, 4, 2, 0, 59)))
		return false;
	day = zone < 8 ? zone : 8;
	if (zone < 4 || day % 2 || !digits(s, 0, day) || !between(s, day, 4, 1, 12) || !between(s, day, 6, 1, 31))
		return false;
	return zone <= 8 || is_time(s + 8, zone - 8);
}

static bool has_form(const struct kind *k, const char *s, size_t n)
{
	if (!strcmp(k->vr, "DA"))
		return n == 8 && digits(s, 0, 8) && is_moment(s, 8);
	if (!strcmp(k->vr, "DT"))
		return is_moment(s, n);
	if (!strcmp(k->vr, "TM"))
		return n >= 2 && is_time(s, n);
	if (!strcmp(k->vr, "AS"))
		return n == 4 && digits(s, 0, 3) && strchr("DWMY", s[3]);
	if (!strcmp(k->vr, "CS"))
		return strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _") == n;
	return true;
}

static bool sane(const struct kind *k, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == 0x7F || (c >= 0x80 && k->is & ASCII) || (c == '\\' && !(k->is & LINES)))
			return false;
		if (c < 0x20 && !(k->is & LINES && (c == '\n' || c == '\r' || c == '\t')))
			return false;
	}
	return text_valid(s, n);
}

bool coerce_value_length(const char *vr, const char *value, size_t n)
{
	const struct kind *k = find(vr);
	unsigned characters = 0, groups = 1;

	for (size_t i = 0; k && i < n; i++) {
		if (value[i] == '\\' && !(k->is & LINES)) {
			characters = 0;
			groups = 1;
		} else if (value[i] == '=' && k->is & NAME) {
			characters = 0;
			groups++;
		} else if (((unsigned char)value[i] & 0xC0) != 0x80) {
			characters++;
		}
		if (characters > k->most || groups > 3)
			return false;
	}
	return true;
}

bool coerce_value_fits(const char *vr, const char *value, bool part, char *expected, size_t room)
{
	const struct kind *k = find(vr);
	size_t n = strlen(value);

	if (k && (n == 0 || (sane(k, value, n) && coerce_value_length(vr, value, n) &&
			     ((part && strcmp(vr, "CS") != 0) || has_form(k, value, n)))))
		return true;
	if (k)
		snprintf(expected, room, "%s, at most %u characters (VR %s)", k->expected, k->most, vr);
	return false;
}
