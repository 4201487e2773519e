HTTP_TESTS = %D%/broken_test %D%/client_test %D%/json_test %D%/request_test %D%/stream_test %D%/tls_test
check_PROGRAMS += $(HTTP_TESTS)
TESTS += $(HTTP_TESTS)

HTTP_WORLD = %D%/fake_server.c %D%/fake_server.h %D%/world.c %D%/world.h

%C%_client_test_SOURCES = %D%/client_test.c $(HTTP_WORLD)
%C%_client_test_CPPFLAGS = $(AM_CPPFLAGS) $(UV_CFLAGS)
%C%_client_test_LDADD = $(HTTP_LIBS)
%C%_request_test_SOURCES = %D%/request_test.c tests/base/source_check.c tests/base/source_check.h
%C%_request_test_LDADD = $(HTTP_LIBS)
%C%_broken_test_SOURCES = %D%/broken_test.c $(HTTP_WORLD)
%C%_broken_test_CPPFLAGS = $(AM_CPPFLAGS) $(UV_CFLAGS)
%C%_broken_test_LDADD = $(HTTP_LIBS)
%C%_stream_test_SOURCES = %D%/stream_test.c $(HTTP_WORLD)
%C%_stream_test_CPPFLAGS = $(AM_CPPFLAGS) $(UV_CFLAGS)
%C%_stream_test_LDADD = $(HTTP_LIBS)
%C%_tls_test_SOURCES = %D%/tls_test.c $(HTTP_WORLD)
%C%_tls_test_CPPFLAGS = $(AM_CPPFLAGS) $(UV_CFLAGS)
%C%_tls_test_LDADD = $(HTTP_LIBS)
%C%_json_test_SOURCES = %D%/json_test.c
%C%_json_test_CPPFLAGS = $(AM_CPPFLAGS) $(CJSON_CFLAGS)
%C%_json_test_LDADD = $(HTTP_LIBS)
