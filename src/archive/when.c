/* archive/when.c - see when.h. */
#include "archive/when.h"
#include "dicom/dict.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY 1440
#define MICROS_OF_MINUTE 60000000LL

static bool digits(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] < '0' || s[i] > '9')
			return false;
	return true;
}

static int number(const char *s, size_t n)
{
	int v = 0;

	while (n-- > 0)
		v = v * 10 + (*s++ - '0');
	return v;
}

int when_zone(const char *text, size_t n)
{
	int minutes;

	while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\0'))
		n--;
	while (n > 0 && *text == ' ') {
		text++;
		n--;
	}
	if (n != 5 || (text[0] != '+' && text[0] != '-') || !digits(text + 1, 4) || number(text + 3, 2) > 59)
		return WHEN_NO_ZONE;
	minutes = number(text + 1, 2) * 60 + number(text + 3, 2);
	if (text[0] == '-')
		minutes = -minutes;
	return minutes < -12 * 60 || minutes > 14 * 60 ? WHEN_NO_ZONE : minutes;
}

int when_here(const char *date)
{
	time_t at = time(NULL);
	struct tm local = {.tm_isdst = -1, .tm_hour = 12};

	if (date[0]) {
		local.tm_year = number(date, 4) - 1900;
		local.tm_mon = number(date + 4, 2) - 1;
		local.tm_mday = number(date + 6, 2);
		at = mktime(&local);
	}
	return localtime_r(&at, &local) ? (int)(local.tm_gmtoff / 60) : 0;
}

uint32_t when_partner(uint32_t tag)
{
	static const uint32_t pairs[][2] = {
	    {TAG(0x0008, 0x0012), TAG(0x0008, 0x0013)}, {TAG(0x0008, 0x0020), TAG(0x0008, 0x0030)},
	    {TAG(0x0008, 0x0021), TAG(0x0008, 0x0031)}, {TAG(0x0008, 0x0022), TAG(0x0008, 0x0032)},
	    {TAG(0x0008, 0x0023), TAG(0x0008, 0x0033)}, {TAG(0x0040, 0x0244), TAG(0x0040, 0x0245)},
	    {TAG(0x0040, 0x0250), TAG(0x0040, 0x0251)}, {TAG(0x0070, 0x0082), TAG(0x0070, 0x0083)},
	};

	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		if (pairs[i][0] == tag)
			return pairs[i][1];
		if (pairs[i][1] == tag)
			return pairs[i][0];
	}
	return 0;
}

/* Days since 0001-01-01 of the Gregorian calendar, for any year that four digits hold. */
static int64_t day_number(int year, int month, int day)
{
	/* years begin in March, so that the leap day is the last one */
	int64_t y = year - (month <= 2), m = month + (month > 2 ? -3 : 9);

	return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 307;
}

int64_t when_moment(const char d[20], int zone)
{
	int64_t minutes = day_number(number(d, 4), number(d + 4, 2), number(d + 6, 2)) * DAY + number(d + 8, 2) * 60 +
			  number(d + 10, 2) - zone;

	return minutes * MICROS_OF_MINUTE + number(d + 12, 2) * 1000000LL + number(d + 14, 6);
}

void when_add_days(char date[9], int days)
{
	int64_t n = day_number(number(date, 4), number(date + 4, 2), number(date + 6, 2)) + days;
	int64_t year = n / 365 + 1, month = 12;
	char text[32];

	if (n < 0 || n > day_number(9999, 12, 31))
		return;
	while (day_number((int)year, 1, 1) > n)
		year--;
	while (day_number((int)year, (int)month, 1) > n)
		month--;
	snprintf(text, sizeof text, "%04d%02d%02d", (int)year, (int)month,
		 (int)(n - day_number((int)year, (int)month, 1)) + 1);
	memcpy(date, text, 9);
}

bool when_shift(char date[9], const char *tod, size_t tod_n, int minutes, char *out_time)
{
	const char *rest = tod;
	int at, days = 0;

	if (tod_n < 2 || tod_n > 16 || !digits(tod, 2) || (tod_n > 2 && (tod_n < 4 || !digits(tod + 2, 2))))
		return false;
	at = number(tod, 2) * 60 + (tod_n > 2 ? number(tod + 2, 2) : 0) + minutes;
	for (; at < 0; at += DAY)
		days--;
	for (; at >= DAY; at -= DAY)
		days++;
	rest += tod_n > 2 ? 4 : 2;
	if (tod_n == 2 && at % 60 == 0)
		snprintf(out_time, 17, "%02d", at / 60);
	else
		snprintf(out_time, 17, "%02d%02d%.*s", at / 60, at % 60, (int)(tod + tod_n - rest), rest);
	if (date && date[0])
		when_add_days(date, days);
	return true;
}
