# check_PROGRAMS += tests/unit/test_x ; tests_unit_test_x_LINK = $(CXXLINK) ; _LDADD = $(LDADD) $(CMOCKA_LIBS)
net_tests = %D%/test_net_dimse %D%/test_net_server
check_PROGRAMS += $(net_tests)
TESTS += $(net_tests)

tests_unit_test_net_dimse_SOURCES = %D%/test_net_dimse.c %D%/net_peer.h
tests_unit_test_net_dimse_LINK = $(CXXLINK)
tests_unit_test_net_dimse_LDADD = $(LDADD) $(CMOCKA_LIBS)

tests_unit_test_net_server_SOURCES = %D%/test_net_server.c %D%/net_peer.h
tests_unit_test_net_server_LINK = $(CXXLINK)
tests_unit_test_net_server_LDADD = $(LDADD) $(CMOCKA_LIBS)

dimse_tests = %D%/test_dimse_identifier %D%/test_dimse_offer
check_PROGRAMS += $(dimse_tests)
TESTS += $(dimse_tests)

tests_unit_test_dimse_identifier_SOURCES = %D%/test_dimse_identifier.c
tests_unit_test_dimse_identifier_LINK = $(CXXLINK)
tests_unit_test_dimse_identifier_LDADD = $(LDADD) $(CMOCKA_LIBS)

tests_unit_test_dimse_offer_SOURCES = %D%/test_dimse_offer.c
tests_unit_test_dimse_offer_LINK = $(CXXLINK)
tests_unit_test_dimse_offer_LDADD = $(LDADD) $(CMOCKA_LIBS)

check_PROGRAMS += %D%/test_net_multipart
TESTS += %D%/test_net_multipart
tests_unit_test_net_multipart_LINK = $(CXXLINK)
tests_unit_test_net_multipart_LDADD = $(LDADD) $(CMOCKA_LIBS)
