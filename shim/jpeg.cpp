/* shim/jpeg.cpp - one JPEG code stream through DCMTK's IJG libraries of 8, 12 and 16 bits. */
#include "dcmtk/config/osconfig.h"

#include "dcmtk/dcmjpeg/djcparam.h"
#include "dcmtk/dcmjpeg/djdijg12.h"
#include "dcmtk/dcmjpeg/djdijg16.h"
#include "dcmtk/dcmjpeg/djdijg8.h"
#include "dcmtk/dcmjpeg/djeijg12.h"
#include "dcmtk/dcmjpeg/djeijg16.h"
#include "dcmtk/dcmjpeg/djeijg8.h"

#include "shim/dataset.hpp"
#include "shim/internal.hpp"
#include "shim/jpeg.h"

#include <algorithm>

using namespace shim;

namespace
{
constexpr unsigned SIDE_MOST = 65500; /* JPEG_MAX_DIMENSION */
constexpr uint8_t NEVER = 0x5a;
constexpr size_t SENTINEL = 64; /* bytes by which it is seen whether anything was decoded */

const DJCodecParameter &parameters()
{
	static const DJCodecParameter p(ECC_lossyRGB, EDC_never, EUC_never, EPC_colorByPixel);

	return p;
}

/* The libraries' warnings are counted here instead of going to the toolkit's log. */
template <class Base> struct Reader : Base {
	Reader() : Base(parameters(), OFFalse)
	{
	}
	void emitMessage(int level) const override
	{
		if (level < 0)
			warnings++;
	}
	mutable unsigned warnings = 0;
};
template <class Base> struct Writer : Base {
	using Base::Base;
	void emitMessage(void *, int) const override
	{
	}
};

/* Bytes of the beginning that nobody writes are seen by a pattern, which is taken away again. */
class Sentinel
{
      public:
	Sentinel(uint8_t *out, size_t room) : out_(out), n_(std::min(room, SENTINEL))
	{
		std::memset(out_, NEVER, n_);
	}
	bool untouched() const
	{
		for (size_t i = 0; i < n_; i++)
			if (out_[i] != NEVER)
				return false;
		return true;
	}
	void clear() /* what is left of it behind the last row */
	{
		while (n_ > 0 && out_[n_ - 1] == NEVER)
			out_[--n_] = 0;
	}

      private:
	uint8_t *out_;
	size_t n_;
};

template <class Base> int decode(const void *in, size_t n, uint8_t *out, size_t room, unsigned &warnings)
{
	Reader<Base> reader;
	Sentinel start(out, room);
	OFCondition cond = reader.init();

	if (cond.good())
		cond =
		    reader.decode(static_cast<Uint8 *>(const_cast<void *>(in)), Uint32(n), out, Uint32(room), OFFalse);
	const bool nothing = cond.bad() && start.untouched();
	if (cond.bad())
		start.clear();
	if (nothing)
		return cond == EJ_Suspension ? fail(SHIM_EPARSE, "the stream ends before its first row")
					     : fail(SHIM_EPARSE, "%s", cond.text());
	warnings = reader.warnings;
	return cond.bad();
}

EP_Interpretation colours(const struct shim_jpeg &how)
{
	return how.samples == 1 ? EPI_Monochrome2 : how.ybr ? EPI_YBR_Full : EPI_RGB;
}

struct Stream {
	Uint8 *data = nullptr;
	Uint32 n = 0;
	~Stream()
	{
		delete[] data;
	}
	Stream() = default;
	Stream(const Stream &) = delete;
	Stream &operator=(const Stream &) = delete;
};

template <class Encoder, class Sample>
int encode(Encoder &encoder, const struct shim_jpeg &how, const void *samples, Stream &out)
{
	return from_condition(encoder.encode(Uint16(how.columns), Uint16(how.rows), colours(how), Uint16(how.samples),
					     static_cast<Sample *>(const_cast<void *>(samples)), out.data, out.n),
			      "JPEG");
}

int encode_any(const struct shim_jpeg &how, const void *samples, Stream &out)
{
	if (how.quality) {
		Writer<DJCompressIJG12Bit> lossy(parameters(), EJM_sequential, Uint8(how.quality));
		return encode<DJCompressIJG12Bit, Uint16>(lossy, how, samples, out);
	}
	if (how.depth <= 8) {
		Writer<DJCompressIJG8Bit> of8(parameters(), EJM_lossless, 1, 0);
		return encode<DJCompressIJG8Bit, Uint8>(of8, how, samples, out);
	}
	if (how.depth <= 12) {
		Writer<DJCompressIJG12Bit> of12(parameters(), EJM_lossless, 1, 0);
		return encode<DJCompressIJG12Bit, Uint16>(of12, how, samples, out);
	}
	Writer<DJCompressIJG16Bit> of16(parameters(), EJM_lossless, 1, 0);
	return encode<DJCompressIJG16Bit, Uint16>(of16, how, samples, out);
}
} // namespace

extern "C" int shim_jpeg_decode(const void *in, size_t n, unsigned precision, void *out, size_t room,
				unsigned *warnings)
{
	return guarded([&]() -> int {
		if (!in || !out || !warnings || precision < 2 || precision > 16)
			return fail(SHIM_EINVAL, "JPEG of %u bits", precision);
		if (n > UINT32_MAX || room > UINT32_MAX)
			return fail(SHIM_ELIMIT, "JPEG of 4 GB or more");
		auto *to = static_cast<uint8_t *>(out);
		if (precision <= 8)
			return decode<DJDecompressIJG8Bit>(in, n, to, room, *warnings);
		if (precision <= 12)
			return decode<DJDecompressIJG12Bit>(in, n, to, room, *warnings);
		return decode<DJDecompressIJG16Bit>(in, n, to, room, *warnings);
	});
}

extern "C" int shim_jpeg_encode(const struct shim_jpeg *how, const void *samples, size_t n,
				int (*take)(void *arg, const void *data, size_t n), void *arg)
{
	return guarded([&]() -> int {
		if (!how || !samples || !take || how->depth > 16 || (how->samples != 1 && how->samples != 3))
			return fail(SHIM_EINVAL, "no samples");
		if (how->columns > SIDE_MOST || how->rows > SIDE_MOST || n >= UINT32_MAX / 2)
			return fail(SHIM_ELIMIT, "JPEG of %u columns and %u rows", how->columns, how->rows);
		if (n != size_t(how->columns) * how->rows * how->samples * (how->depth > 8 || how->quality ? 2 : 1))
			return fail(SHIM_EINVAL, "%zu bytes of samples", n);
		Stream stream;
		int rc = encode_any(*how, samples, stream);
		return rc < 0 ? rc : take(arg, stream.data, stream.n);
	});
}
