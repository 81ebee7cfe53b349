/* base/pinyin.h - how Han characters are read in Mandarin, without tones.
 *
 * Readings are those of dictionaries of today and, where these are silent, of older ones; surnames among them have their
 * reading as such, too (dan, chan and shan of U+5355). The usual one comes first. The vowel of U+5415 (l, u with two dots)
 * is written u here, as in lu, nu, lue, nue: who looks for lv or lyu is told by pinyin_spell().
 * The table (data/text/pinyin.txt) is frozen with the normal form of base/text.h.
 * Memory:   readings are constant.   Threads: any.
 * Source:   Unihan database 15.0 (kMandarin, kHanyuPinlu, kTGHZ2013, kXHC1983, kHanyuPinyin); see scripts/han-tables.
 */
#ifndef BASE_PINYIN_H
#define BASE_PINYIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PINYIN_READINGS 8 /* more are not told */
#define PINYIN_LONGEST 6  /* letters: zhuang */

/* Readings of a character, folded (base/han.h) or not; 0 when none is known. */
unsigned pinyin_of(uint32_t c, const char *out[PINYIN_READINGS]);
/* Other ways to write u with two dots, lv lyu nv nyu, become lu and nu. In place; the new length. Bytes that are not
 * letters stay. */
size_t pinyin_spell(char *text, size_t n);
#endif
