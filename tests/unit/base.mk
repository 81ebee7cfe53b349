EXTRA_DIST += tests/unit/folder.h
# check_PROGRAMS += tests/unit/test_x ; tests_unit_test_x_LINK = $(CXXLINK) ; _LDADD = $(LDADD) $(CMOCKA_LIBS)
