/* How often an API is asked: days of mail go by, with the rounds of questions that poll.c makes of them. */
#include "feedback/plan.h"

#include "base/clock.h"

#include <glib/gstdio.h>

enum { MINUTE = 60 * 1000, HOUR = 60 * MINUTE, DAY = 24 * HOUR, INTERVAL = 5 * MINUTE };

static const gint64 epoch = G_GINT64_CONSTANT(1790000000000);
static const FeedbackConf conf = { .on = true, .interval_ms = INTERVAL, .lifetime_ms = 7 * (gint64) DAY };
static QueryAccount account = { .name = (char *) "main" };

typedef struct {
    char *folder;
    FeedbackStore *store;
    guint sent;
    guint calls, questions; /* of the day */
} Site;

static void
set_up(Site *self, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    self->folder = g_dir_make_tmp("shimta-rounds-XXXXXX", NULL);
    self->store = feedback_store_open(self->folder, &error);
    g_assert_no_error(error);
    g_assert_true(feedback_store_begin(self->store, &error));
}

static void
tear_down(Site *self, gconstpointer data)
{
    static const char *const ends[] = { "", "-wal", "-shm" };

    clock_freeze(-1);
    feedback_store_close(self->store);
    for (guint i = 0; i < G_N_ELEMENTS(ends); i++) {
        g_autofree char *path = g_strdup_printf("%s/feedback.db%s", self->folder, ends[i]);
        g_unlink(path);
    }
    g_assert_cmpint(g_rmdir(self->folder), ==, 0);
    g_free(self->folder);
}

static void
send_mail(Site *self, gint64 at_ms)
{
    g_autofree char *id = g_strdup_printf("Q%u", self->sent), *remote = g_strdup_printf("%u", self->sent);
    const FeedbackMail mail = { .account = "main", .id = id, .remote_id = remote, .sender = "s@x.jp", .call = id,
                                .request = remote, .arrived_ms = at_ms, .delivered_ms = at_ms };
    const FeedbackRecipient to = { .address = "a@x.jp" };

    g_assert_true(feedback_store_watch(self->store, &mail, &to, at_ms + INTERVAL, NULL));
    self->sent++;
}

/* Of a hundred mails 97 have come to something at the first question, 2 after an hour, 1 never does. */
static gint64
known_after_ms(guint number)
{
    guint place = number % 100;

    return place == 50 ? G_MAXINT64 : place == 10 || place == 60 ? HOUR : 0;
}

static void
answer_one(Site *self, guint number, gint64 delivered_ms, gint64 now_ms)
{
    g_autofree char *remote = g_strdup_printf("%u", number);
    const FeedbackMatch match = { "main", "a@x.jp", remote, NULL, NULL, NULL };

    if (known_after_ms(number) > now_ms - delivered_ms)
        return;
    g_autoptr(FeedbackFound) found = feedback_store_find(self->store, &match, NULL);
    g_assert_nonnull(found);
    if (found->recipient.state != FEEDBACK_OPEN)
        return;
    found->recipient.state = FEEDBACK_DELIVERED;
    g_assert_true(feedback_store_settle(self->store, found->mail.row, &found->recipient, false, NULL));
}

static gint64
sent_ms(const Site *self, guint per_day, guint number)
{
    return epoch + (gint64) number * DAY / per_day;
}

static void
answer(Site *self, guint per_day, const Plan *plan)
{
    for (guint i = 0; plan->query.ids && plan->query.ids[i]; i++) {
        guint number = (guint) g_ascii_strtoull(plan->query.ids[i], NULL, 10);
        answer_one(self, number, sent_ms(self, per_day, number), plan->now_ms);
    }
    if (plan->query.ids)
        return;
    guint first = (guint) (MAX(plan->query.since_ms - epoch, 0) * per_day / DAY);
    for (guint i = first; i < self->sent && sent_ms(self, per_day, i) < plan->query.until_ms; i++)
        answer_one(self, i, sent_ms(self, per_day, i), plan->now_ms);
}

/* Until there is nothing left to ask. */
static void
ask(Site *self, guint per_day)
{
    for (bool more = true; more;) {
        Plan *plan = plan_new(&account, &conf, PLAN_RESULTS);
        g_assert_true(plan_run(self->store, plan, NULL));
        more = plan->wanted;
        if (more) {
            self->questions++;
            self->calls += plan->query.ids ? g_strv_length((char **) plan->query.ids) : 1;
            answer(self, per_day, plan);
            g_assert_true(plan_run_answered(self->store, plan, NULL));
        }
        plan_free(plan);
    }
}

static void
test_calls_a_day(Site *self, gconstpointer data)
{
    const guint per_day = 10000, days = g_getenv("PLAN_DAYS") ? (guint) atoi(g_getenv("PLAN_DAYS")) : 2;

    for (guint day = 0; day < days; day++) {
        self->calls = self->questions = 0;
        for (guint round = 0; round < DAY / INTERVAL; round++) {
            gint64 now_ms = epoch + day * (gint64) DAY + (round + 1) * (gint64) INTERVAL;
            while (sent_ms(self, per_day, self->sent) < now_ms)
                send_mail(self, sent_ms(self, per_day, self->sent));
            clock_freeze(now_ms);
            ask(self, per_day);
        }
        g_test_message("day %u: %u mails, %u questions, %u calls", day + 1, per_day, self->questions, self->calls);
        g_assert_cmpuint(self->calls, <, 2000);
    }
}

/* More than an API shows in one answer is asked about one by one, and none is passed over. */
static void
test_cut(Site *self, gconstpointer data)
{
    guint calls = 0;

    for (guint i = 0; i < 1000; i++)
        send_mail(self, epoch + i / 300);
    clock_freeze(epoch + HOUR);
    Plan *plan = plan_new(&account, &conf, PLAN_RESULTS);
    g_assert_true(plan_run(self->store, plan, NULL));
    g_assert_true(plan->wanted && !plan->query.ids);
    plan->cut = true;
    g_assert_true(plan_run_answered(self->store, plan, NULL));
    plan_free(plan);
    for (bool more = true; more;) {
        plan = plan_new(&account, &conf, PLAN_RESULTS);
        plan->by_ids = true;
        g_assert_true(plan_run(self->store, plan, NULL));
        more = plan->wanted;
        guint n = more ? g_strv_length((char **) plan->query.ids) : 0;
        g_assert_cmpuint(n, <=, 300); /* all of one moment */
        calls += n;
        g_assert_true(!more || plan_run_answered(self->store, plan, NULL));
        plan_free(plan);
    }
    g_assert_cmpuint(calls, ==, 1000);
}

/* What has no name can only be asked about over a period, and is not for ever. */
static void
test_cut_without_ids(Site *self, gconstpointer data)
{
    const FeedbackMail mail = { .account = "main", .id = "Q", .sender = "s@x.jp", .delivered_ms = epoch };
    const FeedbackRecipient to = { .address = "a@x.jp" };
    guint questions = 0;

    g_assert_true(feedback_store_watch(self->store, &mail, &to, epoch, NULL));
    clock_freeze(epoch + HOUR);
    for (bool more = true; more && questions < 10;) {
        Plan *plan = plan_new(&account, &conf, PLAN_RESULTS);
        plan->by_ids = questions > 0;
        g_assert_true(plan_run(self->store, plan, NULL));
        more = plan->wanted;
        questions += more;
        g_assert_null(plan->query.ids);
        plan->cut = true;
        g_assert_true(!more || plan_run_answered(self->store, plan, NULL));
        plan_free(plan);
    }
    g_assert_cmpuint(questions, ==, 2);
}

static void
test_few_by_id(Site *self, gconstpointer data)
{
    clock_freeze(epoch + HOUR);
    for (guint i = 1; i <= 3; i++) {
        send_mail(self, epoch + i);
        Plan *plan = plan_new(&account, &conf, PLAN_RESULTS);
        g_assert_true(plan_run(self->store, plan, NULL));
        g_assert_true(plan->wanted);
        g_assert_cmpuint(plan->query.ids ? g_strv_length((char **) plan->query.ids) : 0, ==, i < 3 ? i : 0);
        plan_free(plan);
    }
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(Site *self, gconstpointer data);
    } tests[] = {
        { "calls a day", test_calls_a_day },
        { "more than an answer shows", test_cut },
        { "more than an answer shows, without ids", test_cut_without_ids },
        { "a few by id", test_few_by_id },
    };

    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strconcat("/rounds/", tests[i].name, NULL);
        g_test_add(path, Site, NULL, set_up, tests[i].run, tear_down);
    }
    return g_test_run();
}
