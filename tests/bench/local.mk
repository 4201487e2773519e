EXTRA_DIST += %D%/bench.py %D%/feedback_bench.py %D%/instructions.sh %D%/queue_bench.py %D%/sessions_bench.py %D%/tls_bench.py
EXTRA_PROGRAMS = %D%/copy_stdin %D%/crowd %D%/mails %D%/tls_load %D%/translate_bench
CLEANFILES += $(EXTRA_PROGRAMS)

%C%_copy_stdin_SOURCES = %D%/copy_stdin.c
%C%_translate_bench_SOURCES = %D%/translate_bench.c
%C%_translate_bench_CFLAGS = $(AM_CFLAGS) $(GMIME_CFLAGS)
%C%_translate_bench_LDADD = $(MAIL_LIBS)

# What a mail costs, beside Postfix's smtp-sink, then its translation alone, beside GMime; README says how to read it.
bench: all
	TOP_BUILDDIR='$(abs_top_builddir)' PYTHONDONTWRITEBYTECODE=1 $(PYTHON3) $(srcdir)/tests/bench/bench.py
	$(MAKE) $(AM_MAKEFLAGS) bench-feedback bench-queue bench-sessions bench-tls bench-translate

bench-translate: tests/bench/translate_bench
	tests/bench/translate_bench
	$(SHELL) $(srcdir)/tests/bench/instructions.sh tests/bench/translate_bench

%C%_tls_load_SOURCES = %D%/tls_load.c
%C%_tls_load_CFLAGS = $(AM_CFLAGS) $(SSL_CFLAGS)
%C%_tls_load_LDADD = $(SSL_LIBS) $(GLIB_LIBS)

bench-tls: all tests/bench/tls_load
	TOP_BUILDDIR='$(abs_top_builddir)' PYTHONDONTWRITEBYTECODE=1 $(PYTHON3) $(srcdir)/tests/bench/tls_bench.py

%C%_crowd_SOURCES = %D%/crowd.c
%C%_crowd_CFLAGS = $(AM_CFLAGS) $(SSL_CFLAGS)
%C%_crowd_LDADD = $(SSL_LIBS) $(GLIB_LIBS)
%C%_mails_SOURCES = %D%/mails.c
%C%_mails_LDADD = $(GLIB_LIBS)

# Idle sessions, and normal mail among slow clients.
bench-sessions: all tests/bench/crowd tests/bench/mails
	TOP_BUILDDIR='$(abs_top_builddir)' PYTHONDONTWRITEBYTECODE=1 $(PYTHON3) $(srcdir)/tests/bench/sessions_bench.py

# The queue: acceptance beside Postfix, draining, large queues, one sendmail beside others.
bench-queue: all tests/crash/store_driver tests/bench/copy_stdin
	TOP_BUILDDIR='$(abs_top_builddir)' PYTHONDONTWRITEBYTECODE=1 $(PYTHON3) $(srcdir)/tests/bench/queue_bench.py

# What becomes of 100,000 mails, told by an API.
bench-feedback: all tests/feedback/feedback_fill
	TOP_BUILDDIR='$(abs_top_builddir)' PYTHONDONTWRITEBYTECODE=1 $(PYTHON3) $(srcdir)/tests/bench/feedback_bench.py
