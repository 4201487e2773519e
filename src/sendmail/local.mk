noinst_LIBRARIES += %D%/libsendmail.a
%C%_libsendmail_a_SOURCES = \
	%D%/address.c %D%/address.h \
	%D%/ask.c %D%/ask.h \
	%D%/body.c %D%/body.h \
	%D%/bridge.c %D%/bridge.h \
	%D%/caller.c %D%/caller.h \
	%D%/complain.c %D%/complain.h \
	%D%/dialogue.c %D%/dialogue.h \
	%D%/dsn.c %D%/dsn.h \
	%D%/drop.c %D%/drop.h \
	%D%/link.c %D%/link.h \
	%D%/options.c %D%/options.h \
	%D%/settings.c %D%/settings.h \
	%D%/submit.c %D%/submit.h \
	%D%/talk.c %D%/talk.h \
	%D%/xtext.c %D%/xtext.h

sbin_PROGRAMS += bin/sendmail
bin_sendmail_SOURCES = %D%/main.c
bin_sendmail_LDADD = %D%/libsendmail.a

install-exec-hook: install-sendmail-links
uninstall-hook: uninstall-sendmail-links

# Relative where both folders are siblings, so that a package built with DESTDIR keeps working.
install-sendmail-links:
	$(MKDIR_P) '$(DESTDIR)$(bindir)'
	target='$(sbindir)/sendmail'; \
	if test '$(sbindir)' = "$$(dirname '$(bindir)')/sbin"; then target=../sbin/sendmail; fi; \
	for name in mailq newaliases; do \
	  rm -f "$(DESTDIR)$(bindir)/$$name" && $(LN_S) "$$target" "$(DESTDIR)$(bindir)/$$name" || exit 1; \
	done

uninstall-sendmail-links:
	rm -f '$(DESTDIR)$(bindir)/mailq' '$(DESTDIR)$(bindir)/newaliases'
