noinst_LIBRARIES += %D%/libhttp.a
%C%_libhttp_a_SOURCES = \
	%D%/client.c %D%/client.h \
	%D%/exchange.c %D%/exchange.h \
	%D%/json.c %D%/json.h \
	%D%/oauth.c %D%/oauth.h \
	%D%/request.c %D%/request.h \
	%D%/url.c %D%/url.h
%C%_libhttp_a_CPPFLAGS = $(AM_CPPFLAGS) $(UV_CFLAGS) $(CURL_CFLAGS) $(CJSON_CFLAGS)

HTTP_LIBS = src/http/libhttp.a $(BASE_LIBS) $(CURL_LIBS) $(CJSON_LIBS) $(UV_LIBS)
