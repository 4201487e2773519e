SANDBOX_C_TESTS = %D%/multipart_test
check_PROGRAMS += $(SANDBOX_C_TESTS)
TESTS += $(SANDBOX_C_TESTS)

%C%_multipart_test_SOURCES = %D%/multipart_test.c
%C%_multipart_test_LDADD = $(SANDBOX_LIBS)
