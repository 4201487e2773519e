# With --enable-fuzzing, libFuzzer's targets; always, the same targets over their corpora in `make check`.
fuzz_replays = \
	%D%/csv_replay \
	%D%/event_replay \
	%D%/json_replay \
	%D%/mail_replay \
	%D%/proxy_replay \
	%D%/query_replay \
	%D%/sasl_replay \
	%D%/sheet_replay \
	%D%/smtp_replay \
	%D%/translate_replay \
	%D%/xml_replay \
	%D%/zip_replay
check_PROGRAMS += $(fuzz_replays)
TESTS += $(fuzz_replays)
EXTRA_DIST += %D%/corpus

mail_fuzz_sources = %D%/mail_fuzz.c tests/mail/corpus_mail.c tests/mail/corpus_mail.h
mail_fuzz_cppflags = $(AM_CPPFLAGS) $(GMIME_CFLAGS) -I$(top_srcdir)
translate_fuzz_sources = %D%/translate_fuzz.c tests/mail/corpus_mail.c tests/mail/corpus_mail.h
translate_fuzz_cppflags = $(AM_CPPFLAGS) -I$(top_srcdir)

%C%_event_replay_SOURCES = %D%/replay.c %D%/event_fuzz.c
%C%_event_replay_CPPFLAGS = $(AM_CPPFLAGS) -DCORPORA='"tests/fuzz/corpus/event"'
%C%_event_replay_LDADD = $(QUERY_LIBS)

%C%_mail_replay_SOURCES = %D%/replay.c $(mail_fuzz_sources)
%C%_mail_replay_CPPFLAGS = $(mail_fuzz_cppflags) -DCORPORA='"tests/fuzz/corpus/mail tests/mail/corpus"'
%C%_mail_replay_LDADD = $(MAIL_LIBS)

%C%_proxy_replay_SOURCES = %D%/replay.c %D%/proxy_fuzz.c
%C%_proxy_replay_CPPFLAGS = $(AM_CPPFLAGS) -DCORPORA='"tests/fuzz/corpus/proxy"'
%C%_proxy_replay_LDADD = $(IO_LIBS)

%C%_query_replay_SOURCES = %D%/replay.c %D%/query_fuzz.c
%C%_query_replay_CPPFLAGS = $(AM_CPPFLAGS) -DCORPORA='"tests/fuzz/corpus/query"'
%C%_query_replay_LDADD = $(QUERY_LIBS)

%C%_sasl_replay_SOURCES = %D%/replay.c %D%/sasl_fuzz.c
%C%_sasl_replay_CPPFLAGS = $(AM_CPPFLAGS) -DCORPORA='"tests/fuzz/corpus/sasl"'
%C%_sasl_replay_LDADD = $(SMTP_LIBS)

%C%_sheet_replay_SOURCES = %D%/replay.c %D%/sheet_fuzz.c
%C%_sheet_replay_CPPFLAGS = $(AM_CPPFLAGS) -DCORPORA='"tests/fuzz/corpus/sheet"'
%C%_sheet_replay_LDADD = $(SHEET_LIBS)

%C%_smtp_replay_SOURCES = %D%/replay.c %D%/smtp_fuzz.c
%C%_smtp_replay_CPPFLAGS = $(AM_CPPFLAGS) -DCORPORA='"tests/fuzz/corpus/smtp"'
%C%_smtp_replay_LDADD = $(SMTP_LIBS)

%C%_translate_replay_SOURCES = %D%/replay.c $(translate_fuzz_sources)
%C%_translate_replay_CPPFLAGS = $(translate_fuzz_cppflags) -DCORPORA='"tests/fuzz/corpus/mail tests/mail/corpus"'
%C%_translate_replay_LDADD = $(MAIL_LIBS)

# One parser of answers each.
%C%_csv_replay_SOURCES = %D%/replay.c %D%/parser_fuzz.c
%C%_csv_replay_CPPFLAGS = $(AM_CPPFLAGS) -DPARSER=query_csv -DCORPORA='"tests/fuzz/corpus/csv"'
%C%_csv_replay_LDADD = $(QUERY_LIBS)

%C%_json_replay_SOURCES = %D%/replay.c %D%/parser_fuzz.c
%C%_json_replay_CPPFLAGS = $(AM_CPPFLAGS) -DPARSER=query_json -DCORPORA='"tests/fuzz/corpus/json"'
%C%_json_replay_LDADD = $(QUERY_LIBS)

%C%_xml_replay_SOURCES = %D%/replay.c %D%/parser_fuzz.c
%C%_xml_replay_CPPFLAGS = $(AM_CPPFLAGS) -DPARSER=query_xml -DCORPORA='"tests/fuzz/corpus/xml"'
%C%_xml_replay_LDADD = $(QUERY_LIBS)

%C%_zip_replay_SOURCES = %D%/replay.c %D%/parser_fuzz.c
%C%_zip_replay_CPPFLAGS = $(AM_CPPFLAGS) -DPARSER=query_zip -DCORPORA='"tests/fuzz/corpus/zip"'
%C%_zip_replay_LDADD = $(QUERY_LIBS)

if FUZZING
fuzz_targets = \
	%D%/csv_fuzz \
	%D%/event_fuzz \
	%D%/json_fuzz \
	%D%/mail_fuzz \
	%D%/proxy_fuzz \
	%D%/query_fuzz \
	%D%/sasl_fuzz \
	%D%/sheet_fuzz \
	%D%/smtp_fuzz \
	%D%/translate_fuzz \
	%D%/xml_fuzz \
	%D%/zip_fuzz
noinst_PROGRAMS += $(fuzz_targets)

%C%_event_fuzz_SOURCES = %D%/event_fuzz.c
%C%_event_fuzz_LDADD = $(QUERY_LIBS)
%C%_event_fuzz_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer

%C%_mail_fuzz_SOURCES = $(mail_fuzz_sources)
%C%_mail_fuzz_CPPFLAGS = $(mail_fuzz_cppflags)
%C%_mail_fuzz_LDADD = $(MAIL_LIBS)
%C%_mail_fuzz_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer

%C%_proxy_fuzz_SOURCES = %D%/proxy_fuzz.c
%C%_proxy_fuzz_LDADD = $(IO_LIBS)
%C%_proxy_fuzz_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer

%C%_query_fuzz_SOURCES = %D%/query_fuzz.c
%C%_query_fuzz_LDADD = $(QUERY_LIBS)
%C%_query_fuzz_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer

%C%_sasl_fuzz_SOURCES = %D%/sasl_fuzz.c
%C%_sasl_fuzz_LDADD = $(SMTP_LIBS)
%C%_sasl_fuzz_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer

%C%_sheet_fuzz_SOURCES = %D%/sheet_fuzz.c
%C%_sheet_fuzz_LDADD = $(SHEET_LIBS)
%C%_sheet_fuzz_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer

%C%_smtp_fuzz_SOURCES = %D%/smtp_fuzz.c
%C%_smtp_fuzz_LDADD = $(SMTP_LIBS)
%C%_smtp_fuzz_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer

%C%_translate_fuzz_SOURCES = $(translate_fuzz_sources)
%C%_translate_fuzz_CPPFLAGS = $(translate_fuzz_cppflags)
%C%_translate_fuzz_LDADD = $(MAIL_LIBS)
%C%_translate_fuzz_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer

%C%_csv_fuzz_SOURCES = %D%/parser_fuzz.c
%C%_csv_fuzz_CPPFLAGS = $(AM_CPPFLAGS) -DPARSER=query_csv
%C%_csv_fuzz_LDADD = $(QUERY_LIBS)
%C%_csv_fuzz_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer

%C%_json_fuzz_SOURCES = %D%/parser_fuzz.c
%C%_json_fuzz_CPPFLAGS = $(AM_CPPFLAGS) -DPARSER=query_json
%C%_json_fuzz_LDADD = $(QUERY_LIBS)
%C%_json_fuzz_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer

%C%_xml_fuzz_SOURCES = %D%/parser_fuzz.c
%C%_xml_fuzz_CPPFLAGS = $(AM_CPPFLAGS) -DPARSER=query_xml
%C%_xml_fuzz_LDADD = $(QUERY_LIBS)
%C%_xml_fuzz_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer

%C%_zip_fuzz_SOURCES = %D%/parser_fuzz.c
%C%_zip_fuzz_CPPFLAGS = $(AM_CPPFLAGS) -DPARSER=query_zip
%C%_zip_fuzz_LDADD = $(QUERY_LIBS)
%C%_zip_fuzz_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer

# Each target for FUZZ_SECONDS from the seeds of its name, or mails; what it finds stays in the build folder. With the
# same FUZZ_SEED (0: by chance) it tries the same inputs again.
FUZZ_SECONDS = 60
FUZZ_SEED = 0
fuzz_runs = $(addsuffix .run,$(fuzz_targets))
fuzz: $(fuzz_runs)

$(fuzz_runs): %.run: %
	@seeds='$(srcdir)/%D%/corpus/'$(patsubst %_fuzz,%,$(notdir $*)); test -d "$$seeds" || seeds='$(srcdir)/%D%/corpus/mail'; \
	$(MKDIR_P) $*.corpus && echo "$*: $(FUZZ_SECONDS) s" && \
	$* -seed=$(FUZZ_SEED) -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=2048 -max_len=65536 -print_final_stats=1 \
		-artifact_prefix=$*- $*.corpus "$$seeds"
endif
