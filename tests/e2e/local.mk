e2e_tests = \
	%D%/absurd_test.py \
	%D%/account_test.py \
	%D%/answers_test.py \
	%D%/arara_test.py \
	%D%/ask_failure_test.py \
	%D%/ask_hostile_test.py \
	%D%/ask_sandbox_test.py \
	%D%/ask_test.py \
	%D%/attack_test.py \
	%D%/auth_test.py \
	%D%/authenticated_test.py \
	%D%/bounce_test.py \
	%D%/call_test.py \
	%D%/callers_test.py \
	%D%/chunks_test.py \
	%D%/clients_test.py \
	%D%/completion_test.py \
	%D%/confirm_test.py \
	%D%/crowd_test.py \
	%D%/deliver_by_test.py \
	%D%/duplicates_test.py \
	%D%/feedback_load_test.py \
	%D%/feedback_test.py \
	%D%/find_test.py \
	%D%/haproxy_test.py \
	%D%/hold_test.py \
	%D%/hostile_test.py \
	%D%/install_test.py \
	%D%/lenient_test.py \
	%D%/line_ends_test.py \
	%D%/lmtp_test.py \
	%D%/mail_test.py \
	%D%/metrics_test.py \
	%D%/network_test.py \
	%D%/notice_test.py \
	%D%/one_call_test.py \
	%D%/open_relay_test.py \
	%D%/operation_test.py \
	%D%/outage_test.py \
	%D%/passwd_test.py \
	%D%/privilege_test.py \
	%D%/proxy_test.py \
	%D%/queue_test.py \
	%D%/rates_test.py \
	%D%/recipients_test.py \
	%D%/refusal_test.py \
	%D%/relays_test.py \
	%D%/reload_test.py \
	%D%/restart_test.py \
	%D%/roles_test.py \
	%D%/sandbox_ask_test.py \
	%D%/sandbox_event_test.py \
	%D%/shimta_test.py \
	%D%/stored_list_test.py \
	%D%/suppressions_test.py \
	%D%/systemd_test.sh \
	%D%/tls_limits_test.py \
	%D%/tls_test.py \
	%D%/unsubscribed_test.py \
	%D%/webhook_test.py \
	%D%/xclient_test.py

TESTS += $(e2e_tests)
EXTRA_DIST += $(e2e_tests) %D%/asking.py %D%/feedback_load.py %D%/mails.py %D%/peers.py %D%/secure.py %D%/shim.py %D%/stub.py %D%/tap.py

# A million chunks of one byte.
.PHONY: soak-chunks
soak: soak-chunks
soak-chunks: all
	env TOP_SRCDIR='$(abs_top_srcdir)' TOP_BUILDDIR='$(abs_top_builddir)' PYTHONDONTWRITEBYTECODE=1 SOAK=1 \
	$(PYTHON3) $(srcdir)/%D%/chunks_test.py A39
