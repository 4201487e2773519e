SHIMTA_TESTS = \
	%D%/dates_test \
	%D%/dns_record_test \
	%D%/table_test
check_PROGRAMS += $(SHIMTA_TESTS)
TESTS += $(SHIMTA_TESTS)
%C%_dates_test_SOURCES = %D%/dates_test.c
%C%_dates_test_LDADD = $(SHEET_LIBS)
%C%_dns_record_test_SOURCES = %D%/dns_record_test.c
%C%_dns_record_test_LDADD = $(SHEET_LIBS)
%C%_table_test_SOURCES = %D%/table_test.c
%C%_table_test_LDADD = $(SHEET_LIBS)
