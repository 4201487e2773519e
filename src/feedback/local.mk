noinst_LIBRARIES += %D%/libfeedback.a
%C%_libfeedback_a_CPPFLAGS = $(AM_CPPFLAGS) $(UV_CFLAGS)
%C%_libfeedback_a_SOURCES = \
	%D%/again.c %D%/again.h \
	%D%/courier.c %D%/courier.h \
	%D%/dead.c %D%/dead.h \
	%D%/decide.c %D%/decide.h \
	%D%/events.c \
	%D%/feedback.c %D%/feedback.h \
	%D%/figures.c %D%/figures.h \
	%D%/judge.c \
	%D%/keeper.c %D%/keeper.h \
	%D%/notice.c %D%/notice.h \
	%D%/place.c %D%/place.h \
	%D%/plan.c %D%/plan.h \
	%D%/poll.c \
	%D%/state.h \
	%D%/target.c %D%/target.h \
	%D%/tell.c \
	%D%/teller.c %D%/teller.h \
	%D%/watch.c

FEEDBACK_LIBS = src/feedback/libfeedback.a $(RELAY_LIBS)
