QUERY_TESTS = \
	%D%/documented_test \
	%D%/event_test \
	%D%/golden_test \
	%D%/json_line_test \
	%D%/peak_test \
	%D%/reader_test \
	%D%/row_test \
	%D%/zip_test
check_PROGRAMS += $(QUERY_TESTS)
TESTS += $(QUERY_TESTS)
QUERY_FIXTURE = %D%/fixture.c %D%/fixture.h
%C%_documented_test_SOURCES = %D%/documented_test.c
%C%_documented_test_LDADD = $(QUERY_LIBS)
%C%_event_test_SOURCES = %D%/event_test.c $(QUERY_FIXTURE)
%C%_event_test_LDADD = $(QUERY_LIBS)
%C%_golden_test_SOURCES = %D%/golden_test.c $(QUERY_FIXTURE)
%C%_golden_test_LDADD = $(QUERY_LIBS)
%C%_json_line_test_SOURCES = %D%/json_line_test.c $(QUERY_FIXTURE)
%C%_json_line_test_LDADD = $(QUERY_LIBS)
%C%_peak_test_SOURCES = %D%/peak_test.c $(QUERY_FIXTURE)
%C%_peak_test_LDADD = $(QUERY_LIBS)
%C%_zip_test_SOURCES = %D%/zip_test.c $(QUERY_FIXTURE)
%C%_zip_test_LDADD = $(QUERY_LIBS)
%C%_reader_test_SOURCES = %D%/reader_test.c $(QUERY_FIXTURE)
%C%_reader_test_LDADD = $(QUERY_LIBS)
%C%_row_test_SOURCES = %D%/row_test.c
%C%_row_test_LDADD = $(QUERY_LIBS)

EXTRA_DIST += \
	%D%/arara \
	%D%/arara-v1 \
	%D%/blastmail \
	%D%/customers-mail-cloud \
	%D%/documented \
	%D%/events
