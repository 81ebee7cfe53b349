/* shim/dict.cpp - what DCMTK's dictionary and UID tables know. */
#include "dcmtk/config/osconfig.h"

#include "dcmtk/dcmdata/dcdicent.h"
#include "dcmtk/dcmdata/dcdict.h"
#include "dcmtk/dcmdata/dcuid.h"

#include "shim/internal.hpp"

using namespace shim;

static const char *plain_keyword(const char *name)
{
	static constexpr char RETIRED[] = "RETIRED_"; /* DCMTK's mark, no part of the keyword */
	constexpr size_t n = sizeof RETIRED - 1;

	return std::strncmp(name, RETIRED, n) ? name : name + n;
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
			int rc = seen(arg, uid, plain_keyword(dcmFindNameOfUID(uid, uid)));
			if (rc != 0)
				return rc;
		}
		return int(SHIM_OK);
	});
}
