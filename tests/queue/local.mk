QUEUE_TESTS = %D%/store_test
check_PROGRAMS += $(QUEUE_TESTS)
TESTS += $(QUEUE_TESTS)

%C%_store_test_SOURCES = %D%/store_test.c %D%/queue_mail.c %D%/queue_mail.h
%C%_store_test_LDADD = $(QUEUE_LIBS)
