EXTRA_DIST += tests/unit/access_help.h
access_tests = tests/unit/test_access tests/unit/test_access_login
check_PROGRAMS += $(access_tests)
TESTS += $(access_tests)
tests_unit_test_access_LINK = $(CXXLINK)
tests_unit_test_access_LDADD = $(LDADD) $(CMOCKA_LIBS)
tests_unit_test_access_login_LINK = $(CXXLINK)
tests_unit_test_access_login_LDADD = $(LDADD) $(CMOCKA_LIBS)
