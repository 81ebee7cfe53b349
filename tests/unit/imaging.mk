check_PROGRAMS += tests/unit/test_imaging_render
TESTS += tests/unit/test_imaging_render
tests_unit_test_imaging_render_LINK = $(CXXLINK)
tests_unit_test_imaging_render_LDADD = $(LDADD) $(CMOCKA_LIBS)
