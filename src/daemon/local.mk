sbin_PROGRAMS += bin/shimtad
bin_shimtad_SOURCES = \
	%D%/explain.c %D%/explain.h \
	%D%/gate.c %D%/gate.h \
	%D%/ingress.c %D%/ingress.h \
	%D%/main.c \
	%D%/notify.c %D%/notify.h \
	%D%/settings.c %D%/settings.h \
	%D%/smtp_server.c %D%/smtp_server.h \
	%D%/users.c %D%/users.h
bin_shimtad_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS)
bin_shimtad_LDADD = $(SMTP_LIBS) $(RELAY_LIBS) $(IO_LIBS)
