#include "daemon/drop_mail.h"

#include "base/crash_point.h"
#include "daemon/keep.h"
#include "io/worker.h"

#include <string.h>
#include <unistd.h>

enum { READ_BYTES = 256 * 1024 };

typedef enum { FEED_HELLO, FEED_COMMANDS, FEED_MESSAGE } FeedStep;

/* What the worker has of a mail. */
typedef struct {
    DropMail *mail;
    int fd;
    off_t offset;
    ssize_t n;
    char bytes[READ_BYTES];
} ReadJob;

struct DropMail {
    const IngressHub *hub;
    DropMailDone done;
    void *user;
    DropFile *file;
    Listen listen;       /* of the settings that the ingress keeps, for one mail a session */
    Ingress *ingress;
    FeedStep step;
    off_t offset;        /* read so far */
    Work *reading;
    bool ended;          /* the file */
    GByteArray *held;    /* read and not fed */
    bool feeding;        /* in mail_go_on() */
    int code;            /* of the reply to what was fed last; 0: none yet */
    char *reply;
};

static void mail_go_on(DropMail *self);

static void
read_run(void *user)
{
    ReadJob *self = user;

    self->n = pread(self->fd, self->bytes, sizeof self->bytes, self->offset);
}

static void
read_free(void *user)
{
    ReadJob *self = user;

    close(self->fd);
    g_free(self);
}

static void
read_done(void *user)
{
    ReadJob *job = user;
    DropMail *self = job->mail;

    self->reading = NULL;
    if (job->n > 0) {
        crash_point("drop-read");
        self->offset += job->n;
        if (!self->held)
            self->held = g_byte_array_new();
        g_byte_array_append(self->held, (const guint8 *) job->bytes, (guint) job->n);
    } else {
        self->ended = true;
    }
    bool failed = job->n < 0;
    read_free(job);
    if (failed)
        self->done(self, 451, "the file cannot be read", self->user);
    else
        mail_go_on(self);
}

static void
mail_read(DropMail *self)
{
    static const WorkOps ops = { read_run, read_done, read_free };
    ReadJob *job = g_new(ReadJob, 1);

    job->mail = self;
    job->fd = dup(self->file->fd);
    job->offset = self->offset;
    self->reading = work_start(self->hub->loop, &ops, job);
}

/* The first whole reply in what the session says; what comes after the answer to the message is not ours. */
static void
on_write(void *user, const char *bytes, size_t n)
{
    DropMail *self = user;
    g_auto(GStrv) lines = NULL;
    g_autofree char *text = g_strndup(bytes, n);

    if (self->code != 0)
        return;
    lines = g_strsplit(text, "\r\n", -1);
    for (guint i = 0; lines[i] && self->code == 0; i++) {
        if (strlen(lines[i]) < 4 || lines[i][3] == '-')
            continue;
        self->code = (int) g_ascii_strtoull(lines[i], NULL, 10);
        g_free(self->reply);
        self->reply = g_strdup(lines[i]);
    }
}

static void
on_quit(void *user)
{
}

static void
on_answered(void *user)
{
    mail_go_on(user);
}

static bool
is_there(void *user)
{
    return true;
}

/* What was said before must be answered, and well. 0: it is; else the code it ends with. */
static int
mail_judge(const DropMail *self, const SmtpSession *session)
{
    if (self->step == FEED_MESSAGE)
        return self->code;
    if (self->reply && g_str_has_prefix(self->reply, "452 4.5.3")) /* it will not have fewer */
        return 554;
    if (smtp_session_phase(session) == SMTP_PHASE_CLOSED && self->code < 500)
        return 451;
    return self->code >= 400 ? self->code : 0;
}

/* Takes the next command line off what is held. False: there is none, or it is not one that sendmail writes. */
static bool
mail_take_line(DropMail *self, char line[SMTP_LINE_BYTES + 1], size_t *n)
{
    static const char *const words[] = { "MAIL FROM:<", "RCPT TO:<", "DATA\r\n" };
    const guint8 *end = self->held ? memchr(self->held->data, '\n', self->held->len) : NULL;
    bool known = false;

    *n = end ? (size_t) (end + 1 - self->held->data) : 0;
    if (!end || *n > SMTP_LINE_BYTES)
        return false;
    memcpy(line, self->held->data, *n);
    line[*n] = '\0';
    for (guint i = 0; i < G_N_ELEMENTS(words); i++)
        known |= strncmp(line, words[i], strlen(words[i])) == 0;
    if (known)
        g_byte_array_remove_range(self->held, 0, (guint) *n);
    return known;
}

/* Says the next thing. False: more of the file is needed, or it is no mail (*useless). */
static bool
mail_feed(DropMail *self, SmtpSession *session, bool *useless)
{
    static const char hello[] = "EHLO localhost\r\n";
    char line[SMTP_LINE_BYTES + 1];
    size_t n;

    if (self->step == FEED_HELLO) {
        self->step = FEED_COMMANDS;
        self->code = 0;
        smtp_session_feed(session, hello, strlen(hello));
        return true;
    }
    if (self->step == FEED_MESSAGE || smtp_session_phase(session) == SMTP_PHASE_DATA) {
        if (self->step != FEED_MESSAGE)
            self->code = 0;
        self->step = FEED_MESSAGE;
        g_autoptr(GByteArray) held = g_steal_pointer(&self->held);
        if (held && held->len > 0)
            smtp_session_feed(session, (const char *) held->data, held->len);
        return held && held->len > 0;
    }
    bool whole = self->held && (self->held->len > SMTP_LINE_BYTES || memchr(self->held->data, '\n', self->held->len));
    if (!mail_take_line(self, line, &n)) {
        *useless = whole;
        return false;
    }
    self->code = 0;
    smtp_session_feed(session, line, n);
    return true;
}

/* After everything that may have changed something. The mail may be gone behind it. */
static void
mail_go_on(DropMail *self)
{
    SmtpSession *session = ingress_session(self->ingress);
    bool useless = false;
    int verdict = 0;

    if (self->feeding || self->reading)
        return;
    self->feeding = true;
    while (!smtp_session_busy(session) && (verdict = mail_judge(self, session)) == 0) {
        if (mail_feed(self, session, &useless))
            continue;
        if (!useless && !self->ended)
            mail_read(self);
        else
            verdict = 554;
        break;
    }
    self->feeding = false;
    if (verdict != 0)
        self->done(self, verdict, self->code != 0 && !useless ? self->reply : "not a whole mail", self->user);
}

DropMail *
drop_mail_start(const IngressHub *hub, DropFile *file, bool old, DropMailDone done, void *user)
{
    static const IngressOps ops = { on_write, on_quit, on_answered, is_there };
    DropMail *self = g_new0(DropMail, 1);
    const IngressClient client = {
        .listen = &self->listen,
        .client = "drop",
        .has_uid = true,
        .uid = file->uid,
        .delivery = settings_has_queue(hub->settings) ? DELIVERY_QUEUE : DELIVERY_WAIT,
        .entry_id = file->id,
        .too_old = old,
    };

    self->hub = hub;
    self->listen = *keep_submit(hub->settings);
    self->listen.smtp.max_messages = 1;
    self->listen.smtp.max_errors = 0;
    self->listen.smtp.early_talk = true;
    self->file = file;
    self->done = done;
    self->user = user;
    self->feeding = true;
    self->ingress = ingress_new(hub, &client, &ops, self);
    self->feeding = false;
    mail_read(self);
    return self;
}

const DropFile *
drop_mail_file(const DropMail *self)
{
    return self->file;
}

void
drop_mail_free(DropMail *self)
{
    ingress_free(self->ingress);
    work_cancel(&self->reading);
    g_clear_pointer(&self->held, g_byte_array_unref);
    drop_file_free(self->file);
    g_free(self->reply);
    g_free(self);
}
