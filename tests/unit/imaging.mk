check_PROGRAMS += tests/unit/test_imaging_render
TESTS += tests/unit/test_imaging_render
tests_unit_test_imaging_render_LINK = $(CXXLINK)
tests_unit_test_imaging_render_LDADD = $(LDADD) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_imaging_frame
TESTS += tests/unit/test_imaging_frame
tests_unit_test_imaging_frame_LINK = $(CXXLINK)
tests_unit_test_imaging_frame_LDADD = $(LDADD) $(CMOCKA_LIBS)
