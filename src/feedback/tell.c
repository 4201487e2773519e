/* Whose senders are owed notices. */
#include "feedback/state.h"

#include "base/clock.h"
#include "feedback/teller.h"
#include "queue/feedback_notice.h"

enum { STORE_MS = 60 * 1000, SURVEY_MS = 1000 };

void
feedback_tell_at(Feedback *self, gint64 at_ms)
{
    if (self->tell_after_ms == 0 || at_ms < self->tell_after_ms)
        self->tell_after_ms = at_ms;
}

typedef struct {
    Feedback *feedback;
    GPtrArray *accounts;
} Survey;

static void
visit_owed(const char *account, gint64 n, void *user)
{
    g_ptr_array_add(user, g_strdup(account));
}

static bool
run_survey(FeedbackStore *store, void *user, GError **error)
{
    const Survey *self = user;

    return feedback_store_owed(store, visit_owed, self->accounts, error);
}

static FeedbackTeller *
teller_of(Feedback *feedback, const char *account)
{
    FeedbackTeller *self = g_hash_table_lookup(feedback->tellers, account);

    if (!self) {
        self = teller_new(feedback, account);
        g_hash_table_insert(feedback->tellers, g_strdup(account), self);
    }
    return self;
}

static void
done_survey(void *user, const GError *error)
{
    Survey *self = user;
    Feedback *feedback = self->feedback;

    feedback->telling = false;
    if (error) {
        feedback_complain(feedback, NULL, error);
        feedback_tell_at(feedback, clock_monotonic() + STORE_MS);
    }
    for (guint i = 0; !error && !feedback->closing && i < self->accounts->len; i++)
        teller_begin(teller_of(feedback, self->accounts->pdata[i]));
    if (feedback->tell_again)
        feedback_tell_at(feedback, 1);
    feedback->tell_again = false;
    g_ptr_array_unref(self->accounts);
    g_free(self);
    feedback_release(feedback);
}

void
feedback_tell(Feedback *self)
{
    static const KeeperTask task = { run_survey, done_survey };
    gint64 now_ms = clock_monotonic();

    self->tell_again = self->telling;
    if (self->telling || self->closing)
        return;
    if (self->surveyed_ms > 0 && now_ms < self->surveyed_ms + SURVEY_MS) { /* it takes the longer the more is owed */
        feedback_tell_at(self, self->surveyed_ms + SURVEY_MS);
        return;
    }
    self->surveyed_ms = now_ms;
    Survey *survey = g_new0(Survey, 1);
    survey->feedback = self;
    survey->accounts = g_ptr_array_new_with_free_func(g_free);
    self->telling = true;
    feedback_hold(self);
    keeper_do(self->keeper, &task, survey);
}

void
feedback_tell_reload(Feedback *self)
{
    GHashTableIter iter;
    gpointer teller;

    g_hash_table_iter_init(&iter, self->tellers);
    while (g_hash_table_iter_next(&iter, NULL, &teller))
        teller_reload(teller);
    feedback_tell_at(self, 1);
}

void
feedback_tell_stop(Feedback *self)
{
    GHashTableIter iter;
    gpointer teller;

    g_hash_table_iter_init(&iter, self->tellers);
    while (g_hash_table_iter_next(&iter, NULL, &teller))
        teller_stop(teller);
}
