/* shim/setup.cpp - the last failure's sentence, and what must be done once before the first thread. */
#include "dcmtk/config/osconfig.h"

#include "dcmtk/dcmdata/dcdict.h"
#include "dcmtk/dcmdata/dcrledrg.h"
#include "dcmtk/dcmdata/dcrleerg.h"
#include "dcmtk/dcmjpeg/djdecode.h"
#include "dcmtk/dcmjpeg/djencode.h"
#include "dcmtk/dcmjpls/djdecode.h"
#include "dcmtk/dcmjpls/djencode.h"
#include "dcmtk/oflog/oflog.h"

#include "shim/internal.hpp"

#include <algorithm>
#include <cstdio>

namespace shim
{

static thread_local char sentence[400];

static void keep(const char *fmt, va_list ap)
{
	char text[sizeof sentence]; /* an argument may be the sentence itself */

	std::vsnprintf(text, sizeof text, fmt, ap);
	for (char *p = text; *p; p++)
		if (static_cast<unsigned char>(*p) < 0x20 || *p == 0x7f)
			*p = ' ';
	std::memcpy(sentence, text, sizeof sentence);
}

void note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	keep(fmt, ap);
	va_end(ap);
}

int fail(int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	keep(fmt, ap);
	va_end(ap);
	return code;
}

void forget()
{
	sentence[0] = '\0';
}

void copy_trimmed(char *out, size_t room, const char *text, size_t n)
{
	while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\0'))
		n--;
	for (; n > 0 && *text == ' '; n--)
		text++;
	n = std::min(n, room - 1);
	if (n)
		std::memcpy(out, text, n);
	out[n] = '\0';
}

static int setup_once()
{
	OFLog::configure(OFLogger::OFF_LOG_LEVEL);
	if (!dcmDataDict.isDictionaryLoaded())
		return fail(SHIM_EIO, "DCMTK's data dictionary is not there (DCMDICTPATH)");
	DJDecoderRegistration::registerCodecs();
	DJEncoderRegistration::registerCodecs();
	DJLSDecoderRegistration::registerCodecs();
	DJLSEncoderRegistration::registerCodecs(0, 0, 0, 0,
						OFFalse); /* raw: every stored bit, overlays in high bits too */
	DcmRLEDecoderRegistration::registerCodecs();
	DcmRLEEncoderRegistration::registerCodecs();
	return network_setup();
}

} // namespace shim

extern "C" int shim_setup(void)
{
	static std::once_flag once;
	static int result;

	return shim::guarded([] {
		std::call_once(once, [] { result = shim::setup_once(); });
		return result;
	});
}

extern "C" const char *shim_error(void)
{
	return shim::sentence;
}
