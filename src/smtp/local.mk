noinst_LIBRARIES += %D%/libsmtp.a
SMTP_LIBS = src/smtp/libsmtp.a $(MAIL_LIBS)

%C%_libsmtp_a_SOURCES = \
	%D%/dot.c %D%/dot.h \
	%D%/params.c %D%/params.h \
	%D%/session.c %D%/session.h \
	%D%/state.h \
	%D%/syntax.c %D%/syntax.h \
	%D%/verbs.c
