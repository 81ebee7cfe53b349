#include "base/config_value.h"
#include "base/log.h"
#include <arpa/inet.h>
#include <string.h>

struct unit {
	const char *name;
	int64_t factor;
};

/* Greatest first, so that the first one that divides gives the shortest spelling. */
static const struct unit sizes[] = {{"T", 1LL << 40}, {"G", 1LL << 30}, {"M", 1LL << 20},
				    {"K", 1LL << 10}, {"", 1},          {0}};
static const struct unit times[] = {{"h", 3600000}, {"min", 60000}, {"s", 1000}, {"ms", 1}, {0}};
static const struct unit plain[] = {{"", 1}, {0}};

static const struct unit *units(enum value_type type)
{
	return type == VALUE_SIZE ? sizes : type == VALUE_TIME ? times : plain;
}

static int aet(const char *text)
{
	size_t n = strlen(text);

	if (n < 1 || n > 16 || strspn(text, " ") == n || text[0] == ' ' || text[n - 1] == ' ')
		return -E_CONFIG;
	for (size_t i = 0; i < n; i++)
		if (text[i] < 0x20 || text[i] > 0x7E || text[i] == '\\')
			return -E_CONFIG;
	return 0;
}

/* Of a group of settings: short, and nothing in it that a section's brackets would mind. */
static int name(const char *text)
{
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

	return n > 0 && n <= VALUE_NAME_MOST && !text[n] ? 0 : -E_CONFIG;
}

static int address(const char *text)
{
	unsigned char raw[16];

	return inet_pton(AF_INET, text, raw) == 1 || inet_pton(AF_INET6, text, raw) == 1 ? 0 : -E_CONFIG;
}

/* As (0008,0201) has it, or "local". */
static int offset(const char *text)
{
	if (strcmp(text, "local") == 0)
		return 0;
	if (strlen(text) != 5 || (text[0] != '+' && text[0] != '-') || strspn(text + 1, "0123456789") != 4)
		return -E_CONFIG;
	return strcmp(text + 1, text[0] == '-' ? "1200" : "1400") <= 0 && text[3] < '6' ? 0 : -E_CONFIG;
}

int value_text(const struct value_range *r, const char *text)
{
	enum log_level level;

	switch (r->type) {
	case VALUE_AET:
		return aet(text);
	case VALUE_NAME:
		return name(text);
	case VALUE_ADDRESS:
		return address(text);
	case VALUE_LEVEL:
		return log_level_parse(text, &level) < 0 ? -E_CONFIG : 0;
	case VALUE_FORMAT:
		return strcmp(text, "text") == 0 || strcmp(text, "json") == 0 ? 0 : -E_CONFIG;
	case VALUE_OFFSET:
		return offset(text);
	case VALUE_FUZZY:
		return strcmp(text, "negotiated") == 0 || strcmp(text, "always") == 0 || strcmp(text, "off") == 0
			   ? 0
			   : -E_CONFIG;
	case VALUE_LIST:
	case VALUE_OPTIONAL:
		return 0;
	case VALUE_SANDBOX:
		return strcmp(text, "required") == 0 || strcmp(text, "optional") == 0 ? 0 : -E_CONFIG;
	case VALUE_REPORT:
		return strcmp(text, "auto") == 0 || strcmp(text, "same") == 0 || strcmp(text, "new") == 0 ? 0
													  : -E_CONFIG;
	default:
		return text[0] ? 0 : -E_CONFIG;
	}
}

static int boolean(const char *text, int64_t *out)
{
	static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcmp(text, words[i]) == 0) {
			*out = (int64_t)(i % 2);
			return 0;
		}
	return -E_CONFIG;
}

int value_number(const struct value_range *r, const char *text, int64_t *out)
{
	int64_t n = 0;
	const char *at = text;

	if (r->type == VALUE_BOOL)
		return boolean(text, out);
	for (; *at >= '0' && *at <= '9'; at++)
		if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, *at - '0', &n))
			return -E_CONFIG;
	if (at == text)
		return -E_CONFIG;
	at += strspn(at, " ");
	if (n == 0 && !*at && r->type == VALUE_TIME) /* no time at all needs no unit */
		at = "ms";
	for (const struct unit *u = units(r->type); u->name; u++) {
		if (strcmp(at, u->name) != 0)
			continue;
		if (__builtin_mul_overflow(n, u->factor, &n) || n < r->min || n > r->max)
			return -E_CONFIG;
		*out = n;
		return 0;
	}
	return -E_CONFIG;
}

int value_spell(enum value_type type, int64_t n, struct buf *out, struct err *e)
{
	const struct unit *u = units(type);

	if (type == VALUE_BOOL)
		return buf_str(out, n ? "true" : "false", e);
	while (u[1].name && (n == 0 || n % u->factor != 0))
		u++;
	return buf_printf(out, e, "%lld%s", (long long)(n / u->factor), u->name);
}

int value_expected(const struct value_range *r, struct buf *out, struct err *e)
{
	static const char *const words[] = {
	    [VALUE_STRING] = "text that is not empty",
	    [VALUE_AET] = "an AE title: 1 to 16 characters of ASCII, no backslash, no blanks around it",
	    [VALUE_NAME] = "a name: 1 to 32 letters, digits, - and _",
	    [VALUE_ADDRESS] = "an IPv4 or IPv6 address such as 127.0.0.1 or 0.0.0.0",
	    [VALUE_LEVEL] = "debug, info, warn or error",
	    [VALUE_FORMAT] = "text or json",
	    [VALUE_OFFSET] = "local, or an offset from UTC such as +0800",
	    [VALUE_FUZZY] = "negotiated, always or off",
	    [VALUE_LIST] = "entries between semicolons, or nothing",
	    [VALUE_OPTIONAL] = "text, or nothing",
	    [VALUE_REPORT] = "auto, same or new",
	    [VALUE_SANDBOX] = "required or optional",
	    [VALUE_BOOL] = "true or false",
	    [VALUE_INT] = "a whole number",
	    [VALUE_SIZE] = "a size in bytes or with K, M, G, T",
	    [VALUE_TIME] = "a time with ms, s, min or h",
	};
	int rc = buf_str(out, words[r->type], e);

	if (rc < 0 || value_is_text(r->type) || r->type == VALUE_BOOL)
		return rc;
	if ((rc = buf_str(out, ", from ", e)) < 0 || (rc = value_spell(r->type, r->min, out, e)) < 0 ||
	    (rc = buf_str(out, " to ", e)) < 0)
		return rc;
	return value_spell(r->type, r->max, out, e);
}
