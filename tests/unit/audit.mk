check_PROGRAMS += %D%/test_access_audit
TESTS += %D%/test_access_audit
tests_unit_test_access_audit_SOURCES = %D%/test_access_audit.c %D%/folder.h
tests_unit_test_access_audit_LINK = $(CXXLINK)
tests_unit_test_access_audit_LDADD = $(LDADD) $(CMOCKA_LIBS)
