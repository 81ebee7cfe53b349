/* shim/dict.cpp - what DCMTK's dictionary and UID tables know. */
#include "dcmtk/config/osconfig.h"

#include "dcmtk/dcmdata/dcdicent.h"
#include "dcmtk/dcmdata/dcdict.h"
#include "dcmtk/dcmdata/dcuid.h"

#include "shim/internal.hpp"
#include <string>

using namespace shim;

static const char *plain_keyword(const char *name)
{
	static constexpr char RETIRED[] = "RETIRED_"; /* DCMTK's mark, no part of the keyword */
	constexpr size_t n = sizeof RETIRED - 1;

	return std::strncmp(name, RETIRED, n) ? name : name + n;
}

static bool upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool begins_word(const std::string &name, size_t i)
{
	bool lower_next = i + 1 < name.size() && name[i + 1] >= 'a' && name[i + 1] <= 'z';

	if (name[i] >= '0' && name[i] <= '9')
		return name[i - 1] >= 'a' && name[i - 1] <= 'z';
	if (name.compare(i, 9, "SRStorage") == 0)
		return true;
	return upper(name[i]) && (lower_next || name[i - 1] >= 'a') && name[i - 1] >= '0';
}

/* "RETIRED_CTImageStorage" as "CT Image Storage (retired)". */
static std::string words(const char *name)
{
	std::string plain = name, out, mark;
	const size_t end = plain.find('_');

	if (end != std::string::npos) {
		mark = plain.substr(0, end); /* another is who made the class: DICOS */
		mark = " (" + (mark == "RETIRED" ? "retired" : mark == "DRAFT" ? "draft" : mark) + ")";
		plain.erase(0, end + 1);
	}
	for (size_t i = 0; i < plain.size(); i++) {
		if (i > 0 && begins_word(plain, i))
			out += plain.compare(i - 1, 4, "XRay") == 0 ? '-' : ' ';
		out += plain[i];
	}
	return out + mark;
}

extern "C" int shim_dict_each(int (*seen)(void *arg, uint32_t tag, const char *vr, int many, const char *keyword),
			      void *arg)
{
	return guarded([&] {
		struct Lock {
			Lock() : dict(dcmDataDict.rdlock())
			{
			}
			~Lock()
			{
				dcmDataDict.rdunlock();
			}
			const DcmDataDictionary &dict;
		};
		if (!seen)
			return fail(SHIM_EINVAL, "nobody to call");
		Lock lock;
		auto &dict = const_cast<DcmDataDictionary &>(lock.dict); /* iterators are not const there */
		for (auto it = dict.normalBegin(); it != dict.normalEnd(); ++it) {
			const DcmDictEntry *e = *it;
			if (e->getPrivateCreator() || e->isRepeating() || e->getGroup() % 2)
				continue;
			int rc =
			    seen(arg, uint32_t(e->getGroup()) << 16 | e->getElement(), DcmVR(e->getEVR()).getVRName(),
				 e->getVMMax() != 1, plain_keyword(e->getTagName()));
			if (rc != 0)
				return rc;
		}
		return int(SHIM_OK);
	});
}

extern "C" int shim_storage_each(int (*seen)(void *arg, const char *uid, const char *name), void *arg)
{
	return guarded([&] {
		if (!seen)
			return fail(SHIM_EINVAL, "nobody to call");
		for (int i = 0; i < numberOfDcmAllStorageSOPClassUIDs; i++) {
			const char *uid = dcmAllStorageSOPClassUIDs[i];
			int rc = seen(arg, uid, words(dcmFindNameOfUID(uid, uid)).c_str());
			if (rc != 0)
				return rc;
		}
		return int(SHIM_OK);
	});
}
