#include "web/json.h"
#include "base/utf8.h"
#include <inttypes.h>
#include <string.h>

static int put_character(struct buf *out, const uint8_t *at, size_t n, uint32_t cp, struct err *e)
{
	if (n == 0)
		return buf_str(out, "\xEF\xBF\xBD", e);
	if (cp == '"' || cp == '\\')
		return buf_printf(out, e, "\\%c", (int)cp);
	if (cp < 0x20 || cp == 0x7F || cp == 0x2028 || cp == 0x2029)
		return buf_printf(out, e, "\\u%04x", (unsigned)cp);
	return buf_put(out, at, n, e);
}

int json_text(struct buf *out, const char *text, struct err *e)
{
	const uint8_t *at = (const uint8_t *)text, *end = at + strlen(text);
	int rc = buf_byte(out, '"', e);

	while (rc == 0 && at < end) {
		uint32_t cp = 0;
		size_t n = utf8_next(at, (size_t)(end - at), &cp);

		rc = put_character(out, at, n, cp, e);
		at += n ? n : 1;
	}
	return rc < 0 ? rc : buf_byte(out, '"', e);
}

static int put_name(struct buf *out, const char *name, struct err *e)
{
	bool first = out->len == 0 || strchr("{[,", out->data[out->len - 1]);

	return buf_printf(out, e, "%s\"%s\":", first ? "" : ",", name);
}

int json_member(struct buf *out, const char *name, const char *text, struct err *e)
{
	int rc = put_name(out, name, e);

	return rc < 0 ? rc : json_text(out, text, e);
}

int json_number(struct buf *out, const char *name, int64_t n, struct err *e)
{
	int rc = put_name(out, name, e);

	return rc < 0 ? rc : buf_printf(out, e, "%" PRId64, n);
}

int markup_text(struct buf *out, const char *text, struct err *e)
{
	int rc = 0;

	for (; rc == 0 && *text; text++) {
		size_t plain = strcspn(text, "<>&\"'");

		if (plain) {
			rc = buf_put(out, text, plain, e);
			text += plain - 1;
		} else {
			rc = buf_printf(out, e, "&#%d;", *text);
		}
	}
	return rc;
}
