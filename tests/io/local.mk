check_PROGRAMS += %D%/worker_test
TESTS += %D%/worker_test
%C%_worker_test_SOURCES = %D%/worker_test.c
%C%_worker_test_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS)
%C%_worker_test_LDADD = $(IO_LIBS)
