#include "dicom/charset_set.h"
#include "base/text.h"
#include <ctype.h>
#include <string.h>

#define KEY_MOST 24

#define LATIN(key, iconv, g1)                                                                                          \
	{                                                                                                              \
		key, "ISO_IR " key, CHARSET_SINGLE, 0, {iconv}, iconv, "(B", g1                                        \
	}
/* Bytes 80 to 9F are control characters in ISO 8859-1, which nobody writes; who has them there means Windows' set.
 * IR 58 is read and written through GB18030, since glibc's EUC-CN has other dots and dashes than everybody's. */
static const struct charset_set sets[] = {
    {"6", "ISO_IR 6", CHARSET_SINGLE, 0, {"ASCII"}, "ASCII", "(B", NULL},
    {"13", "ISO_IR 13", CHARSET_SINGLE, 0, {"CP932"}, "CP932", "(J", ")I"},
    {"100", "ISO_IR 100", CHARSET_SINGLE, 0, {"CP1252", "ISO-8859-1"}, "ISO-8859-1", "(B", "-A"},
    LATIN("101", "ISO-8859-2", "-B"),
    LATIN("109", "ISO-8859-3", "-C"),
    LATIN("110", "ISO-8859-4", "-D"),
    LATIN("126", "ISO-8859-7", "-F"),
    LATIN("127", "ISO-8859-6", "-G"),
    LATIN("138", "ISO-8859-8", "-H"),
    LATIN("144", "ISO-8859-5", "-L"),
    LATIN("148", "ISO-8859-9", "-M"),
    LATIN("166", "TIS-620", "-T"),
    LATIN("203", "ISO-8859-15", "-b"),
    {"58", NULL, CHARSET_PAIRS, 0, {"GB18030"}, "GB18030", NULL, "$)A"},
    {"87", NULL, CHARSET_PAIRS, 0, {"EUC-JP", "EUC-JP-MS"}, "EUC-JP", "$B", NULL},
    {"149", NULL, CHARSET_PAIRS, 0, {"EUC-KR", "UHC"}, "EUC-KR", NULL, "$)C"},
    {"159", NULL, CHARSET_PAIRS, 0x8F, {"EUC-JP", "EUC-JP-MS"}, "EUC-JP", "$(D", NULL},
    {"192", "ISO_IR 192", CHARSET_WHOLE, 0, {"UTF-8"}, "UTF-8", NULL, NULL},
    {"GB18030", "GB18030", CHARSET_WHOLE, 0, {"GB18030"}, "GB18030", NULL, NULL},
    {"GBK", "GBK", CHARSET_WHOLE, 0, {"GB18030", "GBK"}, "GBK", NULL, NULL},
    {"GB2312", "GBK", CHARSET_WHOLE, 0, {"GB18030", "GBK"}, "GBK", NULL, NULL},
};
#define N_SETS (sizeof(sets) / sizeof(*sets))

static const struct {
	const char *spelled, *key;
} aliases[] = {
    {"", "6"},
    {"ASCII", "6"},
    {"USASCII", "6"},
    {"UTF8", "192"},
    {"ISO10646", "192"},
    {"ISO88591", "100"},
    {"LATIN1", "100"},
    {"CP936", "GBK"},
    {"GB231280", "GB2312"},
    {"EUCCN", "GB2312"},
    {"CP1252", "100"},
    {"ISO885915", "203"},
    {"WINDOWS1252", "100"},
    {"EUCKR", "149"},
    {"GB180302022", "GB18030"},
};

/* ---- labels */

const struct charset_set *charset_set_at(unsigned n)
{
	return n < N_SETS ? &sets[n] : NULL;
}

const struct charset_set *charset_set_find(const char *key)
{
	for (size_t i = 0; i < N_SETS; i++)
		if (!strcmp(sets[i].key, key))
			return &sets[i];
	return NULL;
}

/* A term without what varies between spellings: upper case, no blanks, hyphens, underscores. */
static void squeeze(const char *term, size_t n, char out[KEY_MOST])
{
	size_t len = 0;

	for (size_t i = 0; i < n && len + 1 < KEY_MOST; i++)
		if (!strchr(" _-.:", term[i]))
			out[len++] = (char)toupper((unsigned char)term[i]);
	out[len] = 0;
}

static const struct charset_set *term_set(const char *term, size_t n)
{
	static const char *const heads[] = {"ISO2022IR", "ISO2022", "ISOIR", "IR", "ISO"};
	char spelled[KEY_MOST];
	const struct charset_set *s;

	squeeze(term, n, spelled);
	for (size_t i = 0; i < sizeof(aliases) / sizeof(*aliases); i++)
		if (!strcmp(spelled, aliases[i].spelled))
			return charset_set_find(aliases[i].key);
	for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
		size_t k = strlen(heads[i]);

		if (!strncmp(spelled, heads[i], k) && (s = charset_set_find(spelled + k)))
			return s;
	}
	s = charset_set_find(spelled);
	return s && !isdigit((unsigned char)*spelled) ? s : NULL;
}

void charset_label_read(const char *label, struct charset_label *out)
{
	*out = (struct charset_label){0};
	for (;;) {
		size_t n = strcspn(label, "\\");
		const struct charset_set *s = term_set(label, n);

		out->unknown |= !s;
		out->first_named |= !out->n && s && s->kind != CHARSET_PAIRS && strspn(label, " ") < n;
		if (s && s->kind == CHARSET_WHOLE) {
			out->set[0] = s;
			out->n = 1;
			out->first_named = true;
			return;
		}
		if (s && !out->n && s->kind == CHARSET_PAIRS) /* value 1 cannot be one: the default repertoire and it */
			out->set[out->n++] = &sets[0];
		if (s && out->n < CHARSET_TERMS)
			out->set[out->n++] = s;
		if (!label[n])
			break;
		label += n + 1;
	}
	if (!out->n)
		out->set[out->n++] = &sets[0];
}

const struct charset_set *charset_label_high(const struct charset_label *l)
{
	for (unsigned i = 0; i < l->n; i++)
		if (l->set[i]->kind == CHARSET_WHOLE || l->set[i]->g1)
			return l->set[i];
	return NULL;
}

/* ---- GB 18030 */

/* The two-byte codes of the characters that GB 18030-2005 had as four bytes and 2022 has as two; 0: none of them. */
static unsigned gb_moved(const uint8_t *p)
{
	static const uint16_t han[] = {0xFE59, 0xFE61, 0xFE66, 0xFE67, 0xFE6D, 0xFE7E, 0xFE90, 0xFEA0};
	static const uint16_t marks[] = {0xA6D9, 0xA6DB, 0xA6DA, 0xA6DC, 0xA6DD,
					 0xA6DE, 0xA6DF, 0xA6EC, 0xA6ED, 0xA6F3};
	unsigned at = p[2] * 10u + p[3] - '0';
	unsigned first_han = 0x90 * 10u + 7, first_mark = 0x82 * 10u + 6;

	if (p[0] == 0x82 && p[1] == 0x35 && at >= first_han && at < first_han + 8)
		return han[at - first_han];
	if (p[0] == 0x84 && p[1] == 0x31 && at >= first_mark && at < first_mark + 10)
		return marks[at - first_mark];
	return 0;
}

/* Copies with those codes exchanged. */
static int gb_renew(const uint8_t *p, size_t n, struct buf *out, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; i < n && rc >= 0;) {
		size_t k = p[i] < 0x80 || i + 1 == n ? 1 : p[i + 1] < '0' || p[i + 1] > '9' ? 2 : 4;
		unsigned now = k == 4 && i + 4 <= n ? gb_moved(p + i) : 0;
		const uint8_t pair[2] = {(uint8_t)(now >> 8), (uint8_t)now};

		if (k > n - i)
			k = n - i;
		rc = now ? buf_put(out, pair, 2, e) : buf_put(out, p + i, k, e);
		i += k;
	}
	return rc;
}

static bool gb_may_be_old(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i + 4 <= n; i++)
		if ((p[i] == 0x82 && p[i + 1] == 0x35) || (p[i] == 0x84 && p[i + 1] == 0x31))
			return true;
	return false;
}

/* ---- conversion */

/* 1, 0 or -E_LIMIT, -E_NOMEM, as charset_set_read(). */
static int strictly(const char *iconv, const uint8_t *p, size_t n, struct buf *out, struct err *e)
{
	struct err why = {0};
	int rc = text_from(iconv, p, n, out, &why);

	if (rc == -E_LIMIT || rc == -E_NOMEM)
		return err_set(e, why.code, "%s", why.msg);
	return rc < 0 ? 0 : 1;
}

int charset_set_read(const struct charset_set *s, const uint8_t *p, size_t n, struct buf *out, struct err *e)
{
	AUTO(buf) renewed = BUF(n);
	int rc = 0;

	if (!strcmp(s->read[0], "GB18030") && gb_may_be_old(p, n)) {
		if ((rc = gb_renew(p, n, &renewed, e)) < 0)
			return rc;
		p = renewed.data;
		n = renewed.len;
		rc = 0;
	}
	for (unsigned i = 0; i < 2 && s->read[i] && rc == 0; i++)
		rc = strictly(s->read[i], p, n, out, e);
	return rc;
}

/* Is a pair one of GB 2312? */
static bool in_gb2312(const uint8_t pair[2])
{
	AUTO(buf) ignored = BUF(8);

	return text_from("EUC-CN", pair, 2, &ignored, NULL) >= 0;
}

size_t charset_set_write(const struct charset_set *s, const char *utf8, size_t n, uint8_t out[4])
{
	AUTO(buf) bytes = BUF(8);
	bool gb2312 = !strcmp(s->key, "58") || !strcmp(s->key, "GB2312");
	size_t skip = s->euc ? 1 : 0, len;
	const uint8_t *p;

	if (text_to(s->write, utf8, n, &bytes, NULL) < 0 || !(p = bytes.data) || bytes.len > 4)
		return 0;
	len = bytes.len - skip;
	if (s->kind == CHARSET_SINGLE && (len != 1 || *p < 0xA0))
		return 0;
	if (s->kind == CHARSET_PAIRS && (len != 2 || (s->euc && *p != s->euc) || p[skip] < 0xA1))
		return 0;
	if (*p < 0x80 || (!strcmp(s->write, "GBK") && len != 2) || (gb2312 && (len != 2 || !in_gb2312(p))))
		return 0;
	memcpy(out, p + skip, len);
	return len;
}
