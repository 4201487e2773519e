#include "feedback/plan.h"

#include "base/clock.h"
#include "query/time.h"

enum {
    MAILS = 2000,  /* of one question over a period */
    FEW = 2,       /* so many are asked about one by one anyway */
    MANY = 200,    /* of one question where it must be one by one */
    SPAN_MS = 3600 * 1000,
    ROUND_MS = 60 * 1000, /* an API's times are whole minutes */
    FAIL_MS = 60 * 1000,  /* doubled with each failure */
    FAIL_LIST_MS = 3600 * 1000,
    MAX_FAIL_MS = 6 * 3600 * 1000,
};

/* In units of the first one: 5, 15 minutes, 1, 4, 12 hours, a day. */
static const guint growth[] = { 1, 3, 12, 48, 144, 288 };

Plan *
plan_new(const QueryAccount *account, const FeedbackConf *conf, PlanKind kind)
{
    Plan *self = g_new0(Plan, 1);

    self->account = account;
    self->conf = conf;
    self->kind = kind;
    self->now_ms = clock_now();
    self->strings = g_string_chunk_new(1024);
    self->ids = g_ptr_array_new();
    self->request_ids = g_ptr_array_new();
    return self;
}

void
plan_free(Plan *self)
{
    if (!self)
        return;
    g_ptr_array_unref(self->ids);
    g_ptr_array_unref(self->request_ids);
    g_string_chunk_free(self->strings);
    g_free(self->cursor);
    g_free(self);
}

static bool
takes_sender(const QueryAccount *account)
{
    const Query query = { .task = QUERY_UNSUB_LIST, .sender = "a@x.test", .until_ms = 1 };
    const Query without = { .task = QUERY_UNSUB_LIST, .until_ms = 1 };

    return query_check(account, &query, NULL) && !query_check(account, &without, NULL);
}

bool
plan_is_possible(const QueryAccount *account, PlanKind kind)
{
    static const char *const ids[] = { "1", NULL };
    const Query queries[PLAN_KINDS] = {
        [PLAN_RESULTS] = { .task = QUERY_RESULTS, .ids = ids },
        [PLAN_BOUNCES] = { .task = QUERY_BOUNCES, .until_ms = 1 },
        [PLAN_UNSUBSCRIBES] = { .task = QUERY_UNSUB_LIST, .until_ms = 1 },
    };

    return query_check(account, &queries[kind], NULL) || (kind == PLAN_UNSUBSCRIBES && takes_sender(account));
}

/* --- results ------------------------------------------------------------------------------------- */

/* They come the oldest first. Who shares a moment shares the question: it is by that they are marked as asked. */
static void
add_mail(const FeedbackMail *mail, void *user)
{
    Plan *self = user;
    bool first = self->mails == 0;
    bool full = self->by_ids && self->mails >= MANY && mail->delivered_ms > self->until_ms;

    if (full || (!first && mail->delivered_ms - self->since_ms > SPAN_MS))
        return;
    self->mails++;
    self->since_ms = first ? mail->delivered_ms : self->since_ms;
    self->until_ms = mail->delivered_ms;
    if (mail->remote_id && query_is_name(mail->remote_id))
        g_ptr_array_add(self->ids, g_string_chunk_insert(self->strings, mail->remote_id));
    else if (mail->request && *mail->request)
        g_ptr_array_add(self->request_ids, g_string_chunk_insert(self->strings, mail->request));
}

static bool
plan_results(FeedbackStore *store, Plan *self, GError **error)
{
    gint64 due_ms;

    if (!feedback_store_next_due(store, self->account->name, &due_ms, error))
        return false;
    if (due_ms > self->now_ms)
        return true;
    if (!feedback_store_due(store, self->account->name, self->now_ms, MAILS, add_mail, self, error))
        return false;
    guint named = self->ids->len + self->request_ids->len;
    g_ptr_array_add(self->ids, NULL);
    g_ptr_array_add(self->request_ids, NULL);
    self->wanted = self->mails > 0;
    self->query.task = QUERY_RESULTS;
    if (named > 0 && (self->by_ids || (self->mails <= FEW && named == self->mails))) {
        self->query.ids = (const char *const *) self->ids->pdata;
        self->query.request_ids = (const char *const *) self->request_ids->pdata;
    } else {
        self->query.since_ms = self->since_ms - ROUND_MS;
        self->query.until_ms = self->until_ms + 2 * ROUND_MS;
    }
    return true;
}

/* --- lists --------------------------------------------------------------------------------------- */

/* A clock that was put back does not silence it. */
bool
plan_is_due(const PlanList *list)
{
    if (list->kind == PLAN_BOUNCES && list->told)
        return false;
    return list->now_ms - list->asked_ms >= QUERY_DAY_MS || list->asked_ms > list->now_ms;
}

gint64
plan_rest_ms(PlanKind kind, guint failures)
{
    gint64 first = kind == PLAN_RESULTS ? FAIL_MS : FAIL_LIST_MS;

    return MIN(first << MIN(failures - 1, 20), MAX_FAIL_MS);
}

/* Under its name is how far the list is known, under this one when it was asked for. */
static bool
mark_asked(FeedbackStore *store, const Plan *self, gint64 asked_ms, GError **error)
{
    g_autofree char *mark = g_strconcat("asked ", self->cursor, NULL);

    return feedback_store_set_cursor(store, self->account->name, mark, asked_ms, error);
}

static bool
read_asked(FeedbackStore *store, const Plan *self, gint64 *asked_ms, GError **error)
{
    g_autofree char *mark = g_strconcat("asked ", self->cursor, NULL);

    return feedback_store_cursor(store, self->account->name, mark, asked_ms, error);
}

/* From the day on that the last list ended in, which was not over then. */
static bool
plan_list(FeedbackStore *store, Plan *self, QueryTask task, GError **error)
{
    gint64 last;

    if (!feedback_store_cursor(store, self->account->name, self->cursor, &last, error) ||
        !read_asked(store, self, &self->asked_ms, error))
        return false;
    const PlanList list = { self->kind, self->told, MAX(last, self->asked_ms), self->now_ms };
    self->wanted = plan_is_due(&list);
    gint64 oldest = self->now_ms - MIN(self->conf->lifetime_ms, 7 * QUERY_DAY_MS);
    self->query.task = task;
    self->query.since_ms = query_time_day(CLAMP(last, oldest, self->now_ms));
    self->query.until_ms = self->until_ms = self->now_ms;
    return !self->wanted || mark_asked(store, self, self->now_ms, error);
}

typedef struct {
    Plan *plan;
    GPtrArray *senders; /* of char * */
} Senders;

static void
add_sender(const char *address, void *user)
{
    Senders *self = user;

    g_ptr_array_add(self->senders, g_string_chunk_insert(self->plan->strings, address));
}

static bool
plan_unsubscribes(FeedbackStore *store, Plan *self, GError **error)
{
    g_autoptr(GPtrArray) senders = g_ptr_array_new();
    Senders list = { self, senders };

    if (!takes_sender(self->account)) {
        self->cursor = g_strdup("unsubscribes");
        return plan_list(store, self, QUERY_UNSUB_LIST, error);
    }
    if (!feedback_store_senders(store, self->account->name, self->now_ms - PLAN_SENDER_DAYS * QUERY_DAY_MS, add_sender,
                                &list, error))
        return false;
    for (guint i = 0; i < senders->len && !self->wanted; i++) {
        g_free(self->cursor);
        self->cursor = g_strconcat("unsubscribes ", senders->pdata[i], NULL);
        self->query.sender = senders->pdata[i];
        if (!plan_list(store, self, QUERY_UNSUB_LIST, error))
            return false;
    }
    return true;
}

bool
plan_run(FeedbackStore *store, void *user, GError **error)
{
    Plan *self = user;

    if (self->kind == PLAN_RESULTS)
        return plan_results(store, self, error);
    if (self->kind == PLAN_UNSUBSCRIBES)
        return plan_unsubscribes(store, self, error);
    self->cursor = g_strdup("bounces");
    return plan_list(store, self, QUERY_BOUNCES, error);
}

bool
plan_run_answered(FeedbackStore *store, void *user, GError **error)
{
    const Plan *self = user;
    gint64 intervals[G_N_ELEMENTS(growth) + 1] = { 0 };

    if (self->kind != PLAN_RESULTS)
        return feedback_store_set_cursor(store, self->account->name, self->cursor, self->until_ms, error);
    if (self->cut && !self->by_ids)
        return true;
    for (guint i = 0; i < G_N_ELEMENTS(growth); i++)
        intervals[i] = self->conf->interval_ms * growth[i];
    const FeedbackAsked asked = { self->account->name, self->now_ms, self->since_ms, self->until_ms, intervals };
    return feedback_store_asked(store, &asked, error);
}

bool
plan_run_refused(FeedbackStore *store, void *user, GError **error)
{
    const Plan *self = user;
    gint64 asked_ms = self->rest_ms > 0 ? self->now_ms - QUERY_DAY_MS + self->rest_ms : self->asked_ms;

    return mark_asked(store, self, asked_ms, error);
}
