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
	%D%/output.c %D%/output.h \
	%D%/passwd.c \
	%D%/queue.c \
	%D%/shimta.h \
	%D%/stats.c \
	%D%/task.c \
	%D%/trace.c
bin_shimta_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS) $(CJSON_CFLAGS)
bin_shimta_LDADD = src/daemon/libsettings.a $(SMTP_LIBS) $(RELAY_LIBS) $(IO_LIBS)
