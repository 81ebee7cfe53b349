/* Bodies of several parts: whatever the pieces are that they come in, the same is told of, and nothing is told of that
 * was not there. Byte 0 is the size of the pieces. */
#include "base/buf.h"
#include "fuzz.h"
#include "net/multipart.h"
#include <string.h>

struct seen {
	struct buf text;
	bool open;
};

static int begin(void *arg, const struct multipart_part *part, struct err *e)
{
	struct seen *s = arg;

	(void)e;
	FUZZ_EXPECT(!s->open && part->length >= -1);
	s->open = true;
	return buf_printf(&s->text, NULL, "<%s|%s|%s|%lld|%d:", part->type.type, part->location, part->id,
			  (long long)part->length, part->plain);
}

static int data(void *arg, const uint8_t *bytes, size_t n, struct err *e)
{
	struct seen *s = arg;

	(void)e;
	FUZZ_EXPECT(s->open && n > 0);
	return buf_put(&s->text, bytes, n, NULL);
}

static int end(void *arg, struct err *e)
{
	struct seen *s = arg;

	(void)e;
	FUZZ_EXPECT(s->open);
	s->open = false;
	return buf_str(&s->text, ">", NULL);
}

static int walk(const uint8_t *body, size_t n, size_t piece, struct seen *s, struct err *e)
{
	static const struct multipart_ops ops = {begin, data, end};
	AUTO(multipart) m = NULL;
	int rc = multipart_new("b-b", &ops, s, &m, e);

	FUZZ_EXPECT(rc == 0);
	for (size_t at = 0; at < n && rc == 0; at += piece)
		rc = multipart_feed(m, body + at, n - at < piece ? n - at : piece, e);
	return multipart_end(m, e);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct seen whole = {.text = BUF(64u << 20)}, split = {.text = BUF(64u << 20)};
	struct err e = {0}, other = {0};
	int rc;

	if (size < 2)
		return 0;
	rc = walk(bytes + 1, size - 1, size, &whole, &e);
	FUZZ_EXPECT(rc == 0 || (rc < 0 && e.msg[0]));
	FUZZ_EXPECT(rc < 0 || !whole.open);
	FUZZ_EXPECT(walk(bytes + 1, size - 1, 1 + bytes[0] % 16, &split, &other) == rc && !strcmp(e.msg, other.msg));
	if (rc == 0) /* after a failure pieces that were not given yet may differ */
		FUZZ_EXPECT(whole.text.len == split.text.len &&
			    (!whole.text.len || !memcmp(whole.text.data, split.text.data, whole.text.len)));
	buf_cleanup(&whole.text);
	buf_cleanup(&split.text);
	return 0;
}
