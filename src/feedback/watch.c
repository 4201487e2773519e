/* From the journal into the store. */
#include "feedback/state.h"

#include "base/id.h"
#include "queue/feedback_early.h"
#include "queue/feedback_recall.h"
#include "queue/watch_line.h"
#include "relay/report.h"

#include <string.h>

enum { LINES = 500 };

typedef struct {
    JournalLine line;
    gint64 row;
} Line;

typedef struct {
    Feedback *feedback;
    RelaySettings *settings;
    guint64 watched;
    gint64 after, last;
    gint64 end;    /* last row of the journal */
    bool lost;     /* the store does not know what was moved before: all is to be moved again */
    bool recalled; /* somebody may be owed a notice */
    GStringChunk *strings;
    GArray *lines; /* of Line */
    GPtrArray *early; /* of FeedbackBatch: events that came before their mail */
} Move;

static void
move_free(Move *self)
{
    relay_settings_free(self->settings);
    g_array_unref(self->lines);
    g_ptr_array_unref(self->early);
    g_string_chunk_free(self->strings);
    g_free(self);
}

static void move_start(Feedback *feedback);

static void
move_end(Move *self, const GError *error)
{
    Feedback *feedback = self->feedback;
    bool more = !error && (self->lines->len == LINES || self->lost);

    if (error)
        feedback_complain(feedback, NULL, error);
    for (guint i = 0; i < self->early->len; i++)
        batch_end(self->early->pdata[i], error);
    if (!error) {
        feedback->cursor = self->lost ? -1 : self->last;
        feedback->behind = more;
        if (!more)
            feedback->watched = self->watched;
        if (self->recalled)
            feedback->tell_after_ms = 1;
    }
    move_free(self);
    if (more) {
        move_start(feedback);
    } else {
        feedback->moving = false;
        feedback_judge(feedback, error);
    }
    feedback_release(feedback);
}

/* --- into the store ------------------------------------------------------------------------------ */

static void
on_early(const FeedbackEarly *early, void *user)
{
    Move *self = user;
    const FeedbackMatch *match = &early->match;
    const QueryEvent event = {
        .kind = (QueryEventKind) early->kind, .address = match->address, .sender = early->sender,
        .id = match->remote_id, .request_id = match->request, .message_id = match->message_id, .tag = match->call,
        .code = early->code, .reason = early->reason, .when_ms = early->when_ms,
    };
    FeedbackEvents *events = feedback_events_new(match->account, early->source);

    feedback_events_add(events, &event);
    g_ptr_array_add(self->early, batch_new(self->feedback, self->settings, events));
}

/* What was told of them before they were known is judged in the same group: it is in the store or behind. */
static bool
judge_early(FeedbackStore *store, Move *self, GError **error)
{
    for (guint i = 0; i < self->early->len; i++) {
        if (!batch_run(store, self->early->pdata[i], error))
            return false;
    }
    return true;
}

static bool
write_watched(FeedbackStore *store, Move *self, const JournalLine *line, GError **error)
{
    g_autofree char *text = g_strdup(line->text), *request = line->call ? id_of_call(line->call) : NULL;
    FeedbackMail mail;
    FeedbackRecipient recipient;

    if (!watch_line_parse(line, text, &mail, &recipient))
        return true;
    mail.request = request;
    const Provider *account = relay_settings_account(self->settings, mail.account);
    gint64 wait_ms = account ? account->feedback.interval_ms : 0;
    return feedback_store_watch(store, &mail, &recipient, mail.delivered_ms + wait_ms, error) &&
           feedback_early_take(store, &mail, recipient.address, on_early, self, error);
}

static bool
write_lines(FeedbackStore *store, Move *self, gint64 recall, GError **error)
{
    for (guint i = 0; i < self->lines->len; i++) {
        const Line *one = &g_array_index(self->lines, Line, i);
        if (g_strcmp0(one->line.event, JOURNAL_WATCHED) == 0 ? !write_watched(store, self, &one->line, error)
                : one->row <= recall && !feedback_recall_line(store, &one->line, error))
            return false;
    }
    self->recalled = recall > 0 && self->lines->len < LINES;
    return !self->recalled || feedback_recall_end(store, error);
}

/* A store that was set aside since knows nothing of what was moved. */
static bool
run_write(FeedbackStore *store, void *user, GError **error)
{
    Move *self = user;
    gint64 known, recall;

    if (!feedback_store_cursor(store, "", "journal", &known, error) || !feedback_recall_until(store, &recall, error))
        return false;
    self->lost = known < self->after;
    if (self->lost)
        return true;
    if (known == 0 && recall == 0) {
        recall = self->end;
        if (!feedback_recall_begin(store, recall, error))
            return false;
    }
    return write_lines(store, self, recall, error) && judge_early(store, self, error) &&
           feedback_store_set_cursor(store, "", "journal", self->last, error);
}

static void
done_write(void *user, const GError *error)
{
    move_end(user, error);
}

/* --- out of the journal -------------------------------------------------------------------------- */

static void
visit(const JournalLine *line, gint64 row, void *user)
{
    Move *self = user;
    Line copy = { *line, row };

    for (guint i = 0; i < JOURNAL_STRINGS; i++) {
        const char *text = journal_line_get(line, i);
        journal_line_set(&copy.line, i, text ? g_string_chunk_insert(self->strings, text) : NULL);
    }
    g_array_append_val(self->lines, copy);
    self->last = row;
}

/* A table that was set aside, or has lost all its lines to age, begins with the first row again. */
static bool
run_read(JournalStore *store, void *user, GError **error)
{
    Move *self = user;
    const char *events = " " JOURNAL_WATCHED " " JOURNAL_RETURNED " " JOURNAL_NOTICE " ";

    if (!journal_store_last(store, &self->end, error))
        return false;
    if (self->end < self->after)
        self->after = self->last = 0;
    const JournalPage page = { events, self->after, LINES };
    return journal_store_after(store, &page, visit, self, error);
}

static void
done_read(void *user, const GError *error)
{
    static const KeeperTask writing = { run_write, done_write };
    Move *self = user;

    if (error || self->lines->len == 0)
        move_end(self, error);
    else
        keeper_do(self->feedback->keeper, &writing, self);
}

static const JournalTask reading = { run_read, done_read };

/* --- the cursor ---------------------------------------------------------------------------------- */

static bool
run_cursor(FeedbackStore *store, void *user, GError **error)
{
    Move *self = user;

    return feedback_store_cursor(store, "", "journal", &self->after, error);
}

static void
done_cursor(void *user, const GError *error)
{
    Move *self = user;

    self->last = self->after;
    if (error)
        move_end(self, error);
    else
        journal_do_whole(self->feedback->hub.journal, &reading, self);
}

static void
move_start(Feedback *feedback)
{
    static const KeeperTask cursor = { run_cursor, done_cursor };
    Move *self = g_new0(Move, 1);

    self->feedback = feedback;
    self->settings = relay_settings_ref(feedback->settings);
    self->watched = report_watched();
    self->after = self->last = feedback->cursor;
    self->strings = g_string_chunk_new(4096);
    self->lines = g_array_new(FALSE, FALSE, sizeof(Line));
    self->early = g_ptr_array_new();
    feedback_hold(feedback);
    if (feedback->cursor < 0)
        keeper_do(feedback->keeper, &cursor, self);
    else
        journal_do_whole(feedback->hub.journal, &reading, self);
}

void
feedback_move(Feedback *self)
{
    bool news = self->cursor < 0 || self->behind || report_watched() != self->watched;

    if (self->moving)
        return;
    if (!news || !self->hub.journal) {
        feedback_judge(self, NULL);
        return;
    }
    self->moving = true;
    move_start(self);
}
