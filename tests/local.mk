# one small program a module: tests/unit/test_NAME.c; each room's tests are listed in its own file
include tests/unit/base.mk
include tests/unit/db.mk
include tests/unit/dicom.mk
include tests/unit/shim.mk
include tests/unit/archive.mk
include tests/unit/query.mk
include tests/unit/net.mk
include tests/unit/imaging.mk
include tests/unit/http.mk
include tests/unit/web.mk
include tests/unit/access.mk
include tests/unit/audit.mk
include tests/tools/local.mk
include tests/fuzz/local.mk
include tests/system/local.mk
include tests/bench/local.mk

EXTRA_PROGRAMS += $(CHECK_TOOLS)
check_DATA = $(CHECK_TOOLS)
CLEANFILES += $(CHECK_TOOLS)
