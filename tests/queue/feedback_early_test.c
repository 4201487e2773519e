#include "queue/feedback_early.h"

#include "feedback_site.h"

static void
keep(const Site *self, const FeedbackMatch *match, const char *code, gint64 now_ms)
{
    const FeedbackEarly early = { *match, 4, "s@x.jp", "webhook", code, "550 gone", 77 };
    g_autoptr(GError) error = NULL;

    feedback_early_keep(self->store, &early, now_ms, &error);
    g_assert_no_error(error);
}

static void
on_early(const FeedbackEarly *early, void *user)
{
    GString *seen = user;

    g_assert_cmpstr(early->match.account, ==, "main");
    g_assert_cmpint(early->kind, ==, 4);
    g_assert_cmpint(early->when_ms, ==, 77);
    g_assert_cmpstr(early->sender, ==, "s@x.jp");
    g_assert_cmpstr(early->source, ==, "webhook");
    g_assert_cmpstr(early->reason, ==, "550 gone");
    g_string_append_printf(seen, "%s/%s ", early->match.address, early->code);
}

/* Caller frees. */
static char *
take(const Site *self, const char *address)
{
    static const FeedbackMail mail = {
        .account = "main", .id = "Q1", .remote_id = "<r1@mta>", .message_id = "<m1@here>", .call = "Q1-abc",
        .request = "0123", .sender = "s@x.jp", .delivered_ms = 1,
    };
    g_autoptr(GError) error = NULL;
    GString *seen = g_string_new(NULL);

    feedback_early_take(self->store, &mail, address, on_early, seen, &error);
    g_assert_no_error(error);
    return g_string_free(seen, FALSE);
}

/* As feedback_store_find() would find the mail by the event. */
static void
test_by_any_name(Site *self, gconstpointer data)
{
    static const struct {
        FeedbackMatch match;
        bool found;
    } rows[] = {
        { { "main", "A@X.jp", "r1@mta", NULL, NULL, NULL }, true },
        { { "main", "a@x.jp", NULL, "<r1@mta>", NULL, NULL }, true },
        { { "main", "a@x.jp", NULL, "m1@here", NULL, NULL }, true },
        { { "main", "a@x.jp", NULL, NULL, "0123", NULL }, true },
        { { "main", "a@x.jp", "other", "other", NULL, "Q1-abc" }, true },
        { { "main", "b@x.jp", "r1@mta", NULL, NULL, NULL }, false },
        { { "second", "a@x.jp", "r1@mta", NULL, NULL, NULL }, false },
        { { "main", "a@x.jp", "m1@here", NULL, NULL, NULL }, false },
        { { "main", "a@x.jp", "", "", NULL, "" }, false },
        { { "main", "a@x.jp", NULL, NULL, "Q1-abc", "0123" }, false },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_test_message("row %u", i);
        keep(self, &rows[i].match, "2", 1000);
        g_autofree char *wanted = rows[i].found ? g_strdup_printf("%s/2 ", rows[i].match.address) : g_strdup("");
        g_autofree char *first = take(self, "a@x.jp"), *second = take(self, "a@x.jp");
        g_assert_cmpstr(first, ==, wanted);
        g_assert_cmpstr(second, ==, "");
    }
}

static void
test_kept_once(Site *self, gconstpointer data)
{
    static const FeedbackMatch match = { "main", "a@x.jp", NULL, "r1@mta", NULL, "Q1-abc" };

    for (guint i = 0; i < 3; i++) {
        keep(self, &match, NULL, 1000 + i);
        keep(self, &match, "2", 1000 + i);
    }
    g_autofree char *seen = take(self, "a@x.jp");
    g_assert_cmpstr(seen, ==, "a@x.jp/ a@x.jp/2 ");
}

static void
test_not_for_ever(Site *self, gconstpointer data)
{
    static const FeedbackMatch match = { "main", "a@x.jp", NULL, "r1@mta", NULL, NULL };
    static const gint64 day_ms = 24 * 3600 * 1000;
    g_autofree char *kept = NULL, *gone = NULL;

    keep(self, &match, "2", 1000);
    g_assert_true(feedback_early_prune(self->store, 1000 + day_ms, NULL));
    kept = take(self, "a@x.jp");
    g_assert_cmpstr(kept, ==, "a@x.jp/2 ");
    keep(self, &match, "2", 1000);
    g_assert_true(feedback_early_prune(self->store, 1001 + day_ms, NULL));
    gone = take(self, "a@x.jp");
    g_assert_cmpstr(gone, ==, "");
}

/* Somebody else's mails through the same account do not fill the disk: the oldest go. */
static void
test_not_too_many(Site *self, gconstpointer data)
{
    for (guint i = 0; i < 25000; i++) {
        g_autofree char *address = g_strdup_printf("user%u@x.jp", i);
        const FeedbackMatch match = { "main", address, NULL, "r1@mta", NULL, NULL };
        keep(self, &match, "2", 1000);
    }
    g_autofree char *oldest = take(self, "user3999@x.jp"), *newest = take(self, "user24999@x.jp");
    g_autofree char *among = take(self, "user6000@x.jp");
    g_assert_cmpstr(oldest, ==, "");
    g_assert_cmpstr(among, ==, "user6000@x.jp/2 ");
    g_assert_cmpstr(newest, ==, "user24999@x.jp/2 ");
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(Site *self, gconstpointer data);
    } tests[] = {
        { "by any name", test_by_any_name },
        { "kept once", test_kept_once },
        { "not for ever", test_not_for_ever },
        { "not too many", test_not_too_many },
    };

    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strconcat("/feedback_early/", tests[i].name, NULL);
        g_test_add(path, Site, GINT_TO_POINTER(true), site_open, tests[i].run, site_close);
    }
    return g_test_run();
}
