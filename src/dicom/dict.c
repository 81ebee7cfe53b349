#include "dicom/dict.h"
#include "dicom/dict_table.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct dict_table dict_table;

/* Repeating groups stand in the dictionary once for all their even groups (PS3.6: 50xx curves, 60xx overlays). */
static const struct dict_entry curves[] = {
    {0x50000005, "US", false, "CurveDimensions"},
    {0x50000010, "US", false, "NumberOfPoints"},
    {0x50000020, "CS", false, "TypeOfData"},
    {0x50000022, "LO", false, "CurveDescription"},
    {0x50000030, "SH", true, "AxisUnits"},
    {0x50000040, "SH", true, "AxisLabels"},
    {0x50000103, "US", false, "DataValueRepresentation"},
    {0x50000104, "US", true, "MinimumCoordinateValue"},
    {0x50000105, "US", true, "MaximumCoordinateValue"},
    {0x50000106, "SH", true, "CurveRange"},
    {0x50000110, "US", true, "CurveDataDescriptor"},
    {0x50000112, "US", true, "CoordinateStartValue"},
    {0x50000114, "US", true, "CoordinateStepValue"},
    {0x50001001, "CS", false, "CurveActivationLayer"},
    {0x50002000, "US", false, "AudioType"},
    {0x50002002, "US", false, "AudioSampleFormat"},
    {0x50002004, "US", false, "NumberOfChannels"},
    {0x50002006, "UL", false, "NumberOfSamples"},
    {0x50002008, "UL", false, "SampleRate"},
    {0x5000200A, "UL", false, "TotalTime"},
    {0x5000200C, "OW", false, "AudioSampleData"},
    {0x5000200E, "LT", false, "AudioComments"},
    {0x50002500, "LO", false, "CurveLabel"},
    {0x50002600, "SQ", false, "CurveReferencedOverlaySequence"},
    {0x50002610, "US", false, "CurveReferencedOverlayGroup"},
    {0x50003000, "OW", false, "CurveData"},
};
static const struct dict_entry overlays[] = {
    {0x60000010, "US", false, "OverlayRows"},
    {0x60000011, "US", false, "OverlayColumns"},
    {0x60000012, "US", false, "OverlayPlanes"},
    {0x60000015, "IS", false, "NumberOfFramesInOverlay"},
    {0x60000022, "LO", false, "OverlayDescription"},
    {0x60000040, "CS", false, "OverlayType"},
    {0x60000045, "LO", false, "OverlaySubtype"},
    {0x60000050, "SS", true, "OverlayOrigin"},
    {0x60000051, "US", false, "ImageFrameOrigin"},
    {0x60000052, "US", false, "OverlayPlaneOrigin"},
    {0x60000060, "CS", false, "OverlayCompressionCode"},
    {0x60000100, "US", false, "OverlayBitsAllocated"},
    {0x60000102, "US", false, "OverlayBitPosition"},
    {0x60000110, "CS", false, "OverlayFormat"},
    {0x60000200, "US", false, "OverlayLocation"},
    {0x60001001, "CS", false, "OverlayActivationLayer"},
    {0x60001100, "US", false, "OverlayDescriptorGray"},
    {0x60001101, "US", false, "OverlayDescriptorRed"},
    {0x60001102, "US", false, "OverlayDescriptorGreen"},
    {0x60001103, "US", false, "OverlayDescriptorBlue"},
    {0x60001200, "US", true, "OverlaysGray"},
    {0x60001201, "US", true, "OverlaysRed"},
    {0x60001202, "US", true, "OverlaysGreen"},
    {0x60001203, "US", true, "OverlaysBlue"},
    {0x60001301, "IS", false, "ROIArea"},
    {0x60001302, "DS", false, "ROIMean"},
    {0x60001303, "DS", false, "ROIStandardDeviation"},
    {0x60001500, "LO", false, "OverlayLabel"},
    {0x60003000, "OW", false, "OverlayData"},
    {0x60004000, "LT", false, "OverlayComments"},
};

static int by_tag(const void *key, const void *entry)
{
	uint32_t a = *(const uint32_t *)key, b = ((const struct dict_entry *)entry)->tag;

	return (a > b) - (a < b);
}

static const struct dict_entry *find(uint32_t tag)
{
	uint32_t group = tag >> 16, family = tag & 0xFF00FFFF;

	if (group % 2 == 0 && (group & 0xFF00) == 0x5000)
		return bsearch(&family, curves, sizeof(curves) / sizeof(*curves), sizeof(*curves), by_tag);
	if (group % 2 == 0 && (group & 0xFF00) == 0x6000)
		return bsearch(&family, overlays, sizeof(overlays) / sizeof(*overlays), sizeof(*overlays), by_tag);
	if (dict_table.n == 0)
		return NULL;
	return bsearch(&tag, dict_table.by_tag, dict_table.n, sizeof(*dict_table.by_tag), by_tag);
}

const char *dict_vr(uint32_t tag)
{
	uint32_t group = tag >> 16, element = tag & 0xFFFF;
	const struct dict_entry *d;

	if (element == 0)
		return "UL";
	if (group % 2 == 1)
		return element >= 0x10 && element <= 0xFF ? "LO" : "UN";
	d = find(tag);
	return d ? d->vr : "UN";
}

const char *dict_keyword(uint32_t tag)
{
	const struct dict_entry *d = (tag >> 16) % 2 ? NULL : find(tag);

	return d ? d->keyword : "";
}

bool dict_many(uint32_t tag)
{
	const struct dict_entry *d = (tag >> 16) % 2 ? NULL : find(tag);

	return d && d->many;
}

/* "00100010", "0010,0010" or "(0010,0010)"; -1 when text is none of these. */
static int parse_numbers(const char *text, uint32_t *tag)
{
	bool brackets = *text == '(';
	uint32_t v = 0;

	text += brackets;
	for (unsigned i = 0; i < 8; i++, text++) {
		if (i == 4 && *text == ',')
			text++;
		if (!isxdigit((unsigned char)*text))
			return -1;
		v = v << 4 | (uint32_t)(isdigit((unsigned char)*text) ? *text - '0' : (*text | 0x20) - 'a' + 10);
	}
	if (brackets && *text++ != ')')
		return -1;
	if (*text)
		return -1;
	*tag = v;
	return 0;
}

static int by_keyword(const void *key, const void *entry)
{
	return strcmp(key, (*(struct dict_entry *const *)entry)->keyword);
}

int dict_tag(const char *text, uint32_t *tag, struct err *e)
{
	struct dict_entry **d = NULL;

	if (parse_numbers(text, tag) == 0)
		return 0;
	if (dict_table.n > 0)
		d = bsearch(text, dict_table.by_keyword, dict_table.n, sizeof(struct dict_entry *), by_keyword);
	if (!d)
		return err_set(e, E_NOENT, "no attribute is called \"%.80s\"", text);
	*tag = (*d)->tag;
	return 0;
}

/* ---- value representations */

#define VR(a, b) (a << 8 | b)

static unsigned vr_code(const char *vr)
{
	return vr[0] && vr[1] && !vr[2] ? VR((unsigned)(unsigned char)vr[0], (unsigned)(unsigned char)vr[1]) : 0;
}

bool vr_is_text(const char *vr)
{
	switch (vr_code(vr)) {
	case VR('L', 'O'):
	case VR('L', 'T'):
	case VR('P', 'N'):
	case VR('S', 'H'):
	case VR('S', 'T'):
	case VR('U', 'C'):
	case VR('U', 'T'):
		return true;
	default:
		return false;
	}
}

bool vr_is_string(const char *vr)
{
	switch (vr_code(vr)) {
	case VR('A', 'E'):
	case VR('A', 'S'):
	case VR('C', 'S'):
	case VR('D', 'A'):
	case VR('D', 'S'):
	case VR('D', 'T'):
	case VR('I', 'S'):
	case VR('T', 'M'):
	case VR('U', 'I'):
	case VR('U', 'R'):
		return true;
	default:
		return vr_is_text(vr);
	}
}

bool vr_is_long(const char *vr)
{
	switch (vr_code(vr)) {
	case VR('O', 'B'):
	case VR('O', 'D'):
	case VR('O', 'F'):
	case VR('O', 'L'):
	case VR('O', 'V'):
	case VR('O', 'W'):
	case VR('S', 'Q'):
	case VR('S', 'V'):
	case VR('U', 'C'):
	case VR('U', 'N'):
	case VR('U', 'R'):
	case VR('U', 'T'):
	case VR('U', 'V'):
		return true;
	default:
		return false;
	}
}
