# What of the command is pure, and can be tested alone.
noinst_LIBRARIES += %D%/libsheet.a
%C%_libsheet_a_SOURCES = \
	%D%/csv.c %D%/csv.h \
	%D%/dates.c %D%/dates.h \
	%D%/dns_record.c %D%/dns_record.h \
	%D%/output.c %D%/output.h \
	%D%/sheet.c %D%/sheet.h \
	%D%/table.c %D%/table.h
%C%_libsheet_a_CFLAGS = $(AM_CFLAGS) $(CJSON_CFLAGS)
SHEET_LIBS = src/shimta/libsheet.a $(QUERY_LIBS)

bin_PROGRAMS += bin/shimta
bin_shimta_SOURCES = \
	%D%/api.c %D%/api.h \
	%D%/api_choose.c \
	%D%/api_confirm.c \
	%D%/api_find.c \
	%D%/api_json.c \
	%D%/api_tasks.c \
	%D%/api_words.c \
	%D%/ask.c %D%/ask.h \
	%D%/ask_api.c %D%/ask_api.h \
	%D%/call.c \
	%D%/change.c \
	%D%/check.c %D%/check.h \
	%D%/check_account.c \
	%D%/domains.c \
	%D%/folder.c %D%/folder.h \
	%D%/history.c \
	%D%/link.c %D%/link.h \
	%D%/list_source.c %D%/list_source.h \
	%D%/locked_file.c %D%/locked_file.h \
	%D%/main.c \
	%D%/options.c %D%/options.h \
	%D%/passwd.c \
	%D%/past.c %D%/past.h \
	%D%/progress.c %D%/progress.h \
	%D%/queue.c \
	%D%/shimta.h \
	%D%/stats.c \
	%D%/suppressions.c \
	%D%/suppressions_remote.c \
	%D%/task.c \
	%D%/trace.c \
	%D%/unsubscribes.c \
	%D%/words.c %D%/words.h
bin_shimta_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS) $(CJSON_CFLAGS)
bin_shimta_LDADD = src/daemon/libsettings.a %D%/libsheet.a $(SMTP_LIBS) $(RELAY_LIBS) $(IO_LIBS)
