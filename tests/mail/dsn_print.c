/* dsn_print KEY=VALUE… <original: prints a notification, for dsn_parse_test.py. rcpt=ADDRESS or rcpt=ADDRESS|ORCPT
 * adds a recipient, the outcome of which the keys before it say. */
#include "mail/dsn.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mail/scan.h"

typedef struct {
    Dsn dsn;
    GArray *recipients; /* of DsnRecipient */
    DsnAction action;
    OutcomeVerdict verdict;
    int code;
    const char *status, *text, *words;
} Job;

static GString *
read_input(void)
{
    GString *all = g_string_new(NULL);
    char block[4096];
    ssize_t n;

    while ((n = read(0, block, sizeof block)) > 0)
        g_string_append_len(all, block, n);
    return all;
}

static void
add_recipient(Job *job, char *value)
{
    char *bar = strchr(value, '|');
    Outcome *outcome = g_new0(Outcome, 1);

    if (bar)
        *bar++ = '\0';
    outcome->verdict = job->verdict;
    outcome->code = job->code;
    g_strlcpy(outcome->dsn, job->status, sizeof outcome->dsn);
    outcome->text = g_strdup(job->text);
    g_array_append_val(job->recipients, ((DsnRecipient) { job->action, value, bar, outcome, job->words }));
}

static void
set(Job *job, const char *key, char *value)
{
    static const char *const actions[] = { "failed", "delayed", "relayed", NULL };
    static const char *const verdicts[] = { "open", "delivered", "transient", "permanent", "unknown", NULL };

    if (g_str_equal(key, "rcpt"))
        add_recipient(job, value);
    for (int i = 0; actions[i] && g_str_equal(key, "action"); i++)
        if (g_str_equal(actions[i], value))
            job->action = (DsnAction) i;
    for (int i = 0; verdicts[i] && g_str_equal(key, "verdict"); i++)
        if (g_str_equal(verdicts[i], value))
            job->verdict = (OutcomeVerdict) i;
    if (g_str_equal(key, "code"))
        job->code = atoi(value);
    if (g_str_equal(key, "status"))
        job->status = value;
    if (g_str_equal(key, "text"))
        job->text = value;
    if (g_str_equal(key, "words"))
        job->words = value;
    if (g_str_equal(key, "to"))
        job->dsn.to = value;
    if (g_str_equal(key, "envid"))
        job->dsn.envid = value;
    if (g_str_equal(key, "whole"))
        job->dsn.whole = true;
}

int
main(int argc, char **argv)
{
    g_autoptr(GString) original = read_input();
    g_autoptr(Scan) scan = scan_new();
    g_autoptr(GString) out = g_string_new(NULL);
    Job job = { .verdict = OUTCOME_PERMANENT, .code = 550, .status = "5.1.1", .text = "no such user" };
    DsnCopy copy = { 0 };

    job.recipients = g_array_new(FALSE, FALSE, sizeof(DsnRecipient));
    job.dsn = (Dsn) {
        .hostname = "web1.example.jp",
        .from = "MAILER-DAEMON@web1.example.jp",
        .to = "sender@example.jp",
        .message_id = "<0DsN@web1.example.jp>",
        .boundary = "=_0DsN",
        .arrived_ms = G_GINT64_CONSTANT(1795000000000),
        .now_ms = G_GINT64_CONSTANT(1795014400000),
        .until_ms = G_GINT64_CONSTANT(1795432000000),
    };
    for (int i = 1; i < argc; i++) {
        g_autofree char *key = g_strndup(argv[i], strcspn(argv[i], "="));
        char *value = argv[i] + strlen(key);
        set(&job, key, *value ? value + 1 : value);
    }
    scan_push(scan, original->str, original->len);
    scan_finish(scan);
    const char *header = original->str + scan_header_offset(scan), *body = original->str + scan_body_offset(scan);
    g_autoptr(Fields) fields = fields_parse(header, (gsize) (body - header));
    gsize body_bytes = (gsize) (original->str + original->len - body);
    job.dsn.original = fields;
    for (gsize i = 0; i < body_bytes; i++)
        job.dsn.eight_bit |= (guchar) body[i] >= 0x80;
    job.dsn.recipients = (const DsnRecipient *) (void *) job.recipients->data;
    job.dsn.n_recipients = job.recipients->len;
    dsn_begin(&job.dsn, out);
    if (job.dsn.whole)
        dsn_copy(&copy, body, body_bytes, out);
    dsn_copy_end(&copy, out);
    dsn_end(&job.dsn, out);
    fwrite(out->str, 1, out->len, stdout);
    for (guint i = 0; i < job.recipients->len; i++) {
        Outcome *outcome = (Outcome *) g_array_index(job.recipients, DsnRecipient, i).outcome;
        outcome_clear(outcome);
        g_free(outcome);
    }
    g_array_unref(job.recipients);
    return 0;
}
