/* archive/fuzzy.c - see fuzzy.h. */
#include "archive/fuzzy.h"
#include "base/han.h"
#include "base/pinyin.h"
#include "base/text.h"
#include "base/utf8.h"

#include <string.h>

#define TEXT_MOST 256 /* bytes of a spelling */
#define TURNED_MOST 4 /* words of a key up to which their order does not matter */

/* ---------------------------------------------------------------- words */

/* Words one behind the other: word i ends at end[i]. */
struct words {
	char text[TEXT_MOST];
	unsigned char end[FUZZY_WORDS];
	unsigned n;
	bool han; /* made from Han characters, at least one of them */
};

static size_t begin_of(const struct words *w, unsigned i)
{
	return i ? w->end[i - 1] : 0;
}

static size_t length(const struct words *w)
{
	return begin_of(w, w->n);
}

static bool word_add(struct words *w, const char *text, size_t n)
{
	size_t at = length(w);

	if (w->n == FUZZY_WORDS || at + n >= TEXT_MOST)
		return false;
	memcpy(w->text + at, text, n);
	w->end[w->n++] = (unsigned char)(at + n);
	return true;
}

/* What stands between words. */
static bool parts_words(uint32_t c)
{
	return c == ' ' || c == '^' || c == ',';
}

/* What is not said. The wildcards are: a key keeps them. */
static bool silent(uint32_t c)
{
	return (c < 0x80 && c != '*' && c != '?' && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9')) || c == 0xB4 ||
	       c == 0xB7 || c == 0x2BC || (c >= 0x2000 && c <= 0x206F) || c == 0x30FB;
}

/* ---------------------------------------------------------------- a component group as units */

/* A Han character with its readings, or a word that stands for itself. */
struct unit {
	const char *reading[PINYIN_READINGS];
	unsigned n; /* readings; 0: the word in `text` */
	char text[TEXT_MOST];
	size_t len;
};
struct units {
	struct unit unit[FUZZY_WORDS];
	unsigned n;
	bool han;
};

static struct unit *unit_add(struct units *u)
{
	struct unit *fresh;

	if (u->n == FUZZY_WORDS)
		return NULL;
	fresh = &u->unit[u->n++];
	fresh->n = 0;
	fresh->len = 0;
	return fresh;
}

/* False when it has too many words, or one that is too long: then it has no spellings. */
static bool units_of(const char *text, size_t n, struct units *u)
{
	struct unit *word = NULL;
	uint32_t c;

	u->n = 0;
	u->han = false;
	for (size_t at = 0, len; at < n; at += len) {
		if ((len = utf8_next((const uint8_t *)text + at, n - at, &c)) == 0)
			return false;
		if (parts_words(c)) {
			word = NULL;
			continue;
		}
		if (silent(c))
			continue;
		if (!word || han_is(c))
			if (!(word = unit_add(u)))
				return false;
		if (word->len + len > sizeof word->text)
			return false;
		memcpy(word->text + word->len, text + at, len);
		word->len += len;
		if (han_is(c)) {
			word->n = pinyin_of(c, word->reading);
			u->han = true;
			word = NULL;
		}
	}
	return u->n > 0;
}

/* Spelling `which`, the first unit's readings changing fastest. False when there is none of that number. */
static bool spelling(const struct units *u, unsigned which, struct words *out)
{
	out->n = 0;
	out->han = u->han;
	for (unsigned i = 0; i < u->n; i++) {
		const struct unit *unit = &u->unit[i];
		const char *text = unit->text;
		size_t len = unit->len;

		if (unit->n > 0) {
			text = unit->reading[which % unit->n];
			len = strlen(text);
			which /= unit->n;
		}
		if (!word_add(out, text, len))
			return false;
	}
	return which == 0;
}

/* As pinyin_spell() has it, word by word; false when that changes nothing. */
static bool spell_anew(const struct words *w, struct words *out)
{
	bool changed = false;

	*out = (struct words){.han = w->han};
	for (unsigned i = 0; i < w->n; i++) {
		char word[TEXT_MOST];
		size_t n = w->end[i] - begin_of(w, i), now;

		memcpy(word, w->text + begin_of(w, i), n);
		now = pinyin_spell(word, n);
		changed |= now != n || memcmp(word, w->text + begin_of(w, i), n) != 0;
		word_add(out, word, now);
	}
	return changed;
}

/* Calls seen for each spelling of each component group. */
static int each_spelling(const char *names, size_t n, int (*seen)(void *arg, const struct words *w), void *arg)
{
	const char *end = names + n;
	struct words w, anew;
	struct units u;
	int rc = 0;

	while (rc == 0 && names < end) {
		const char *cut = memchr(names, '=', (size_t)(end - names));
		size_t len = cut ? (size_t)(cut - names) : (size_t)(end - names);

		if (units_of(names, len, &u))
			for (unsigned i = 0; rc == 0 && i < FUZZY_SPELLINGS && spelling(&u, i, &w); i++) {
				rc = seen(arg, &w);
				if (rc == 0 && !w.han && spell_anew(&w, &anew))
					rc = seen(arg, &anew);
			}
		names += len + 1;
	}
	return rc;
}

/* First characters of the words; its length in bytes. */
static size_t initials(const struct words *w, char out[TEXT_MOST])
{
	size_t n = 0;
	uint32_t c;

	for (unsigned i = 0; i < w->n; i++) {
		const char *word = w->text + begin_of(w, i);
		size_t len = utf8_next((const uint8_t *)word, w->end[i] - begin_of(w, i), &c);

		memcpy(out + n, word, len);
		n += len;
	}
	return n;
}

/* ---------------------------------------------------------------- for the index */

struct forms {
	int (*seen)(void *arg, enum fuzzy_part part, const char *form, size_t len);
	void *arg;
};

static int spelling_forms(void *arg, const struct words *w)
{
	const struct forms *f = arg;
	char first[TEXT_MOST];
	int rc = f->seen(f->arg, FUZZY_FULL, w->text, length(w));

	return rc != 0 || !w->han ? rc : f->seen(f->arg, FUZZY_INITIALS, first, initials(w, first));
}

int fuzzy_forms(const char *names, size_t n, int (*seen)(void *arg, enum fuzzy_part part, const char *form, size_t len),
		void *arg)
{
	struct forms f = {seen, arg};

	return each_spelling(names, n, spelling_forms, &f);
}

/* ---------------------------------------------------------------- keys */

struct key {
	struct words words;
	bool han, wild;
	unsigned turns; /* orders of the words to try: as they are, and each as the first of the others behind it */
};

/* False: the key is for literal matching alone. Han characters with wildcards are, too: they say what is meant. */
static bool key_of(const char *text, size_t n, struct key *k, struct units *u)
{
	*k = (struct key){.turns = 1};
	if (memchr(text, '=', n) || !units_of(text, n, u))
		return false;
	k->han = u->han;
	k->wild = memchr(text, '*', n) || memchr(text, '?', n);
	if (k->han)
		return !k->wild;
	if (!spelling(u, 0, &k->words))
		return false;
	if (k->words.n <= TURNED_MOST)
		k->turns = k->words.n;
	return true;
}

static void turn(const struct words *w, unsigned by, struct words *out)
{
	*out = (struct words){.han = w->han};
	for (unsigned i = 0; i < w->n; i++) {
		unsigned from = (i + by) % w->n;

		word_add(out, w->text + begin_of(w, from), w->end[from] - begin_of(w, from));
	}
}

/* Calls seen for the key in each order of its words, as written and by pinyin_spell(), or by each of its readings. */
static int each_turn(const struct key *k, const struct units *u, int (*seen)(void *arg, const struct words *w),
		     void *arg)
{
	struct words w, anew;
	int rc = 0;

	for (unsigned i = 0; rc == 0 && k->han && i < FUZZY_SPELLINGS && spelling(u, i, &w); i++)
		rc = seen(arg, &w);
	for (unsigned i = 0; rc == 0 && !k->han && i < k->turns; i++) {
		turn(&k->words, i, &w);
		rc = seen(arg, &w);
		if (rc == 0 && spell_anew(&w, &anew))
			rc = seen(arg, &anew);
	}
	return rc;
}

struct patterns {
	int (*seen)(void *arg, const char *pattern, size_t len);
	void *arg;
};

static int turn_pattern(void *arg, const struct words *w)
{
	const struct patterns *p = arg;

	return p->seen(p->arg, w->text, length(w));
}

int fuzzy_patterns(const char *key, size_t n, int (*seen)(void *arg, const char *pattern, size_t len), void *arg)
{
	struct patterns p = {seen, arg};
	struct units u;
	struct key k;

	return key_of(key, n, &k, &u) ? each_turn(&k, &u, turn_pattern, &p) : 0;
}

/* ---------------------------------------------------------------- matching */

struct trial {
	const struct key *key;
	const struct words *want; /* a turn of the key */
	const char *names;
	size_t n;
};

/* Each word of the key for one or more whole words of the name, one behind the other, all of them; * for none, too. */
static bool aligned(const struct words *want, const struct words *have)
{
	uint32_t reached = 1; /* bit i: so far the key accounts for i words */

	for (unsigned i = 0; i < want->n && reached; i++) {
		const char *word = want->text + begin_of(want, i);
		size_t len = want->end[i] - begin_of(want, i);
		uint32_t next = 0;

		for (unsigned from = 0; from <= have->n; from++)
			for (unsigned to = from; reached & 1u << from && to <= have->n; to++) {
				size_t at = begin_of(have, from);

				if (text_wild(word, len, have->text + at, begin_of(have, to) - at))
					next |= 1u << to;
			}
		reached = next;
	}
	return reached & 1u << have->n;
}

static int try_spelling(void *arg, const struct words *have)
{
	const struct trial *t = arg;
	const struct words *want = t->want;
	char first[TEXT_MOST];
	size_t n;

	if (t->key->wild && aligned(want, have))
		return 1;
	if (!t->key->wild && length(want) == length(have) && memcmp(want->text, have->text, length(have)) == 0)
		return 1;
	if (!have->han || t->key->han)
		return 0;
	n = initials(have, first);
	if (!t->key->wild)
		return n == length(want) && memcmp(want->text, first, n) == 0;
	return want->n == 1 && want->text[0] != '*' && want->text[0] != '?' &&
	       text_wild(want->text, length(want), first, n);
}

static int try_turn(void *arg, const struct words *want)
{
	struct trial t = *(const struct trial *)arg;

	t.want = want;
	return each_spelling(t.names, t.n, try_spelling, &t);
}

static bool any_han(const char *s, size_t n)
{
	uint32_t c;

	for (size_t at = 0, len; at < n; at += len) {
		if ((len = utf8_next((const uint8_t *)s + at, n - at, &c)) == 0)
			return false;
		if (han_is(c))
			return true;
	}
	return false;
}

bool fuzzy_match(const char *key, size_t kn, const char *names, size_t n)
{
	struct units u;
	struct key k;
	struct trial t = {.key = &k, .names = names, .n = n};

	/* a name with characters of its own is found by them, not by others that sound the same */
	if (!key_of(key, kn, &k, &u) || (k.han && any_han(names, n)))
		return false;
	return each_turn(&k, &u, try_turn, &t) > 0;
}
