/* What the index takes from an object: any file, in any pieces. Byte 0 says how it is cut. */
#include "archive/index.h"
#include "dicom/dict.h"
#include "dicom/part10.h"
#include "fuzz.h"
#include <string.h>

/* As intake does it: the head of the file, then the data set as it comes. 0 and the UIDs, or what was wrong. */
static int read_head(const uint8_t *data, size_t size, size_t piece, char uids[2][65], char remark[160], struct err *e)
{
	struct part10_meta meta;
	struct index_head *h = NULL;
	int64_t at = part10_read(data, size, &meta, e);
	int rc;

	if (at < 0)
		return (int)at;
	if ((rc = index_head_new(meta.syntax, NULL, &h, e)) < 0)
		return rc;
	for (size_t i = (size_t)at; i < size && rc == 0; i += piece)
		rc = index_head_feed(h, data + i, size - i < piece ? size - i : piece, e);
	if (rc == 0 && (rc = index_head_end(h, remark, e)) == 0) {
		snprintf(uids[0], 65, "%s", index_head_class(h));
		snprintf(uids[1], 65, "%s", index_head_instance(h));
	}
	index_head_free(h);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char whole[2][65] = {"", ""}, cut[2][65] = {"", ""}, remark[160] = "", again[160] = "";
	struct err e = {0}, f = {0};
	int a, b;

	FUZZ_EXPECT(dict_setup(NULL) == 0); /* does something the first time only */
	if (size < 1)
		return 0;
	a = read_head(data + 1, size - 1, size, whole, remark, &e);
	b = read_head(data + 1, size - 1, data[0] % 16 + 1, cut, again, &f);
	FUZZ_EXPECT(a == b && !strcmp(e.msg, f.msg) && !strcmp(remark, again));
	FUZZ_EXPECT(!strcmp(whole[0], cut[0]) && !strcmp(whole[1], cut[1]));
	FUZZ_EXPECT(a == 0 ? uid_sane(whole[0], strlen(whole[0])) && uid_sane(whole[1], strlen(whole[1]))
			   : e.msg[0] != 0);
	return 0;
}
