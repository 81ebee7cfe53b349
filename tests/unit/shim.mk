# one line a test: the header is read by a C compiler, the program linked by the C++ one
check_PROGRAMS += tests/unit/test_shim_assoc
TESTS += tests/unit/test_shim_assoc
tests_unit_test_shim_assoc_SOURCES = %D%/test_shim_assoc.c %D%/shim_pair.h
tests_unit_test_shim_assoc_LINK = $(CXXLINK)
tests_unit_test_shim_assoc_LDADD = $(LDADD) $(CMOCKA_LIBS)
