#include "daemon/explain.h"

#include "base/error.h"
#include "relay/explain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static bool
read_message(const char *file, Spool *spool, Scan *scan, GError **error)
{
    int fd = strcmp(file, "-") == 0 ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);
    char buf[16384];
    ssize_t n = fd < 0 ? -1 : 0;

    while (fd >= 0 && ((n = read(fd, buf, sizeof buf)) > 0 || (n < 0 && errno == EINTR))) {
        if (n < 0)
            continue;
        spool_append(spool, buf, (size_t) n);
        scan_push(scan, buf, (size_t) n);
        if (spool_is_full(spool) && !spool_flush(spool, error))
            break;
    }
    if (n < 0)
        error_set_errno(error, errno, "cannot read %s", file);
    if (fd > STDIN_FILENO)
        close(fd);
    scan_finish(scan);
    return n == 0 && spool_finish(spool, error);
}

/* True if sendmail(8) hands mail over there, which has its header completed. */
static bool
serves_sendmail(const Settings *settings, const char *listener)
{
    for (guint i = 0; listener && i < settings->listens->len; i++) {
        const Listen *listen = settings->listens->pdata[i];
        if (g_str_equal(listen->name, listener))
            return listen->conf.sendmail;
    }
    return true;
}

static Envelope *
make_envelope(const ExplainJob *job, const Settings *settings)
{
    Envelope *envelope = envelope_new(job->sender ? job->sender : "");

    envelope->submission = serves_sendmail(settings, job->listener);
    envelope->from_headers = !*job->recipients;
    envelope->listener = g_strdup(job->listener);
    envelope->user = g_strdup(job->user);
    for (char **recipient = job->recipients; *recipient; recipient++)
        envelope_add_recipient(envelope, *recipient);
    return envelope;
}

int
explain_print(const ExplainJob *job, const Settings *settings)
{
    g_autoptr(Spool) spool = spool_new((size_t) settings->conf.spool_memory_bytes, settings->conf.spool_folder);
    g_autoptr(Scan) scan = scan_new();
    g_autoptr(GString) out = g_string_new(NULL);
    g_autoptr(GError) error = NULL;

    for (char **recipient = job->recipients; *recipient; recipient++) {
        if (address_check(*recipient) != ADDRESS_OK) {
            fprintf(stderr, "shimtad: %s is not an address\n", *recipient);
            return EX_USAGE;
        }
    }
    if (!read_message(job->file, spool, scan, &error)) {
        fprintf(stderr, "shimtad: %s\n", error->message);
        return EX_NOINPUT;
    }
    Entry *entry = entry_new(make_envelope(job, settings), g_steal_pointer(&spool), g_steal_pointer(&scan));
    bool good = relay_explain(settings->relay, entry, job->json, out);
    if (fputs(out->str, stdout) < 0 || fflush(stdout) != 0)
        return EX_IOERR;
    return good ? EX_OK : EX_DATAERR;
}
