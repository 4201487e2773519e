noinst_LIBRARIES += %D%/libqueue.a
%C%_libqueue_a_SOURCES = %D%/entry.c %D%/entry.h

QUEUE_LIBS = src/queue/libqueue.a $(MAIL_LIBS)
