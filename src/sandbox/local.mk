noinst_LIBRARIES += %D%/libsandbox.a

# Everything without sockets, for the tests.
%C%_libsandbox_a_SOURCES = \
	%D%/form.c %D%/form.h \
	%D%/multipart.c %D%/multipart.h
%C%_libsandbox_a_CFLAGS = $(AM_CFLAGS) $(CJSON_CFLAGS)
SANDBOX_LIBS = src/sandbox/libsandbox.a $(CJSON_LIBS) $(GLIB_LIBS)
