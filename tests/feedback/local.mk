FEEDBACK_TESTS = \
	%D%/again_test \
	%D%/decide_test \
	%D%/events_test \
	%D%/keeper_test \
	%D%/plan_test \
	%D%/rounds_test \
	%D%/target_test
check_PROGRAMS += $(FEEDBACK_TESTS)
TESTS += $(FEEDBACK_TESTS)
%C%_again_test_SOURCES = %D%/again_test.c
%C%_again_test_LDADD = $(FEEDBACK_LIBS)
%C%_decide_test_SOURCES = %D%/decide_test.c
%C%_decide_test_LDADD = $(FEEDBACK_LIBS)
%C%_events_test_SOURCES = %D%/events_test.c
%C%_events_test_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS)
%C%_events_test_LDADD = $(FEEDBACK_LIBS)
%C%_keeper_test_SOURCES = %D%/keeper_test.c
%C%_keeper_test_LDADD = $(FEEDBACK_LIBS)
%C%_target_test_SOURCES = %D%/target_test.c
%C%_target_test_LDADD = $(FEEDBACK_LIBS)
%C%_plan_test_SOURCES = %D%/plan_test.c
%C%_plan_test_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS)
%C%_plan_test_LDADD = $(FEEDBACK_LIBS)
%C%_rounds_test_SOURCES = %D%/rounds_test.c
%C%_rounds_test_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS)
%C%_rounds_test_LDADD = $(FEEDBACK_LIBS)

check_PROGRAMS += %D%/feedback_fill
%C%_feedback_fill_SOURCES = %D%/feedback_fill.c
%C%_feedback_fill_LDADD = $(QUEUE_LIBS)
