# check_PROGRAMS += tests/unit/test_x ; tests_unit_test_x_LINK = $(CXXLINK) ; _LDADD = $(LDADD) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_query_index
TESTS += tests/unit/test_query_index
tests_unit_test_query_index_SOURCES = tests/unit/test_query_index.c tests/unit/query_help.c tests/unit/query_help.h
tests_unit_test_query_index_LINK = $(CXXLINK)
tests_unit_test_query_index_LDADD = $(LDADD) $(CMOCKA_LIBS)
