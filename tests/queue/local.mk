QUEUE_TESTS = %D%/claim_test %D%/damage_test %D%/sqlite_test %D%/store_test
check_PROGRAMS += $(QUEUE_TESTS)
TESTS += $(QUEUE_TESTS)

%C%_claim_test_SOURCES = %D%/claim_test.c %D%/queue_mail.c %D%/queue_mail.h
%C%_claim_test_LDADD = $(QUEUE_LIBS)
%C%_damage_test_SOURCES = %D%/damage_test.c %D%/queue_mail.c %D%/queue_mail.h %D%/sqlite_check.c %D%/sqlite_check.h
%C%_damage_test_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS)
%C%_damage_test_LDADD = $(QUEUE_LIBS)
%C%_sqlite_test_SOURCES = %D%/sqlite_test.c %D%/queue_mail.c %D%/queue_mail.h %D%/sqlite_check.c %D%/sqlite_check.h
%C%_sqlite_test_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS)
%C%_sqlite_test_LDADD = $(QUEUE_LIBS)
%C%_store_test_SOURCES = %D%/store_test.c %D%/queue_mail.c %D%/queue_mail.h
%C%_store_test_LDADD = $(QUEUE_LIBS)
