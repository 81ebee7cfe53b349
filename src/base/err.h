/* base/err.h - a code to act on, a sentence to read.
 *
 * Functions that can fail return int: 0 (or a count) or a negative code -E_*, and fill the caller's struct err.
 * The lowest place that knows why writes the sentence; callers pass it on. No patient data in a sentence.
 * Memory:   nothing is allocated.   Threads: depends on its arguments alone.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdint.h>

enum err_code {
	E_OK = 0,
#define ERR(name, http, dimse, text) E_##name,
#include "base/err.def"
#undef ERR
	E_COUNT
};

struct err {
	enum err_code code;
	char msg[240];
};

/* Keeps the first message, returns -code; e may be NULL. */
int err_set(struct err *e, enum err_code code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* As err_set, with ": " and the text of errno behind the message. */
int err_sys(struct err *e, enum err_code code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
#ifdef __clang_analyzer__ /* what the analyser cannot see from outside err.c: the result is -code, never 0 */
#define err_set(e, code, ...) (err_set(e, code, __VA_ARGS__), -(int)(code))
#define err_sys(e, code, ...) (err_sys(e, code, __VA_ARGS__), -(int)(code))
#endif
/* Puts "prefix: " before the message that is there; returns -e->code. */
int err_prefix(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

const char *err_name(enum err_code code); /* "NOENT" */
const char *err_text(enum err_code code); /* "no such object" */
uint16_t err_dimse(enum err_code code);   /* DIMSE status; 0x0000 for E_OK */
int err_http(enum err_code code);         /* HTTP status; 200 for E_OK */

#endif
