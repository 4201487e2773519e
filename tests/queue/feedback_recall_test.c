#include "queue/feedback_recall.h"

#include "feedback_site.h"
#include "queue/feedback_notice.h"


static void
watch(const Site *self, const char *id, const char *sender, const char *notify)
{
    const FeedbackMail mail = { .account = "main", .id = id, .remote_id = id, .message_id = "m", .call = id, .request = "",
                                .sender = sender, .arrived_ms = 1, .delivered_ms = 1 };
    const FeedbackRecipient recipient = { .address = "Gone@x.jp", .notify = notify };

    g_assert_true(feedback_store_watch(self->store, &mail, &recipient, 1, NULL));
}

static void
recall(const Site *self, const char *event, const char *id)
{
    const JournalLine line = { .at_ms = 5, .event = event, .id = id, .account = "main", .recipient = "gone@x.jp",
                               .dsn = "5.1.1", .text = "550 gone" };

    g_assert_true(feedback_recall_line(self->store, &line, NULL));
}

static void
count_mail(const FeedbackMail *mail, void *user)
{
    ++*(guint *) user;
}

/* Who is owed a notice: ids, in order. Caller frees. */
static char *
owed(const Site *self)
{
    GString *text = g_string_new(NULL);
    FeedbackChoice choice = { .account = "main" };

    for (;;) {
        g_autoptr(FeedbackNotice) notice = feedback_store_next_notice(self->store, &choice, NULL);
        if (!notice)
            return g_string_free(text, FALSE);
        choice.after = notice->mail.row;
        g_string_append_printf(text, "%s ", notice->mail.id);
    }
}

/* Told: once. Not told when the table was lost: owed, if anybody is. What never came back is asked about. */
static void
test_recall(Site *self, gconstpointer data)
{
    static const struct {
        const char *id, *sender, *notify;
        bool returned, told, owed;
    } rows[] = {
        { "told", "me@x.jp", NULL, true, true, false },         { "untold", "me@x.jp", NULL, true, false, true },
        { "wanted", "me@x.jp", "SUCCESS,FAILURE", true, false, true }, { "never", "me@x.jp", "NEVER", true, false, false },
        { "null", "", NULL, true, false, false },               { "open", "me@x.jp", NULL, false, false, false },
    };
    g_autoptr(GString) want = g_string_new(NULL);
    gint64 until = 0;
    guint due = 0;

    g_assert_true(feedback_recall_begin(self->store, 9, NULL) && feedback_recall_until(self->store, &until, NULL));
    g_assert_cmpint(until, ==, 9);
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        watch(self, rows[i].id, rows[i].sender, rows[i].notify);
        if (rows[i].returned)
            recall(self, JOURNAL_RETURNED, rows[i].id);
        if (rows[i].told)
            recall(self, JOURNAL_NOTICE, rows[i].id);
        if (rows[i].owed)
            g_string_append_printf(want, "%s ", rows[i].id);
    }
    recall(self, JOURNAL_RETURNED, "stranger");
    g_autofree char *before = owed(self);
    g_assert_cmpstr(before, ==, "");
    g_assert_true(feedback_recall_end(self->store, NULL) && feedback_recall_until(self->store, &until, NULL));
    g_assert_cmpint(until, ==, 0);
    g_autofree char *after = owed(self);
    g_assert_cmpstr(after, ==, want->str);
    g_assert_true(feedback_store_due(self->store, "main", 10, 100, count_mail, &due, NULL));
    g_assert_cmpuint(due, ==, 1);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/recall/told or owed", Site, GINT_TO_POINTER(true), site_open, test_recall, site_close);
    return g_test_run();
}
