/* archive/attr.c - see attr.h. */
#include "archive/attr.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define A(g, e, vr, level, from, code)                                                                                 \
	{                                                                                                              \
		TAG(g, e), vr, LEVEL_##level, ATTR_##from, code, NULL                                                  \
	}
/* clang-format off */
static const struct attr table[] = { /* sorted by tag; PS3.4 C.6.1.1, C.6.2.1 and what workstations ask for */
	A(0x0008, 0x0008, "CS", IMAGE, KEPT, 139),                     /* ImageType */
	A(0x0008, 0x0012, "DA", IMAGE, KEPT, 156),                     /* InstanceCreationDate */
	A(0x0008, 0x0013, "TM", IMAGE, KEPT, 157),                     /* InstanceCreationTime */
	A(0x0008, 0x0016, "UI", IMAGE, SOP_CLASS, 0),                  /* SOPClassUID */
	A(0x0008, 0x0018, "UI", IMAGE, SOP_UID, 0),                    /* SOPInstanceUID */
	A(0x0008, 0x0020, "DA", STUDY, KEPT, 32),                      /* StudyDate */
	A(0x0008, 0x0021, "DA", SERIES, KEPT, 75),                     /* SeriesDate */
	A(0x0008, 0x0022, "DA", IMAGE, KEPT, 131),                     /* AcquisitionDate */
	A(0x0008, 0x0023, "DA", IMAGE, KEPT, 129),                     /* ContentDate */
	A(0x0008, 0x002A, "DT", IMAGE, KEPT, 134),                     /* AcquisitionDateTime */
	A(0x0008, 0x0030, "TM", STUDY, KEPT, 33),                      /* StudyTime */
	A(0x0008, 0x0031, "TM", SERIES, KEPT, 76),                     /* SeriesTime */
	A(0x0008, 0x0032, "TM", IMAGE, KEPT, 132),                     /* AcquisitionTime */
	A(0x0008, 0x0033, "TM", IMAGE, KEPT, 130),                     /* ContentTime */
	A(0x0008, 0x0050, "SH", STUDY, KEPT, 34),                      /* AccessionNumber */
	A(0x0008, 0x0051, "SQ", STUDY, KEPT, 162),                     /* IssuerOfAccessionNumberSequence */
	A(0x0008, 0x0060, "CS", SERIES, KEPT, 72),                     /* Modality */
	A(0x0008, 0x0061, "CS", STUDY, MODALITIES, 0),                 /* ModalitiesInStudy */
	A(0x0008, 0x0062, "UI", STUDY, CLASSES, 0),                    /* SOPClassesInStudy */
	A(0x0008, 0x0064, "CS", SERIES, KEPT, 101),                    /* ConversionType */
	A(0x0008, 0x0070, "LO", SERIES, KEPT, 86),                     /* Manufacturer */
	A(0x0008, 0x0080, "LO", SERIES, KEPT, 83),                     /* InstitutionName */
	A(0x0008, 0x0081, "ST", SERIES, KEPT, 84),                     /* InstitutionAddress */
	A(0x0008, 0x0090, "PN", STUDY, KEPT, 37),                      /* ReferringPhysicianName */
	A(0x0008, 0x0096, "SQ", STUDY, KEPT, 167),                     /* ReferringPhysicianIdentificationSequence */
	A(0x0008, 0x0201, "SH", STUDY, KEPT, 54),                      /* TimezoneOffsetFromUTC */
	A(0x0008, 0x1010, "SH", SERIES, KEPT, 82),                     /* StationName */
	A(0x0008, 0x1030, "LO", STUDY, KEPT, 36),                      /* StudyDescription */
	A(0x0008, 0x1032, "SQ", STUDY, KEPT, 163),                     /* ProcedureCodeSequence */
	A(0x0008, 0x103E, "LO", SERIES, KEPT, 74),                     /* SeriesDescription */
	A(0x0008, 0x103F, "SQ", SERIES, KEPT, 170),                    /* SeriesDescriptionCodeSequence */
	A(0x0008, 0x1040, "LO", SERIES, KEPT, 85),                     /* InstitutionalDepartmentName */
	A(0x0008, 0x1048, "PN", STUDY, KEPT, 39),                      /* PhysiciansOfRecord */
	A(0x0008, 0x1050, "PN", SERIES, KEPT, 80),                     /* PerformingPhysicianName */
	A(0x0008, 0x1060, "PN", STUDY, KEPT, 38),                      /* NameOfPhysiciansReadingStudy */
	A(0x0008, 0x1070, "PN", SERIES, KEPT, 81),                     /* OperatorsName */
	A(0x0008, 0x1080, "LO", STUDY, KEPT, 40),                      /* AdmittingDiagnosesDescription */
	A(0x0008, 0x1084, "SQ", STUDY, KEPT, 164),                     /* AdmittingDiagnosesCodeSequence */
	A(0x0008, 0x1090, "LO", SERIES, KEPT, 87),                     /* ManufacturerModelName */
	A(0x0008, 0x1110, "SQ", STUDY, KEPT, 165),                     /* ReferencedStudySequence */
	A(0x0008, 0x1111, "SQ", SERIES, KEPT, 171),                    /* ReferencedPerformedProcedureStepSequence */
	A(0x0008, 0x2218, "SQ", SERIES, KEPT, 172),                    /* AnatomicRegionSequence */
	A(0x0010, 0x0010, "PN", PATIENT, KEPT, 1),                     /* PatientName */
	A(0x0010, 0x0020, "LO", PATIENT, KEPT, 2),                     /* PatientID */
	A(0x0010, 0x0021, "LO", PATIENT, KEPT, 3),                     /* IssuerOfPatientID */
	A(0x0010, 0x0022, "CS", PATIENT, KEPT, 11),                    /* TypeOfPatientID */
	A(0x0010, 0x0024, "SQ", PATIENT, KEPT, 160),                   /* IssuerOfPatientIDQualifiersSequence */
	A(0x0010, 0x0030, "DA", PATIENT, KEPT, 4),                     /* PatientBirthDate */
	A(0x0010, 0x0032, "TM", PATIENT, KEPT, 5),                     /* PatientBirthTime */
	A(0x0010, 0x0040, "CS", PATIENT, KEPT, 6),                     /* PatientSex */
	A(0x0010, 0x1000, "LO", PATIENT, KEPT, 7),                     /* OtherPatientIDs */
	A(0x0010, 0x1001, "PN", PATIENT, KEPT, 8),                     /* OtherPatientNames */
	A(0x0010, 0x1002, "SQ", PATIENT, KEPT, 161),                   /* OtherPatientIDsSequence */
	A(0x0010, 0x1005, "PN", PATIENT, KEPT, 16),                    /* PatientBirthName */
	A(0x0010, 0x1010, "AS", STUDY, KEPT, 41),                      /* PatientAge */
	A(0x0010, 0x1020, "DS", STUDY, KEPT, 42),                      /* PatientSize */
	A(0x0010, 0x1030, "DS", STUDY, KEPT, 43),                      /* PatientWeight */
	A(0x0010, 0x2000, "LO", STUDY, KEPT, 46),                      /* MedicalAlerts */
	A(0x0010, 0x2110, "LO", STUDY, KEPT, 47),                      /* Allergies */
	A(0x0010, 0x2154, "SH", PATIENT, KEPT, 17),                    /* PatientTelephoneNumbers */
	A(0x0010, 0x2160, "SH", PATIENT, KEPT, 9),                     /* EthnicGroup */
	A(0x0010, 0x2180, "SH", STUDY, KEPT, 44),                      /* Occupation */
	A(0x0010, 0x21B0, "LT", STUDY, KEPT, 45),                      /* AdditionalPatientHistory */
	A(0x0010, 0x21C0, "US", STUDY, KEPT, 48),                      /* PregnancyStatus */
	A(0x0010, 0x2201, "LO", PATIENT, KEPT, 12),                    /* PatientSpeciesDescription */
	A(0x0010, 0x2292, "LO", PATIENT, KEPT, 13),                    /* PatientBreedDescription */
	A(0x0010, 0x2297, "PN", PATIENT, KEPT, 14),                    /* ResponsiblePerson */
	A(0x0010, 0x4000, "LT", PATIENT, KEPT, 10),                    /* PatientComments */
	A(0x0012, 0x0062, "CS", PATIENT, KEPT, 15),                    /* PatientIdentityRemoved */
	A(0x0018, 0x0010, "LO", SERIES, KEPT, 99),                     /* ContrastBolusAgent */
	A(0x0018, 0x0015, "CS", SERIES, KEPT, 77),                     /* BodyPartExamined */
	A(0x0018, 0x0050, "DS", SERIES, KEPT, 102),                    /* SliceThickness */
	A(0x0018, 0x1000, "LO", SERIES, KEPT, 88),                     /* DeviceSerialNumber */
	A(0x0018, 0x1020, "LO", SERIES, KEPT, 89),                     /* SoftwareVersions */
	A(0x0018, 0x1030, "LO", SERIES, KEPT, 79),                     /* ProtocolName */
	A(0x0018, 0x1400, "LO", SERIES, KEPT, 100),                    /* AcquisitionDeviceProcessingDescription */
	A(0x0018, 0x5100, "CS", SERIES, KEPT, 97),                     /* PatientPosition */
	A(0x0018, 0x5101, "CS", SERIES, KEPT, 105),                    /* ViewPosition */
	A(0x0020, 0x000D, "UI", STUDY, STUDY_UID, 0),                  /* StudyInstanceUID */
	A(0x0020, 0x000E, "UI", SERIES, SERIES_UID, 0),                /* SeriesInstanceUID */
	A(0x0020, 0x0010, "SH", STUDY, KEPT, 35),                      /* StudyID */
	A(0x0020, 0x0011, "IS", SERIES, KEPT, 73),                     /* SeriesNumber */
	A(0x0020, 0x0012, "IS", IMAGE, KEPT, 133),                     /* AcquisitionNumber */
	A(0x0020, 0x0013, "IS", IMAGE, KEPT, 128),                     /* InstanceNumber */
	A(0x0020, 0x0032, "DS", IMAGE, KEPT, 159),                     /* ImagePositionPatient */
	A(0x0020, 0x0052, "UI", SERIES, KEPT, 96),                     /* FrameOfReferenceUID */
	A(0x0020, 0x0060, "CS", SERIES, KEPT, 78),                     /* Laterality */
	A(0x0020, 0x0062, "CS", IMAGE, KEPT, 155),                     /* ImageLaterality */
	A(0x0020, 0x0200, "UI", SERIES, KEPT, 103),                    /* SynchronizationFrameOfReferenceUID */
	A(0x0020, 0x1040, "LO", SERIES, KEPT, 98),                     /* PositionReferenceIndicator */
	A(0x0020, 0x1041, "DS", IMAGE, KEPT, 142),                     /* SliceLocation */
	A(0x0020, 0x1200, "IS", PATIENT, COUNT, 0),                    /* NumberOfPatientRelatedStudies */
	A(0x0020, 0x1202, "IS", PATIENT, COUNT, 0),                    /* NumberOfPatientRelatedSeries */
	A(0x0020, 0x1204, "IS", PATIENT, COUNT, 0),                    /* NumberOfPatientRelatedInstances */
	A(0x0020, 0x1206, "IS", STUDY, COUNT, 0),                      /* NumberOfStudyRelatedSeries */
	A(0x0020, 0x1208, "IS", STUDY, COUNT, 0),                      /* NumberOfStudyRelatedInstances */
	A(0x0020, 0x1209, "IS", SERIES, COUNT, 0),                     /* NumberOfSeriesRelatedInstances */
	A(0x0020, 0x4000, "LT", IMAGE, KEPT, 143),                     /* ImageComments */
	A(0x0028, 0x0002, "US", IMAGE, KEPT, 141),                     /* SamplesPerPixel */
	A(0x0028, 0x0004, "CS", IMAGE, KEPT, 140),                     /* PhotometricInterpretation */
	A(0x0028, 0x0008, "IS", IMAGE, KEPT, 138),                     /* NumberOfFrames */
	A(0x0028, 0x0010, "US", IMAGE, KEPT, 135),                     /* Rows */
	A(0x0028, 0x0011, "US", IMAGE, KEPT, 136),                     /* Columns */
	A(0x0028, 0x0100, "US", IMAGE, KEPT, 137),                     /* BitsAllocated */
	A(0x0028, 0x0301, "CS", IMAGE, KEPT, 158),                     /* BurnedInAnnotation */
	A(0x0028, 0x2110, "CS", IMAGE, KEPT, 154),                     /* LossyImageCompression */
	A(0x0032, 0x000A, "CS", STUDY, KEPT, 55),                      /* StudyStatusID */
	A(0x0032, 0x1032, "PN", STUDY, KEPT, 50),                      /* RequestingPhysician */
	A(0x0032, 0x1033, "LO", STUDY, KEPT, 51),                      /* RequestingService */
	A(0x0032, 0x1060, "LO", STUDY, KEPT, 49),                      /* RequestedProcedureDescription */
	A(0x0032, 0x1064, "SQ", STUDY, KEPT, 166),                     /* RequestedProcedureCodeSequence */
	A(0x0032, 0x4000, "LT", STUDY, KEPT, 52),                      /* StudyComments */
	A(0x0038, 0x0010, "LO", STUDY, KEPT, 53),                      /* AdmissionID */
	A(0x0040, 0x0244, "DA", SERIES, KEPT, 90),                     /* PerformedProcedureStepStartDate */
	A(0x0040, 0x0245, "TM", SERIES, KEPT, 91),                     /* PerformedProcedureStepStartTime */
	A(0x0040, 0x0250, "DA", SERIES, KEPT, 92),                     /* PerformedProcedureStepEndDate */
	A(0x0040, 0x0251, "TM", SERIES, KEPT, 93),                     /* PerformedProcedureStepEndTime */
	A(0x0040, 0x0253, "SH", SERIES, KEPT, 94),                     /* PerformedProcedureStepID */
	A(0x0040, 0x0254, "LO", SERIES, KEPT, 95),                     /* PerformedProcedureStepDescription */
	A(0x0040, 0x0260, "SQ", SERIES, KEPT, 173),                    /* PerformedProtocolCodeSequence */
	A(0x0040, 0x0275, "SQ", SERIES, KEPT, 174),                    /* RequestAttributesSequence */
	A(0x0040, 0x0512, "LO", SERIES, KEPT, 104),                    /* ContainerIdentifier */
	A(0x0040, 0x0560, "SQ", IMAGE, KEPT, 180),                     /* SpecimenDescriptionSequence */
	A(0x0040, 0xA043, "SQ", IMAGE, KEPT, 181),                     /* ConceptNameCodeSequence */
	A(0x0040, 0xA073, "SQ", IMAGE, KEPT, 182),                     /* VerifyingObserverSequence */
	A(0x0040, 0xA370, "SQ", IMAGE, KEPT, 183),                     /* ReferencedRequestSequence */
	A(0x0040, 0xA491, "CS", IMAGE, KEPT, 149),                     /* CompletionFlag */
	A(0x0040, 0xA493, "CS", IMAGE, KEPT, 150),                     /* VerificationFlag */
	A(0x0042, 0x0010, "ST", IMAGE, KEPT, 151),                     /* DocumentTitle */
	A(0x0048, 0x0006, "UL", IMAGE, KEPT, 152),                     /* TotalPixelMatrixColumns */
	A(0x0048, 0x0007, "UL", IMAGE, KEPT, 153),                     /* TotalPixelMatrixRows */
	A(0x0070, 0x0080, "CS", IMAGE, KEPT, 144),                     /* ContentLabel */
	A(0x0070, 0x0081, "LO", IMAGE, KEPT, 145),                     /* ContentDescription */
	A(0x0070, 0x0082, "DA", IMAGE, KEPT, 147),                     /* PresentationCreationDate */
	A(0x0070, 0x0083, "TM", IMAGE, KEPT, 148),                     /* PresentationCreationTime */
	A(0x0070, 0x0084, "PN", IMAGE, KEPT, 146),                     /* ContentCreatorName */
};
/* clang-format on */
#define N_TABLE (sizeof(table) / sizeof(table[0]))
_Static_assert(N_TABLE <= ATTR_MOST, "ATTR_MOST must hold the table");

const struct attr *attr_at(unsigned n)
{
	return n < N_TABLE ? &table[n] : NULL;
}

const struct attr *attr_find(uint32_t tag)
{
	size_t low = 0, high = N_TABLE;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (table[mid].tag == tag)
			return &table[mid];
		if (table[mid].tag < tag)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

int attr_put(struct buf *out, uint8_t code, const char *text, size_t n, struct err *e)
{
	uint8_t head[1 + 10] = {code};
	size_t len = 1, rest = n;

	if (n == 0)
		return 0;
	do {
		head[len++] = (uint8_t)((rest & 0x7F) | (rest > 0x7F ? 0x80 : 0));
		rest >>= 7;
	} while (rest > 0);
	if (buf_put(out, head, len, e) < 0 || buf_put(out, text, n, e) < 0)
		return e ? -(int)e->code : -E_NOMEM;
	return 0;
}

/* The entry of a code that comes behind `skip` others of it. */
static bool entry(const void *attrs, size_t len, uint8_t code, unsigned skip, const char **text, size_t *n)
{
	const uint8_t *p = attrs, *end;

	*text = "";
	*n = 0;
	if (len == 0) /* attrs may be NULL then */
		return false;
	end = p + len;
	while (p < end) {
		uint8_t found = *p++;
		size_t size = 0;
		unsigned shift = 0;

		do {
			if (p == end || shift > 28)
				return false;
			size |= (size_t)(*p & 0x7F) << shift;
			shift += 7;
		} while (*p++ & 0x80);
		if (size > (size_t)(end - p))
			return false;
		if (found == code && skip-- == 0) {
			*text = (const char *)p;
			*n = size;
			return true;
		}
		p += size;
	}
	return false;
}

bool attr_get(const void *attrs, size_t len, uint8_t code, const char **text, size_t *n)
{
	return entry(attrs, len, code, 0, text, n);
}

bool attr_other(const void *attrs, size_t len, uint8_t code, const char **text, size_t *n)
{
	return entry(attrs, len, code, 1, text, n);
}

/* ---------------------------------------------------------------- binary numbers */

static unsigned width(const char *vr)
{
	switch (vr[1]) {
	case 'S':
		return 2;
	case 'D':
		return 8;
	default:
		return 4;
	}
}

bool attr_is_binary(const char *vr)
{
	static const char known[] = "US SS UL SL FL FD";

	return strstr(known, vr) != NULL;
}

static int one_number(const char *vr, uint64_t bits, struct buf *out, struct err *e)
{
	double d;
	float f;

	if (vr[0] == 'F' && vr[1] == 'D') {
		memcpy(&d, &bits, sizeof d);
		return buf_printf(out, e, "%.17g", d);
	}
	if (vr[0] == 'F') {
		uint32_t low = (uint32_t)bits;

		memcpy(&f, &low, sizeof f);
		return buf_printf(out, e, "%.9g", (double)f);
	}
	if (vr[0] == 'U')
		return buf_printf(out, e, "%" PRIu64, bits);
	return buf_printf(out, e, "%" PRId32, vr[1] == 'L' ? (int32_t)bits : (int32_t)(int16_t)bits);
}

int attr_number_text(const char *vr, const uint8_t *p, size_t n, bool big_endian, struct buf *out, struct err *e)
{
	unsigned size = width(vr);
	int rc = 0;

	for (size_t at = 0; rc >= 0 && at + size <= n; at += size) {
		uint64_t bits = 0;

		for (unsigned i = 0; i < size; i++)
			bits |= (uint64_t)p[at + (big_endian ? size - 1 - i : i)] << (8 * i);
		if (at == 0 || (rc = buf_byte(out, '\\', e)) >= 0)
			rc = one_number(vr, bits, out, e);
	}
	return rc;
}

static uint64_t number_bits(const char *vr, const char *text)
{
	double d = strtod(text, NULL);
	float f = (float)d;
	uint32_t low;
	uint64_t bits;

	if (vr[0] != 'F')
		return (uint64_t)strtoll(text, NULL, 10);
	memcpy(&bits, &d, sizeof bits);
	memcpy(&low, &f, sizeof low);
	return vr[1] == 'D' ? bits : low;
}

int attr_number_bytes(const char *vr, const char *text, size_t n, struct buf *out, struct err *e)
{
	int rc = 0;

	while (n > 0 && rc >= 0) {
		const char *cut = memchr(text, '\\', n);
		size_t len = cut ? (size_t)(cut - text) : n;
		char copy[40] = "";
		uint64_t bits;

		memcpy(copy, text, len < sizeof copy ? len : sizeof copy - 1);
		bits = number_bits(vr, copy);
		for (unsigned i = 0; rc >= 0 && i < width(vr); i++)
			rc = buf_byte(out, (uint8_t)(bits >> (8 * i)), e);
		text += len + (cut ? 1 : 0);
		n -= len + (cut ? 1 : 0);
	}
	return rc;
}
