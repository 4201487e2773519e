noinst_LIBRARIES += %D%/libquery.a
%C%_libquery_a_CPPFLAGS = $(AM_CPPFLAGS) $(ARCHIVE_CFLAGS) $(CJSON_CFLAGS) $(XML_CFLAGS)
%C%_libquery_a_SOURCES = \
	%D%/arara.c %D%/arara.h \
	%D%/arara_request.c %D%/arara_request.h \
	%D%/arara_v1.c %D%/arara_v1.h \
	%D%/blastmail.c %D%/blastmail.h \
	%D%/call.c %D%/call.h \
	%D%/blot.c %D%/blot.h \
	%D%/cmc.c %D%/cmc.h \
	%D%/cmc_event.c %D%/cmc_event.h \
	%D%/csv_parser.c \
	%D%/driver.h \
	%D%/form.c %D%/form.h \
	%D%/gather.c %D%/gather.h \
	%D%/json_line.c %D%/json_line.h \
	%D%/json_parser.c \
	%D%/overlap.c %D%/overlap.h \
	%D%/parser.h \
	%D%/query.c %D%/query.h \
	%D%/question.h \
	%D%/reader.c %D%/reader.h \
	%D%/row.c %D%/row.h \
	%D%/time.c %D%/time.h \
	%D%/verdict.c %D%/verdict.h \
	%D%/xml_parser.c \
	%D%/zip_parser.c

QUERY_LIBS = src/query/libquery.a $(ARCHIVE_LIBS) $(CJSON_LIBS) $(XML_LIBS) $(HTTP_LIBS) $(MAIL_LIBS)
