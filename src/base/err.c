#include "base/err.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name, *text;
	uint16_t dimse;
	int http;
} table[E_COUNT] = {
    [E_OK] = {"OK", "success", 0x0000, 200},
#define ERR(name_, http_, dimse_, text_) [E_##name_] = {#name_, text_, dimse_, http_},
#include "base/err.def"
#undef ERR
};

/* A message cut at the end of its room must not end in half a UTF-8 character. */
static void drop_half_character(char *msg, size_t size)
{
	size_t at = strlen(msg), back = 0;
	unsigned char lead;
	size_t want;

	if (at + 1 < size)
		return;
	while (back < 3 && at > 0 && ((unsigned char)msg[at - 1] & 0xC0) == 0x80)
		at--, back++;
	if (at == 0)
		return;
	lead = (unsigned char)msg[at - 1];
	want = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
	if (back < want)
		msg[at - 1] = '\0';
}

#undef err_set /* the analyser's, see err.h */
#undef err_sys
int err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
	va_list args;

	if (e && e->code == E_OK) {
		e->code = code;
		va_start(args, fmt);
		vsnprintf(e->msg, sizeof e->msg, fmt, args);
		va_end(args);
		drop_half_character(e->msg, sizeof e->msg);
	}
	return -(int)code;
}

int err_sys(struct err *e, enum err_code code, const char *fmt, ...)
{
	char why[96];
	const char *text = strerror_r(errno, why, sizeof why);
	va_list args;
	size_t used;

	if (e && e->code == E_OK) {
		e->code = code;
		va_start(args, fmt);
		vsnprintf(e->msg, sizeof e->msg, fmt, args);
		va_end(args);
		used = strlen(e->msg);
		snprintf(e->msg + used, sizeof e->msg - used, ": %s", text);
		drop_half_character(e->msg, sizeof e->msg);
	}
	return -(int)code;
}

int err_prefix(struct err *e, const char *fmt, ...)
{
	char old[sizeof e->msg];
	va_list args;
	size_t used;

	if (!e)
		return -(int)E_BUG;
	memcpy(old, e->msg, sizeof old);
	va_start(args, fmt);
	vsnprintf(e->msg, sizeof e->msg, fmt, args);
	va_end(args);
	used = strlen(e->msg);
	snprintf(e->msg + used, sizeof e->msg - used, ": %s", old);
	drop_half_character(e->msg, sizeof e->msg);
	return -(int)e->code;
}

static unsigned known(enum err_code code)
{
	return (unsigned)code < E_COUNT ? (unsigned)code : (unsigned)E_BUG;
}

const char *err_name(enum err_code code)
{
	return table[known(code)].name;
}

const char *err_text(enum err_code code)
{
	return table[known(code)].text;
}

uint16_t err_dimse(enum err_code code)
{
	return table[known(code)].dimse;
}

int err_http(enum err_code code)
{
	return table[known(code)].http;
}
