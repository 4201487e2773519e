noinst_LIBRARIES += %D%/libsandbox.a

# Everything without sockets, for the tests.
%C%_libsandbox_a_SOURCES = \
	%D%/box.c %D%/box.h \
	%D%/eml.c %D%/eml.h \
	%D%/form.c %D%/form.h \
	%D%/json.h \
	%D%/letter.c %D%/letter.h \
	%D%/mailbox.c %D%/mailbox.h \
	%D%/marker.c %D%/marker.h \
	%D%/mime_header.c %D%/mime_header.h \
	%D%/multipart.c %D%/multipart.h \
	%D%/problem.c %D%/problem.h
%C%_libsandbox_a_CFLAGS = $(AM_CFLAGS) $(CJSON_CFLAGS)
SANDBOX_LIBS = src/sandbox/libsandbox.a $(CJSON_LIBS) $(GLIB_LIBS)
