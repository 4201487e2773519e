/* Runs every *.chat beside this file, each in four cuts of the same bytes and with a handler that answers at
 * once or later. What server and handler say must be the same. */
#include "chat.h"

#include "base/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 2026-11-07T00:00:00Z */
#define NOW_MS G_GINT64_CONSTANT(1794009600000)

typedef enum {
    AS_WRITTEN,   /* step by step, and each step's effect must be there before the next */
    BYTE_BY_BYTE,
    IN_GROUPS,    /* as RFC 2920 allows: all up to EHLO, HELO or DATA at once */
    AT_ONCE,      /* all of it in one piece, with early_talk */
} Cut;
static const char *const cut_names[] = { "as-written", "byte-by-byte", "in-groups", "at-once" };

typedef struct {
    const Chat *chat;
    Cut cut;
    bool later; /* answers come after the handler function has returned */
} Case;

typedef struct {
    const Case *test;
    SmtpSession *session;
    GString *said, *seen, *body;
    guint events;
    bool waiting, handshake;
    Reply answer;
    int accepted, resets, quits;
    bool dead;
} Run;

/* Notes an event; returns what the script wants it to be answered. */
static const char *G_GNUC_PRINTF(2, 3)
run_event(Run *self, const char *format, ...)
{
    va_list args;

    g_assert_false(self->dead);
    va_start(args, format);
    g_string_append_vprintf(self->seen, format, args);
    va_end(args);
    g_string_append_c(self->seen, '\n');

    guint n = self->events++;
    for (guint i = 0; i < self->test->chat->steps->len; i++) {
        const ChatStep *step = self->test->chat->steps->pdata[i];
        if (step->kind == 'H' && n-- == 0)
            return step->answer;
    }
    return NULL;
}

/* Answers of LMTP, one for each recipient, always at once. */
static void
run_answer_each(Run *self, const char *scripted)
{
    g_auto(GStrv) texts = g_strsplit(scripted, " | ", -1);
    guint n = g_strv_length(texts);
    g_autofree Reply *replies = g_new0(Reply, n);

    for (guint i = 0; i < n; i++)
        replies[i] = (Reply){ atoi(texts[i]), NULL, texts[i] + 4 };
    smtp_session_resume_each(self->session, replies, n);
}

static void
run_answer(Run *self, const char *scripted, const char *otherwise)
{
    static char dsn[16]; /* the session borrows it until it resumes */
    int code, used = 0;
    const char *text = scripted ? scripted : otherwise;

    dsn[0] = '\0';
    g_assert_cmpint(sscanf(text, "%d %15[0-9.] %n", &code, dsn, &used), >=, 1);
    reply_set(&self->answer, code, dsn[0] ? dsn : NULL, "%s", used ? text + used : text + 4);
    if (self->test->later)
        self->waiting = true;
    else
        smtp_session_resume(self->session, &self->answer);
}

static void
on_write(void *user, const char *bytes, size_t n)
{
    Run *self = user;

    g_assert_false(self->dead);
    g_assert_cmpint(self->quits, ==, 0);
    g_assert_true(n >= 2 && memcmp(bytes + n - 2, "\r\n", 2) == 0);
    g_string_append_len(self->said, bytes, (gssize)n);
}

static void
on_helo(void *user, const char *name, bool esmtp)
{
    run_event(user, "%s %s", esmtp ? "ehlo" : "helo", name);
}

static void
on_mail(void *user, const SmtpMail *mail)
{
    g_autofree char *text = chat_mail_text(mail, NOW_MS);
    const char *scripted = run_event(user, "%s", text);

    ((Run *)user)->accepted += !scripted || *scripted == '2';
    run_answer(user, scripted, "250 2.1.0 Ok");
}

static void
on_rcpt(void *user, const SmtpRcpt *rcpt)
{
    run_answer(user,
               run_event(user, "rcpt %s%s%s%s%s", rcpt->address, rcpt->notify ? " notify=" : "",
                         rcpt->notify ? rcpt->notify : "", rcpt->orcpt ? " orcpt=" : "",
                         rcpt->orcpt ? rcpt->orcpt : ""),
               "250 2.1.5 Ok");
}

static void
on_data_begin(void *user)
{
    Run *self = user;

    g_string_truncate(self->body, 0);
    run_answer(self, run_event(self, "data"), "354 Go on");
}

static bool
on_data_bytes(void *user, const char *bytes, size_t n)
{
    Run *self = user;

    g_assert_false(self->dead);
    g_assert_cmpuint(n, >, 0);
    g_string_append_len(self->body, bytes, (gssize)n);
    g_assert_cmpuint(self->body->len, <=, (gsize)self->test->chat->settings.max_bytes);
    self->waiting = self->test->later;
    return !self->test->later;
}

static void
on_data_end(void *user)
{
    Run *self = user;
    g_autoptr(GString) text = g_string_new("end ");

    if (self->body->len > 200)
        g_string_append_printf(text, "%zu bytes", self->body->len);
    for (gsize i = 0; i < self->body->len && self->body->len <= 200; i++) {
        char c = self->body->str[i];
        if (c == '\r')
            g_string_append(text, "\\r");
        else if (c == '\n')
            g_string_append(text, "\\n");
        else if (c < ' ' || c > '~')
            g_string_append_printf(text, "\\x%02X", (guchar)c);
        else
            g_string_append_c(text, c);
    }
    const char *scripted = run_event(self, "%s", text->str);
    if (scripted && strstr(scripted, " | "))
        run_answer_each(self, scripted);
    else
        run_answer(self, scripted, "250 2.0.0 Ok: queued as <1@test>");
}

static void
on_reset(void *user)
{
    ((Run *)user)->resets++;
    run_event(user, "reset");
}

static void
on_quit(void *user)
{
    Run *self = user;

    g_assert_cmpint(self->quits++, ==, 0);
    run_event(self, "quit");
    g_assert_cmpint(smtp_session_phase(self->session), ==, SMTP_PHASE_CLOSED);
}

static void
on_ask(void *user, const SmtpQuestion *question)
{
    static const char *const names[] = { "list", "count", "run", "verify", "route", "aliases" };
    g_autoptr(GString) text = g_string_new("ask ");

    g_string_append(text, names[question->what]);
    if (question->id)
        g_string_append_printf(text, " id=%s", question->id);
    if (question->address)
        g_string_append_printf(text, " address=%s", question->address);
    if (question->sender)
        g_string_append_printf(text, " sender=%s", question->sender);
    run_answer(user, run_event(user, "%s", text->str), "250 2.0.0 Done");
}

static void
on_auth(void *user, const SmtpAuth *auth)
{
    const char *what = auth->password ? secret_reveal(auth->password) : auth->proved ? "(proved)" : "(refused)";

    g_assert_true(!auth->password || !auth->proved);
    run_answer(user, run_event(user, "auth %s %s %s", auth->mechanism, auth->user ? auth->user : "(nobody)", what),
               "235 2.7.0 Welcome");
}

static void
on_starttls(void *user)
{
    Run *self = user;

    run_event(self, "starttls");
    self->handshake = true;
}

static void
on_xclient(void *user, const SmtpOrigin *origin)
{
    g_autofree char *text = chat_origin_text(origin);

    run_answer(user, run_event(user, "xclient%s", text), "220 Ok");
}

static void
on_xforward(void *user, const SmtpOrigin *origin)
{
    g_autofree char *text = chat_origin_text(origin);

    run_answer(user, run_event(user, "xforward%s", text), "250 2.0.0 Ok");
}

static const SmtpHandler handler = {
    .write = on_write,
    .helo = on_helo,
    .mail = on_mail,
    .rcpt = on_rcpt,
    .data_begin = on_data_begin,
    .data_bytes = on_data_bytes,
    .data_end = on_data_end,
    .reset = on_reset,
    .quit = on_quit,
    .ask = on_ask,
    .auth = on_auth,
    .starttls = on_starttls,
    .xclient = on_xclient,
    .xforward = on_xforward,
};

/* Gives the answers that are due until the session waits for its client. */
static void
run_settle(Run *self)
{
    while (smtp_session_busy(self->session) && !self->handshake) {
        g_assert_true(self->waiting);
        g_assert_cmpint(smtp_session_phase(self->session), ==, SMTP_PHASE_ANSWERING);
        self->waiting = false;
        Reply answer = self->answer;
        self->answer = (Reply){ 0 };
        smtp_session_resume(self->session, answer.code ? &answer : NULL);
        reply_clear(&answer);
    }
    if (!self->test->later)
        reply_clear(&self->answer);
}

static void
run_feed(Run *self, const char *bytes, size_t n)
{
    smtp_session_feed(self->session, bytes, n);
    run_settle(self);
}

static void
run_act(Run *self, const char *action)
{
    static const Reply timed_out = { 421, "4.4.2", (char *)"Too slow" };

    if (g_str_equal(action, "shut-down"))
        smtp_session_shut_down(self->session, NULL);
    else if (g_str_equal(action, "abort"))
        smtp_session_abort(self->session, &timed_out);
    else if (g_str_equal(action, "secured")) {
        g_assert_true(self->handshake && smtp_session_busy(self->session));
        self->handshake = false;
        smtp_session_secured(self->session);
    }
    else
        g_error("unknown action %s", action);
}

/* What the steps from first on expect, up to the next that does something. */
static guint
expected(const Chat *chat, guint first, bool all, GString *said, GString *seen)
{
    guint i = first;

    for (; i < chat->steps->len; i++) {
        const ChatStep *step = chat->steps->pdata[i];

        if (step->kind == 'S')
            g_string_append_printf(said, "%s\r\n", step->text->str);
        else if (step->kind == 'H')
            g_string_append_printf(seen, "%s\n", step->text->str);
        else if (!all)
            break;
    }
    return i;
}

/* Compares and begins anew. */
static void
run_check(Run *self, int line, const GString *said, const GString *seen)
{
    if (!g_string_equal(self->said, said) || !g_string_equal(self->seen, seen)) {
        g_test_message("%s:%d: expected said:\n%sgot:\n%sexpected seen:\n%sgot:\n%s",
                       self->test->chat->name, line, said->str, self->said->str, seen->str, self->seen->str);
        g_test_fail();
    }
    g_string_truncate(self->said, 0);
    g_string_truncate(self->seen, 0);
}

static void
run_as_written(Run *self)
{
    const Chat *chat = self->test->chat;
    int line = 1;

    for (guint i = 0; i <= chat->steps->len; i++) {
        g_autoptr(GString) said = g_string_new(NULL);
        g_autoptr(GString) seen = g_string_new(NULL);

        i = expected(chat, i, false, said, seen);
        run_check(self, line, said, seen);
        if (i == chat->steps->len)
            return;

        const ChatStep *step = chat->steps->pdata[i];
        line = step->line;
        if (step->kind == 'C')
            run_feed(self, step->text->str, step->text->len);
        else
            run_act(self, step->text->str);
    }
}

/* Whether the last line of what is sent asks for an answer before the next. */
static bool
ends_group(const char *text, gsize n)
{
    static const char *const verbs[] = { "EHLO", "HELO", "LHLO", "XCLIENT", "DATA", "AUTH", "STARTTLS" };
    gsize line = n ? n - 1 : 0;

    while (line > 0 && text[line - 1] != '\n')
        line--;
    for (guint i = 0; i < G_N_ELEMENTS(verbs); i++)
        if (g_ascii_strncasecmp(text + line, verbs[i], strlen(verbs[i])) == 0)
            return true;
    return false;
}

static void
run_cut(Run *self)
{
    const Chat *chat = self->test->chat;
    Cut cut = self->test->cut;
    g_autoptr(GString) group = g_string_new(NULL);
    g_autoptr(GString) said = g_string_new(NULL);
    g_autoptr(GString) seen = g_string_new(NULL);

    for (guint i = 0; i < chat->steps->len; i++) {
        const ChatStep *step = chat->steps->pdata[i];

        if (step->kind == 'A')
            run_act(self, step->text->str);
        if (step->kind != 'C')
            continue;
        g_string_append_len(group, step->text->str, (gssize)step->text->len);
        /* A command may stand behind the octets of a chunk, which end no line. */
        bool ends = ends_group(step->text->str, step->text->len) || ends_group(group->str, group->len);
        if (cut == AT_ONCE || (cut == IN_GROUPS && !ends))
            continue;
        for (gsize at = 0, n; at < group->len; at += n) {
            n = cut == BYTE_BY_BYTE ? 1 : group->len;
            run_feed(self, group->str + at, n);
        }
        g_string_truncate(group, 0);
    }
    run_feed(self, group->str, group->len);
    expected(chat, 0, true, said, seen);
    run_check(self, 1, said, seen);
}

static void
test_chat(gconstpointer data)
{
    const Case *test = data;
    SmtpSettings settings = test->chat->settings;
    Run run = { .test = test };

    run.said = g_string_new(NULL);
    run.seen = g_string_new(NULL);
    run.body = g_string_new(NULL);
    settings.early_talk |= test->cut == AT_ONCE;
    run.session = smtp_session_new(&settings, &handler, &run);
    if (test->chat->trusted)
        smtp_session_trust(run.session);
    if (test->cut == AS_WRITTEN)
        run_as_written(&run);
    else
        run_cut(&run);
    smtp_session_free(run.session);
    run.dead = true;
    g_assert_cmpint(run.accepted, ==, run.resets);
    g_string_free(run.said, TRUE);
    g_string_free(run.seen, TRUE);
    g_string_free(run.body, TRUE);
    reply_clear(&run.answer);
}

static void
add_cases(const Chat *chat)
{
    for (Cut cut = AS_WRITTEN; cut <= AT_ONCE; cut++) {
        if ((chat->only_written && cut != AS_WRITTEN) || (chat->has_actions && cut >= IN_GROUPS))
            continue;
        for (int later = 0; later <= 1; later++) {
            Case *test = g_new0(Case, 1);
            g_autofree char *path =
                g_strdup_printf("/chat/%s/%s/%s", chat->name, cut_names[cut], later ? "later" : "at-once");

            *test = (Case){ chat, cut, later };
            g_test_add_data_func_full(path, test, test_chat, g_free);
        }
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    clock_freeze(NOW_MS);
    g_autofree char *folder = g_test_build_filename(G_TEST_DIST, "smtp", NULL);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    g_autoptr(GPtrArray) chats = g_ptr_array_new_with_free_func((GDestroyNotify)chat_free);

    g_assert_nonnull(dir);
    for (const char *name; (name = g_dir_read_name(dir));) {
        if (!g_str_has_suffix(name, ".chat"))
            continue;
        g_autofree char *path = g_build_filename(folder, name, NULL);
        g_ptr_array_add(chats, chat_load(path));
        add_cases(chats->pdata[chats->len - 1]);
    }
    g_assert_cmpuint(chats->len, >, 0);
    return g_test_run();
}
