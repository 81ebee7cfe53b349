/* archive/attr_extra.c - see attr_extra.h. */
#include "archive/attr_extra.h"
#include "archive/attr.h"
#include "db/db.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CODE_FIRST 192
#define CODE_LAST 254 /* 255 stays free for a longer form */
#define EXTRA_MOST (CODE_LAST - CODE_FIRST + 1)
#define ENTRY_MOST 200 /* characters */
#define WORDS_MOST 4
#define EXPECTED "expected KEYWORD LEVEL, TAG VR LEVEL, or TAG \"CREATOR\" VR LEVEL"

struct extra {
	struct attr attr;
	char creator[65];
};
struct attr_set {
	struct extra v[EXTRA_MOST];
	unsigned n;
};

/* ---------------------------------------------------------------- reading the list */

/* One entry in words; a quoted one keeps its blanks. The number of words, or -1. */
static int split(char *text, char *words[WORDS_MOST], bool quoted[WORDS_MOST])
{
	int n = 0;

	for (;;) {
		text += strspn(text, " \t");
		if (!*text)
			return n;
		if (n == WORDS_MOST)
			return -1;
		quoted[n] = *text == '"';
		words[n] = text + quoted[n];
		text = quoted[n] ? strchr(words[n], '"') : text + strcspn(text, " \t");
		if (!text)
			return -1;
		n++;
		if (!*text)
			return n;
		*text++ = '\0';
	}
}

static bool known_vr(const char *vr)
{
	static const char known[] = "AE AS CS DA DS DT FD FL IS LO LT PN SH SL SQ SS ST TM UC UI UL UR US UT";

	return strlen(vr) == 2 && strchr(vr, ' ') == NULL && strstr(known, vr) != NULL;
}

/* What queries answer by themselves, pixels and the like are nobody's to keep. */
static bool may_be_kept(uint32_t tag)
{
	return tag >> 16 >= 0x0008 && tag >> 16 < 0x7FE0 && (tag & 0xFFFF) != 0 && tag != TAG(0x0008, 0x0005) &&
	       (tag < TAG(0x0008, 0x0052) || tag > TAG(0x0008, 0x0056));
}

static int read_private(char *const words[], int n, struct extra *x, struct err *e)
{
	size_t len = strlen(words[1]);

	if (n != 4 || len == 0 || len > 64)
		return err_set(e, E_CONFIG, "\"%.40s\" is private: expected TAG \"CREATOR\" VR LEVEL", words[0]);
	if ((x->attr.tag & 0xFFFF) < 0x1000 && (x->attr.tag & 0xFF00))
		return err_set(e, E_CONFIG, "\"%.40s\": expected a private tag such as 0029,1010", words[0]);
	x->attr.tag &= 0xFFFF00FF;
	snprintf(x->creator, sizeof x->creator, "%s", words[1]);
	return 0;
}

static int read_words(char *const words[], const bool quoted[], int n, struct extra *x, struct err *e)
{
	enum query_level level;
	const char *vr;
	uint32_t tag;
	bool private;
	int rc;

	if (n < 2 || (n == 4 && !quoted[1]) || (n == 3 && quoted[1]))
		return err_set(e, E_CONFIG, EXPECTED);
	if (dict_tag(words[0], &tag, NULL) < 0 || !may_be_kept(tag))
		return err_set(e, E_CONFIG, "\"%.40s\": expected a keyword or a tag that can be kept", words[0]);
	x->attr.tag = tag;
	private = tag >> 16 & 1;
	if (private && (rc = read_private(words, n, x, e)) < 0)
		return rc;
	if (!private && n == 4)
		return err_set(e, E_CONFIG, "\"%.40s\" has no private creator: expected TAG VR LEVEL", words[0]);
	if (!private && attr_find(x->attr.tag))
		return err_set(e, E_CONFIG, "\"%.40s\" is kept already", words[0]);
	vr = n > 2 ? words[n - 2] : dict_vr(tag);
	if (!known_vr(vr))
		return err_set(e, E_CONFIG, "\"%.40s\": expected a VR such as LO behind the tag", words[0]);
	if (query_level_parse(words[n - 1], &level) < 0)
		return err_set(e, E_CONFIG, "\"%.40s\": expected patient, study, series or image", words[n - 1]);
	snprintf(x->attr.vr, sizeof x->attr.vr, "%s", vr);
	x->attr.level = (uint8_t)level;
	x->attr.from = ATTR_KEPT;
	x->attr.creator = private ? x->creator : NULL;
	return 0;
}

static bool same(const struct extra *a, const struct extra *b)
{
	return a->attr.tag == b->attr.tag && strcmp(a->creator, b->creator) == 0;
}

static int read_entry(struct attr_set *s, const char *text, size_t n, struct err *e)
{
	char copy[ENTRY_MOST + 1], *words[WORDS_MOST];
	struct extra *x = &s->v[s->n];
	bool quoted[WORDS_MOST];
	int count, rc;

	if (n > ENTRY_MOST)
		return err_set(e, E_CONFIG, "longer than %d characters", ENTRY_MOST);
	memcpy(copy, text, n);
	copy[n] = '\0';
	if ((count = split(copy, words, quoted)) == 0)
		return 0;
	if (count < 0)
		return err_set(e, E_CONFIG, EXPECTED);
	if (s->n == EXTRA_MOST)
		return err_set(e, E_CONFIG, "more than %d entries", EXTRA_MOST);
	*x = (struct extra){0};
	if ((rc = read_words(words, quoted, count, x, e)) < 0)
		return rc;
	for (unsigned i = 0; i < s->n; i++)
		if (same(&s->v[i], x))
			return err_set(e, E_CONFIG, "\"%.40s\" is there twice", words[0]);
	s->n++;
	return 0;
}

static int read_list(const char *text, struct attr_set *s, struct err *e)
{
	for (unsigned entry = 1;; entry++) {
		size_t n = strcspn(text, ";");

		if (read_entry(s, text, n, e) < 0)
			return err_prefix(e, "entry %u", entry);
		if (!text[n])
			return 0;
		text += n + 1;
	}
}

int attr_set_each(const char *text, int (*seen)(void *arg, const struct attr *a), void *arg, struct err *e)
{
	struct attr_set *s = calloc(1, sizeof *s);
	int rc = s ? read_list(text, s, e) : err_set(e, E_NOMEM, "no memory for a list of attributes");

	for (unsigned i = 0; rc == 0 && i < s->n; i++)
		rc = seen(arg, &s->v[i].attr);
	free(s);
	return rc;
}

static int nothing(void *arg, const struct attr *a)
{
	(void)arg, (void)a;
	return 0;
}

int attr_set_check(const char *text, struct err *e)
{
	return attr_set_each(text, nothing, NULL, e);
}

/* ---------------------------------------------------------------- codes */

static int code_by(struct db_conn *c, const char *sql, const struct extra *x, int64_t *code, struct err *e)
{
	struct db_stmt *s;
	int rc = db_prepare(c, db_sql(db_of(c), sql), &s, e);

	if (rc < 0)
		return rc;
	db_bind_int(s, 1, x->attr.tag);
	db_bind_text(s, 2, x->creator, strlen(x->creator));
	db_bind_text(s, 3, x->attr.vr, 2);
	db_bind_int(s, 4, x->attr.level);
	if (strcmp(sql, "extra-add") == 0)
		db_bind_int(s, 5, CODE_FIRST);
	if ((rc = db_step(s, e)) > 0) {
		*code = db_int(s, 0);
		db_reset(s);
	}
	return rc;
}

static int find_codes(struct db *d, struct attr_set *s, bool assign, struct err *e)
{
	AUTO(db_conn) c = NULL;
	int64_t code = 0;
	int rc;

	if ((rc = db_get(d, assign ? DB_WRITE : DB_READ, &c, e)) < 0 || (assign && (rc = db_begin(c, e)) < 0))
		return rc;
	for (unsigned i = 0; i < s->n; i++) {
		if ((rc = code_by(c, "extra-find", &s->v[i], &code, e)) == 0 && assign)
			rc = code_by(c, "extra-add", &s->v[i], &code, e);
		if (rc < 0)
			return rc;
		if (rc > 0 && code > CODE_LAST)
			return err_set(e, E_LIMIT, "all codes for attributes of the configuration are given");
		s->v[i].attr.code = rc > 0 ? (uint8_t)code : 0;
	}
	return assign ? db_commit(c, e) : 0;
}

int attr_set_open(struct db *d, const char *text, bool assign, struct attr_set **out, struct err *e)
{
	struct attr_set *s = calloc(1, sizeof *s);
	int rc;

	if (!s)
		return err_set(e, E_NOMEM, "no memory for a list of attributes");
	if ((rc = read_list(text ? text : "", s, e)) < 0 || (s->n > 0 && (rc = find_codes(d, s, assign, e)) < 0)) {
		free(s);
		return rc;
	}
	*out = s;
	return 0;
}

void attr_set_free(struct attr_set *s)
{
	free(s);
}

/* ---------------------------------------------------------------- looking up */

const struct attr *attr_set_find(const struct attr_set *s, uint32_t tag)
{
	const struct attr *a = attr_find(tag);

	for (unsigned i = 0; !a && s && i < s->n; i++)
		if (s->v[i].attr.tag == tag && !s->v[i].creator[0] && s->v[i].attr.code)
			a = &s->v[i].attr;
	return a;
}

static bool is_creator(const struct extra *x, const char *creator, size_t n)
{
	while (n > 0 && (creator[n - 1] == ' ' || creator[n - 1] == '\0'))
		n--;
	while (n > 0 && *creator == ' ') {
		creator++;
		n--;
	}
	return n > 0 && x->attr.code && strlen(x->creator) == n && memcmp(x->creator, creator, n) == 0;
}

const struct attr *attr_set_private(const struct attr_set *s, uint32_t tag, const char *creator, size_t n)
{
	for (unsigned i = 0; s && i < s->n; i++)
		if (s->v[i].attr.tag == (tag & 0xFFFF00FF) && is_creator(&s->v[i], creator, n))
			return &s->v[i].attr;
	return NULL;
}

bool attr_set_creator(const struct attr_set *s, uint32_t tag, const char *creator, size_t n)
{
	for (unsigned i = 0; s && i < s->n; i++)
		if (s->v[i].attr.tag >> 16 == tag >> 16 && is_creator(&s->v[i], creator, n))
			return true;
	return false;
}
