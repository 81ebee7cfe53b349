http_tests = %D%/test_net_http %D%/test_net_http_hostile %D%/test_net_http_tls
check_PROGRAMS += $(http_tests)
TESTS += $(http_tests)

tests_unit_test_net_http_SOURCES = %D%/test_net_http.c %D%/http_peer.h %D%/http_peer.c
tests_unit_test_net_http_LDADD = $(LDADD) $(CMOCKA_LIBS)
tests_unit_test_net_http_LINK = $(CXXLINK)
tests_unit_test_net_http_hostile_SOURCES = %D%/test_net_http_hostile.c %D%/http_peer.h %D%/http_peer.c
tests_unit_test_net_http_hostile_LDADD = $(LDADD) $(CMOCKA_LIBS)
tests_unit_test_net_http_hostile_LINK = $(CXXLINK)
tests_unit_test_net_http_tls_SOURCES = %D%/test_net_http_tls.c %D%/http_peer.h %D%/http_peer.c
tests_unit_test_net_http_tls_LDADD = $(LDADD) $(CMOCKA_LIBS)
tests_unit_test_net_http_tls_LINK = $(CXXLINK)
