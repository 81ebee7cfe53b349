/* Any bytes as text: the first chooses a character set, the rest is decoded, folded, cut into grams and matched, as text and as a
 * name. */
#include "archive/fuzzy.h"
#include "archive/match.h"
#include "base/pinyin.h"
#include "base/text.h"
#include <string.h>

static const char *const sets[] = {"UTF-8",     "GB18030", "GBK",         "ISO-8859-1",
				   "SHIFT_JIS", "EUC-KR",  "ISO-2022-JP", "ISO-2022-KR"};

static void must(bool true_)
{
	if (!true_)
		abort();
}

static int gram(void *arg, const char *text, size_t len)
{
	(void)arg;
	must(text_valid(text, len) && len <= 8);
	return 0;
}

static int form(void *arg, enum fuzzy_part part, const char *text, size_t len)
{
	(void)arg;
	must((part == FUZZY_FULL || part == FUZZY_INITIALS) && len > 0 && text_valid(text, len));
	return 0;
}

/* As a person name: what is indexed of it holds what is asked, be it the name itself. */
static void names(const char *text, size_t n)
{
	AUTO(buf) once = BUF(1u << 24);
	AUTO(buf) twice = BUF(1u << 24);
	AUTO(buf) joined = BUF(1u << 24);

	if (match_names(text, n, &once, NULL) < 0)
		return;
	must(match_names(buf_text(&once), once.len, &twice, NULL) == 0);
	must(twice.len == once.len && memcmp(buf_text(&twice), buf_text(&once), once.len) == 0);
	must(match_join(buf_text(&once), once.len, &joined, NULL) == 0 && joined.len <= once.len);
	must(fuzzy_forms(buf_text(&joined), joined.len, form, NULL) == 0);
	fuzzy_match(buf_text(&once), once.len / 2, buf_text(&joined), joined.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(buf) text = BUF(1u << 24);
	AUTO(buf) folded = BUF(1u << 24);
	AUTO(buf) twice = BUF(1u << 24);
	size_t half;

	if (size < 1)
		return 0;
	if (text_from(sets[data[0] % 8], data + 1, size - 1, &text, NULL) < 0) {
		must(text.len == 0);
		return 0;
	}
	if (text_fold(buf_text(&text), text.len, &folded, NULL) < 0)
		return 0;
	must(text_valid(buf_text(&folded), folded.len));
	must(text_fold(buf_text(&folded), folded.len, &twice, NULL) == 0);
	must(twice.len == folded.len && memcmp(buf_text(&twice), buf_text(&folded), folded.len) == 0);
	must(pinyin_spell((char *)twice.data, twice.len) <= folded.len);
	names(buf_text(&text), text.len);
	must(text_grams(buf_text(&folded), folded.len, gram, NULL) == 0);
	half = folded.len / 2;
	text_wild(buf_text(&folded), half, buf_text(&folded) + half, folded.len - half);
	must(!memchr(buf_text(&folded), '*', folded.len) ||
	     text_wild(buf_text(&folded), folded.len, buf_text(&folded), folded.len));
	return 0;
}
