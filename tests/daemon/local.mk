check_PROGRAMS += %D%/gate_test %D%/mailq_test
TESTS += %D%/gate_test %D%/mailq_test %D%/session_test.py %D%/explain_test.py %D%/control_test.py %D%/drop_test.py %D%/questions_test.py
EXTRA_DIST += %D%/control_test.py %D%/drop_test.py %D%/questions_test.py %D%/session_test.py %D%/explain_test.py %D%/explained
%C%_gate_test_SOURCES = %D%/gate_test.c src/daemon/gate.c
%C%_gate_test_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS)
%C%_gate_test_LDADD = $(SMTP_LIBS) $(IO_LIBS)
%C%_mailq_test_SOURCES = %D%/mailq_test.c src/daemon/mailq.c
%C%_mailq_test_LDADD = src/queue/libqueue.a $(SMTP_LIBS)
