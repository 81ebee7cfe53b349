#include "base/text.h"
#include "base/utf8.h"
#include <errno.h>
#include <iconv.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* iconv_open takes tens of microseconds and a lock, so each thread keeps the few converters it used last. */
#define KEPT 6

struct converter {
	char to[24], from[24];
	iconv_t cd;
	unsigned long used;
};

struct converters {
	struct converter one[KEPT];
	size_t count;
	unsigned long clock;
};

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool key_there;

static void converters_free(void *arg)
{
	struct converters *set = arg;

	for (size_t i = 0; i < set->count; i++)
		iconv_close(set->one[i].cd);
	free(set);
}

static void make_key(void)
{
	key_there = pthread_key_create(&key, converters_free) == 0;
}

static struct converters *mine(void)
{
	struct converters *set;

	pthread_once(&once, make_key);
	if (!key_there)
		return NULL;
	set = pthread_getspecific(key);
	if (!set && (set = calloc(1, sizeof *set)) && pthread_setspecific(key, set) != 0) {
		free(set);
		set = NULL;
	}
	return set;
}

/* The place for one more converter: a free one, or that of the one unused for longest. */
static struct converter *place(struct converters *set)
{
	struct converter *oldest = &set->one[0];

	if (set->count < KEPT)
		return &set->one[set->count++];
	for (size_t i = 1; i < KEPT; i++)
		if (set->one[i].used < oldest->used)
			oldest = &set->one[i];
	iconv_close(oldest->cd);
	return oldest;
}

static int find(const char *to, const char *from, iconv_t *out, struct err *e)
{
	struct converters *set = mine();
	struct converter *c;
	iconv_t cd;

	if (!set)
		return err_set(e, E_NOMEM, "no memory for a character set");
	for (size_t i = 0; i < set->count; i++) {
		c = &set->one[i];
		if (strcmp(c->to, to) == 0 && strcmp(c->from, from) == 0) {
			c->used = ++set->clock;
			*out = c->cd;
			return 0;
		}
	}
	/* A suffix such as //TRANSLIT would make conversion other than strict. */
	if (strchr(to, '/') || strchr(from, '/') || strlen(to) >= sizeof c->to || strlen(from) >= sizeof c->from ||
	    (cd = iconv_open(to, from)) == (iconv_t)-1)
		return err_set(e, E_UNSUP, "unknown character set %s", strcmp(to, "UTF-8") == 0 ? from : to);
	c = place(set);
	snprintf(c->to, sizeof c->to, "%s", to);
	snprintf(c->from, sizeof c->from, "%s", from);
	c->cd = cd;
	c->used = ++set->clock;
	*out = cd;
	return 0;
}

/* in NULL flushes the converter's last shift sequence. */
static int run(iconv_t cd, char *in, size_t n, struct buf *out, struct err *e)
{
	char chunk[512];
	char *at = in;

	for (;;) {
		char *to = chunk;
		size_t left = sizeof chunk;
		size_t lossy = iconv(cd, in ? &at : NULL, in ? &n : NULL, &to, &left);
		int why = errno, rc;

		if (lossy != (size_t)-1 && lossy > 0)
			return err_set(e, E_INVAL, "a character has no exact counterpart");
		if ((rc = buf_put(out, chunk, sizeof chunk - left, e)) < 0)
			return rc;
		if (lossy == 0)
			return 0;
		if (why == EINVAL)
			return err_set(e, E_INVAL, "text ends inside a character");
		if (why != E2BIG)
			return err_set(e, E_INVAL, "byte %zu is no character", (size_t)(at - in) + 1);
	}
}

static int convert(const char *to, const char *from, const void *bytes, size_t n, struct buf *out, struct err *e)
{
	size_t before = out->len;
	char none = 0;
	iconv_t cd = (iconv_t)-1;
	int rc = find(to, from, &cd, e);

	if (rc < 0)
		return rc;
	iconv(cd, NULL, NULL, NULL, NULL);
	rc = run(cd, n ? (char *)bytes : &none, n, out, e);
	if (rc == 0)
		rc = run(cd, NULL, 0, out, e);
	if (rc < 0) {
		out->len = before;
		if (out->data)
			out->data[before] = '\0';
	}
	return rc;
}

/* iconv takes code points above U+10FFFF, which are not in UTF-8 any more. */
static bool well_formed(const uint8_t *p, size_t n)
{
	uint32_t ignored;

	for (size_t k; n > 0; p += k, n -= k)
		if ((k = utf8_next(p, n, &ignored)) == 0)
			return false;
	return true;
}

int text_from(const char *iconv_name, const void *bytes, size_t n, struct buf *out, struct err *e)
{
	size_t before = out->len;
	int rc = convert("UTF-8", iconv_name, bytes, n, out, e);

	if (rc < 0 || out->len == before || well_formed(out->data + before, out->len - before))
		return rc;
	out->len = before;
	out->data[before] = '\0';
	return err_set(e, E_INVAL, "a character is beyond Unicode");
}

int text_to(const char *iconv_name, const char *utf8, size_t n, struct buf *out, struct err *e)
{
	return convert(iconv_name, "UTF-8", utf8, n, out, e);
}
