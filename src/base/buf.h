/* base/buf.h - bytes that grow up to a cap they are born with.
 *
 * Errors:   -E_LIMIT when an append would pass the cap, -E_NOMEM; the buffer is left as it was.
 * Memory:   buf_cleanup() frees; AUTO(buf) does it by itself. data is NUL-terminated after every append (not counted in len).
 * Threads:  one thread at a time for each buffer.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/auto.h"
#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

struct buf {
	uint8_t *data; /* NULL while nothing was appended */
	size_t len, room, cap;
};
#define BUF(most) ((struct buf){.cap = (most)})

void buf_cleanup(struct buf *b);
AUTO_TYPE(buf, struct buf);

int buf_put(struct buf *b, const void *data, size_t n, struct err *e);
int buf_str(struct buf *b, const char *text, struct err *e);
int buf_printf(struct buf *b, struct err *e, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int buf_byte(struct buf *b, uint8_t c, struct err *e);
/* Room for n more bytes, to be filled by the caller, who then adds to len. */
int buf_reserve(struct buf *b, size_t n, struct err *e);
void buf_clear(struct buf *b); /* len = 0, memory kept */

static inline const char *buf_text(const struct buf *b)
{
	return b->data ? (const char *)b->data : "";
}

#endif
