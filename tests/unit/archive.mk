check_PROGRAMS += tests/unit/test_archive_pack
TESTS += tests/unit/test_archive_pack
tests_unit_test_archive_pack_LINK = $(CXXLINK)
tests_unit_test_archive_pack_LDADD = $(LDADD) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_archive_intake
TESTS += tests/unit/test_archive_intake
tests_unit_test_archive_intake_LINK = $(CXXLINK)
tests_unit_test_archive_intake_LDADD = $(LDADD) $(CMOCKA_LIBS)
