/* shim/frame.cpp - finds one frame in pixel data and decodes it alone (PS3.5 8, A.4, annex G).
 *
 * What the attributes and the code streams say is put side by side before a decoder runs: DCMTK's believe much of it.
 */
#include "dcmtk/config/osconfig.h"

#include "dcmtk/dcmdata/dcdatset.h"
#include "dcmtk/dcmdata/dcdeftag.h"
#include "dcmtk/dcmdata/dcpixel.h"
#include "dcmtk/dcmdata/dcpixseq.h"
#include "dcmtk/dcmdata/dcpxitem.h"
#include "dcmtk/dcmdata/dcxfer.h"

#include "shim/dataset.hpp"
#include "shim/frame.hpp"

#include <algorithm>

namespace shim
{

static constexpr size_t RLE_HEADER = 64, RLE_SEGMENTS = 15;

/* Enough of a JPEG or JPEG-LS stream to know what it decodes to. */
struct Stream {
	unsigned precision = 0, rows = 0, columns = 0, samples = 0;
};

static bool subsampled(const std::string &photometric)
{
	return photometric == "YBR_FULL_422" || photometric == "YBR_PARTIAL_422";
}

static int read_description(DcmDataset &ds, Frame &f)
{
	Uint16 rows = 0, columns = 0, samples = 1, allocated = 0, stored = 0, high = 0, sign = 0, planar = 0;
	OFString photometric;

	ds.findAndGetUint16(DCM_Rows, rows);
	ds.findAndGetUint16(DCM_Columns, columns);
	ds.findAndGetUint16(DCM_SamplesPerPixel, samples);
	ds.findAndGetUint16(DCM_BitsAllocated, allocated);
	ds.findAndGetUint16(DCM_PixelRepresentation, sign);
	ds.findAndGetUint16(DCM_PlanarConfiguration, planar);
	ds.findAndGetOFString(DCM_PhotometricInterpretation, photometric);
	if (ds.findAndGetUint16(DCM_BitsStored, stored).bad())
		stored = allocated;
	if (ds.findAndGetUint16(DCM_HighBit, high).bad() || (high == 0 && stored > 1))
		high = Uint16(stored - 1);
	if (rows == 0 || columns == 0)
		return fail(SHIM_EPARSE, "an image of %u columns and %u rows", columns, rows);
	if (samples != 1 && samples != 3)
		return fail(SHIM_EUNSUP, "%u samples a pixel", samples);
	if (allocated != 1 && allocated != 8 && allocated != 16 && allocated != 32)
		return fail(SHIM_EUNSUP, "%u bits allocated", allocated);
	if (stored < 1 || stored > allocated || high >= allocated || high + 1 < stored)
		return fail(SHIM_EPARSE, "%u bits stored of %u allocated, the high one %u", stored, allocated, high);
	f.rows = rows;
	f.columns = columns;
	f.samples = samples;
	f.allocated = allocated;
	f.stored = stored;
	f.high = high;
	f.is_signed = sign == 1;
	f.planar = samples > 1 && planar == 1;
	f.photometric.assign(photometric.c_str(), photometric.length());
	return SHIM_OK;
}

static uint64_t claimed_frames(DcmDataset &ds)
{
	Sint32 n = 1;

	ds.findAndGetSint32(DCM_NumberOfFrames, n);
	return n < 1 ? 1 : uint64_t(n);
}

static int no_such_frame(uint64_t frame, uint64_t frames)
{
	return fail(SHIM_ENOTAG, "frame %llu of %llu", static_cast<unsigned long long>(frame + 1),
		    static_cast<unsigned long long>(frames));
}

/* ---- native */

static void unpack_bits(const std::vector<uint8_t> &packed, unsigned shift, Frame &f, size_t n)
{
	f.bytes.resize(n);
	for (size_t i = 0; i < n; i++)
		f.bytes[i] = uint8_t(packed[(i + shift) / 8] >> (i + shift) % 8 & 1);
	f.allocated = 8;
	f.stored = 1;
	f.high = 0;
}

static int decode_native(DcmDataset &ds, DcmPixelData &pixels, uint64_t frame, Frame &f)
{
	const uint64_t area = uint64_t(f.rows) * f.columns, frames = claimed_frames(ds),
		       length = pixels.getLength(ds.getOriginalXfer());
	uint64_t n = area * f.samples;

	if (subsampled(f.photometric)) { /* half of the chroma samples, unless the label is wrong */
		if (n * f.allocated / 8 > length / frames)
			n = area * 2;
		else
			f.photometric = "YBR_FULL";
	}
	const uint64_t bits = n * f.allocated, first = frame * bits, last = first + bits;
	if (frame >= frames || frame >= UINT32_MAX || first / 8 >= length)
		return no_such_frame(frame, std::min(frames, bits ? (length * 8 + bits - 1) / bits : 0));
	const auto at = uint32_t(first / 8);
	const auto there = uint32_t(std::min((last + 7) / 8, length) - at);
	std::vector<uint8_t> part((bits + 7) / 8 + 2);
	int rc = from_condition(pixels.getPartialValue(part.data(), at, there), "reading a frame");
	if (rc < 0)
		return rc;
	if (f.allocated == 1) {
		unpack_bits(part, unsigned(first % 8), f, n);
		return SHIM_OK;
	}
	part.resize(bits / 8);
	f.bytes = std::move(part);
	return SHIM_OK;
}

/* ---- encapsulated */

static DcmPixelSequence *fragments_of(DcmPixelData &pixels, E_TransferSyntax xfer)
{
	DcmPixelSequence *sequence = nullptr;
	E_TransferSyntax type = EXS_Unknown;
	const DcmRepresentationParameter *parameter = nullptr;

	pixels.getOriginalRepresentationKey(type, parameter);
	if (!DcmXfer(xfer).isEncapsulated() || pixels.getEncapsulatedRepresentation(type, parameter, sequence).bad())
		return nullptr;
	return sequence;
}

static bool begins_image(DcmPixelItem &item)
{
	uint8_t b[2] = {};

	return item.getLength() >= 2 && item.getPartialValue(b, 0, 2).good() && b[0] == 0xff && b[1] == 0xd8;
}

/* The number of the item that a frame begins with. Where there is a table it is taken, for it is what the writer says;
 * else an image begins wherever a stream does. */
static int first_fragment(DcmPixelSequence &items, uint64_t frames, uint64_t frame, Uint32 &out)
{
	const uint64_t fragments = items.card() - 1;
	DcmPixelItem *item = nullptr;
	Uint8 *table = nullptr;

	out = Uint32(frame + 1);
	if (fragments == frames || frame == 0)
		return SHIM_OK;
	if (items.getItem(item, 0).good() && item->getLength() == 4 * frames && item->getUint8Array(table).good() &&
	    table) {
		const uint8_t *p = table + 4 * frame;
		const uint64_t offset =
		    uint64_t(p[3]) << 24 | uint64_t(p[2]) << 16 | uint64_t(p[1]) << 8 | uint64_t(p[0]);
		uint64_t at = 0;
		for (Uint32 i = 1; i <= fragments && at <= offset; i++) {
			if (at == offset) {
				out = i;
				return SHIM_OK;
			}
			if (items.getItem(item, i).bad())
				break;
			at += item->getLength() + 8;
		}
	}
	uint64_t seen = 0;
	for (Uint32 i = 1; i <= fragments; i++)
		if (items.getItem(item, i).good() && begins_image(*item) && seen++ == frame) {
			out = i;
			return SHIM_OK;
		}
	return fail(SHIM_EPARSE, "where frame %llu begins cannot be told from %llu fragments",
		    static_cast<unsigned long long>(frame + 1), static_cast<unsigned long long>(fragments));
}

/* The frame header of a stream: SOF0 to SOF15, SOF55. */
static bool read_stream(const uint8_t *p, size_t n, Stream &s)
{
	for (size_t at = 2; at + 4 <= n && p[0] == 0xff && p[1] == 0xd8;) {
		if (p[at] != 0xff)
			return false;
		const uint8_t marker = p[at + 1];
		if (marker == 0xff) { /* fill byte */
			at++;
			continue;
		}
		const size_t length = be16(p + at + 2);
		const bool frame =
		    (marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc) ||
		    marker == 0xf7;
		if (frame && length >= 8 && at + 10 <= n) {
			s = {p[at + 4], be16(p + at + 5), be16(p + at + 7), p[at + 9]};
			return true;
		}
		if (frame || marker == 0xda || marker == 0xd9 || length < 2)
			return false;
		at += 2 + length;
	}
	return false;
}

/* Does the stream decode to what the attributes say? Eight-bit streams come where 16 bits are allocated, too. */
static int check_stream(DcmPixelItem &item, Frame &f)
{
	Uint8 *data = nullptr;
	Stream s;

	if (item.getUint8Array(data).bad() || !data || !read_stream(data, item.getLength(), s))
		return fail(SHIM_EPARSE, "the stream of a frame begins with no frame header");
	if (s.rows != f.rows || s.columns != f.columns || s.samples != f.samples)
		return fail(SHIM_EPARSE,
			    "%u columns, %u rows and %u samples in the stream, %u, %u and %u in the attributes",
			    s.columns, s.rows, s.samples, f.columns, f.rows, f.samples);
	if (s.precision < 2 || s.precision > 16 || s.precision > f.allocated)
		return fail(SHIM_EPARSE, "a stream of %u bits where %u are allocated", s.precision, f.allocated);
	if (s.precision <= 8 && f.allocated > 8) {
		f.allocated = 8;
		f.stored = std::min<uint16_t>(f.stored, 8);
		f.high = uint16_t(f.stored - 1);
	}
	return SHIM_OK;
}

/* PS3.5 annex G: a header of 16 numbers, then segments, each up to where the next one begins. */
static int check_rle(DcmPixelItem &item)
{
	uint8_t head[RLE_HEADER];
	const uint64_t n = item.getLength();
	const auto number = [&](size_t i) {
		const uint8_t *p = head + 4 * i;
		return uint32_t(p[3]) << 24 | uint32_t(p[2]) << 16 | uint32_t(p[1]) << 8 | uint32_t(p[0]);
	};

	if (n < RLE_HEADER || item.getPartialValue(head, 0, RLE_HEADER).bad())
		return fail(SHIM_EPARSE, "a run-length fragment of %llu bytes", static_cast<unsigned long long>(n));
	if (number(0) < 1 || number(0) > RLE_SEGMENTS)
		return fail(SHIM_EPARSE, "%u run-length segments", number(0));
	uint64_t before = RLE_HEADER;
	for (size_t i = 1; i <= number(0); i++) {
		if (number(i) < before || number(i) > n)
			return fail(SHIM_EPARSE, "run-length segment %zu at %u of %llu bytes", i, number(i),
				    static_cast<unsigned long long>(n));
		before = number(i);
	}
	return SHIM_OK;
}

static int decode_encapsulated(DcmDataset &ds, DcmPixelData &pixels, DcmPixelSequence &items, E_TransferSyntax xfer,
			       uint64_t frame, Frame &f)
{
	const uint64_t fragments = items.card() > 0 ? items.card() - 1 : 0;
	const uint64_t frames = std::min(claimed_frames(ds), fragments);
	char number[24];
	Uint32 fragment = 0;
	DcmPixelItem *item = nullptr;
	OFString colours;
	int rc;

	if (frame >= frames)
		return no_such_frame(frame, frames);
	std::snprintf(number, sizeof number, "%llu", static_cast<unsigned long long>(frames));
	if ((rc = from_condition(ds.putAndInsertString(DCM_NumberOfFrames, number), "the number of frames")) < 0 ||
	    (rc = first_fragment(items, frames, frame, fragment)) < 0 ||
	    (rc = from_condition(items.getItem(item, fragment), "a fragment")) < 0)
		return rc;
	const size_t room = size_t(f.rows) * f.columns * f.samples * ((f.allocated + 7u) / 8u);
	if ((rc = xfer == EXS_RLELossless ? check_rle(*item) : check_stream(*item, f)) < 0)
		return rc;
	f.bytes.assign(room + 2, 0);
	rc = from_condition(
	    pixels.getUncompressedFrame(&ds, Uint32(frame), fragment, f.bytes.data(), Uint32(room + room % 2), colours),
	    "decoding a frame");
	if (rc < 0)
		return rc;
	f.bytes.resize(size_t(f.rows) * f.columns * f.samples * (f.allocated / 8u));
	f.photometric.assign(colours.c_str(), colours.length());
	if (subsampled(f.photometric)) /* decoders give all samples */
		f.photometric = "YBR_FULL";
	Uint16 planar = f.planar; /* JPEG-LS may have changed it */
	ds.findAndGetUint16(DCM_PlanarConfiguration, planar);
	f.planar = f.samples > 1 && planar == 1;
	return SHIM_OK;
}

/* ---- both */

static DcmPixelData *pixel_data(DcmDataset &ds)
{
	DcmElement *element = nullptr;

	ds.findAndGetElement(DCM_PixelData, element);
	return dynamic_cast<DcmPixelData *>(element);
}

int check_encapsulated(DcmDataset &ds)
{
	DcmPixelData *pixels = pixel_data(ds);
	DcmPixelSequence *items = pixels ? fragments_of(*pixels, ds.getOriginalXfer()) : nullptr;
	DcmPixelItem *item = nullptr;

	for (unsigned long i = 1; items && ds.getOriginalXfer() == EXS_RLELossless && i < items->card(); i++) {
		int rc = from_condition(items->getItem(item, i), "a fragment");
		if (rc < 0 || (rc = check_rle(*item)) < 0)
			return rc;
	}
	return SHIM_OK;
}

int decode_frame(DcmDataset &ds, const char *syntax, uint64_t frame, uint64_t most, Frame &out)
{
	const E_TransferSyntax xfer = DcmXfer(syntax).getXfer();
	DcmPixelData *pixels = pixel_data(ds);
	Frame f;

	if (!pixels)
		return fail(SHIM_ENOTAG, "no pixel data");
	int rc = read_description(ds, f);
	if (rc < 0)
		return rc;
	const uint64_t n = uint64_t(f.rows) * f.columns * f.samples * ((f.allocated + 7u) / 8u);
	if (n > most)
		return fail(SHIM_ELIMIT, "a frame of %llu bytes is larger than %llu",
			    static_cast<unsigned long long>(n), static_cast<unsigned long long>(most));
	DcmPixelSequence *items = fragments_of(*pixels, ds.getOriginalXfer());
	if (items)
		rc = decode_encapsulated(ds, *pixels, *items, xfer, frame, f);
	else if (DcmXfer(xfer).isEncapsulated())
		rc = fail(SHIM_EPARSE, "pixel data is not in fragments, although its syntax says so");
	else
		rc = decode_native(ds, *pixels, frame, f);
	if (rc == SHIM_OK)
		out = std::move(f);
	return rc;
}

} // namespace shim
