/* shim/assertion.cpp - __assert_fail() of this program. */
#include "shim/assertion.h"
#include "shim/internal.hpp"

#include <csetjmp>
#include <cstdio>
#include <cstdlib>

namespace
{

thread_local jmp_buf *armed;

struct disarm {
	~disarm()
	{
		armed = nullptr;
	}
};

} // namespace

extern "C" __attribute__((visibility("default"))) void __assert_fail(const char *what, const char *file, unsigned line,
								     const char *function) noexcept
{
	if (jmp_buf *place = armed) {
		armed = nullptr;
		longjmp(*place, 1);
	}
	std::fprintf(stderr, "%s:%u: %s: assertion failed: %s\n", file, line, function, what);
	std::abort();
}

extern "C" int shim_surviving(void (*body)(void *), void *arg)
{
	disarm at_the_end;
	jmp_buf place;

	if (setjmp(place) != 0) /* NOLINT(cert-err52-cpp): what jumps here was called by C, which throws nothing */
		return shim::fail(SHIM_EPARSE, "the library cannot make sense of it");
	armed = &place;
	body(arg);
	return SHIM_OK;
}
