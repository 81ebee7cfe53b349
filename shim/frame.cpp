/* shim/frame.cpp - what is said of compressed frames, before DCMTK's decoders believe it (PS3.5 annex G). */
#include "dcmtk/config/osconfig.h"

#include "dcmtk/dcmdata/dcdatset.h"
#include "dcmtk/dcmdata/dcdeftag.h"
#include "dcmtk/dcmdata/dcpixel.h"
#include "dcmtk/dcmdata/dcpixseq.h"
#include "dcmtk/dcmdata/dcpxitem.h"
#include "dcmtk/dcmdata/dcxfer.h"

#include "shim/dataset.hpp"
#include "shim/frame.hpp"

namespace shim
{

static constexpr size_t RLE_HEADER = 64, RLE_SEGMENTS = 15;

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

} // namespace shim
