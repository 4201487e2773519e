mail_tests = \
	%D%/address_test \
	%D%/aliases_test \
	%D%/envelope_test \
	%D%/outcome_test \
	%D%/recipients_test \
	%D%/reply_test

check_PROGRAMS += $(mail_tests)
TESTS += $(mail_tests)

%C%_address_test_SOURCES = %D%/address_test.c
%C%_address_test_LDADD = $(MAIL_LIBS)
%C%_aliases_test_SOURCES = %D%/aliases_test.c
%C%_aliases_test_LDADD = $(MAIL_LIBS)
%C%_envelope_test_SOURCES = %D%/envelope_test.c
%C%_envelope_test_LDADD = $(MAIL_LIBS)
%C%_outcome_test_SOURCES = %D%/outcome_test.c
%C%_outcome_test_LDADD = $(MAIL_LIBS)
%C%_recipients_test_SOURCES = %D%/recipients_test.c
%C%_recipients_test_LDADD = $(MAIL_LIBS)
%C%_reply_test_SOURCES = %D%/reply_test.c
%C%_reply_test_LDADD = $(MAIL_LIBS)
