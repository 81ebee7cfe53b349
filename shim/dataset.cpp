/* shim/dataset.cpp - data sets read by DCMTK, and their string values. */
#include "dcmtk/config/osconfig.h"

#include "dcmtk/dcmdata/dcdatset.h"
#include "dcmtk/dcmdata/dcerror.h"
#include "dcmtk/dcmdata/dcfilefo.h"
#include "dcmtk/dcmdata/dcistrmb.h"
#include "dcmtk/dcmdata/dcmetinf.h"
#include "dcmtk/dcmdata/dcxfer.h"

#include "shim/dataset.hpp"

using namespace shim;

/* Looking a value up moves a cursor and may load it late: const towards callers, not inside. */
struct shim_dataset {
	mutable DcmFileFormat file;
	std::string syntax;
};

static constexpr Uint32 LOADED_AT_ONCE = 4096; /* larger values stay in the file until asked for */

int shim::from_condition(const OFCondition &cond, const char *what)
{
	if (cond.good())
		return SHIM_OK;
	if (cond == EC_TagNotFound)
		return fail(SHIM_ENOTAG, "%s: no such element", what);
	if (cond == EC_MemoryExhausted)
		return fail(SHIM_ENOMEM, "%s: out of memory", what);
	if (cond == EC_CannotChangeRepresentation || cond == EC_UnsupportedEncoding)
		return fail(SHIM_EUNSUP, "%s: %s", what, cond.text());
	if (cond == EC_InvalidStream || cond == EC_InvalidFilename)
		return fail(SHIM_EIO, "%s: %s", what, cond.text());
	return fail(SHIM_EPARSE, "%s: %s", what, cond.text());
}

extern "C" int shim_dataset_read_file(const char *path, shim_dataset **out)
{
	return guarded([&] {
		char syntax[65];
		if (!path || !out)
			return fail(SHIM_EINVAL, "no path, or nowhere to write to");
		int rc = look_over_file(path, syntax);
		if (rc < 0)
			return rc;
		auto ds = std::make_unique<shim_dataset>();
		rc = from_condition(ds->file.loadFile(path, EXS_Unknown, EGL_noChange, LOADED_AT_ONCE),
				    "reading a file");
		if (rc < 0)
			return rc;
		if (ds->file.getDataset()->card() == 0)
			return fail(SHIM_EPARSE, "no element in the data set");
		ds->syntax = syntax;
		if (syntax[0] < '0' || syntax[0] > '9' || !std::strchr(syntax, '.')) /* bare: as DCMTK found it */
			ds->syntax = DcmXfer(ds->file.getDataset()->getOriginalXfer()).getXferID();
		*out = ds.release();
		return int(SHIM_OK);
	});
}

extern "C" int shim_dataset_parse(const void *data, size_t n, const char *syntax, shim_dataset **out)
{
	return guarded([&] {
		if (!data || !syntax || !out)
			return fail(SHIM_EINVAL, "no data, syntax, or nowhere to write to");
		const E_TransferSyntax xfer = DcmXfer(syntax).getXfer();
		if (xfer == EXS_Unknown)
			return fail(SHIM_EUNSUP, "transfer syntax %s is not known to DCMTK", syntax);
		int rc = look_over_memory(data, n, syntax);
		if (rc < 0)
			return rc;
		auto ds = std::make_unique<shim_dataset>();
		DcmInputBufferStream stream;
		stream.setBuffer(data, offile_off_t(n));
		stream.setEos();
		ds->file.getDataset()->transferInit();
		OFCondition cond = ds->file.getDataset()->read(stream, xfer, EGL_noChange, DCM_MaxReadLength);
		ds->file.getDataset()->transferEnd();
		if ((rc = from_condition(cond, "parsing a data set")) < 0)
			return rc;
		ds->syntax = syntax;
		*out = ds.release();
		return int(SHIM_OK);
	});
}

extern "C" int shim_dataset_get_string(const shim_dataset *ds, uint32_t tag, char *buf, size_t len)
{
	return guarded([&] {
		if (!ds || (!buf && len))
			return fail(SHIM_EINVAL, "no data set, or nowhere to write to");
		const DcmTagKey key(Uint16(tag >> 16), Uint16(tag));
		DcmItem *in = ds->file.getDataset();
		OFString value;
		if (tag >> 16 == 2)
			in = ds->file.getMetaInfo();
		int rc = from_condition(in->findAndGetOFStringArray(key, value), "a value");
		if (rc < 0)
			return rc;
		size_t n = value.length();
		while (n > 0 && (value[n - 1] == ' ' || value[n - 1] == '\0'))
			n--;
		if (len) {
			const size_t part = n < len ? n : len - 1;
			std::memcpy(buf, value.c_str(), part);
			buf[part] = '\0';
		}
		return int(n);
	});
}

extern "C" int shim_dataset_syntax(const shim_dataset *ds, char *buf, size_t len)
{
	return guarded([&] {
		if (!ds || (!buf && len))
			return fail(SHIM_EINVAL, "no data set, or nowhere to write to");
		if (len)
			std::snprintf(buf, len, "%s", ds->syntax.c_str());
		return int(ds->syntax.size());
	});
}

extern "C" void shim_dataset_free(shim_dataset *ds)
{
	quietly([&] { delete ds; });
}
