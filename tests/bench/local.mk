EXTRA_DIST += %D%/bench.py

# What a mail costs, beside Postfix's smtp-sink; README says how to read it.
bench: all
	TOP_BUILDDIR='$(abs_top_builddir)' PYTHONDONTWRITEBYTECODE=1 $(PYTHON3) $(srcdir)/tests/bench/bench.py
