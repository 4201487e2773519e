if FUZZING
noinst_PROGRAMS += %D%/smtp_fuzz
%C%_smtp_fuzz_SOURCES = %D%/smtp_fuzz.c
%C%_smtp_fuzz_LDADD = $(SMTP_LIBS)
%C%_smtp_fuzz_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer

noinst_PROGRAMS += %D%/translate_fuzz
%C%_translate_fuzz_SOURCES = %D%/translate_fuzz.c tests/mail/corpus_mail.c tests/mail/corpus_mail.h
%C%_translate_fuzz_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
%C%_translate_fuzz_LDADD = $(MAIL_LIBS)
%C%_translate_fuzz_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
endif

EXTRA_DIST += \
	%D%/smtp_fuzz.c \
	%D%/translate_fuzz.c \
	%D%/corpus/smtp/dots \
	%D%/corpus/smtp/order \
	%D%/corpus/smtp/parameters \
	%D%/corpus/smtp/pipelining \
	%D%/corpus/smtp/recipients \
	%D%/corpus/smtp/refusals \
	%D%/corpus/smtp/senders \
	%D%/corpus/smtp/sendmail \
	%D%/corpus/smtp/smtputf8 \
	%D%/corpus/smtp/smuggling \
	%D%/corpus/smtp/too-big \
	%D%/corpus/smtp/verbs
