noinst_LIBRARIES += %D%/libmail.a
MAIL_LIBS = src/mail/libmail.a $(GMIME_LIBS) $(XML_LIBS) $(XXHASH_LIBS) $(BASE_LIBS) $(GLIB_LIBS)

%C%_libmail_a_CFLAGS = $(AM_CFLAGS) $(GMIME_CFLAGS) $(XML_CFLAGS) $(XXHASH_CFLAGS)
%C%_libmail_a_SOURCES = \
	%D%/address.c %D%/address.h \
	%D%/address_list.c %D%/address_list.h \
	%D%/aliases.c %D%/aliases.h \
	%D%/attach.c %D%/attach.h \
	%D%/body.c %D%/body.h \
	%D%/charset.c %D%/charset.h \
	%D%/charset_cp932.c %D%/charset_cp932.h \
	%D%/charset_guess.c %D%/charset_guess.h \
	%D%/charset_iconv.c %D%/charset_iconv.h \
	%D%/charset_jis.c %D%/charset_jis.h \
	%D%/content.c \
	%D%/dsn.c %D%/dsn.h \
	%D%/dsn_diagnostic.c %D%/dsn_diagnostic.h \
	%D%/dsn_text.c %D%/dsn_text.h \
	%D%/encoded_word.c %D%/encoded_word.h \
	%D%/envelope.c %D%/envelope.h \
	%D%/fields.c %D%/fields.h \
	%D%/filename.c %D%/filename.h \
	%D%/gmime.c %D%/gmime.h \
	%D%/header.c %D%/header.h \
	%D%/html_text.c %D%/html_text.h \
	%D%/html_token.c %D%/html_token.h \
	%D%/inline_image.c \
	%D%/mail.c %D%/mail.h \
	%D%/message.c %D%/message.h \
	%D%/out_charset.c \
	%D%/outcome.c %D%/outcome.h \
	%D%/parameter.c %D%/parameter.h \
	%D%/part_source.c %D%/part_source.h \
	%D%/recipients.c %D%/recipients.h \
	%D%/reply.c %D%/reply.h \
	%D%/scan.c %D%/scan.h \
	%D%/scan_facts.c %D%/scan_facts.h \
	%D%/scan_tally.c %D%/scan_tally.h \
	%D%/sender.c \
	%D%/spool_stream.c %D%/spool_stream.h \
	%D%/transfer.c %D%/transfer.h \
	%D%/translate.c %D%/translate.h \
	%D%/translate_fields.c \
	%D%/walk.c %D%/walk.h \
	%D%/whole.c %D%/whole.h \
	%D%/tree.h
