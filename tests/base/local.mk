BASE_TESTS = \
	%D%/conf_test %D%/crash_point_test %D%/log_test %D%/meter_test %D%/secret_test %D%/small_test %D%/source_test %D%/spool_test
check_PROGRAMS += $(BASE_TESTS)
TESTS += $(BASE_TESTS)

%C%_conf_test_SOURCES = %D%/conf_test.c
%C%_conf_test_LDADD = $(BASE_LIBS)
%C%_crash_point_test_SOURCES = %D%/crash_point_test.c
%C%_crash_point_test_LDADD = $(BASE_LIBS)
%C%_log_test_SOURCES = %D%/log_test.c
%C%_log_test_LDADD = $(BASE_LIBS)
%C%_secret_test_SOURCES = %D%/secret_test.c
%C%_secret_test_LDADD = $(BASE_LIBS)
%C%_small_test_SOURCES = %D%/small_test.c
%C%_small_test_LDADD = $(BASE_LIBS)
%C%_source_test_SOURCES = %D%/source_test.c %D%/source_check.c %D%/source_check.h
%C%_source_test_LDADD = $(BASE_LIBS)
%C%_spool_test_SOURCES = %D%/spool_test.c %D%/source_check.c %D%/source_check.h
%C%_spool_test_LDADD = $(BASE_LIBS)
%C%_meter_test_SOURCES = %D%/meter_test.c
%C%_meter_test_LDADD = $(BASE_LIBS)
