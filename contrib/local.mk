EXTRA_DIST += %D%/quickstart %D%/check %D%/packages.sh %D%/first-mail.py \
	%D%/systemd/shimtad.service.in %D%/systemd/shimtad.socket %D%/examples/shimta.conf \
	%D%/fail2ban/shimtad.conf

# configure's directories are known to make only.
%D%/systemd/shimtad.service: %D%/systemd/shimtad.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) %D%/systemd && sed -e 's|@sbindir[@]|$(sbindir)|g' -e 's|@sysconfdir[@]|$(sysconfdir)|g' \
		'$(srcdir)/%D%/systemd/shimtad.service.in' >$@.new && mv $@.new $@
CLEANFILES += %D%/systemd/shimtad.service

if SYSTEMD
systemdsystemunit_DATA = %D%/systemd/shimtad.service %D%/systemd/shimtad.socket
endif
