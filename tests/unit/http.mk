http_tests = %D%/test_net_http
check_PROGRAMS += $(http_tests)
TESTS += $(http_tests)

tests_unit_test_net_http_SOURCES = %D%/test_net_http.c %D%/http_peer.h %D%/http_peer.c
tests_unit_test_net_http_LINK = $(CXXLINK)
tests_unit_test_net_http_LDADD = $(LDADD) $(CMOCKA_LIBS)
