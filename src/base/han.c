#include "base/han.h"
#include "base/han_tables.h"
#include "base/utf8.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define FOLDS_MOST 8192

/* Sorted by the character that is folded. */
static struct pair {
	uint32_t from, to;
} folds[FOLDS_MOST];
static unsigned n_folds;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static int by_from(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	return (x->from > y->from) - (x->from < y->from);
}

/* The text is part of the program: it is well-formed, and fits. */
static void load(void)
{
	const uint8_t *at = (const uint8_t *)han_fold_text;
	size_t left = strlen(han_fold_text);
	uint32_t c, to = 0;

	while (left > 0 && n_folds < FOLDS_MOST) {
		size_t len = utf8_next(at, left, &c);

		if (len == 0)
			break;
		if (c == '\n')
			to = 0;
		else if (!to)
			to = c;
		else
			folds[n_folds++] = (struct pair){c, to};
		at += len;
		left -= len;
	}
	qsort(folds, n_folds, sizeof folds[0], by_from);
}

uint32_t han_fold(uint32_t c)
{
	const struct pair key = {.from = c}, *found;

	if (c < 0x3400)
		return c;
	pthread_once(&once, load);
	found = bsearch(&key, folds, n_folds, sizeof folds[0], by_from);
	return found ? found->to : c;
}
