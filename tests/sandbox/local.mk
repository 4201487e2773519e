SANDBOX_C_TESTS = %D%/daily_test %D%/eml_test %D%/json_body_test %D%/marker_test %D%/multipart_test
SANDBOX_PY_TESTS = \
	%D%/arara_test.py \
	%D%/arara_service_test.py \
	%D%/arara_v1_test.py \
	%D%/blast_test.py \
	%D%/codes_test.py \
	%D%/domains_test.py \
	%D%/faults_test.py \
	%D%/ledger_test.py \
	%D%/messages_test.py \
	%D%/roles_test.py \
	%D%/webhook_test.py
check_PROGRAMS += $(SANDBOX_C_TESTS)
TESTS += $(SANDBOX_C_TESTS) $(SANDBOX_PY_TESTS)
EXTRA_DIST += $(SANDBOX_PY_TESTS) %D%/arara.py %D%/sandboxes.py

%C%_daily_test_SOURCES = %D%/daily_test.c
%C%_daily_test_LDADD = $(SANDBOX_LIBS)
%C%_eml_test_SOURCES = %D%/eml_test.c
%C%_eml_test_LDADD = $(SANDBOX_LIBS)
%C%_json_body_test_SOURCES = %D%/json_body_test.c
%C%_json_body_test_CFLAGS = $(AM_CFLAGS) $(CJSON_CFLAGS)
%C%_json_body_test_LDADD = $(SANDBOX_LIBS)
%C%_marker_test_SOURCES = %D%/marker_test.c
%C%_marker_test_LDADD = $(SANDBOX_LIBS)
%C%_multipart_test_SOURCES = %D%/multipart_test.c
%C%_multipart_test_LDADD = $(SANDBOX_LIBS)
