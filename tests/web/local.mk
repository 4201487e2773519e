check_PROGRAMS += %D%/server_test
TESTS += %D%/server_test
%C%_server_test_SOURCES = %D%/server_test.c
%C%_server_test_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS)
%C%_server_test_LDADD = $(WEB_LIBS)
