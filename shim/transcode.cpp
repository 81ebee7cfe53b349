/* shim/transcode.cpp - one Part 10 file to another in a different transfer syntax, with DCMTK's codecs. */
#include "dcmtk/config/osconfig.h"

#include "dcmtk/dcmdata/dcdatset.h"
#include "dcmtk/dcmdata/dcdeftag.h"
#include "dcmtk/dcmdata/dcfilefo.h"
#include "dcmtk/dcmdata/dcrlerp.h"
#include "dcmtk/dcmdata/dcxfer.h"
#include "dcmtk/dcmjpeg/djrplol.h"
#include "dcmtk/dcmjpls/djrparam.h"

#include "shim/dataset.hpp"
#include "shim/frame.hpp"

#include <algorithm>

using namespace shim;

static constexpr Uint32 LOADED_AT_ONCE = 4096;

/* Everything DCMTK can write without loss; native ones first. */
static constexpr E_TransferSyntax targets[] = {
    EXS_LittleEndianImplicit, EXS_LittleEndianExplicit, EXS_BigEndianExplicit, EXS_DeflatedLittleEndianExplicit,
    EXS_RLELossless,          EXS_JPEGProcess14SV1,     EXS_JPEGLSLossless,
};
/* What it can only read. */
static constexpr E_TransferSyntax sources[] = {EXS_JPEGProcess1, EXS_JPEGProcess2_4, EXS_JPEGProcess14,
					       EXS_JPEGLSLossy};

template <size_t N> static bool among(const E_TransferSyntax (&list)[N], E_TransferSyntax x)
{
	for (E_TransferSyntax l : list)
		if (l == x)
			return true;
	return false;
}

static bool convertible(E_TransferSyntax from, E_TransferSyntax to)
{
	return among(targets, to) && (among(targets, from) || among(sources, from));
}

extern "C" int shim_can_transcode(const char *from, const char *to)
{
	return guarded([&] {
		if (!from || !to)
			return fail(SHIM_EINVAL, "no transfer syntax");
		if (!std::strcmp(from, to))
			return 1;
		return int(convertible(DcmXfer(from).getXfer(), DcmXfer(to).getXfer()));
	});
}

static OFCondition choose(DcmDataset &ds, E_TransferSyntax to)
{
	const DcmRLERepresentationParameter rle;
	const DJ_RPLossless lossless(1, 0); /* first-order prediction is what SV1 means */
	const DJLSRepresentationParameter jpegls(0, OFTrue);
	const DcmRepresentationParameter *p = nullptr;

	if (to == EXS_RLELossless)
		p = &rle;
	else if (to == EXS_JPEGProcess14SV1)
		p = &lossless;
	else if (to == EXS_JPEGLSLossless)
		p = &jpegls;
	return ds.chooseRepresentation(to, p);
}

/* What the decoded pixels would take, as the attributes say; they are checked, not believed. */
static uint64_t pixel_bytes(DcmDataset &ds)
{
	Uint16 rows = 0, columns = 0, samples = 1, bits = 8;
	Sint32 frames = 1;

	ds.findAndGetUint16(DCM_Rows, rows);
	ds.findAndGetUint16(DCM_Columns, columns);
	ds.findAndGetUint16(DCM_SamplesPerPixel, samples);
	ds.findAndGetUint16(DCM_BitsAllocated, bits);
	ds.findAndGetSint32(DCM_NumberOfFrames, frames);
	const unsigned __int128 n =
	    (unsigned __int128)rows * columns * samples * ((bits + 7u) / 8u) * uint32_t(std::max(frames, 1));
	return n > UINT64_MAX ? UINT64_MAX : uint64_t(n);
}

static int transcode(const char *in_path, const char *out_path, const char *to, int64_t most)
{
	char syntax[65];
	DcmFileFormat file;

	int rc = look_over_file(in_path, syntax);
	if (rc < 0)
		return rc;
	const E_TransferSyntax target = DcmXfer(to).getXfer();
	if (!convertible(DcmXfer(syntax).getXfer(), target))
		return fail(SHIM_EUNSUP, "no way from %s to %s", syntax, to);
	rc = from_condition(file.loadFile(in_path, EXS_Unknown, EGL_noChange, LOADED_AT_ONCE), "reading the original");
	if (rc < 0)
		return rc;
	DcmDataset &ds = *file.getDataset();
	if (ds.card() == 0)
		return fail(SHIM_EPARSE, "no element in the data set");
	if (const uint64_t n = pixel_bytes(ds); n > uint64_t(most))
		return fail(SHIM_ELIMIT, "%llu bytes of pixels are too many", static_cast<unsigned long long>(n));
	if ((rc = check_encapsulated(ds)) < 0 ||
	    (rc = from_condition(choose(ds, target), "changing the pixel data")) < 0)
		return rc;
	if (!ds.canWriteXfer(target))
		return fail(SHIM_EUNSUP, "this object cannot be written in %s", to);
	return from_condition(file.saveFile(out_path, target), "writing the copy");
}

extern "C" int shim_transcode_file(const char *in_path, const char *out_path, const char *to, int64_t most)
{
	return guarded([&] {
		if (!in_path || !out_path || !to || most <= 0)
			return fail(SHIM_EINVAL, "no path or transfer syntax");
		return transcode(in_path, out_path, to, most);
	});
}
