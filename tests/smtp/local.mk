check_PROGRAMS += \
	%D%/chat_test \
	%D%/dot_test \
	%D%/model_test \
	%D%/password_test \
	%D%/sasl_test \
	%D%/session_test \
	%D%/syntax_test
TESTS += \
	%D%/chat_test \
	%D%/dot_test \
	%D%/model_test \
	%D%/password_test \
	%D%/sasl_test \
	%D%/session_test \
	%D%/syntax_test

%C%_chat_test_SOURCES = %D%/chat.c %D%/chat.h %D%/chat_test.c
%C%_chat_test_LDADD = $(SMTP_LIBS)
%C%_dot_test_SOURCES = %D%/dot_test.c
%C%_dot_test_LDADD = $(SMTP_LIBS)
%C%_model_test_SOURCES = %D%/model.c %D%/model.h %D%/model_test.c
%C%_model_test_LDADD = $(SMTP_LIBS)
%C%_password_test_SOURCES = %D%/password_test.c
%C%_password_test_LDADD = $(SMTP_LIBS)
%C%_sasl_test_SOURCES = %D%/sasl_test.c
%C%_sasl_test_CFLAGS = $(AM_CFLAGS) $(GSASL_CFLAGS)
%C%_sasl_test_LDADD = $(SMTP_LIBS)
%C%_session_test_SOURCES = %D%/session_test.c
%C%_session_test_LDADD = $(SMTP_LIBS)
%C%_syntax_test_SOURCES = %D%/syntax_test.c
%C%_syntax_test_LDADD = $(SMTP_LIBS)

EXTRA_DIST += \
	%D%/abort-chunk.chat \
	%D%/abort-data.chat \
	%D%/auth-long.chat \
	%D%/auth-plain-listener.chat \
	%D%/auth-required.chat \
	%D%/auth-tries.chat \
	%D%/auth.chat \
	%D%/bdat-bad-first.chat \
	%D%/bdat-bad-more.chat \
	%D%/bdat-bad-negative.chat \
	%D%/bdat-bad-none.chat \
	%D%/bdat-bad-words.chat \
	%D%/bdat-binary.chat \
	%D%/bdat-huge-2-64.chat \
	%D%/bdat-huge-20-digits.chat \
	%D%/bdat-huge-4-GiB.chat \
	%D%/bdat-idle.chat \
	%D%/bdat-order.chat \
	%D%/bdat-refused.chat \
	%D%/bdat-tls-required.chat \
	%D%/bdat.chat \
	%D%/crlf-only.chat \
	%D%/dots.chat \
	%D%/dsn.chat \
	%D%/early-auth.chat \
	%D%/early-data.chat \
	%D%/early-ehlo.chat \
	%D%/early-tolerated.chat \
	%D%/endless-line.chat \
	%D%/errors.chat \
	%D%/greeting.chat \
	%D%/idle.chat \
	%D%/last-421.chat \
	%D%/lenient.chat \
	%D%/limits.chat \
	%D%/lenient-not-here.chat \
	%D%/lmtp-not-here.chat \
	%D%/lmtp.chat \
	%D%/long-lines.chat \
	%D%/many-recipients.chat \
	%D%/messages.chat \
	%D%/order.chat \
	%D%/parameters.chat \
	%D%/pipelining.chat \
	%D%/recipients.chat \
	%D%/refusals.chat \
	%D%/senders.chat \
	%D%/sendmail-not-here.chat \
	%D%/sendmail-parameters.chat \
	%D%/sendmail-questions-refused.chat \
	%D%/sendmail-questions.chat \
	%D%/sendmail.chat \
	%D%/shutdown-chunks-given-up.chat \
	%D%/shutdown-chunks.chat \
	%D%/shutdown-data.chat \
	%D%/shutdown-idle.chat \
	%D%/shutdown-too-big.chat \
	%D%/shutdown-transaction.chat \
	%D%/smtputf8.chat \
	%D%/smuggling.chat \
	%D%/starttls-injection.chat \
	%D%/starttls-required.chat \
	%D%/starttls-shutdown.chat \
	%D%/starttls.chat \
	%D%/times-not-here.chat \
	%D%/times.chat \
	%D%/tls-hello.chat \
	%D%/too-big.chat \
	%D%/verbs.chat \
	%D%/web.chat \
	%D%/wrong-recipients.chat \
	%D%/xclient-early.chat \
	%D%/xclient-login.chat \
	%D%/xclient.chat

# Ten million random commands.
.PHONY: soak-smtp
soak: soak-smtp
soak-smtp: %D%/model_test
	SOAK=1 %D%/model_test
