#include "queue/feedback_prune.h"

#include "feedback_site.h"

#include <sqlite3.h>

static void
watch(const Site *self, const FeedbackMail *mail, const char *address)
{
    g_autoptr(GError) error = NULL;
    const FeedbackRecipient to = { .address = address };

    feedback_store_watch(self->store, mail, &to, 2000, &error);
    g_assert_no_error(error);
}

static FeedbackFound *
find(const Site *self, const char *address)
{
    const FeedbackMatch match = { "main", address, "r1@mta", NULL, NULL, NULL };

    return feedback_store_find(self->store, &match, NULL);
}

static const FeedbackMail letter = {
    .account = "main", .id = "Q1", .remote_id = "r1@mta", .call = "Q1", .sender = "shop@Example.JP",
    .from = "shop@example.jp", .arrived_ms = 900, .delivered_ms = 1000,
};

/* A share is of the mails of a day, whenever they come back. */
static void
test_rate_by_day(Site *self, gconstpointer data)
{
    FeedbackMail later = letter;
    FeedbackRate rate, other;

    later.id = "Q2";
    later.remote_id = "r2@mta";
    later.delivered_ms += 24 * 3600 * 1000;
    site_begin(self);
    watch(self, &letter, "a@x.jp");
    watch(self, &letter, "b@x.jp");
    watch(self, &later, "a@x.jp");
    g_autoptr(FeedbackFound) old = find(self, "b@x.jp");
    old->recipient.failed_ms = later.delivered_ms + 1;
    old->recipient.state = FEEDBACK_FAILED;
    g_assert_true(feedback_store_settle(self->store, old->mail.row, &old->recipient, true, NULL));
    g_assert_true(feedback_store_rate_told(self->store, &letter, NULL));
    g_assert_true(feedback_store_rate(self->store, &letter, &rate, NULL));
    g_assert_true(feedback_store_rate(self->store, &later, &other, NULL));
    site_commit(self);
    g_assert_cmpint(rate.sent, ==, 2);
    g_assert_cmpint(rate.failed, ==, 1);
    g_assert_true(rate.told);
    g_assert_cmpint(other.sent, ==, 1);
    g_assert_cmpint(other.failed, ==, 0);
    g_assert_false(other.told);
}

static gint64
main_earlier(const char *account, void *user)
{
    return g_str_equal(account, "main") ? 500 : 2000;
}

/* Each account waits as long as it says, one that is gone too, and no more go than are to. */
static void
test_prune_by_account(Site *self, gconstpointer data)
{
    static const char *const accounts[] = { "a", "main", "z", "z" };
    FeedbackPrune prune = { main_earlier, NULL, 2, 0 };

    site_begin(self);
    for (guint i = 0; i < G_N_ELEMENTS(accounts); i++) {
        g_autofree char *id = g_strdup_printf("Q%u", i);
        FeedbackMail mail = letter;
        mail.account = accounts[i];
        mail.id = id;
        watch(self, &mail, "a@x.jp");
    }
    g_assert_true(feedback_store_prune(self->store, &prune, NULL));
    g_assert_cmpuint(prune.n, ==, 2);
    g_assert_true(feedback_store_prune(self->store, &prune, NULL));
    g_assert_cmpuint(prune.n, ==, 1);
    g_assert_true(feedback_store_prune(self->store, &prune, NULL));
    g_assert_cmpuint(prune.n, ==, 0);
    site_commit(self);
    g_autoptr(FeedbackFound) found = find(self, "a@x.jp");
    g_assert_nonnull(found);
}

static void
count_sender(const char *address, void *user)
{
    ++*(guint *) user;
}

static guint
senders(const Site *self)
{
    guint n = 0;

    g_assert_true(feedback_store_senders(self->store, "main", 0, count_sender, &n, NULL));
    return n;
}

/* Whoever sends under ever new names fills nothing for ever. */
static void
test_old_senders(Site *self, gconstpointer data)
{
    const gint64 day_ms = 24 * 3600 * 1000;
    FeedbackRate rate;
    gint64 asked_ms;

    site_begin(self);
    watch(self, &letter, "a@x.jp");
    g_assert_true(feedback_store_set_cursor(self->store, "main", "unsubscribes shop@example.jp", 5000, NULL));
    g_assert_true(feedback_store_set_cursor(self->store, "", "journal", 7, NULL));
    g_assert_true(feedback_store_prune_senders(self->store, letter.delivered_ms, 92 * day_ms, NULL));
    g_assert_cmpuint(senders(self), ==, 1);
    g_assert_true(feedback_store_rate(self->store, &letter, &rate, NULL));
    g_assert_cmpint(rate.sent, ==, 1);
    g_assert_true(feedback_store_prune_senders(self->store, 5001, 93 * day_ms, NULL));
    g_assert_cmpuint(senders(self), ==, 0);
    g_assert_true(feedback_store_rate(self->store, &letter, &rate, NULL));
    g_assert_cmpint(rate.sent, ==, 0);
    g_assert_true(feedback_store_cursor(self->store, "main", "unsubscribes shop@example.jp", &asked_ms, NULL));
    g_assert_cmpint(asked_ms, ==, 0);
    g_assert_true(feedback_store_cursor(self->store, "", "journal", &asked_ms, NULL));
    g_assert_cmpint(asked_ms, ==, 7);
    site_commit(self);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/feedback/rate by day", Site, NULL, site_open, test_rate_by_day, site_close);
    g_test_add("/feedback/prune by account", Site, NULL, site_open, test_prune_by_account, site_close);
    g_test_add("/feedback/old senders", Site, NULL, site_open, test_old_senders, site_close);
    return g_test_run();
}
