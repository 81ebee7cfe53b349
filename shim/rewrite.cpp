/* shim/rewrite.cpp - a data set in another encoding, from memory, written piece by piece. */
#include "dcmtk/config/osconfig.h"

#include "dcmtk/dcmdata/dcdatset.h"
#include "dcmtk/dcmdata/dcistrmb.h"
#include "dcmtk/dcmdata/dcostrmb.h"
#include "dcmtk/dcmdata/dcwcache.h"
#include "dcmtk/dcmdata/dcxfer.h"

#include "shim/dataset.hpp"

using namespace shim;

static constexpr size_t PIECE = 64u << 10;

static int read_it(const void *data, size_t n, const char *from, DcmDataset &ds)
{
	const E_TransferSyntax xfer = DcmXfer(from).getXfer();
	DcmInputBufferStream stream;

	if (xfer == EXS_Unknown)
		return fail(SHIM_EUNSUP, "transfer syntax %s is not known to DCMTK", from);
	if (int rc = look_over_memory(data, n, from); rc < 0)
		return rc;
	stream.setBuffer(data, offile_off_t(n));
	stream.setEos();
	ds.transferInit();
	const OFCondition cond = ds.read(stream, xfer, EGL_noChange, DCM_MaxReadLength);
	ds.transferEnd();
	if (int rc = from_condition(cond, "reading the data set"); rc < 0)
		return rc;
	return ds.card() > 0 ? int(SHIM_OK) : fail(SHIM_EPARSE, "no element in the data set");
}

static int write_it(DcmDataset &ds, const char *to, int (*put)(void *arg, const void *data, size_t n), void *arg)
{
	const E_TransferSyntax xfer = DcmXfer(to).getXfer();
	std::vector<uint8_t> piece(PIECE);
	DcmOutputBufferStream stream(piece.data(), offile_off_t(piece.size()));
	DcmWriteCache cache;
	OFCondition cond = EC_StreamNotifyClient;

	if (xfer == EXS_Unknown || !ds.canWriteXfer(xfer))
		return fail(SHIM_EUNSUP, "this object cannot be written in %s", to);
	ds.transferInit();
	while (cond == EC_StreamNotifyClient) {
		void *full = nullptr;
		offile_off_t n = 0;

		cond = ds.write(stream, xfer, EET_UndefinedLength, &cache, EGL_recalcGL);
		stream.flushBuffer(full, n);
		if (n > 0 && put(arg, full, size_t(n)) != 0)
			return fail(SHIM_EIO, "the data set could not be put away");
	}
	ds.transferEnd();
	return from_condition(cond, "writing the data set");
}

extern "C" int shim_dataset_rewrite(const void *data, size_t n, const char *from, const char *to,
				    int (*put)(void *arg, const void *data, size_t n), void *arg)
{
	return guarded([&] {
		DcmDataset ds;

		if (!data || !from || !to || !put)
			return fail(SHIM_EINVAL, "no data, syntax, or nowhere to write to");
		const int rc = read_it(data, n, from, ds);
		return rc < 0 ? rc : write_it(ds, to, put, arg);
	});
}
