#include "base/pinyin.h"
#include "base/han.h"
#include "base/han_tables.h"
#include "base/utf8.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SYLLABLES_MOST 512
#define READINGS_MOST 65536

/* Sorted: character << 10 | not the usual one << 9 | syllable. */
static uint32_t readings[READINGS_MOST];
static unsigned n_readings;
static char syllables[SYLLABLES_MOST][PINYIN_LONGEST + 1];
static unsigned n_syllables;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* "zhang ", the characters, a blank, and more of them, up to the end of the line, which is returned. */
static const char *load_line(const char *line)
{
	const char *end = line + strcspn(line, "\n"), *at = memchr(line, ' ', (size_t)(end - line));
	uint32_t c, other = 0;

	if (!at || at - line > PINYIN_LONGEST || n_syllables == SYLLABLES_MOST)
		return end;
	memcpy(syllables[n_syllables], line, (size_t)(at - line));
	for (char *v = syllables[n_syllables]; *v; v++)
		if (*v == 'v')
			*v = 'u';
	at++;
	while (at < end && n_readings < READINGS_MOST) {
		size_t len = utf8_next((const uint8_t *)at, (size_t)(end - at), &c);

		if (len == 0)
			break;
		if (c == ' ')
			other = 1;
		else
			readings[n_readings++] = c << 10 | other << 9 | n_syllables;
		at += len;
	}
	n_syllables++;
	return end;
}

/* The text is part of the program: it is well-formed, and fits. */
static void load(void)
{
	for (const char *line = pinyin_text; *line; line++)
		line = load_line(line);
	qsort(readings, n_readings, sizeof readings[0], by_value);
}

static unsigned first_of(uint32_t c)
{
	unsigned low = 0, high = n_readings;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (readings[middle] >> 10 < c)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* lu and lü of one character are one reading here. */
static bool told(const char *const *out, unsigned n, const char *reading)
{
	for (unsigned i = 0; i < n; i++)
		if (strcmp(out[i], reading) == 0)
			return true;
	return false;
}

unsigned pinyin_of(uint32_t c, const char *out[PINYIN_READINGS])
{
	unsigned n = 0;

	if (!han_is(c))
		return 0;
	pthread_once(&once, load);
	c = han_fold(c);
	for (unsigned i = first_of(c); i < n_readings && readings[i] >> 10 == c && n < PINYIN_READINGS; i++) {
		const char *reading = syllables[readings[i] & 0x1FF];

		if (!told(out, n, reading))
			out[n++] = reading;
	}
	return n;
}

size_t pinyin_spell(char *text, size_t n)
{
	size_t to = 0;

	for (size_t i = 0; i < n; i++) {
		bool behind = to > 0 && (text[to - 1] == 'l' || text[to - 1] == 'n');

		if (behind && text[i] == 'y' && i + 1 < n && text[i + 1] == 'u')
			continue;
		text[to++] = (char)(behind && text[i] == 'v' ? 'u' : text[i]);
	}
	return to;
}
