check_PROGRAMS += tests/unit/test_db
TESTS += tests/unit/test_db
tests_unit_test_db_LINK = $(CXXLINK)
tests_unit_test_db_LDADD = $(LDADD) $(CMOCKA_LIBS)
