/* base/han.h - Han characters: which are, and which are taken for one another in names.
 *
 * The table (data/text/han-fold.txt) is part of the normal form of base/text.h and frozen with it; it does not depend on
 * the Unicode version of any library. A character is folded to one character, folding twice changes nothing, and the
 * result stays as it is under NFKC.
 * Threads:  any.
 * Source:   Unihan database 15.0 (kTGHZ2013, kSimplifiedVariant, kZVariant, kSemanticVariant); see scripts/han-tables.
 */
#ifndef BASE_HAN_H
#define BASE_HAN_H

#include <stdbool.h>
#include <stdint.h>

/* Ideographs of all planes, the mark of repetition and the ideographic zero. */
static inline bool han_is(uint32_t c)
{
	return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x20000 && c <= 0x3FFFD) ||
	       (c >= 0xF900 && c <= 0xFAFF) || c == 0x3005 || c == 0x3007;
}
/* The simplified or standard character: U+5F35 (zhang, traditional) is U+5F20; any other character is itself. */
uint32_t han_fold(uint32_t c);
#endif
