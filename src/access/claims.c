#include "access/claims.h"

#include <stdio.h>
#include <string.h>

#define WORD_MOST 128

static const json_t *find(const json_t *claims, const char *path)
{
	const json_t *at = json_object_get(claims, path);

	for (; !at && claims; path += strcspn(path, ".") + 1) {
		char step[WORD_MOST];
		size_t n = strcspn(path, ".");

		if (n >= sizeof step)
			return NULL;
		memcpy(step, path, n);
		step[n] = '\0';
		claims = json_object_get(claims, step);
		if (!path[n])
			return claims;
	}
	return at;
}

const char *claims_text(const json_t *claims, const char *path)
{
	const char *text = json_string_value(find(claims, path));

	return text && *text ? text : NULL;
}

typedef int seen_fn(void *arg, const char *word);

/* Each word of text with one of these between them. */
static int each_word(const char *text, size_t n, const char *between, seen_fn *seen, void *arg)
{
	int rc = 0;

	for (const char *end = text + n; rc == 0 && text < end;) {
		size_t word = 0;
		char copy[WORD_MOST];

		while (text + word < end && !strchr(between, text[word]))
			word++;
		if (word > 0 && word < sizeof copy) {
			memcpy(copy, text, word);
			copy[word] = '\0';
			rc = seen(arg, copy);
		}
		text += word + 1;
	}
	return rc;
}

struct meaning {
	const char *table;
	seen_fn *seen;
	void *arg;
};

static const char *skip_blanks(const char *p)
{
	return p + strspn(p, " \t");
}

static size_t trimmed(const char *p, size_t n)
{
	while (n > 0 && (p[n - 1] == ' ' || p[n - 1] == '\t'))
		n--;
	return n;
}

/* One value of a claim, as a whole: it may have blanks in it where the table says so. */
static int one_value(void *arg, const char *value)
{
	const struct meaning *m = arg;
	int rc = 0;

	if (!*m->table)
		return m->seen(m->arg, value);
	for (const char *p = skip_blanks(m->table); rc == 0 && *p; p = skip_blanks(p)) {
		size_t row = strcspn(p, ";");
		const char *eq = memchr(p, '=', row);
		size_t name = eq ? trimmed(p, (size_t)(eq - p)) : 0;

		if (eq && name == strlen(value) && memcmp(p, value, name) == 0)
			rc = each_word(eq + 1, row - (size_t)(eq + 1 - p), " ,\t", m->seen, m->arg);
		p += row + (p[row] == ';');
	}
	return rc;
}

int claims_each(const json_t *claims, const char *path, const char *table, int (*seen)(void *arg, const char *word),
		void *arg)
{
	struct meaning m = {table, seen, arg};
	const json_t *v = find(claims, path), *one;
	int rc = 0;
	size_t i;

	if (json_is_string(v))
		return each_word(json_string_value(v), json_string_length(v), " ,", one_value, &m);
	json_array_foreach(v, i, one)
	{
		if (rc == 0 && json_string_length(one) > 0)
			rc = one_value(&m, json_string_value(one));
	}
	return rc;
}

int claims_table_check(const char *table, struct err *e)
{
	for (const char *p = skip_blanks(table); *p; p = skip_blanks(p)) {
		size_t row = strcspn(p, ";");
		const char *eq = memchr(p, '=', row);

		if (!eq || trimmed(p, (size_t)(eq - p)) == 0 || trimmed(eq + 1, row - (size_t)(eq + 1 - p)) == 0)
			return err_set(e, E_CONFIG, "\"%.*s\": expected NAME=MEANING", row < 60 ? (int)row : 60, p);
		p += row + (p[row] == ';');
	}
	return 0;
}
