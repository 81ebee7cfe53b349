# the shim's tests are C: its header is read by a C compiler, the programs linked by the C++ one
shim_tests = tests/unit/test_shim_assoc \
	tests/unit/test_shim_command \
	tests/unit/test_shim_dataset \
	tests/unit/test_shim_hostile \
	tests/unit/test_shim_negotiate
check_PROGRAMS += $(shim_tests)
TESTS += $(shim_tests)
tests_unit_test_shim_assoc_SOURCES = %D%/test_shim_assoc.c %D%/shim_pair.h
tests_unit_test_shim_assoc_LINK = $(CXXLINK)
tests_unit_test_shim_assoc_LDADD = $(LDADD) $(CMOCKA_LIBS)
tests_unit_test_shim_command_LINK = $(CXXLINK)
tests_unit_test_shim_command_LDADD = $(LDADD) $(CMOCKA_LIBS)
tests_unit_test_shim_dataset_LINK = $(CXXLINK)
tests_unit_test_shim_dataset_LDADD = $(LDADD) $(CMOCKA_LIBS)
tests_unit_test_shim_hostile_SOURCES = %D%/test_shim_hostile.c %D%/shim_pair.h
tests_unit_test_shim_hostile_LINK = $(CXXLINK)
tests_unit_test_shim_hostile_LDADD = $(LDADD) $(CMOCKA_LIBS)
tests_unit_test_shim_negotiate_SOURCES = %D%/test_shim_negotiate.c %D%/shim_pair.h
tests_unit_test_shim_negotiate_LINK = $(CXXLINK)
tests_unit_test_shim_negotiate_LDADD = $(LDADD) $(CMOCKA_LIBS)
