#include "chat.h"

#include <string.h>

static void
step_free(gpointer data)
{
    ChatStep *step = data;

    g_string_free(step->text, TRUE);
    g_free(step->answer);
    g_free(step);
}

static void unescape(GString *out, const char *text, size_t n);

/* "{600:text}": how much of text it takes. */
static size_t
repeat(GString *out, const char *text)
{
    char *colon;
    guint64 times = g_ascii_strtoull(text + 1, &colon, 10);
    const char *end = strchr(text, '}');

    g_assert_true(*colon == ':' && end);
    g_autoptr(GString) once = g_string_new(NULL);
    unescape(once, colon + 1, (size_t)(end - colon - 1));
    for (guint64 i = 0; i < times; i++)
        g_string_append_len(out, once->str, (gssize)once->len);
    return (size_t)(end + 1 - text);
}

static void
unescape(GString *out, const char *text, size_t n)
{
    for (const char *p = text, *end = text + n; p < end; p++) {
        if (*p != '\\') {
            g_string_append_c(out, *p);
            continue;
        }
        switch (*++p) {
        case 'r': g_string_append_c(out, '\r'); break;
        case 'n': g_string_append_c(out, '\n'); break;
        case 't': g_string_append_c(out, '\t'); break;
        case '0': g_string_append_c(out, '\0'); break;
        case '\\': g_string_append_c(out, '\\'); break;
        case 'x':
            g_string_append_c(out, (char)(g_ascii_xdigit_value(p[1]) << 4 | g_ascii_xdigit_value(p[2])));
            p += 2;
            break;
        case '{': p += repeat(out, p) - 1; break;
        default: g_error("unknown escape in %s", text);
        }
    }
}

/* The handler judges; these need only look right. */
#define HASH "$5$salt$w6/j5nt7r3yQ0pOwBqSFM5ZUwfYVPmqqbr4aXLaO8U3"
#define KEY "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
static const char users[] = "ann:" HASH "\n";
static const char scram_users[] = "ann:" HASH ":{SCRAM-SHA-256}4096,c2FsdA==," KEY "," KEY "\n";

static void
take_setting(SmtpSettings *settings, const char *key, const char *value)
{
    guint64 n = g_ascii_strtoull(value, NULL, 10);

    if (g_str_equal(key, "max-bytes"))
        settings->max_bytes = (gint64)n;
    else if (g_str_equal(key, "max-recipients"))
        settings->max_recipients = (guint)n;
    else if (g_str_equal(key, "max-errors"))
        settings->max_errors = (guint)n;
    else if (g_str_equal(key, "max-idle-commands"))
        settings->max_idle_commands = (guint)n;
    else if (g_str_equal(key, "max-messages"))
        settings->max_messages = (guint)n;
    else if (g_str_equal(key, "sendmail"))
        settings->sendmail = n != 0;
    else if (g_str_equal(key, "hold"))
        settings->hold_s = (guint)n;
    else if (g_str_equal(key, "deliver-by"))
        settings->deliver_by = n != 0;
    else if (g_str_equal(key, "priorities"))
        settings->priorities = n != 0;
    else if (g_str_equal(key, "crlf-only"))
        settings->crlf_only = n != 0;
    else if (g_str_equal(key, "trusted"))
        return;
    else if (g_str_equal(key, "lenient"))
        settings->lenient = n != 0;
    else if (g_str_equal(key, "lmtp"))
        settings->lmtp = n != 0;
    else if (g_str_equal(key, "dsn"))
        settings->dsn = n != 0;
    else if (g_str_equal(key, "tls"))
        settings->tls = (SmtpTls)n;
    else if (g_str_equal(key, "users"))
        settings->passwords = passwords_parse("users", g_str_equal(value, "scram") ? scram_users : users, NULL);
    else if (g_str_equal(key, "auth-required"))
        settings->auth_required = n != 0;
    else if (g_str_equal(key, "auth-in-plain"))
        settings->auth_in_plain = n != 0;
    else if (g_str_equal(key, "early-talk"))
        settings->early_talk = n != 0;
    else
        g_error("unknown setting %s", key);
}

static void
take_step(Chat *self, char kind, const char *text, int line)
{
    ChatStep *step = g_new0(ChatStep, 1);
    const char *arrow = kind == 'H' ? strstr(text, " -> ") : NULL;

    step->kind = kind == 'B' ? 'C' : kind;
    step->line = line;
    step->text = g_string_new(NULL);
    if (step->kind == 'C')
        unescape(step->text, text, strlen(text));
    else
        g_string_append_len(step->text, text, arrow ? arrow - text : (gssize)strlen(text));
    if (kind == 'C')
        g_string_append(step->text, "\r\n");
    if (arrow)
        step->answer = g_strdup(arrow + strlen(" -> "));
    self->has_actions |= kind == 'A';
    g_ptr_array_add(self->steps, step);
}

static void
take_line(Chat *self, const char *text, int line)
{
    g_auto(GStrv) words = g_strsplit(text, " ", 3);

    if (*text == '#' || *text == '\0')
        return;
    self->trusted |= g_str_equal(text, "set trusted 1");
    if (g_str_equal(text, "only written"))
        self->only_written = true;
    else if (g_strv_length(words) == 3 && g_str_equal(words[0], "set"))
        take_setting(&self->settings, words[1], words[2]);
    else if (strchr("CBSHA", *text) && text[1] == ':' && (text[2] == ' ' || !text[2]))
        take_step(self, *text, text + (text[2] ? 3 : 2), line);
    else
        g_error("%s:%d: not a line of a conversation", self->name, line);
}

Chat *
chat_load(const char *path)
{
    Chat *self = g_new0(Chat, 1);
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;

    if (!g_file_get_contents(path, &text, NULL, &error))
        g_error("%s", error->message);
    self->name = g_path_get_basename(path);
    self->steps = g_ptr_array_new_with_free_func(step_free);
    self->settings = (SmtpSettings){
        .hostname = "mx.test",
        .max_bytes = 1000,
        .max_recipients = 1000,
        .max_errors = 20,
        .max_idle_commands = 100,
        .max_messages = 1000,
    };
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (int i = 0; lines[i]; i++)
        take_line(self, lines[i], i + 1);
    return self;
}

void
chat_free(Chat *self)
{
    g_ptr_array_unref(self->steps);
    passwords_unref((Passwords *)self->settings.passwords);
    g_free(self->name);
    g_free(self);
}

char *
chat_mail_text(const SmtpMail *mail, gint64 now_ms)
{
    GString *text = g_string_new("mail ");

    g_string_append_printf(text, "<%s>", mail->sender);
    if (mail->size >= 0)
        g_string_append_printf(text, " size=%" G_GINT64_FORMAT, mail->size);
    if (mail->body)
        g_string_append_printf(text, " body=%s", mail->body);
    if (mail->smtputf8)
        g_string_append(text, " smtputf8");
    if (mail->ret)
        g_string_append_printf(text, " ret=%s", mail->ret);
    if (mail->envid)
        g_string_append_printf(text, " envid=%s", mail->envid);
    if (mail->submission)
        g_string_append(text, " submission");
    if (mail->from_headers)
        g_string_append(text, " from-headers");
    if (mail->gateway)
        g_string_append(text, " gateway");
    if (mail->full_name)
        g_string_append_printf(text, " name=%s", mail->full_name);
    if (mail->delivery)
        g_string_append_printf(text, " delivery=%d", mail->delivery);
    if (mail->hops)
        g_string_append_printf(text, " hops=%u", mail->hops);
    if (mail->no_aliases)
        g_string_append(text, " no-aliases");
    if (mail->notify)
        g_string_append_printf(text, " notify=%s", mail->notify);
    if (mail->tag)
        g_string_append_printf(text, " tag=%s", mail->tag);
    if (mail->via)
        g_string_append_printf(text, " via=%s", mail->via);
    if (mail->hold_until_ms)
        g_string_append_printf(text, " hold=%" G_GINT64_FORMAT, mail->hold_until_ms - now_ms);
    if (mail->by_ms)
        g_string_append_printf(text, " by=%" G_GINT64_FORMAT "%s%s", mail->by_ms - now_ms,
                               mail->by_return ? "R" : "N", mail->by_trace ? "T" : "");
    if (mail->priority)
        g_string_append_printf(text, " priority=%d", mail->priority);
    if (mail->bounce_refusals)
        g_string_append(text, " bounce-refusals");
    return g_string_free(text, FALSE);
}

char *
chat_origin_text(const SmtpOrigin *origin)
{
    const char *values[] = { origin->name, origin->address, origin->helo, origin->login };
    static const char *const names[] = { " name=", " address=", " helo=", " login=" };
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < G_N_ELEMENTS(values); i++)
        if (values[i])
            g_string_append_printf(text, "%s%s", names[i], values[i]);
    return g_string_free(text, FALSE);
}
