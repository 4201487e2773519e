PROVIDER_FIXTURE = %D%/fixture.c %D%/fixture.h

check_PROGRAMS += %D%/golden_test %D%/judge_test %D%/partition_test %D%/provider_test
TESTS += %D%/golden_test %D%/judge_test %D%/partition_test %D%/provider_test
%C%_golden_test_SOURCES = %D%/golden_test.c $(PROVIDER_FIXTURE)
%C%_golden_test_LDADD = $(PROVIDER_LIBS)
%C%_judge_test_SOURCES = %D%/judge_test.c $(PROVIDER_FIXTURE)
%C%_judge_test_LDADD = $(PROVIDER_LIBS)
%C%_partition_test_SOURCES = %D%/partition_test.c $(PROVIDER_FIXTURE)
%C%_partition_test_LDADD = $(PROVIDER_LIBS)
%C%_provider_test_SOURCES = %D%/provider_test.c $(PROVIDER_FIXTURE)
%C%_provider_test_LDADD = $(PROVIDER_LIBS)

EXTRA_DIST += %D%/answers %D%/cmc
