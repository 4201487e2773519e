noinst_LIBRARIES += %D%/libsmtp.a
SMTP_LIBS = src/smtp/libsmtp.a $(GSASL_LIBS) $(CRYPT_LIBS) $(MAIL_LIBS)

%C%_libsmtp_a_SOURCES = \
	%D%/data.c \
	%D%/dot.c %D%/dot.h \
	%D%/handler.h \
	%D%/line.c \
	%D%/params.c %D%/params.h \
	%D%/password.c %D%/password.h \
	%D%/sasl.c %D%/sasl.h \
	%D%/secure.c \
	%D%/session.c %D%/session.h \
	%D%/state.h \
	%D%/syntax.c %D%/syntax.h \
	%D%/verbs.c \
	%D%/xclient.c
%C%_libsmtp_a_CFLAGS = $(AM_CFLAGS) $(GSASL_CFLAGS) $(CRYPT_CFLAGS)
