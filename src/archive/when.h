/* archive/when.h - dates, times of day and their zones: for queries across time zones. Included by archive/ only.
 *
 * Zones:    minutes east of UTC, as (0008,0201) and the suffix of a DT have them (&ZZXX).
 * Moments:  microseconds since the beginning of the year 1, in UTC.
 * Source:   PS3.5 6.2 (DA, DT, TM), PS3.3 C.12.1.1.8, PS3.4 C.2.2.2.1.3 and C.2.2.2.5.
 * Threads:  depends on arguments alone (when_here: on the machine's zone).
 */
#ifndef ARCHIVE_WHEN_H
#define ARCHIVE_WHEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WHEN_NO_ZONE INT32_MAX
int when_zone(const char *text, size_t n); /* "+0800": 480; WHEN_NO_ZONE when it is none */
/* Of this machine at noon of a day, YYYYMMDD; "": today. */
int when_here(const char *date);
/* The time of day that belongs to a date, and the other way round: Study Date and Study Time; 0: it stands alone. */
uint32_t when_partner(uint32_t tag);
int64_t when_moment(const char digits[20], int zone); /* YYYYMMDDHHMMSSFFFFFF */
void when_add_days(char date[9], int days);           /* YYYYMMDD; stays within the years 1 to 9999 */
/* Moves a date and a time of day (HH[MM[SS[.F]]]; tod_n 0: none, the date stays) by minutes. A date of NULL is passed
 * over. False when the time is none: then nothing is changed. out_time holds at least 17 characters. */
bool when_shift(char date[9], const char *tod, size_t tod_n, int minutes, char *out_time);
#endif
