CRASH_TESTS = \
	%D%/kill_test.py %D%/powercut_test.py %D%/disk_test.py %D%/api_test.py %D%/limits_test.py %D%/damage_test.py
TESTS += $(CRASH_TESTS)
EXTRA_DIST += %D%/README $(CRASH_TESTS) %D%/rig.py %D%/load.py %D%/store.py %D%/reckoning.py %D%/powercut.py %D%/queue-1.sql %D%/queue-4.sql

check_PROGRAMS += %D%/store_driver
%C%_store_driver_SOURCES = %D%/store_driver.c
%C%_store_driver_LDADD = $(QUEUE_LIBS)

# The same at length: 300 random kills, 400 cuts. soak: every Nth call of the kernel, which takes hours.
crash soak: $(check_PROGRAMS) all
	for test in $(CRASH_TESTS); do \
	    env TOP_SRCDIR='$(abs_top_srcdir)' TOP_BUILDDIR='$(abs_top_builddir)' PYTHONDONTWRITEBYTECODE=1 CRASH_KILLS=300 \
	    CRASH_CUTS=400 CRASH_REAL_CUTS=200 CRASH_FLIPS=300 $$(test $@ = crash || echo SOAK=1) \
	    $(PYTHON3) $(srcdir)/$$test || exit 1; \
	done
