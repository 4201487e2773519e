/* Mail to an address that has come on the list of suppressed ones since it was tried, or is on that of another account. */
#include "site.h"

#include "queue/suppression.h"
#include "relay/suppress.h"

#include <glib/gstdio.h>
#include <string.h>

#define TO_BOTH "From: me@from.test\r\nTo: a@x.test, b@x.test\r\nSubject: hello\r\n\r\nHi.\r\n"

static void
put(const char *folder, const Suppression *one)
{
    FeedbackStore *store = feedback_store_open(folder, NULL);

    g_assert_true(feedback_store_begin(store, NULL) && suppression_add(store, one, NULL, NULL) &&
                  feedback_store_commit(store, NULL));
    feedback_store_close(store);
}

static void
suppress(const char *folder, const char *account, const char *address)
{
    const Suppression one = { .account = account, .address = address, .sender = "", .kind = SUPPRESSION_HARD,
                              .source = "results", .since_ms = 1 };

    put(folder, &one);
}

static void
remove_list(const char *folder)
{
    static const char *const ends[] = { "", "-wal", "-shm" };

    suppress_open("/nonexistent");
    for (guint i = 0; i < G_N_ELEMENTS(ends); i++) {
        g_autofree char *path = g_strdup_printf("%s/feedback.db%s", folder, ends[i]);
        g_unlink(path);
    }
    g_assert_cmpint(g_rmdir(folder), ==, 0);
}

/* A mail to two that was tried before, in one call. */
static Entry *
entry_tried(bool maybe_taken)
{
    Entry *entry = entry_of(TO_BOTH, "a@x.test b@x.test");

    entry->expanded = true;
    entry->due_ms = entry->attempts = 1;
    entry_set_envelope(entry, entry->envelope);
    for (guint i = 0; i < 2; i++) {
        EntryTry *try = &g_array_index(entry->tries, EntryTry, i);
        try->account = g_strdup("main");
        try->call_key = g_strdup(entry->id);
        try->maybe_taken = maybe_taken;
    }
    return entry;
}

static void
start(Site *site, const Entry *entry, bool leased)
{
    const StoreConf conf = { .spool_memory_bytes = 1 << 20 };
    g_autoptr(GError) error = NULL;
    Store *store = store_open("memory", &conf, &error);

    g_assert_no_error(error);
    g_assert_true(store_begin(store, NULL) && store_put(store, entry, leased, NULL) && store_commit(store, NULL));
    site_open(site, "", "suppression = yes\n");
    relay_set_store(site->relay, store);
    run_until_open(site, 1);
}

/* Where the API may have the mail, or the try was cut off, nobody is left out: without him it would be another call, of
 * which the API knows nothing, and the others would have the mail twice. What it has not taken goes to him no more. */
static void
test_retry(void)
{
    static const struct {
        bool maybe_taken, cut_off, goes_to_him;
    } rows[] = {
        { false, false, false },
        { true, false, true },
        { false, true, true },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *folder = g_dir_make_tmp("shimta-suppress-XXXXXX", NULL);
        g_autoptr(Entry) entry = entry_tried(rows[i].maybe_taken);
        Site site;

        suppress(folder, "main", "b@x.test");
        suppress_open(folder);
        start(&site, entry, rows[i].cut_off);
        const char *to = fake_http_field(0, "to");
        g_assert_nonnull(strstr(to, "a@x.test"));
        g_assert_cmpint(strstr(to, "b@x.test") != NULL, ==, rows[i].goes_to_him);
        g_autofree char *tag = g_strdup_printf("\"X-Api-Data\",\"value\":\"%s\"", entry->id);
        g_assert_cmpint(strstr(fake_http_field(0, "headers"), tag) != NULL, ==, rows[i].goes_to_him);
        site_close(&site);
        remove_list(folder);
    }
}

#define FILLER "0123456789012345678901234567890123456789"

/* What clients are told: with the reason, if there is one, cut behind a whole character. */
static void
test_reasons(void)
{
    static const struct {
        const char *reason, *want;
    } rows[] = {
        { NULL, "; to" },
        { "", "; to" },
        { "  ", "; to" },
        { "550 5.1.1 gone ", " (550 5.1.1 gone); to" },
        { FILLER FILLER FILLER "more", " (" FILLER FILLER FILLER "); to" },
        { FILLER FILLER FILLER "日本", " (" FILLER FILLER FILLER "); to" },
        { FILLER FILLER "012345678901234567890123456789012345678日本", " (" FILLER FILLER
          "012345678901234567890123456789012345678); to" },
    };
    const Provider account = { .name = (char *) "main", .feedback.suppression = true };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *folder = g_dir_make_tmp("shimta-suppress-XXXXXX", NULL);
        const Suppression one = { .account = "main", .address = "a@x.test", .sender = "", .kind = SUPPRESSION_HARD,
                                  .source = "results", .reason = rows[i].reason, .since_ms = 1 };
        SuppressFound found;
        put(folder, &one);
        suppress_open(folder);
        g_assert_true(suppress_look(&account, "s@x.test", "a@x.test", &found));
        const char *text = strstr(found.outcome.text, "1970-01-01");
        g_assert_nonnull(text);
        g_assert_true(g_str_has_prefix(text + strlen("1970-01-01"), rows[i].want));
        suppress_found_clear(&found);
        remove_list(folder);
    }
}

/* Through the account behind he gets none where he is on its list; the others do. */
static void
test_fallback(void)
{
    g_autofree char *folder = g_dir_make_tmp("shimta-suppress-XXXXXX", NULL);
    Site site;

    suppress(folder, "second", "b@x.test");
    suppress_open(folder);
    site_open(&site, "", "fallback = second\nmax-pause = 0s\n" ACCOUNT("second", "second.test") "suppression = yes\n");
    deliver(&site, 0, TO_BOTH, "a@x.test b@x.test");
    run_until_open(&site, 1);
    g_assert_nonnull(strstr(fake_http_field(0, "to"), "b@x.test"));
    fake_http_answer(0, 500, "");
    run_until_open(&site, 1);
    g_autofree char *request = fake_http_request(0);
    g_assert_nonnull(strstr(request, "second.test"));
    g_assert_nonnull(strstr(fake_http_field(0, "to"), "a@x.test"));
    g_assert_null(strstr(fake_http_field(0, "to"), "b@x.test"));
    fake_http_answer(0, 200, OK_BODY);
    site_close(&site);
    remove_list(folder);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/suppress/reasons", test_reasons);
    g_test_add_func("/suppress/retry", test_retry);
    g_test_add_func("/suppress/fallback", test_fallback);
    return g_test_run();
}
