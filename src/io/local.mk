noinst_LIBRARIES += %D%/libio.a
%C%_libio_a_SOURCES = \
	%D%/worker.c %D%/worker.h
%C%_libio_a_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS)

IO_LIBS = src/io/libio.a $(UV_LIBS) $(BASE_LIBS)
