check_PROGRAMS += tests/unit/test_archive_pack
TESTS += tests/unit/test_archive_pack
tests_unit_test_archive_pack_LINK = $(CXXLINK)
tests_unit_test_archive_pack_LDADD = $(LDADD) $(CMOCKA_LIBS)
