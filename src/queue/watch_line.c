#include "queue/watch_line.h"

#include <string.h>

/* Lines "name=value", an empty one, the header. */
static void
put(GString *out, const char *name, const char *value)
{
    if (!value)
        return;
    g_string_append_printf(out, "%s=", name);
    for (const char *p = value; *p; p++)
        g_string_append_c(out, *p == '\n' || *p == '\r' ? ' ' : *p);
    g_string_append_c(out, '\n');
}

void
watch_line_print(const FeedbackMail *mail, const FeedbackRecipient *recipient, GString *out)
{
    put(out, "orcpt", recipient->orcpt);
    put(out, "notify", recipient->notify);
    put(out, "ret", mail->ret);
    put(out, "envid", mail->envid);
    put(out, "listener", mail->listener);
    put(out, "user", mail->user);
    put(out, "from", mail->from);
    g_string_append_printf(out, "arrived=%" G_GINT64_FORMAT "\n\n", mail->arrived_ms);
    g_string_append(out, mail->header ? mail->header : "");
}

char *
watch_line_date(const char *text, gint64 delivered_ms)
{
    return g_strdup_printf("delivered=%" G_GINT64_FORMAT "\n%s", delivered_ms, text);
}

static void
take(const char *name, const char *value, FeedbackMail *mail, FeedbackRecipient *recipient)
{
    const struct {
        const char *name;
        const char **value;
    } fields[] = {
        { "orcpt", &recipient->orcpt },   { "notify", &recipient->notify }, { "ret", &mail->ret },
        { "envid", &mail->envid },        { "listener", &mail->listener },  { "user", &mail->user },
        { "from", &mail->from },
    };

    for (guint i = 0; i < G_N_ELEMENTS(fields); i++) {
        if (strcmp(name, fields[i].name) == 0)
            *fields[i].value = value;
    }
    if (strcmp(name, "arrived") == 0)
        mail->arrived_ms = g_ascii_strtoll(value, NULL, 10);
    if (strcmp(name, "delivered") == 0)
        mail->delivered_ms = g_ascii_strtoll(value, NULL, 10);
}

bool
watch_line_parse(const JournalLine *line, char *text, FeedbackMail *mail, FeedbackRecipient *recipient)
{
    bool null_sender = g_strcmp0(line->sender, "<>") == 0;

    *recipient = (FeedbackRecipient) { .address = line->recipient };
    *mail = (FeedbackMail) {
        .account = line->account, .id = line->id, .remote_id = line->remote_id, .message_id = line->message_id,
        .call = line->call, .sender = null_sender || !line->sender ? "" : line->sender, .arrived_ms = line->at_ms,
        .delivered_ms = line->at_ms,
    };
    while (text && *text && *text != '\n') {
        char *name = strsep(&text, "\n"), *value = strchr(name, '=');
        if (value) {
            *value = '\0';
            take(name, value + 1, mail, recipient);
        }
    }
    if (text && text[0] == '\n' && text[1])
        mail->header = text + 1;
    return line->id && line->account && line->recipient;
}
