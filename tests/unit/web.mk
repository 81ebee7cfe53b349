check_PROGRAMS += tests/unit/test_web_transcoded
TESTS += tests/unit/test_web_transcoded
tests_unit_test_web_transcoded_LINK = $(CXXLINK)
tests_unit_test_web_transcoded_LDADD = $(LDADD) $(CMOCKA_LIBS)
web_core_tests = %D%/test_web_url %D%/test_web_accept %D%/test_web_reply %D%/test_web_routes
check_PROGRAMS += $(web_core_tests)
TESTS += $(web_core_tests)

tests_unit_test_web_url_LINK = $(CXXLINK)
tests_unit_test_web_url_LDADD = $(LDADD) $(CMOCKA_LIBS)

tests_unit_test_web_accept_LINK = $(CXXLINK)
tests_unit_test_web_accept_LDADD = $(LDADD) $(CMOCKA_LIBS)
check_PROGRAMS += %D%/test_web_qido
TESTS += %D%/test_web_qido
tests_unit_test_web_qido_SOURCES = %D%/test_web_qido.c $(query_help)
tests_unit_test_web_qido_LINK = $(CXXLINK)
tests_unit_test_web_qido_LDADD = $(LDADD) $(CMOCKA_LIBS)

check_PROGRAMS += %D%/test_web_wado
TESTS += %D%/test_web_wado
tests_unit_test_web_wado_LINK = $(CXXLINK)
tests_unit_test_web_wado_LDADD = $(LDADD) $(CMOCKA_LIBS)
tests_unit_test_web_routes_LINK = $(CXXLINK)
tests_unit_test_web_routes_LDADD = $(LDADD) $(CMOCKA_LIBS)

tests_unit_test_web_reply_LINK = $(CXXLINK)
tests_unit_test_web_reply_LDADD = $(LDADD) $(CMOCKA_LIBS)

check_PROGRAMS += %D%/test_web_metadata
TESTS += %D%/test_web_metadata
tests_unit_test_web_metadata_LINK = $(CXXLINK)
tests_unit_test_web_metadata_LDADD = $(LDADD) $(CMOCKA_LIBS)
