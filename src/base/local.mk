noinst_LIBRARIES += %D%/libbase.a
%C%_libbase_a_SOURCES = \
	%D%/clock.c %D%/clock.h \
	%D%/conf.c %D%/conf.h \
	%D%/conf_value.c %D%/conf_value.h \
	%D%/crash_point.c %D%/crash_point.h \
	%D%/cut.c %D%/cut.h \
	%D%/error.c %D%/error.h \
	%D%/file.c %D%/file.h \
	%D%/id.c %D%/id.h \
	%D%/log.c %D%/log.h \
	%D%/meter.c %D%/meter.h \
	%D%/pace.c %D%/pace.h \
	%D%/secret.c %D%/secret.h \
	%D%/source.c %D%/source.h \
	%D%/source_base64.c \
	%D%/spool.c %D%/spool.h

BASE_LIBS = src/base/libbase.a $(GLIB_LIBS)
