/* Text: whatever the label and the bytes, UTF-8 comes out; what a label can hold comes back from it; the judge names labels
 * that can be read by. Byte 0 picks the label; 255 takes it from the input, up to a
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
    "ISO 2022 IR 6\\ISO 2022 IR 58\\ISO 2022 IR 166",
    "ISO 2022 IR 13\\ISO 2022 IR 87\\ISO 2022 IR 159",
    "ISO 2022 IR 101\\ISO 2022 IR 149\\ISO 2022 IR 126",
    "GB2312",
    "\\ISO 2022 IR 87\\ISO 2022 IR 159",
    "ISO 2022 IR 13\\ISO 2022 IR 87",
    "\\ISO 2022 IR 149",
    "ISO 2022 IR 100\\ISO 2022 IR 144",
};
static const char *const vrs[] = {"PN", "LO", "LT", "UC"};

/* Reading what was written gives the same again, to the character. */
static void there_and_back(const char *label, const struct buf *text)
{
	AUTO(buf) bytes = BUF(4u << 20);
	AUTO(buf) back = BUF(4u << 20);
	char spelled[CHARSET_LABEL] = "";
	struct err e = {0};
	int rc = charset_encode(label, buf_text(text), text->len, &bytes, &e);

	FUZZ_EXPECT(rc == 0 || rc == -E_UNSUP);
	if (rc < 0) {
		FUZZ_EXPECT(bytes.len == 0);
		return;
	}
	/* what is ASCII goes with any label */
	if (charset_canonical(label, spelled, &e) < 0)
		return;
	FUZZ_EXPECT(charset_decode(spelled, "PN", buf_text(&bytes), bytes.len, &back, &e) == 0);
	FUZZ_EXPECT(back.len == text->len && memcmp(buf_text(&back), buf_text(text), text->len) == 0);
}

static void judge(const char *label, const uint8_t *p, size_t n)
{
	AUTO(buf) text = BUF(4u << 20);
	struct charset_judge j;
	struct charset_verdict v;
	char spelled[CHARSET_LABEL];
	struct err e = {0};

	charset_judge_begin(&j, label);
	charset_judge_see(&j, p, n / 2);
	charset_judge_see(&j, p + n / 2, n - n / 2);
	v = charset_judge_end(&j, label);
	FUZZ_EXPECT(v.shown && (v.shown == label || charset_canonical(v.shown, spelled, NULL) == 0));
	FUZZ_EXPECT(!v.wrong || v.shown != label);
	FUZZ_EXPECT(charset_decode(v.shown, "LO", p, n, &text, &e) >= 0);
	FUZZ_EXPECT(text_valid(buf_text(&text), text.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(buf) text = BUF(1u << 20);
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
	FUZZ_EXPECT(rc == CHARSET_AS_LABELLED || rc == CHARSET_LOSSY);
	FUZZ_EXPECT(text_valid(buf_text(&text), text.len));
	there_and_back(label, &text);
	judge(label, data + 2 + n, size - 2 - n);
	return 0;
}
