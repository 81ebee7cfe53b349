/* imaging/sandbox.h - gives up, for good, all that a process does not need to decode pictures. Of this room only.
 *
 * In this order: limits of memory, file size, open files and processes, no core file, no debugger; no capabilities; no_new_privs;
 * landlock (no path, no port, no signal outside; as much of it as the kernel has); an allow-list of system calls. What is not on
 * the list ends the process, but for calls that libraries make to look around: those fail with an errno.
 * Everything that reads files (locale, dictionary, time zone) must have been loaded before.
 * Threads: the process must have one thread.   Source: seccomp(2), landlock(7), libseccomp.
 */
#ifndef IMAGING_SANDBOX_H
#define IMAGING_SANDBOX_H

#include "base/err.h"
#include <stdbool.h>

struct sandbox_limits {
	uint64_t memory; /* address space beside what the program takes already, and the longest file, bytes */
	bool optional;   /* go on without an allow-list where the kernel refuses one */
};
struct sandbox_state {
	bool seccomp;
	int landlock; /* ABI version in force; 0: the kernel has none */
};
/* With AddressSanitizer and its like there is no limit of the address space, and the list is longer (sandbox.c says by what). */
int sandbox_enter(const struct sandbox_limits *l, struct sandbox_state *out, struct err *e);

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define SANDBOX_SANITIZED 1
#elif defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANDBOX_SANITIZED 1
#endif
#endif
#ifndef SANDBOX_SANITIZED
#define SANDBOX_SANITIZED 0
#endif
#endif
