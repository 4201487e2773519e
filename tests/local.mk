include tests/base/local.mk
include tests/mail/local.mk
include tests/queue/local.mk
include tests/http/local.mk
include tests/provider/local.mk
include tests/query/local.mk
include tests/smtp/local.mk
include tests/io/local.mk
include tests/web/local.mk
include tests/relay/local.mk
include tests/feedback/local.mk
include tests/daemon/local.mk
include tests/shimta/local.mk
include tests/sendmail/local.mk
include tests/sandbox/local.mk
include tests/fuzz/local.mk
include tests/e2e/local.mk
include tests/crash/local.mk
include tests/bench/local.mk

TESTS += tests/layers.sh tests/lint.sh tests/rows.sh tests/docs.py
EXTRA_DIST += tests/layers.sh tests/layers.txt tests/lint.sh tests/rows.sh tests/tap.sh tests/docs.py

# The C tests alone, for a second compiler.
check-c: $(check_PROGRAMS) all
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(filter-out %.py,$(TESTS))'
