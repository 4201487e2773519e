QUERY_TESTS = \
	%D%/row_test
check_PROGRAMS += $(QUERY_TESTS)
TESTS += $(QUERY_TESTS)
%C%_row_test_SOURCES = %D%/row_test.c
%C%_row_test_LDADD = $(QUERY_LIBS)
