noinst_LIBRARIES += %D%/libqueue.a
%C%_libqueue_a_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS)
%C%_libqueue_a_SOURCES = \
	%D%/entry.c %D%/entry.h \
	%D%/feedback_early.c %D%/feedback_early.h \
	%D%/feedback_notice.c %D%/feedback_notice.h \
	%D%/feedback_prune.c %D%/feedback_prune.h \
	%D%/feedback_recall.c %D%/feedback_recall.h \
	%D%/feedback_sql.c %D%/feedback_sql.h \
	%D%/feedback_store.c %D%/feedback_store.h \
	%D%/journal_find.c \
	%D%/journal_line.c %D%/journal_line.h \
	%D%/journal_sql.c %D%/journal_sql.h \
	%D%/journal_store.c %D%/journal_store.h \
	%D%/mail_folder.c %D%/mail_folder.h \
	%D%/sqlite.h \
	%D%/sqlite_claim.c \
	%D%/sqlite_guard.c \
	%D%/sqlite_list.c \
	%D%/sqlite_query.c \
	%D%/sqlite_row.c \
	%D%/sqlite_schema.c \
	%D%/sqlite_verify.c %D%/sqlite_verify.h \
	%D%/sqlite_write.c \
	%D%/store.c %D%/store.h \
	%D%/store_kind.h \
	%D%/store_memory.c \
	%D%/store_sqlite.c \
	%D%/suppression.c %D%/suppression.h \
	%D%/watch_line.c %D%/watch_line.h

QUEUE_LIBS = src/queue/libqueue.a $(SQLITE_LIBS) $(MAIL_LIBS)
