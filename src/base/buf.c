#include "base/buf.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void buf_cleanup(struct buf *b)
{
	free(b->data);
	b->data = NULL;
	b->len = b->room = 0;
}

int buf_reserve(struct buf *b, size_t n, struct err *e)
{
	size_t need, room;
	uint8_t *data;

	if (n > b->cap || b->len > b->cap - n)
		return err_set(e, E_LIMIT, "more than %zu bytes", b->cap);
	if (__builtin_add_overflow(b->len + n, 1, &need))
		return err_set(e, E_LIMIT, "more than %zu bytes", b->cap);
	if (need <= b->room)
		return 0;
	/* Doubling, but never past the cap: a buffer with a cap of 1 MB takes no more than that and its NUL. */
	room = b->room < 64 ? 64 : b->room;
	while (room < need)
		room = room > SIZE_MAX / 2 ? SIZE_MAX : room * 2;
	if (room - 1 > b->cap)
		room = b->cap + 1;
	data = realloc(b->data, room);
	if (!data)
		return err_set(e, E_NOMEM, "no memory for %zu bytes", room);
	if (!b->data)
		data[0] = '\0';
	b->data = data;
	b->room = room;
	return 0;
}

int buf_put(struct buf *b, const void *data, size_t n, struct err *e)
{
	int rc = buf_reserve(b, n, e);

	if (rc < 0)
		return rc;
	if (n > 0)
		memcpy(b->data + b->len, data, n);
	b->len += n;
	b->data[b->len] = '\0';
	return 0;
}

int buf_str(struct buf *b, const char *text, struct err *e)
{
	return buf_put(b, text, strlen(text), e);
}

int buf_byte(struct buf *b, uint8_t c, struct err *e)
{
	return buf_put(b, &c, 1, e);
}

int buf_printf(struct buf *b, struct err *e, const char *fmt, ...)
{
	va_list args;
	int n, rc;

	va_start(args, fmt);
	n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (n < 0)
		return err_set(e, E_INVAL, "text cannot be formatted");
	if ((rc = buf_reserve(b, (size_t)n, e)) < 0)
		return rc;
	va_start(args, fmt);
	vsnprintf((char *)b->data + b->len, (size_t)n + 1, fmt, args);
	va_end(args);
	b->len += (size_t)n;
	return 0;
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	if (b->data)
		b->data[0] = '\0';
}
