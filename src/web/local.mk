noinst_LIBRARIES += %D%/libweb.a
%C%_libweb_a_SOURCES = \
	%D%/request.c \
	%D%/server.c %D%/server.h \
	%D%/state.h
%C%_libweb_a_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS) $(MHD_CFLAGS)

WEB_LIBS = src/web/libweb.a $(MHD_LIBS) $(IO_LIBS)
