noinst_LIBRARIES += %D%/libio.a
%C%_libio_a_SOURCES = \
	%D%/conn.c %D%/conn.h %D%/conn_hold.c %D%/conn_open.c %D%/conn_state.h %D%/conn_tls.c %D%/conn_turn.c \
	%D%/endpoint.c %D%/endpoint.h \
	%D%/listener.c %D%/listener.h \
	%D%/proxy.c %D%/proxy.h \
	%D%/tls.c %D%/tls.h %D%/tls_context.c %D%/tls_state.h \
	%D%/tls_tickets.c %D%/tls_tickets.h \
	%D%/worker.c %D%/worker.h
%C%_libio_a_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS) $(SSL_CFLAGS)

IO_LIBS = src/io/libio.a $(UV_LIBS) $(SSL_LIBS) $(BASE_LIBS)
