/* The UIDs of dict.h: transfer syntaxes, storage classes, names (PS3.6 annex A, PS3.4 B.5 and GG.3). */
#include "dicom/dict.h"
#include "dicom/dict_table.h"
#include <stdlib.h>
#include <string.h>

#define ROOT "1.2.840.10008."
#define STORAGE_ROOT ROOT "5.1.4.1.1."

struct storage_table storage_table;

const struct uid_entry storage_more[] = {
    {STORAGE_ROOT "2.3", "CT Image Storage - For Processing"},
    {STORAGE_ROOT "2.4", "Enhanced CT Image Storage - For Processing"},
    {STORAGE_ROOT "2.5", "Legacy Converted Enhanced CT Image Storage - For Processing"},
    {STORAGE_ROOT "6.3", "Photoacoustic Image Storage"},
    {STORAGE_ROOT "9.1.4", "General 32-bit ECG Waveform Storage"},
    {STORAGE_ROOT "9.100.1", "Waveform Presentation State Storage"},
    {STORAGE_ROOT "9.100.2", "Waveform Acquisition Presentation State Storage"},
    {STORAGE_ROOT "11.12", "Variable Modality LUT Softcopy Presentation State Storage"},
    {STORAGE_ROOT "66.7", "Label Map Segmentation Storage"},
    {STORAGE_ROOT "66.8", "Height Map Segmentation Storage"},
    {STORAGE_ROOT "77.1.7", "Dermoscopic Photography Image Storage"},
    {STORAGE_ROOT "77.1.8", "Confocal Microscopy Image Storage"},
    {STORAGE_ROOT "77.1.9", "Confocal Microscopy Tiled Pyramidal Image Storage"},
    {STORAGE_ROOT "88.77", "Waveform Annotation SR Storage"},
    {STORAGE_ROOT "201.1", "Inventory Storage"},
    {STORAGE_ROOT "481.16", "RT Radiation Record Set Storage"},
    {STORAGE_ROOT "481.17", "RT Radiation Salvage Record Storage"},
    {STORAGE_ROOT "481.18", "Tomotherapeutic Radiation Record Storage"},
    {STORAGE_ROOT "481.19", "C-Arm Photon-Electron Radiation Record Storage"},
    {STORAGE_ROOT "481.20", "Robotic Radiation Record Storage"},
    {STORAGE_ROOT "481.21", "RT Radiation Set Delivery Instruction Storage"},
    {STORAGE_ROOT "481.22", "RT Treatment Preparation Storage"},
    {STORAGE_ROOT "481.23", "Enhanced RT Image Storage"},
    {STORAGE_ROOT "481.24", "Enhanced Continuous RT Image Storage"},
    {STORAGE_ROOT "481.25", "RT Patient Position Acquisition Instruction Storage"},
    {STORAGE_ROOT "601.1", "Eddy Current Image Storage (DICONDE)"},
    {STORAGE_ROOT "601.2", "Eddy Current Multi-frame Image Storage (DICONDE)"},
    {STORAGE_ROOT "601.3", "Thermography Image Storage (DICONDE)"},
    {STORAGE_ROOT "601.4", "Thermography Multi-frame Image Storage (DICONDE)"},
    {STORAGE_ROOT "601.5", "Ultrasound Waveform Storage (DICONDE)"},
    {ROOT "5.1.4.34.1", "RT Beams Delivery Instruction Storage (draft)"},
    {ROOT "5.1.4.34.7", "RT Beams Delivery Instruction Storage"},
    {ROOT "5.1.4.34.10", "RT Brachy Application Setup Delivery Instruction Storage"},
    {ROOT "5.1.4.38.1", "Hanging Protocol Storage"},
    {ROOT "5.1.4.39.1", "Color Palette Storage"},
    {ROOT "5.1.4.43.1", "Generic Implant Template Storage"},
    {ROOT "5.1.4.44.1", "Implant Assembly Template Storage"},
    {ROOT "5.1.4.45.1", "Implant Template Group Storage"},
    {ROOT "5.1.1.27", "Stored Print Storage (retired)"},
    {ROOT "5.1.1.29", "Hardcopy Grayscale Image Storage (retired)"},
    {ROOT "5.1.1.30", "Hardcopy Color Image Storage (retired)"},
    {NULL, NULL},
};

/* Below the storage root, yet services and not objects: protocol approval and inventory queries. */
static const char *const storage_not[] = {
    STORAGE_ROOT "200.4", STORAGE_ROOT "200.5", STORAGE_ROOT "200.6", STORAGE_ROOT "201.2",   STORAGE_ROOT "201.3",
    STORAGE_ROOT "201.4", STORAGE_ROOT "201.5", STORAGE_ROOT "201.6", STORAGE_ROOT "201.1.1",
};

enum { NATIVE = 1, NO_OBJECT = 2 };

/* NO_OBJECT: a live stream, a mail or an XML text; no data set is ever stored in one. */
static const struct syntax {
	const char *uid, *name;
	unsigned is;
} syntaxes[] = {
    {UID_IMPLICIT_LE, "Implicit VR Little Endian", NATIVE},
    {UID_EXPLICIT_LE, "Explicit VR Little Endian", NATIVE},
    {UID_DEFLATED_LE, "Deflated Explicit VR Little Endian", NATIVE},
    {UID_EXPLICIT_BE, "Explicit VR Big Endian (retired)", NATIVE},
    {ROOT "1.2.1.98", "Encapsulated Uncompressed Explicit VR Little Endian", 0},
    {ROOT "1.2.4.50", "JPEG Baseline (Process 1)", 0},
    {ROOT "1.2.4.51", "JPEG Extended (Processes 2 and 4)", 0},
    {ROOT "1.2.4.52", "JPEG Extended (Processes 3 and 5, retired)", 0},
    {ROOT "1.2.4.53", "JPEG Spectral Selection (Processes 6 and 8, retired)", 0},
    {ROOT "1.2.4.54", "JPEG Spectral Selection (Processes 7 and 9, retired)", 0},
    {ROOT "1.2.4.55", "JPEG Full Progression (Processes 10 and 12, retired)", 0},
    {ROOT "1.2.4.56", "JPEG Full Progression (Processes 11 and 13, retired)", 0},
    {ROOT "1.2.4.57", "JPEG Lossless (Process 14)", 0},
    {ROOT "1.2.4.58", "JPEG Lossless (Process 15, retired)", 0},
    {ROOT "1.2.4.59", "JPEG Extended, Hierarchical (Processes 16 and 18, retired)", 0},
    {ROOT "1.2.4.60", "JPEG Extended, Hierarchical (Processes 17 and 19, retired)", 0},
    {ROOT "1.2.4.61", "JPEG Spectral Selection, Hierarchical (Processes 20 and 22, retired)", 0},
    {ROOT "1.2.4.62", "JPEG Spectral Selection, Hierarchical (Processes 21 and 23, retired)", 0},
    {ROOT "1.2.4.63", "JPEG Full Progression, Hierarchical (Processes 24 and 26, retired)", 0},
    {ROOT "1.2.4.64", "JPEG Full Progression, Hierarchical (Processes 25 and 27, retired)", 0},
    {ROOT "1.2.4.65", "JPEG Lossless, Hierarchical (Process 28, retired)", 0},
    {ROOT "1.2.4.66", "JPEG Lossless, Hierarchical (Process 29, retired)", 0},
    {ROOT "1.2.4.70", "JPEG Lossless, First-Order Prediction (Process 14, Selection Value 1)", 0},
    {ROOT "1.2.4.80", "JPEG-LS Lossless", 0},
    {ROOT "1.2.4.81", "JPEG-LS Near-Lossless", 0},
    {ROOT "1.2.4.90", "JPEG 2000 (Lossless Only)", 0},
    {ROOT "1.2.4.91", "JPEG 2000", 0},
    {ROOT "1.2.4.92", "JPEG 2000 Part 2 Multi-component (Lossless Only)", 0},
    {ROOT "1.2.4.93", "JPEG 2000 Part 2 Multi-component", 0},
    {ROOT "1.2.4.94", "JPIP Referenced", 0},
    {ROOT "1.2.4.95", "JPIP Referenced Deflate", 0},
    {ROOT "1.2.4.100", "MPEG2 Main Profile / Main Level", 0},
    {ROOT "1.2.4.100.1", "Fragmentable MPEG2 Main Profile / Main Level", 0},
    {ROOT "1.2.4.101", "MPEG2 Main Profile / High Level", 0},
    {ROOT "1.2.4.101.1", "Fragmentable MPEG2 Main Profile / High Level", 0},
    {ROOT "1.2.4.102", "MPEG-4 AVC/H.264 High Profile / Level 4.1", 0},
    {ROOT "1.2.4.102.1", "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.1", 0},
    {ROOT "1.2.4.103", "MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1", 0},
    {ROOT "1.2.4.103.1", "Fragmentable MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1", 0},
    {ROOT "1.2.4.104", "MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video", 0},
    {ROOT "1.2.4.104.1", "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video", 0},
    {ROOT "1.2.4.105", "MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video", 0},
    {ROOT "1.2.4.105.1", "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video", 0},
    {ROOT "1.2.4.106", "MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2", 0},
    {ROOT "1.2.4.106.1", "Fragmentable MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2", 0},
    {ROOT "1.2.4.107", "HEVC/H.265 Main Profile / Level 5.1", 0},
    {ROOT "1.2.4.108", "HEVC/H.265 Main 10 Profile / Level 5.1", 0},
    {ROOT "1.2.4.110", "JPEG XL Lossless", 0},
    {ROOT "1.2.4.111", "JPEG XL JPEG Recompression", 0},
    {ROOT "1.2.4.112", "JPEG XL", 0},
    {ROOT "1.2.4.201", "High-Throughput JPEG 2000 (Lossless Only)", 0},
    {ROOT "1.2.4.202", "High-Throughput JPEG 2000 with RPCL Options (Lossless Only)", 0},
    {ROOT "1.2.4.203", "High-Throughput JPEG 2000", 0},
    {ROOT "1.2.4.204", "JPIP HTJ2K Referenced", 0},
    {ROOT "1.2.4.205", "JPIP HTJ2K Referenced Deflate", 0},
    {ROOT "1.2.5", "RLE Lossless", 0},
    {ROOT "1.2.6.1", "RFC 2557 MIME Encapsulation (retired)", NO_OBJECT},
    {ROOT "1.2.6.2", "XML Encoding (retired)", NO_OBJECT},
    {ROOT "1.2.7.1", "SMPTE ST 2110-20 Uncompressed Progressive Active Video", NO_OBJECT},
    {ROOT "1.2.7.2", "SMPTE ST 2110-20 Uncompressed Interlaced Active Video", NO_OBJECT},
    {ROOT "1.2.7.3", "SMPTE ST 2110-30 PCM Digital Audio", NO_OBJECT},
    {ROOT "1.2.8.1", "Deflated Image Frame Compression", 0},
};

static const struct uid_entry others[] = {
    {UID_VERIFICATION, "Verification"},
    {ROOT "1.3.10", "Media Storage Directory Storage"},
    {ROOT "1.20.1", "Storage Commitment Push Model"},
    {ROOT "3.1.1.1", "DICOM Application Context"},
    {ROOT "3.1.2.3.3", "Modality Performed Procedure Step"},
    {UID_FIND_PATIENT, "Patient Root Query/Retrieve - FIND"},
    {UID_MOVE_PATIENT, "Patient Root Query/Retrieve - MOVE"},
    {UID_GET_PATIENT, "Patient Root Query/Retrieve - GET"},
    {UID_FIND_STUDY, "Study Root Query/Retrieve - FIND"},
    {UID_MOVE_STUDY, "Study Root Query/Retrieve - MOVE"},
    {UID_GET_STUDY, "Study Root Query/Retrieve - GET"},
    {ROOT "5.1.4.31", "Modality Worklist - FIND"},
    {ROOT "5.1.4.33", "Instance Availability Notification"},
    {ROOT "5.1.4.34.6.1", "Unified Procedure Step - Push"},
    {ROOT "5.1.4.34.6.2", "Unified Procedure Step - Watch"},
    {ROOT "5.1.4.34.6.3", "Unified Procedure Step - Pull"},
    {ROOT "5.1.4.34.6.4", "Unified Procedure Step - Event"},
    {ROOT "5.1.4.34.6.5", "Unified Procedure Step - Query"},
};

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static int by_uid(const void *key, const void *entry)
{
	return strcmp(key, ((const struct uid_entry *)entry)->uid);
}

static const struct uid_entry *find_storage(const char *uid)
{
	if (storage_table.n == 0)
		return NULL;
	return bsearch(uid, storage_table.v, storage_table.n, sizeof(*storage_table.v), by_uid);
}

static const struct syntax *find_syntax(const char *uid)
{
	for (size_t i = 0; i < COUNT(syntaxes); i++)
		if (!strcmp(uid, syntaxes[i].uid))
			return &syntaxes[i];
	return NULL;
}

bool uid_is_standard(const char *uid)
{
	return !strncmp(uid, ROOT, strlen(ROOT));
}

bool uid_is_storage(const char *uid)
{
	size_t n = strlen(STORAGE_ROOT);

	for (size_t i = 0; i < COUNT(storage_not); i++)
		if (!strcmp(uid, storage_not[i]))
			return false;
	if (find_storage(uid))
		return true;
	for (const struct uid_entry *u = storage_more; u->uid; u++)
		if (!strcmp(uid, u->uid))
			return true;
	/* What the standard adds next stands below the same root. */
	return !strncmp(uid, STORAGE_ROOT, n) && uid[n] >= '0' && uid[n] <= '9' && uid_sane(uid, strlen(uid));
}

bool uid_is_syntax(const char *uid)
{
	const struct syntax *s = find_syntax(uid);

	return s && s->is != NO_OBJECT;
}

bool uid_is_encapsulated(const char *syntax)
{
	const struct syntax *s = find_syntax(syntax);

	return !s || s->is != NATIVE;
}

bool uid_is_deflated(const char *syntax)
{
	static const char *const deflated[] = {UID_DEFLATED_LE, ROOT "1.2.4.95", ROOT "1.2.4.205"};

	for (size_t i = 0; i < COUNT(deflated); i++)
		if (!strcmp(syntax, deflated[i]))
			return true;
	return false;
}

const char *uid_name(const char *uid)
{
	const struct uid_entry *u = find_storage(uid);
	const struct syntax *s;

	if (u)
		return u->name;
	if ((s = find_syntax(uid)))
		return s->name;
	for (size_t i = 0; i < COUNT(others); i++)
		if (!strcmp(uid, others[i].uid))
			return others[i].name;
	return uid;
}

bool uid_sane(const char *uid, size_t n)
{
	if (n < 1 || n > 64 || uid[0] == '.')
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = uid[i];

		if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' ||
		      c == '_' || c == '-'))
			return false;
	}
	return true;
}

const char *uid_storage(unsigned n)
{
	return n < storage_table.n ? storage_table.v[n].uid : NULL;
}

const char *uid_syntax(unsigned n)
{
	return n < COUNT(syntaxes) ? syntaxes[n].uid : NULL;
}

const char *uid_other(unsigned n)
{
	return n < COUNT(others) ? others[n].uid : NULL;
}
