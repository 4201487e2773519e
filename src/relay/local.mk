noinst_LIBRARIES += %D%/librelay.a
%C%_librelay_a_CPPFLAGS = $(AM_CPPFLAGS) $(UV_CFLAGS) $(ARCHIVE_CFLAGS)
%C%_librelay_a_SOURCES = \
	%D%/adapt.c %D%/adapt.h \
	%D%/attempt.c %D%/attempt.h \
	%D%/booking.c %D%/booking.h \
	%D%/bounce.c %D%/bounce.h \
	%D%/claim.c \
	%D%/delivery.c %D%/delivery.h \
	%D%/delivery_prepare.c %D%/delivery_state.h \
	%D%/duplicates.c %D%/duplicates.h \
	%D%/expand.c %D%/expand.h \
	%D%/explain.c %D%/explain.h \
	%D%/figures.c %D%/figures.h \
	%D%/health.c %D%/health.h \
	%D%/journal.c %D%/journal.h \
	%D%/hold.c %D%/hold.h \
	%D%/job.c \
	%D%/job_answer.c \
	%D%/job_decide.c \
	%D%/lines.c %D%/lines.h \
	%D%/probation.c \
	%D%/repeat.c %D%/repeat.h \
	%D%/report.c %D%/report.h \
	%D%/retry.c %D%/retry.h \
	%D%/rewrite.c %D%/rewrite.h \
	%D%/route.c %D%/route.h \
	%D%/runner.c %D%/runner.h \
	%D%/settings.c %D%/settings.h \
	%D%/settle.c %D%/settle.h \
	%D%/settle_each.c %D%/settle_each.h \
	%D%/settle_reply.c %D%/settle_reply.h \
	%D%/share.c %D%/share.h \
	%D%/share_prepare.c %D%/share_state.h \
	%D%/state.h \
	%D%/store_thread.c %D%/store_thread.h \
	%D%/suppress.c %D%/suppress.h \
	%D%/throttle.c %D%/throttle.h \
	%D%/token.c %D%/token.h \
	%D%/tries.c %D%/tries.h \
	%D%/verdict.c %D%/verdict.h \
	%D%/waiter.c %D%/waiter.h \
	%D%/watch.c %D%/watch.h \
	%D%/watch_keep.c %D%/watch_keep.h \
	%D%/world.c %D%/world.h \
	%D%/zip.c %D%/zip.h

RELAY_LIBS = src/relay/librelay.a src/provider/libprovider.a src/query/libquery.a src/queue/libqueue.a $(SQLITE_LIBS) $(IO_LIBS) $(QUERY_LIBS) $(PROVIDER_LIBS) $(ARCHIVE_LIBS)
