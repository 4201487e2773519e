EXTRA_DIST += %D%/quickstart %D%/check %D%/packages.sh %D%/first-mail.py \
	%D%/systemd/shimtad.service.in %D%/systemd/shimtad.socket %D%/systemd/shimta.sysusers \
	%D%/systemd/shimta.tmpfiles.in \
	%D%/fail2ban/shimtad.conf \
	%D%/deb/build %D%/deb/check %D%/deb/check-in-root \
	%D%/deb/control.in %D%/deb/copyright %D%/deb/postinst %D%/deb/postrm %D%/deb/prerm

# configure's directories are known to make only.
CONTRIB_FILL = $(AM_V_GEN)$(MKDIR_P) $(@D) && sed -e 's|@sbindir[@]|$(sbindir)|g' -e 's|@sysconfdir[@]|$(sysconfdir)|g' \
	-e 's|@localstatedir[@]|$(localstatedir)|g' -e 's|@runstatedir[@]|$(runstatedir)|g'

%D%/systemd/shimtad.service: %D%/systemd/shimtad.service.in Makefile
	$(CONTRIB_FILL) '$(srcdir)/%D%/systemd/shimtad.service.in' >$@.new && mv $@.new $@
%D%/systemd/shimta.tmpfiles: %D%/systemd/shimta.tmpfiles.in Makefile
	$(CONTRIB_FILL) '$(srcdir)/%D%/systemd/shimta.tmpfiles.in' >$@.new && mv $@.new $@
check_DATA += %D%/systemd/shimtad.service %D%/systemd/shimta.tmpfiles
CLEANFILES += %D%/systemd/shimtad.service %D%/systemd/shimta.tmpfiles

CONTRIB_MADE = %D%/systemd/shimtad.service %D%/systemd/shimta.tmpfiles
noinst_DATA = $(CONTRIB_MADE)

if SYSTEMD
systemdsystemunit_DATA = %D%/systemd/shimtad.service %D%/systemd/shimtad.socket
endif

bashcompdir = $(datadir)/bash-completion/completions
dist_bashcomp_DATA = %D%/completion/shimta %D%/completion/shimta-sandbox %D%/completion/shimtad
dist_doc_DATA = README
examplesdir = $(docdir)/examples
dist_examples_DATA = %D%/examples/shimta.conf
sysusersdir = $(prefix)/lib/sysusers.d
tmpfilesdir = $(prefix)/lib/tmpfiles.d

# Under other names than theirs here.
install-data-local:
	$(MKDIR_P) '$(DESTDIR)$(sysusersdir)' '$(DESTDIR)$(tmpfilesdir)' '$(DESTDIR)$(examplesdir)/fail2ban/filter.d'
	$(INSTALL_DATA) '$(srcdir)/%D%/systemd/shimta.sysusers' '$(DESTDIR)$(sysusersdir)/shimta.conf'
	$(INSTALL_DATA) %D%/systemd/shimta.tmpfiles '$(DESTDIR)$(tmpfilesdir)/shimta.conf'
	$(INSTALL_DATA) '$(srcdir)/%D%/fail2ban/shimtad.conf' '$(DESTDIR)$(examplesdir)/fail2ban/filter.d'
uninstall-local:
	rm -f '$(DESTDIR)$(sysusersdir)/shimta.conf' '$(DESTDIR)$(tmpfilesdir)/shimta.conf' \
	  '$(DESTDIR)$(examplesdir)/fail2ban/filter.d/shimtad.conf'

# A package of its own build: this one may have another prefix.
deb:
	MAKE='$(MAKE)' sh '$(abs_srcdir)/%D%/deb/build' '$(abs_srcdir)' '$(abs_builddir)/deb' '$(PACKAGE_VERSION)' CC='$(CC)' CFLAGS='-O2 -g'

deb-check: deb
	sh '$(abs_srcdir)/%D%/deb/check' '$(abs_srcdir)' '$(abs_builddir)' '$(PACKAGE_VERSION)'

clean-local:
	rm -rf deb shimta_*.deb
