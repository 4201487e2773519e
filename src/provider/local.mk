noinst_LIBRARIES += %D%/libprovider.a
%C%_libprovider_a_CPPFLAGS = $(AM_CPPFLAGS) $(CJSON_CFLAGS)
%C%_libprovider_a_SOURCES = \
	%D%/arara.c %D%/arara.h \
	%D%/arara_judge.c \
	%D%/arara_marker.c %D%/arara_marker.h \
	%D%/arara_probe.c \
	%D%/arara_request.c %D%/arara_request.h \
	%D%/cmc.c %D%/cmc.h \
	%D%/cmc_deliveries.c \
	%D%/cmc_request.h \
	%D%/cmc_marker.c %D%/cmc_marker.h \
	%D%/feedback_conf.c %D%/feedback_conf.h \
	%D%/judge.c %D%/judge.h \
	%D%/provider.c %D%/provider.h

PROVIDER_LIBS = src/provider/libprovider.a $(CJSON_LIBS) $(HTTP_LIBS) $(MAIL_LIBS)
