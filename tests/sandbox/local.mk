SANDBOX_C_TESTS = %D%/eml_test %D%/marker_test %D%/multipart_test
check_PROGRAMS += $(SANDBOX_C_TESTS)
TESTS += $(SANDBOX_C_TESTS) %D%/codes_test.py %D%/faults_test.py %D%/messages_test.py
EXTRA_DIST += %D%/codes_test.py %D%/faults_test.py %D%/messages_test.py %D%/sandboxes.py

%C%_eml_test_SOURCES = %D%/eml_test.c
%C%_eml_test_LDADD = $(SANDBOX_LIBS)
%C%_marker_test_SOURCES = %D%/marker_test.c
%C%_marker_test_LDADD = $(SANDBOX_LIBS)
%C%_multipart_test_SOURCES = %D%/multipart_test.c
%C%_multipart_test_LDADD = $(SANDBOX_LIBS)
