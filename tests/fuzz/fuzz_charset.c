/* Text: whatever the label and the bytes, UTF-8 comes out. Byte 0 picks the label; 255 takes it from the input, up to a
 * line end. */
#include "base/text.h"
#include "dicom/charset.h"
#include "fuzz.h"
#include <string.h>

static const char *const labels[] = {
    "",
    "ISO_IR 6",
    "ISO_IR 13",
    "ISO_IR 100",
    "ISO_IR 101",
    "ISO_IR 109",
    "ISO_IR 110",
    "ISO_IR 126",
    "ISO_IR 127",
    "ISO_IR 138",
    "ISO_IR 144",
    "ISO_IR 148",
    "ISO_IR 149",
    "ISO_IR 166",
    "ISO_IR 192",
    "ISO_IR 203",
    "GB18030",
    "GBK",
    "\\ISO 2022 IR 58",
    "\\ISO 2022 IR 87\\ISO 2022 IR 159",
    "ISO 2022 IR 13\\ISO 2022 IR 87",
    "\\ISO 2022 IR 149",
    "ISO 2022 IR 100\\ISO 2022 IR 144",
};
static const char *const vrs[] = {"PN", "LO", "LT", "UC"};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(buf) text = BUF(1u << 20);
	AUTO(buf) bytes = BUF(1u << 20);
	char label[64] = "";
	struct err e = {0};
	size_t n;
	int rc;

	if (size < 2)
		return 0;
	if (data[0] == 255) {
		for (n = 0; n + 1 < sizeof(label) && n + 2 < size && data[n + 2] != '\n'; n++)
			label[n] = (char)data[n + 2];
		label[n] = 0;
	} else {
		n = 0;
		strcpy(label, labels[data[0] % (sizeof(labels) / sizeof(*labels))]);
	}
	rc = charset_decode(label, vrs[data[1] % 4], data + 2 + n, size - 2 - n, &text, &e);
	FUZZ_EXPECT(rc >= 0 && rc <= (CHARSET_GUESSED | CHARSET_LOSSY));
	FUZZ_EXPECT(text_valid(buf_text(&text), text.len));
	rc = charset_encode(label, buf_text(&text), text.len, &bytes, &e);
	FUZZ_EXPECT(rc == 0 || rc == -E_UNSUP);
	return 0;
}
