EXTRA_DIST += tests/unit/access_help.h
access_tests = tests/unit/test_access
check_PROGRAMS += $(access_tests)
TESTS += $(access_tests)
tests_unit_test_access_LINK = $(CXXLINK)
tests_unit_test_access_LDADD = $(LDADD) $(CMOCKA_LIBS)
