# Read by the operator's command too.
noinst_LIBRARIES += %D%/libsettings.a
%C%_libsettings_a_SOURCES = \
	%D%/access.c %D%/access.h \
	%D%/limits.c %D%/limits.h \
	%D%/metrics_conf.c %D%/metrics_conf.h \
	%D%/rate.c %D%/rate.h \
	%D%/reach.c %D%/reach.h \
	%D%/secure.c %D%/secure.h \
	%D%/settings.c %D%/settings.h \
	%D%/webhook_conf.c %D%/webhook_conf.h
%C%_libsettings_a_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS)

sbin_PROGRAMS += bin/shimtad
bin_shimtad_SOURCES = \
	%D%/control.c %D%/control.h \
	%D%/control_change.c \
	%D%/control_queue.c \
	%D%/control_request.c %D%/control_request.h \
	%D%/control_suppressions.c \
	%D%/control_trace.c \
	%D%/confine.c %D%/confine.h \
	%D%/auth.c %D%/auth.h \
	%D%/door.c %D%/door.h \
	%D%/doors.c %D%/doors.h \
	%D%/drop.c %D%/drop.h \
	%D%/drop_folder.c %D%/drop_folder.h \
	%D%/drop_mail.c %D%/drop_mail.h \
	%D%/enquiry.c %D%/enquiry.h \
	%D%/explain.c %D%/explain.h \
	%D%/figures.c %D%/figures.h \
	%D%/flush.c %D%/flush.h \
	%D%/gate.c %D%/gate.h \
	%D%/asked.c %D%/asked.h \
	%D%/ingress.c %D%/ingress.h %D%/ingress_state.h \
	%D%/ingress_rate.c \
	%D%/ingress_who.c \
	%D%/keep.c %D%/keep.h \
	%D%/line_ends.c %D%/line_ends.h \
	%D%/list_figures.c %D%/list_figures.h \
	%D%/main.c \
	%D%/mailq.c %D%/mailq.h \
	%D%/metrics.c %D%/metrics.h \
	%D%/notify.c %D%/notify.h \
	%D%/options.c %D%/options.h \
	%D%/patience.c %D%/patience.h \
	%D%/privilege.c %D%/privilege.h \
	%D%/origin.c %D%/origin.h \
	%D%/process_figures.c %D%/process_figures.h \
	%D%/rates.c %D%/rates.h \
	%D%/reload.c %D%/reload.h \
	%D%/refusal.c %D%/refusal.h \
	%D%/site.c %D%/site.h \
	%D%/smtp_server.c %D%/smtp_server.h \
	%D%/suppressed.c %D%/suppressed.h \
	%D%/syscalls.c %D%/syscalls.h \
	%D%/users.c %D%/users.h \
	%D%/webhook.c %D%/webhook.h
bin_shimtad_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS) $(CJSON_CFLAGS) $(SECCOMP_CFLAGS)
bin_shimtad_LDADD = %D%/libsettings.a $(SMTP_LIBS) $(FEEDBACK_LIBS) $(WEB_LIBS) $(IO_LIBS) $(SECCOMP_LIBS)
