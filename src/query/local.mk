noinst_LIBRARIES += %D%/libquery.a
%C%_libquery_a_CPPFLAGS = $(AM_CPPFLAGS) $(CJSON_CFLAGS) $(XML_CFLAGS)
%C%_libquery_a_SOURCES = \
	%D%/driver.h \
	%D%/query.c %D%/query.h \
	%D%/reader.h \
	%D%/row.c %D%/row.h \
	%D%/time.c %D%/time.h

QUERY_LIBS = src/query/libquery.a $(CJSON_LIBS) $(XML_LIBS) $(HTTP_LIBS) $(MAIL_LIBS)
