check_PROGRAMS += tests/unit/test_db tests/unit/test_db_migrate
TESTS += tests/unit/test_db tests/unit/test_db_migrate
tests_unit_test_db_LINK = $(CXXLINK)
tests_unit_test_db_LDADD = $(LDADD) $(CMOCKA_LIBS)
tests_unit_test_db_migrate_LINK = $(CXXLINK)
tests_unit_test_db_migrate_LDADD = $(LDADD) $(CMOCKA_LIBS)
