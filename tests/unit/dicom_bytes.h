/* tests/unit/dicom_bytes.h - encoded elements for the tests of src/dicom, and where the sample files are. */
#ifndef TESTS_DICOM_BYTES_H
#define TESTS_DICOM_BYTES_H

#include "base/buf.h"
#include "dicom/dict.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static inline void bytes_number(struct buf *b, uint32_t v, unsigned n, bool big)
{
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(buf_byte(b, (uint8_t)(v >> 8 * (big ? n - 1 - i : i)), NULL), 0);
}

static inline void bytes_tag(struct buf *b, uint32_t tag, bool big)
{
	bytes_number(b, tag >> 16, 2, big);
	bytes_number(b, tag & 0xFFFF, 2, big);
}

/* Header of an element in explicit VR, implicit VR (vr NULL, and for items), value not included. */
static inline void bytes_head(struct buf *b, uint32_t tag, const char *vr, uint32_t length, bool big)
{
	bytes_tag(b, tag, big);
	if (!vr) {
		bytes_number(b, length, 4, big);
		return;
	}
	assert_int_equal(buf_put(b, vr, 2, NULL), 0);
	if (vr_is_long(vr)) {
		bytes_number(b, 0, 2, big);
		bytes_number(b, length, 4, big);
	} else {
		bytes_number(b, length, 2, big);
	}
}

static inline void bytes_element(struct buf *b, uint32_t tag, const char *vr, const char *value, bool big)
{
	bytes_head(b, tag, vr, (uint32_t)strlen(value), big);
	assert_int_equal(buf_str(b, value, NULL), 0);
}

/* Folder of shared sample data, or NULL after saying that it is not there. */
static inline const char *shared_data(char path[4096])
{
	const char *root = getenv("TELEREAD_SHARED"), *srcdir = getenv("srcdir");
	struct stat st;

	if (root)
		snprintf(path, 4096, "%s/data", root);
	else
		snprintf(path, 4096, "%s/../shared/data", srcdir ? srcdir : ".");
	if (stat(path, &st) == 0)
		return path;
	printf("skipped: no sample files at %s (TELEREAD_SHARED names their folder)\n", path);
	return NULL;
}

static inline void bytes_file(const char *path, struct buf *out)
{
	FILE *f = fopen(path, "rb");
	size_t n;

	assert_non_null(f);
	do {
		assert_int_equal(buf_reserve(out, 1 << 16, NULL), 0);
		n = fread(out->data + out->len, 1, 1 << 16, f);
		out->len += n;
	} while (n > 0);
	fclose(f);
}

#endif
