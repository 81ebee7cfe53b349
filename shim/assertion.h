/* shim/assertion.h - a failed assertion of a library becomes an answer.
 *
 * Codecs may be built with assertions (Debian's OpenJPEG and OpenJPH are), and damaged input makes them fail: without more, it ends
 * the process. So the C library's __assert_fail() is ours: while a thread runs a body given here it goes back to where that began, else
 * it does what it always did. Between there and here lie frames that are left as they are, so a body calls C, or C++ whose frames
 * have nothing to destroy; what the library allocated for its handle is freed with the handle, little else is lost.
 * Threads: any; bodies do not nest.
 */
#ifndef SHIM_ASSERTION_H
#define SHIM_ASSERTION_H

#ifdef __cplusplus
extern "C" {
#endif

/* 0, or SHIM_EPARSE and a sentence in shim_error(). What the body throws goes on. */
int shim_surviving(void (*body)(void *arg), void *arg);

#ifdef __cplusplus
}
#endif
#endif
