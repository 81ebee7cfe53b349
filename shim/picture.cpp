/* shim/picture.cpp - one frame as people see it: modality and VOI transformation, colours, region, size (PS3.4 N.2).
 *
 * The frame is decoded alone (shim/frame.cpp) and shown by DCMTK from a small data set of its own, made of checked values:
 * whatever else the object holds does not reach it.
 */
#include "dcmtk/config/osconfig.h"

#include "dcmtk/dcmdata/dcdatset.h"
#include "dcmtk/dcmdata/dcdeftag.h"
#include "dcmtk/dcmdata/dcfilefo.h"
#include "dcmtk/dcmdata/dcitem.h"
#include "dcmtk/dcmdata/dcpixel.h"
#include "dcmtk/dcmdata/dcsequen.h"
#include "dcmtk/dcmdata/dcxfer.h"
#include "dcmtk/dcmimage/diregist.h" /* colour: by being there */
#include "dcmtk/dcmimgle/dcmimage.h"

#include "shim/dataset.hpp"
#include "shim/frame.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

using namespace shim;

static constexpr Uint32 LOADED_AT_ONCE = 4096;
static constexpr double VALUES_MOST = 2147483647.0;
static constexpr uint32_t SIDE_MOST = 16384;     /* of a picture that was made larger */
static constexpr uint64_t AREA_MOST = 16u << 20; /* likewise: pixels; DCMTK needs dozens of bytes for each of them */

static constexpr E_TransferSyntax decodable[] = {
    EXS_LittleEndianImplicit, EXS_LittleEndianExplicit, EXS_BigEndianExplicit, EXS_DeflatedLittleEndianExplicit,
    EXS_RLELossless,          EXS_JPEGProcess1,         EXS_JPEGProcess2_4,    EXS_JPEGProcess14,
    EXS_JPEGProcess14SV1,     EXS_JPEGLSLossless,       EXS_JPEGLSLossy,
};

static bool can_decode(const char *syntax)
{
	const E_TransferSyntax x = DcmXfer(syntax).getXfer();

	return std::find(std::begin(decodable), std::end(decodable), x) != std::end(decodable);
}

extern "C" int shim_can_picture(const char *syntax)
{
	return guarded([&] { return syntax ? int(can_decode(syntax)) : fail(SHIM_EINVAL, "no transfer syntax"); });
}

/* ---- where the transformations stand: in the data set, or in the frame's functional groups (PS3.3 C.7.6.16) */

static DcmItem *group_of(DcmItem &ds, const DcmTagKey &groups, unsigned long item, const DcmTagKey &kind)
{
	DcmItem *group = nullptr, *found = nullptr;

	if (ds.findAndGetSequenceItem(groups, group, Sint32(item)).bad() ||
	    group->findAndGetSequenceItem(kind, found, 0).bad())
		return nullptr;
	return found;
}

static DcmItem &holder(DcmItem &ds, uint64_t frame, const DcmTagKey &kind)
{
	DcmItem *found = nullptr;

	if (frame < 0x7fffffff)
		found = group_of(ds, DCM_PerFrameFunctionalGroupsSequence, static_cast<unsigned long>(frame), kind);
	if (!found)
		found = group_of(ds, DCM_SharedFunctionalGroupsSequence, 0, kind);
	return found ? *found : ds;
}

static bool number_of(DcmItem &item, const DcmTagKey &tag, double &out)
{
	Float64 value = 0;

	if (item.findAndGetFloat64(tag, value).bad() || !std::isfinite(value))
		return false;
	out = value;
	return true;
}

static void copy(DcmItem &from, DcmItem &to, const DcmTagKey &tag)
{
	DcmElement *element = nullptr;

	if (from.findAndGetElement(tag, element).good() && element)
		if (auto *twin = dynamic_cast<DcmElement *>(element->clone()))
			if (to.insert(twin, OFTrue).bad())
				delete twin;
}

struct Values { /* how stored values become those that a window speaks of */
	double slope = 1, intercept = 0;
	bool table = false; /* by a modality LUT */
};
struct Voi {
	bool given = false, exact = false, sigmoid = false;
	double center = 0, width = 0;
};

static Values values_of(DcmItem &ds, uint64_t frame, DcmItem &to)
{
	DcmItem &in = holder(ds, frame, DCM_PixelValueTransformationSequence);
	Values v;

	if (!number_of(in, DCM_RescaleSlope, v.slope) || v.slope == 0 ||
	    !number_of(in, DCM_RescaleIntercept, v.intercept)) {
		v.slope = 1;
		v.intercept = 0;
	}
	if (in.tagExistsWithValue(DCM_ModalityLUTSequence)) {
		copy(in, to, DCM_ModalityLUTSequence);
		v.table = true;
	}
	return v;
}

static Voi window_of(DcmItem &in)
{
	OFString function;
	Voi w;

	w.given = number_of(in, DCM_WindowCenter, w.center) && number_of(in, DCM_WindowWidth, w.width) && w.width > 0;
	in.findAndGetOFString(DCM_VOILUTFunction, function);
	w.exact = function == "LINEAR_EXACT";
	w.sigmoid = function == "SIGMOID";
	return w;
}

static Voi window_asked(const struct shim_view &v)
{
	return {true, v.voi == SHIM_VOI_LINEAR_EXACT, v.voi == SHIM_VOI_SIGMOID, v.center, v.width_of_window};
}

/* The same window for stored values, so that nothing is rounded on the way. DCMTK's linear function is that of the
 * standard: from center - 0.5 - (width - 1) / 2 on, over width - 1; LINEAR_EXACT has neither the half nor the one. */
static void to_stored(Voi &w, const Values &v)
{
	if (w.sigmoid) {
		w.center = (w.center - v.intercept) / v.slope;
		w.width = std::max(w.width / v.slope, 1.0);
		return;
	}
	const double middle = w.exact ? w.center : w.center - 0.5, span = w.exact ? w.width : w.width - 1;

	w.center = (middle - v.intercept) / v.slope + 0.5;
	w.width = std::max(span / v.slope + 1, 1.0);
	w.exact = false;
}

/* ---- the small data set */

static int describe(DcmDataset &ds, Frame &f)
{
	const uint64_t n = f.bytes.size();
	auto pixels = std::make_unique<DcmPixelData>(DCM_PixelData);

	ds.putAndInsertUint16(DCM_SamplesPerPixel, f.samples);
	ds.putAndInsertString(DCM_PhotometricInterpretation, f.photometric.c_str());
	if (f.samples > 1)
		ds.putAndInsertUint16(DCM_PlanarConfiguration, f.planar);
	ds.putAndInsertString(DCM_NumberOfFrames, "1");
	ds.putAndInsertUint16(DCM_Rows, f.rows);
	ds.putAndInsertUint16(DCM_Columns, f.columns);
	ds.putAndInsertUint16(DCM_BitsAllocated, f.allocated);
	ds.putAndInsertUint16(DCM_BitsStored, f.stored);
	ds.putAndInsertUint16(DCM_HighBit, f.high);
	ds.putAndInsertUint16(DCM_PixelRepresentation, f.is_signed);
	f.bytes.resize(n + n % 2);
	OFCondition cond;
	if (f.allocated == 8) {
		pixels->setVR(EVR_OB);
		cond = pixels->putUint8Array(f.bytes.data(), static_cast<unsigned long>(f.bytes.size()));
	} else {
		std::vector<uint16_t> words(f.bytes.size() / 2);
		std::memcpy(words.data(), f.bytes.data(), f.bytes.size());
		pixels->setVR(EVR_OW);
		cond = pixels->putUint16Array(words.data(), static_cast<unsigned long>(words.size()));
	}
	f.bytes = {};
	if (cond.good() && (cond = ds.insert(pixels.get(), OFTrue)).good())
		pixels.release();
	return from_condition(cond, "putting a frame together");
}

static void copy_palette(DcmItem &from, DcmItem &to)
{
	for (const DcmTagKey &tag :
	     {DCM_RedPaletteColorLookupTableDescriptor, DCM_GreenPaletteColorLookupTableDescriptor,
	      DCM_BluePaletteColorLookupTableDescriptor, DCM_RedPaletteColorLookupTableData,
	      DCM_GreenPaletteColorLookupTableData, DCM_BluePaletteColorLookupTableData})
		copy(from, to, tag);
}

struct Shown { /* what is decided about grey values */
	Voi window;
	bool table = false; /* the file's VOI LUT */
};

static int prepare(DcmItem &from, const struct shim_view &view, Frame &f, DcmDataset &to, Shown &shown)
{
	const double range = std::ldexp(1.0, f.stored);
	DcmItem &voi = holder(from, view.frame, DCM_FrameVOILUTSequence);

	if (f.samples > 1)
		return describe(to, f);
	if (f.photometric == "PALETTE COLOR") {
		copy_palette(from, to);
		return describe(to, f);
	}
	const Values values = values_of(from, view.frame, to);
	shown.window = view.voi == SHIM_VOI_FILE ? window_of(voi) : window_asked(view);
	shown.table = !shown.window.given && voi.tagExistsWithValue(DCM_VOILUTSequence);
	if (shown.table)
		copy(voi, to, DCM_VOILUTSequence);
	if (!values.table && !shown.table && values.slope > 0) {
		to_stored(shown.window, values);
	} else {
		if (shown.window.exact) {
			shown.window.center += 0.5;
			shown.window.width += 1;
		}
		if (std::fabs(values.slope) * range + std::fabs(values.intercept) > VALUES_MOST)
			return fail(SHIM_EUNSUP, "slope %g and intercept %g lead beyond 32 bits", values.slope,
				    values.intercept);
		char text[32];
		std::snprintf(text, sizeof text, "%.10g", values.slope);
		to.putAndInsertString(DCM_RescaleSlope, text);
		std::snprintf(text, sizeof text, "%.10g", values.intercept);
		to.putAndInsertString(DCM_RescaleIntercept, text);
	}
	return describe(to, f);
}

/* ---- showing it */

static int status_of(const DicomImage &image)
{
	switch (image.getStatus()) {
	case EIS_Normal:
		return SHIM_OK;
	case EIS_MemoryFailure:
		return fail(SHIM_ENOMEM, "out of memory");
	case EIS_NotSupportedValue:
		return fail(SHIM_EUNSUP, "the image cannot be shown: %s", DicomImage::getString(image.getStatus()));
	default:
		return fail(SHIM_EPARSE, "the image cannot be shown: %s", DicomImage::getString(image.getStatus()));
	}
}

/* Without any other word from darkest to brightest. */
static void set_window(DicomImage &image, const Shown &shown)
{
	const Voi &w = shown.window;

	if (shown.table && image.setVoiLut(0))
		return;
	if (w.given && std::isfinite(w.center) && std::isfinite(w.width)) {
		image.setVoiLutFunction(w.sigmoid ? EFV_Sigmoid : EFV_Linear);
		if (image.setWindow(w.center, std::max(w.width, 1.0)))
			return;
	}
	image.setMinMaxWindow();
}

/* Fits w x h into the view, keeping the ratio of what pixels are in the world. */
static void fit(double w, double h, double ratio, const struct shim_view &v, uint32_t &width, uint32_t &height)
{
	if (ratio > 0.05 && ratio < 20)
		w *= ratio;
	double scale = std::min(v.width ? v.width / w : VALUES_MOST, v.height ? v.height / h : VALUES_MOST);
	if (!v.enlarge)
		scale = std::min(scale, 1.0);
	width = std::clamp<uint32_t>(uint32_t(std::lround(std::min(w * scale, double(SIDE_MOST)))), 1, SIDE_MOST);
	height = std::clamp<uint32_t>(uint32_t(std::lround(std::min(h * scale, double(SIDE_MOST)))), 1, SIDE_MOST);
}

/* The region asked for, in the size asked for; image is replaced. */
static int scale(std::unique_ptr<DicomImage> &image, const struct shim_view &v)
{
	const uint64_t all_w = image->getWidth(), all_h = image->getHeight();
	const uint64_t w = v.crop_width ? v.crop_width : all_w - std::min<uint64_t>(v.left, all_w),
		       h = v.crop_height ? v.crop_height : all_h - std::min<uint64_t>(v.top, all_h);
	auto width = uint32_t(w), height = uint32_t(h);

	if (w == 0 || h == 0 || v.left + w > all_w || v.top + h > all_h)
		return fail(SHIM_EINVAL, "a region of %llu x %llu pixels at %u, %u is not in an image of %llu x %llu",
			    static_cast<unsigned long long>(w), static_cast<unsigned long long>(h), v.left, v.top,
			    static_cast<unsigned long long>(all_w), static_cast<unsigned long long>(all_h));
	if (v.width || v.height)
		fit(double(w), double(h), image->getWidthHeightRatio(), v, width, height);
	if (uint64_t(width) * height > std::max(w * h, AREA_MOST))
		return fail(SHIM_EINVAL, "a picture of %u x %u pixels is larger than the image and than %llu pixels",
			    width, height, static_cast<unsigned long long>(AREA_MOST));
	if (w != all_w || h != all_h || width != w || height != h) {
		using Size = unsigned long; /* another overload takes factors */
		std::unique_ptr<DicomImage> made(image->createScaledImage(long(v.left), long(v.top), Size(w), Size(h),
									  Size(width), Size(height),
									  width > w || height > h ? 3 : 2, 0));
		if (!made)
			return fail(SHIM_ENOMEM, "the image cannot be made %u x %u", width, height);
		image = std::move(made);
	}
	if (v.flip_x || v.flip_y)
		image->flipImage(v.flip_x, v.flip_y);
	return status_of(*image);
}

static int hand_out(DicomImage &image, struct shim_picture &out)
{
	struct shim_picture p = {uint32_t(image.getWidth()), uint32_t(image.getHeight()),
				 image.isMonochrome() ? 1u : 3u, nullptr};
	const size_t n = size_t(p.width) * p.height * p.samples;

	if (n == 0 || image.getOutputDataSize(8) != n)
		return fail(SHIM_EPARSE, "the image cannot be shown");
	std::unique_ptr<uint8_t, void (*)(void *)> data(static_cast<uint8_t *>(std::malloc(n)), std::free);
	if (!data)
		return fail(SHIM_ENOMEM, "out of memory");
	if (!image.getOutputData(data.get(), static_cast<unsigned long>(n), 8, 0, 0))
		return fail(SHIM_EPARSE, "the image cannot be shown");
	p.data = data.release();
	out = p;
	return SHIM_OK;
}

static int make(const char *path, const struct shim_view &view, uint64_t most, struct shim_picture &out)
{
	char syntax[65];
	DcmDataset small;
	Shown shown;

	int rc = look_over_file(path, syntax);
	if (rc < 0)
		return rc;
	if (!can_decode(syntax))
		return fail(SHIM_EUNSUP, "images in %s cannot be decoded yet", syntax);
	{
		DcmFileFormat file;
		Frame frame;
		rc =
		    from_condition(file.loadFile(path, EXS_Unknown, EGL_noChange, LOADED_AT_ONCE), "reading the image");
		if (rc < 0 || (rc = decode_frame(*file.getDataset(), syntax, view.frame, most, frame)) < 0)
			return rc;
		for (const DcmTagKey &tag : {DCM_PixelSpacing, DCM_ImagerPixelSpacing, DCM_PixelAspectRatio})
			copy(*file.getDataset(), small, tag);
		if ((rc = prepare(*file.getDataset(), view, frame, small, shown)) < 0)
			return rc;
	}
	auto image = std::make_unique<DicomImage>(&small, EXS_LittleEndianExplicit, CIF_MayDetachPixelData);
	if ((rc = status_of(*image)) < 0)
		return rc;
	if (image->isMonochrome())
		set_window(*image, shown);
	if ((rc = scale(image, view)) < 0)
		return rc;
	return hand_out(*image, out);
}

extern "C" int shim_picture_make(const char *path, const struct shim_view *view, uint64_t most,
				 struct shim_picture *out)
{
	return guarded([&] {
		if (!path || !view || !out)
			return fail(SHIM_EINVAL, "no path, view, or nowhere to write to");
		return make(path, *view, most, *out);
	});
}

extern "C" void shim_picture_free(struct shim_picture *p)
{
	if (p) {
		std::free(p->data);
		p->data = nullptr;
	}
}
