noinst_LIBRARIES += %D%/libmail.a
MAIL_LIBS = src/mail/libmail.a $(GMIME_LIBS) $(XML_LIBS) $(BASE_LIBS) $(GLIB_LIBS)

%C%_libmail_a_CFLAGS = $(AM_CFLAGS) $(GMIME_CFLAGS) $(XML_CFLAGS)
%C%_libmail_a_SOURCES = \
	%D%/address.c %D%/address.h \
	%D%/aliases.c %D%/aliases.h \
	%D%/envelope.c %D%/envelope.h \
	%D%/gmime.h \
	%D%/mail.h \
	%D%/outcome.c %D%/outcome.h \
	%D%/recipients.c %D%/recipients.h \
	%D%/reply.c %D%/reply.h
