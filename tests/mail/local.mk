mail_tests = \
	%D%/address_test \
	%D%/aliases_test \
	%D%/charset_test \
	%D%/dsn_test \
	%D%/encoded_word_test \
	%D%/envelope_test \
	%D%/filename_test \
	%D%/header_test \
	%D%/html_text_test \
	%D%/message_test \
	%D%/outcome_test \
	%D%/recipients_test \
	%D%/reply_test \
	%D%/scan_test \
	%D%/transfer_test \
	%D%/address_list_test \
	%D%/body_test \
	%D%/part_source_test \
	%D%/translate_test \
	%D%/whole_test

check_PROGRAMS += $(mail_tests) %D%/compare_dump %D%/dsn_print
TESTS += $(mail_tests) %D%/compare_test.py %D%/dsn_parse_test.py
EXTRA_DIST += %D%/corpus %D%/compare_test.py %D%/dsn_parse_test.py

%C%_compare_dump_SOURCES = %D%/compare_dump.c %D%/corpus_mail.c %D%/corpus_mail.h
%C%_compare_dump_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
%C%_compare_dump_LDADD = $(MAIL_LIBS)

%C%_address_test_SOURCES = %D%/address_test.c
%C%_address_test_LDADD = $(MAIL_LIBS)
%C%_aliases_test_SOURCES = %D%/aliases_test.c
%C%_aliases_test_LDADD = $(MAIL_LIBS)
%C%_charset_test_SOURCES = %D%/charset_test.c
%C%_charset_test_LDADD = $(MAIL_LIBS)
%C%_dsn_print_SOURCES = %D%/dsn_print.c
%C%_dsn_print_LDADD = $(MAIL_LIBS)
%C%_dsn_test_SOURCES = %D%/dsn_test.c
%C%_dsn_test_LDADD = $(MAIL_LIBS)
%C%_encoded_word_test_SOURCES = %D%/encoded_word_test.c
%C%_encoded_word_test_LDADD = $(MAIL_LIBS)
%C%_envelope_test_SOURCES = %D%/envelope_test.c
%C%_envelope_test_LDADD = $(MAIL_LIBS)
%C%_filename_test_SOURCES = %D%/filename_test.c
%C%_filename_test_LDADD = $(MAIL_LIBS)
%C%_header_test_SOURCES = %D%/header_test.c
%C%_header_test_LDADD = $(MAIL_LIBS)
%C%_html_text_test_SOURCES = %D%/html_text_test.c
%C%_html_text_test_LDADD = $(MAIL_LIBS)
%C%_message_test_SOURCES = %D%/message_test.c
%C%_message_test_CFLAGS = $(AM_CFLAGS) $(GMIME_CFLAGS)
%C%_message_test_LDADD = $(MAIL_LIBS)
%C%_outcome_test_SOURCES = %D%/outcome_test.c
%C%_outcome_test_LDADD = $(MAIL_LIBS)
%C%_recipients_test_SOURCES = %D%/recipients_test.c
%C%_recipients_test_LDADD = $(MAIL_LIBS)
%C%_reply_test_SOURCES = %D%/reply_test.c
%C%_reply_test_LDADD = $(MAIL_LIBS)
%C%_transfer_test_SOURCES = %D%/transfer_test.c
%C%_transfer_test_LDADD = $(MAIL_LIBS)
%C%_translate_test_SOURCES = %D%/translate_test.c %D%/corpus_mail.c %D%/corpus_mail.h
%C%_translate_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
%C%_translate_test_LDADD = $(MAIL_LIBS)
%C%_address_list_test_SOURCES = %D%/address_list_test.c
%C%_address_list_test_LDADD = $(MAIL_LIBS)
%C%_body_test_SOURCES = %D%/body_test.c
%C%_body_test_LDADD = $(MAIL_LIBS)
%C%_part_source_test_SOURCES = %D%/part_source_test.c
%C%_part_source_test_LDADD = $(MAIL_LIBS)
%C%_scan_test_SOURCES = %D%/scan_test.c
%C%_scan_test_LDADD = $(MAIL_LIBS)
%C%_whole_test_SOURCES = %D%/whole_test.c
%C%_whole_test_LDADD = $(MAIL_LIBS)
