check_PROGRAMS += %D%/gate_test
TESTS += %D%/gate_test %D%/session_test.py %D%/explain_test.py
EXTRA_DIST += %D%/session_test.py %D%/explain_test.py %D%/explained
%C%_gate_test_SOURCES = %D%/gate_test.c src/daemon/gate.c
%C%_gate_test_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS)
%C%_gate_test_LDADD = $(SMTP_LIBS) $(IO_LIBS)
