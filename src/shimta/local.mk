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
	%D%/ask.c %D%/ask.h \
	%D%/change.c \
	%D%/check.c %D%/check.h \
	%D%/check_account.c \
	%D%/link.c %D%/link.h \
	%D%/locked_file.c %D%/locked_file.h \
	%D%/main.c \
	%D%/options.c %D%/options.h \
	%D%/passwd.c \
	%D%/queue.c \
	%D%/shimta.h \
	%D%/stats.c \
	%D%/task.c \
	%D%/trace.c
bin_shimta_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS) $(CJSON_CFLAGS)
bin_shimta_LDADD = src/daemon/libsettings.a %D%/libsheet.a $(SMTP_LIBS) $(RELAY_LIBS) $(IO_LIBS)
