/* base/han_tables.h - the text of data/text/, for han.c and pinyin.c. */
#ifndef BASE_HAN_TABLES_H
#define BASE_HAN_TABLES_H

extern const char han_fold_text[]; /* lines: a character, and those that are folded to it */
extern const char pinyin_text[];   /* lines: reading, blank, characters of which it is the usual one, blank, others */
#endif
