sbin_PROGRAMS += bin/shimtad
bin_shimtad_SOURCES = \
	%D%/drop.c %D%/drop.h \
	%D%/drop_folder.c %D%/drop_folder.h \
	%D%/drop_mail.c %D%/drop_mail.h \
	%D%/enquiry.c %D%/enquiry.h \
	%D%/explain.c %D%/explain.h \
	%D%/gate.c %D%/gate.h \
	%D%/ingress.c %D%/ingress.h \
	%D%/main.c \
	%D%/mailq.c %D%/mailq.h \
	%D%/notify.c %D%/notify.h \
	%D%/settings.c %D%/settings.h \
	%D%/smtp_server.c %D%/smtp_server.h \
	%D%/users.c %D%/users.h
bin_shimtad_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS)
bin_shimtad_LDADD = $(SMTP_LIBS) $(RELAY_LIBS) $(IO_LIBS)
