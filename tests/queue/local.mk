QUEUE_TESTS = %D%/store_test %D%/sqlite_test
check_PROGRAMS += $(QUEUE_TESTS)
TESTS += $(QUEUE_TESTS)

%C%_store_test_SOURCES = %D%/store_test.c %D%/queue_mail.c %D%/queue_mail.h
%C%_store_test_LDADD = $(QUEUE_LIBS)
%C%_sqlite_test_SOURCES = %D%/sqlite_test.c %D%/queue_mail.c %D%/queue_mail.h
%C%_sqlite_test_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS)
%C%_sqlite_test_LDADD = $(QUEUE_LIBS)
