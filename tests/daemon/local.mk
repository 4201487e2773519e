daemon_tests = \
	%D%/access_test \
	%D%/confine_test \
	%D%/gate_test \
	%D%/line_ends_test \
	%D%/mailq_test \
	%D%/patience_test \
	%D%/rate_test \
	%D%/rates_test \
	%D%/webhook_conf_test \
	%D%/webhook_test
check_PROGRAMS += $(daemon_tests)
TESTS += \
	$(daemon_tests) \
	%D%/control_test.py \
	%D%/drop_test.py \
	%D%/explain_test.py \
	%D%/questions_test.py \
	%D%/session_test.py
EXTRA_DIST += %D%/control_test.py %D%/drop_test.py %D%/questions_test.py %D%/session_test.py %D%/explain_test.py %D%/explained
%C%_line_ends_test_SOURCES = %D%/line_ends_test.c src/daemon/line_ends.c
%C%_line_ends_test_LDADD = $(GLIB_LIBS)
%C%_access_test_SOURCES = %D%/access_test.c src/daemon/access.c
%C%_access_test_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS)
%C%_access_test_LDADD = $(SMTP_LIBS) $(RELAY_LIBS) $(IO_LIBS)
%C%_gate_test_SOURCES = %D%/gate_test.c src/daemon/gate.c
%C%_gate_test_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS)
%C%_gate_test_LDADD = $(SMTP_LIBS) $(IO_LIBS)
%C%_patience_test_SOURCES = %D%/patience_test.c src/daemon/patience.c
%C%_patience_test_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS)
%C%_patience_test_LDADD = $(GLIB_LIBS)
%C%_mailq_test_SOURCES = %D%/mailq_test.c src/daemon/mailq.c
%C%_mailq_test_LDADD = src/queue/libqueue.a $(SMTP_LIBS)
%C%_confine_test_SOURCES = %D%/confine_test.c src/daemon/confine.c src/daemon/syscalls.c
%C%_confine_test_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS) $(SECCOMP_CFLAGS)
%C%_confine_test_LDADD = $(SMTP_LIBS) $(IO_LIBS) $(SECCOMP_LIBS)
%C%_webhook_conf_test_SOURCES = %D%/webhook_conf_test.c
%C%_webhook_conf_test_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS)
%C%_webhook_conf_test_LDADD = src/daemon/libsettings.a $(SMTP_LIBS) $(RELAY_LIBS) $(IO_LIBS)
%C%_webhook_test_SOURCES = %D%/webhook_test.c src/daemon/figures.c src/daemon/gate.c src/daemon/site.c src/daemon/webhook.c
%C%_webhook_test_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS)
%C%_webhook_test_LDADD = src/daemon/libsettings.a $(SMTP_LIBS) $(RELAY_LIBS) $(WEB_LIBS) $(IO_LIBS)
%C%_rate_test_SOURCES = %D%/rate_test.c src/daemon/rate.c
%C%_rate_test_LDADD = $(SMTP_LIBS)
%C%_rates_test_SOURCES = %D%/rates_test.c src/daemon/rates.c src/daemon/rate.c
%C%_rates_test_LDADD = $(SMTP_LIBS)
