/* shim/dicomdir.cpp - writes and reads DICOMDIR files (PS3.3 annex F, PS3.11 annex D). */
#include "dcmtk/config/osconfig.h"

#include "dcmtk/dcmdata/dcddirif.h"
#include "dcmtk/dcmdata/dcdeftag.h"
#include "dcmtk/dcmdata/dcfilefo.h"
#include "dcmtk/dcmdata/dcsequen.h"

#include "shim/dataset.hpp"

using namespace shim;

/* Whatever was stored is listed: what the profile asks for is made up where it is missing. */
static void be_lenient(DicomDirInterface &dir)
{
	dir.enableAbortMode(OFFalse);
	dir.enableInventMode(OFTrue);
	dir.enableInventPatientIDMode(OFTrue);
	dir.enableRetiredSOPClassSupport(OFTrue);
	dir.enableMapFilenamesMode(OFTrue);
	dir.disableBackupMode();
	dir.disableEncodingCheck();
	dir.disableResolutionCheck();
	dir.disableTransferSyntaxCheck();
	dir.disableConsistencyCheck();
	dir.disableFileFormatCheck();
}

static int write_dir(const std::string &root, const char *const *ids, size_t n, const char *fileset_id)
{
	DicomDirInterface dir;
	size_t listed = 0;
	std::string refused;

	be_lenient(dir);
	OFCondition cond =
	    dir.createNewDicomDir(DicomDirInterface::AP_GeneralPurpose, (root + "/DICOMDIR").c_str(), fileset_id);
	if (cond.bad())
		return from_condition(cond, "DICOMDIR");
	for (size_t i = 0; i < n; i++) {
		char syntax[65];
		if (!ids[i])
			return fail(SHIM_EINVAL, "file id %zu is NULL", i);
		if (look_over_file((root + "/" + ids[i]).c_str(), syntax) == SHIM_OK &&
		    (cond = dir.addDicomFile(ids[i], root.c_str())).good())
			listed++;
		else if (refused.empty())
			refused = std::string(ids[i]) + ": " + (shim_error()[0] ? shim_error() : cond.text());
		forget();
	}
	cond = dir.writeDicomDir();
	if (cond.bad())
		return from_condition(cond, "DICOMDIR");
	if (!refused.empty())
		note("%zu files have no record, the first is %s", n - listed, refused.c_str());
	return int(listed);
}

extern "C" int shim_dicomdir_write(const char *root, const char *const *file_ids, size_t n, const char *fileset_id)
{
	return guarded([&] {
		if (!root || (!file_ids && n) || n > INT32_MAX)
			return fail(SHIM_EINVAL, "no folder or file ids");
		return write_dir(root, file_ids, n, fileset_id ? fileset_id : "");
	});
}

/* Components joined by '/'; empty when one of them would lead out of the folder. */
static std::string file_id(DcmElement &e)
{
	std::string path;
	OFString value;

	if (e.getOFStringArray(value).bad())
		return "";
	for (size_t at = 0; at <= value.length();) {
		size_t end = value.find('\\', at);
		if (end == OFString_npos)
			end = value.length();
		char part[65];
		copy_trimmed(part, sizeof part, value.c_str() + at, end - at);
		if (!part[0] || std::strlen(part) != std::strcspn(part, "/\n\r") || !std::strcmp(part, ".") ||
		    !std::strcmp(part, ".."))
			return "";
		path += path.empty() ? part : std::string("/") + part;
		at = end + 1;
	}
	return path;
}

static int each(const char *path, int (*seen)(void *arg, const char *file_id), void *arg)
{
	char syntax[65];
	DcmFileFormat file;
	DcmSequenceOfItems *records = nullptr;

	int rc = look_over_file(path, syntax);
	if (rc == SHIM_OK)
		rc = from_condition(file.loadFile(path), "reading a DICOMDIR");
	if (rc < 0)
		return rc;
	if (file.getDataset()->findAndGetSequence(DCM_DirectoryRecordSequence, records).bad() || !records)
		return fail(SHIM_EPARSE, "no directory records");
	for (DcmObject *o = nullptr; (o = records->nextInContainer(o));) {
		DcmElement *e = nullptr;
		auto *record = dynamic_cast<DcmItem *>(o);
		if (!record || record->findAndGetElement(DCM_ReferencedFileID, e).bad() || !e || e->getLength() == 0)
			continue;
		const std::string id = file_id(*e);
		if (!id.empty() && (rc = seen(arg, id.c_str())) != 0)
			return rc;
	}
	return SHIM_OK;
}

extern "C" int shim_dicomdir_each(const char *path, int (*seen)(void *arg, const char *file_id), void *arg)
{
	return guarded([&] {
		if (!path || !seen)
			return fail(SHIM_EINVAL, "no path, or nobody to call");
		return each(path, seen, arg);
	});
}
