SENDMAIL_TESTS = %D%/address_test %D%/body_test %D%/link_test %D%/options_test %D%/settings_test
check_PROGRAMS += $(SENDMAIL_TESTS)
TESTS += $(SENDMAIL_TESTS) %D%/argv_test.py %D%/ask_test.py %D%/dialogue_test.py %D%/drop_test.py %D%/modes_test.py
EXTRA_DIST += %D%/argv_test.py %D%/ask_test.py %D%/dialogue_test.py %D%/drop_test.py %D%/modes_test.py %D%/fake.py

%C%_address_test_SOURCES = %D%/address_test.c
%C%_address_test_LDADD = src/sendmail/libsendmail.a $(GLIB_LIBS)
%C%_body_test_SOURCES = %D%/body_test.c
%C%_body_test_LDADD = src/sendmail/libsendmail.a $(GLIB_LIBS)
%C%_link_test_SOURCES = %D%/link_test.c
%C%_link_test_LDADD = src/sendmail/libsendmail.a $(GLIB_LIBS)
%C%_options_test_SOURCES = %D%/options_test.c
%C%_options_test_LDADD = src/sendmail/libsendmail.a $(GLIB_LIBS)
%C%_settings_test_SOURCES = %D%/settings_test.c
%C%_settings_test_LDADD = src/sendmail/libsendmail.a $(GLIB_LIBS)
