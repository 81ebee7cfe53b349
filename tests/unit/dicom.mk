EXTRA_DIST += tests/unit/dicom_bytes.h
check_PROGRAMS += tests/unit/test_dicom_charset tests/unit/test_dicom_part10
TESTS += tests/unit/test_dicom_charset tests/unit/test_dicom_part10
tests_unit_test_dicom_charset_LINK = $(CXXLINK)
tests_unit_test_dicom_charset_LDADD = $(LDADD) $(CMOCKA_LIBS)
tests_unit_test_dicom_part10_LINK = $(CXXLINK)
tests_unit_test_dicom_part10_LDADD = $(LDADD) $(CMOCKA_LIBS)
