bin_PROGRAMS += bin/shimta-sandbox
noinst_LIBRARIES += %D%/libsandbox.a

# Everything without sockets, for the tests.
%C%_libsandbox_a_SOURCES = \
	%D%/arara_letter.c %D%/arara_letter.h \
	%D%/arara_time.c %D%/arara_time.h \
	%D%/attachment.c %D%/attachment.h \
	%D%/base64.c %D%/base64.h \
	%D%/blast_archive.c %D%/blast_archive.h \
	%D%/box.c %D%/box.h \
	%D%/crowd.c %D%/crowd.h \
	%D%/daily.c %D%/daily.h \
	%D%/deliveries.c %D%/deliveries.h \
	%D%/emails_address.c %D%/emails_address.h \
	%D%/emails_letter.c %D%/emails_letter.h \
	%D%/eml.c %D%/eml.h \
	%D%/error_filter.c %D%/error_filter.h \
	%D%/fate.c %D%/fate.h \
	%D%/feedback.c %D%/feedback.h \
	%D%/eml_attachment.c %D%/eml_attachment.h \
	%D%/fault.c %D%/fault.h \
	%D%/form.c %D%/form.h \
	%D%/json.h \
	%D%/json_body.c %D%/json_body.h \
	%D%/json_shape.c %D%/json_shape.h \
	%D%/ledger.c %D%/ledger.h \
	%D%/letter.c %D%/letter.h \
	%D%/marker.c %D%/marker.h \
	%D%/mime_header.c %D%/mime_header.h \
	%D%/multipart.c %D%/multipart.h \
	%D%/problem.c %D%/problem.h \
	%D%/role.c %D%/role.h \
	%D%/signing.c %D%/signing.h \
	%D%/timeline.c %D%/timeline.h \
	%D%/tokens.c %D%/tokens.h \
	%D%/transaction_row.c %D%/transaction_row.h \
	%D%/unsubscribes.c %D%/unsubscribes.h
%C%_libsandbox_a_CFLAGS = $(AM_CFLAGS) $(CJSON_CFLAGS)
SANDBOX_LIBS = src/sandbox/libsandbox.a $(CJSON_LIBS) $(GLIB_LIBS)

bin_shimta_sandbox_SOURCES = \
	%D%/arara.c %D%/arara.h \
	%D%/arara_filter.c \
	%D%/arara_domain.c \
	%D%/arara_gate.c \
	%D%/arara_plan.c \
	%D%/arara_status.c \
	%D%/arara_unsubscribe.c \
	%D%/arara_token.c %D%/arara_token.h \
	%D%/arara_v1.c %D%/arara_v1.h \
	%D%/blast.c %D%/blast.h \
	%D%/blast_history.c \
	%D%/delay.c %D%/delay.h \
	%D%/emails.c %D%/emails.h \
	%D%/exchange.c %D%/exchange.h \
	%D%/fill.c %D%/fill.h \
	%D%/listener.c %D%/listener.h \
	%D%/main.c \
	%D%/options.c %D%/options.h \
	%D%/pages.c %D%/pages.h \
	%D%/response.c %D%/response.h \
	%D%/server.c %D%/server.h \
	%D%/transaction.c %D%/transaction.h \
	%D%/transaction_query.c %D%/transaction_query.h \
	%D%/webhook.c %D%/webhook.h
bin_shimta_sandbox_CFLAGS = $(AM_CFLAGS) $(CJSON_CFLAGS) $(CURL_CFLAGS) $(MHD_CFLAGS) $(XML_CFLAGS)
bin_shimta_sandbox_LDADD = $(CURL_LIBS) $(MHD_LIBS) $(SANDBOX_LIBS) $(XML_LIBS)
