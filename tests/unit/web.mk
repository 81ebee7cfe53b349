check_PROGRAMS += tests/unit/test_web_transcoded
TESTS += tests/unit/test_web_transcoded
tests_unit_test_web_transcoded_LINK = $(CXXLINK)
tests_unit_test_web_transcoded_LDADD = $(LDADD) $(CMOCKA_LIBS)
