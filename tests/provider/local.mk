PROVIDER_FIXTURE = %D%/fixture.c %D%/fixture.h

PROVIDER_TESTS = %D%/arara_test %D%/cmc_marker_test %D%/golden_test %D%/judge_test %D%/look_up_test %D%/marker_test %D%/partition_test %D%/probe_test %D%/provider_test
check_PROGRAMS += $(PROVIDER_TESTS)
TESTS += $(PROVIDER_TESTS)
%C%_arara_test_SOURCES = %D%/arara_test.c $(PROVIDER_FIXTURE)
%C%_arara_test_LDADD = $(PROVIDER_LIBS)
%C%_cmc_marker_test_SOURCES = %D%/cmc_marker_test.c $(PROVIDER_FIXTURE)
%C%_cmc_marker_test_LDADD = $(PROVIDER_LIBS)
%C%_marker_test_SOURCES = %D%/marker_test.c
%C%_marker_test_CPPFLAGS = $(AM_CPPFLAGS) $(CJSON_CFLAGS)
%C%_marker_test_LDADD = $(PROVIDER_LIBS)
%C%_golden_test_SOURCES = %D%/golden_test.c $(PROVIDER_FIXTURE)
%C%_golden_test_CPPFLAGS = $(AM_CPPFLAGS) $(CJSON_CFLAGS)
%C%_golden_test_LDADD = $(PROVIDER_LIBS)
%C%_judge_test_SOURCES = %D%/judge_test.c $(PROVIDER_FIXTURE)
%C%_judge_test_LDADD = $(PROVIDER_LIBS)
%C%_look_up_test_SOURCES = %D%/look_up_test.c $(PROVIDER_FIXTURE)
%C%_look_up_test_LDADD = $(PROVIDER_LIBS)
%C%_partition_test_SOURCES = %D%/partition_test.c $(PROVIDER_FIXTURE)
%C%_partition_test_LDADD = $(PROVIDER_LIBS)
%C%_probe_test_SOURCES = %D%/probe_test.c $(PROVIDER_FIXTURE)
%C%_probe_test_LDADD = $(PROVIDER_LIBS)
%C%_provider_test_SOURCES = %D%/provider_test.c $(PROVIDER_FIXTURE)
%C%_provider_test_LDADD = $(PROVIDER_LIBS)

EXTRA_DIST += %D%/answers %D%/arara %D%/cmc
