EXTRA_DIST += %D%/quickstart %D%/check %D%/packages.sh %D%/first-mail.py \
	%D%/systemd/shimtad.service.in %D%/systemd/shimtad.socket %D%/systemd/shimta.sysusers \
	%D%/systemd/shimta.tmpfiles.in %D%/examples/shimta.conf \
	%D%/fail2ban/shimtad.conf

# configure's directories are known to make only.
CONTRIB_FILL = $(AM_V_GEN)$(MKDIR_P) $(@D) && sed -e 's|@sbindir[@]|$(sbindir)|g' -e 's|@sysconfdir[@]|$(sysconfdir)|g' \
	-e 's|@localstatedir[@]|$(localstatedir)|g' -e 's|@runstatedir[@]|$(runstatedir)|g'

%D%/systemd/shimtad.service: %D%/systemd/shimtad.service.in Makefile
	$(CONTRIB_FILL) '$(srcdir)/%D%/systemd/shimtad.service.in' >$@.new && mv $@.new $@
%D%/systemd/shimta.tmpfiles: %D%/systemd/shimta.tmpfiles.in Makefile
	$(CONTRIB_FILL) '$(srcdir)/%D%/systemd/shimta.tmpfiles.in' >$@.new && mv $@.new $@
check_DATA += %D%/systemd/shimtad.service %D%/systemd/shimta.tmpfiles
CLEANFILES += %D%/systemd/shimtad.service %D%/systemd/shimta.tmpfiles

if SYSTEMD
systemdsystemunit_DATA = %D%/systemd/shimtad.service %D%/systemd/shimtad.socket
noinst_DATA = %D%/systemd/shimta.tmpfiles
install-data-local:
	$(MKDIR_P) '$(DESTDIR)$(prefix)/lib/sysusers.d' '$(DESTDIR)$(prefix)/lib/tmpfiles.d'
	$(INSTALL_DATA) '$(srcdir)/%D%/systemd/shimta.sysusers' '$(DESTDIR)$(prefix)/lib/sysusers.d/shimta.conf'
	$(INSTALL_DATA) %D%/systemd/shimta.tmpfiles '$(DESTDIR)$(prefix)/lib/tmpfiles.d/shimta.conf'
uninstall-local:
	rm -f '$(DESTDIR)$(prefix)/lib/sysusers.d/shimta.conf' '$(DESTDIR)$(prefix)/lib/tmpfiles.d/shimta.conf'
endif
