/* A try that is cut off by the end of the process, in every state: the next process does not send again what it can
 * find out, nor what it is not allowed to. The crash: the row as it is goes into another store, leased by nobody. */
#include "site.h"

#include <string.h>

#define SECOND ACCOUNT("second", "second.test")
#define HIDDEN "From: me@from.test\r\nTo: undisclosed-recipients:;\r\nSubject: hello\r\n\r\nHi.\r\n"
#define TO_BOTH "From: me@from.test\r\nTo: a@x.test, b@x.test\r\nSubject: hello\r\n\r\nHi.\r\n"
#define LOOK_UP "server-composition = s\nlookup-before-retry = yes\n"

typedef struct {
    char *id;
    Entry *entry;
    bool over;
} Look;

static bool was_leased; /* the row that was read last */

static void
visit(const StoreRow *row, void *user)
{
    Look *look = user;
    const EnvelopeRecipient *recipient = row->entry->envelope->recipients->pdata[0];

    if (g_str_has_prefix(recipient->address, "other"))
        return;
    g_assert_null(look->id);
    was_leased = row->leased;
    look->id = g_strdup(row->entry->id);
}

static bool
run_look(Store *store, void *user, GError **error)
{
    const StoreQuery all = { .held = -1 };
    Look *look = user;

    if (!store_each(store, &all, visit, look, error))
        return false;
    look->entry = look->id ? store_load(store, look->id, error) : NULL;
    return true;
}

static void
on_looked(void *user, const GError *error)
{
    g_assert_no_error(error);
    ((Look *) user)->over = true;
}

/* The only row that is not for other…, complete; NULL: there is none. */
static Entry *
row_of(Site *site)
{
    static const StoreTask task = { run_look, on_looked };
    Look look = { 0 };

    store_thread_do(relay_store(site->relay), &task, &look);
    while (!look.over)
        uv_run(&site->loop, UV_RUN_ONCE);
    g_free(look.id);
    return look.entry;
}

static void
start(Site *site, const char *account, const Entry *entry)
{
    const StoreConf conf = { .spool_memory_bytes = 1 << 20 };
    g_autoptr(GError) error = NULL;
    Store *store = store_open("memory", &conf, &error);

    g_assert_no_error(error);
    if (entry) {
        g_assert_true(store_begin(store, NULL));
        g_assert_true(store_put(store, entry, 1, NULL));
        g_assert_true(store_commit(store, NULL));
    }
    site_open(site, "", account);
    relay_set_store(site->relay, store);
}

/* The process ends here; what its store had is all there is. */
static void
crash(Site *site, const char *account)
{
    g_autoptr(Entry) entry = row_of(site);

    g_assert_nonnull(entry);
    site_close(site);
    entry->due_ms = 1;
    start(site, account, entry);
}

static void
queue(Site *site, const char *message, const char *recipients)
{
    Entry *entry = entry_of(message, recipients);

    entry->envelope->delivery = DELIVERY_QUEUE;
    relay_deliver(site->relay, entry, &site->guests[0].waiter);
}

static void
run_until_idle(Site *site)
{
    while (relay_size(site->relay) > 0 || store_thread_size(relay_store(site->relay)) > 0)
        uv_run(&site->loop, UV_RUN_ONCE);
}

/* X-Api-Data of the i-th call. Caller frees. */
static char *
key_of(guint i)
{
    const char *key = strstr(fake_http_field(i, "headers"), "\"X-Api-Data\",\"value\":\"");

    g_assert_nonnull(key);
    key += strlen("\"X-Api-Data\",\"value\":\"");
    return g_strndup(key, strcspn(key, "\""));
}

static void
assert_host(const char *host)
{
    g_autofree char *request = fake_http_request(0);

    g_assert_nonnull(strstr(request, host));
}

/* In its first try, of which the row knows nothing. */
static void
test_same_calls(void)
{
    Site site;

    start(&site, "", NULL);
    queue(&site, HIDDEN, "a@x.test b@x.test");
    run_until_open(&site, 2);
    g_autofree char *first = key_of(0), *second = key_of(1);
    crash(&site, "");
    run_until_open(&site, 2);
    g_autofree char *first_again = key_of(0), *second_again = key_of(1);
    g_assert_cmpstr(first_again, ==, first);
    g_assert_cmpstr(second_again, ==, second);
    fake_http_answer(0, 200, OK_BODY);
    fake_http_answer(0, 200, OK_BODY);
    run_until_idle(&site);
    g_assert_null(row_of(&site));
    site_close(&site);
}

/* Other routes after it: no call has the key of one that had other recipients. */
static void
test_other_routes(void)
{
    Site site;

    start(&site, "max-calls = 1\n" SECOND "[route b]\nto = b@x.test\naccount = second\n", NULL);
    queue(&site, TO_BOTH, "a@x.test b@x.test");
    run_until_open(&site, 2);
    g_autofree char *first = key_of(0), *second = key_of(1);
    g_assert_cmpstr(first, !=, second);
    crash(&site, SECOND);
    run_until_open(&site, 1);
    g_autofree char *both = key_of(0);
    g_assert_cmpstr(both, !=, first);
    g_assert_cmpstr(both, !=, second);
    crash(&site, SECOND "[route a]\nto = a@x.test\naccount = second\n");
    run_until_open(&site, 2);
    g_autofree char *first_again = key_of(0), *second_again = key_of(1);
    g_assert_cmpstr(first_again, ==, first);
    g_assert_cmpstr(second_again, ==, second);
    site_close(&site);
}

/* Cut off again before there was an answer, and after one for the moment: as often as it takes. */
static void
test_again_and_again(void)
{
    Site site;

    start(&site, "max-pause = 0s\n", NULL);
    queue(&site, MAIL, "a@x.test");
    run_until_open(&site, 1);
    g_autofree char *first = key_of(0);
    for (guint i = 0; i < 3; i++) {
        crash(&site, "max-pause = 0s\n");
        run_until_open(&site, 1);
    }
    fake_http_answer(0, 500, "");
    run_until_idle(&site);
    g_autoptr(Entry) entry = row_of(&site);
    const EntryTry *try = &g_array_index(entry->tries, EntryTry, 0);
    g_assert_true(try->maybe_taken);
    g_assert_cmpstr(try->call_key, ==, first);
    g_assert_false(entry->cut_off);
    site_close(&site);
}

static void
test_looked_up(void)
{
    Site site;

    start(&site, LOOK_UP, NULL);
    queue(&site, MAIL, "a@x.test");
    run_until_open(&site, 1);
    assert_host("send");
    g_autofree char *key = key_of(0);
    crash(&site, LOOK_UP);
    run_until_open(&site, 1);
    assert_host("list.json");
    g_autofree char *found = g_strdup_printf("{\"deliveries\":[{\"messageId\":\"<1@api>\",\"apiData\":\"%s\"}]}", key);
    fake_http_answer(0, 200, found);
    run_until_idle(&site);
    g_assert_null(row_of(&site));
    g_assert_cmpuint(fake_http.sent, ==, 1);
    site_close(&site);
}

/* What waited and was never tried is not looked up, nor held. */
static void
test_not_begun(void)
{
    Site site;

    start(&site, LOOK_UP "unknown-outcome = hold\n", NULL);
    Entry *entry = entry_of(MAIL, "a@x.test");
    entry->envelope->delivery = DELIVERY_LATER;
    relay_deliver(site.relay, entry, &site.guests[0].waiter);
    run_until_idle(&site);
    g_autoptr(Entry) row = row_of(&site);
    site_close(&site);

    const StoreConf conf = { .spool_memory_bytes = 1 << 20 };
    Store *store = store_open("memory", &conf, NULL);
    row->due_ms = 1;
    g_assert_true(store_begin(store, NULL) && store_put(store, row, 0, NULL) && store_commit(store, NULL));
    site_open(&site, "", LOOK_UP "unknown-outcome = hold\n");
    relay_set_store(site.relay, store);
    run_until_open(&site, 1);
    assert_host("send");
    fake_http_answer(0, 200, OK_BODY);
    run_until_idle(&site);
    site_close(&site);
}

static bool
run_release(Store *store, void *user, GError **error)
{
    return store_change(store, ((Entry *) user)->id, STORE_RELEASE, 1, error);
}

static void
on_released(void *user, const GError *error)
{
    g_assert_no_error(error);
}

/* Where the operator has to decide, nothing is sent until he has; then it is. */
static void
test_held(void)
{
    static const StoreTask release = { run_release, on_released };
    Site site;

    start(&site, "unknown-outcome = hold\n", NULL);
    queue(&site, MAIL, "a@x.test");
    run_until_open(&site, 1);
    g_autofree char *key = key_of(0);
    crash(&site, "unknown-outcome = hold\n");
    run_until_idle(&site);
    g_assert_cmpuint(fake_http.sent, ==, 0);
    g_autoptr(Entry) row = row_of(&site);
    g_assert_nonnull(row->held);
    store_thread_do(relay_store(site.relay), &release, row);
    run_until_idle(&site);
    relay_wake(site.relay);
    run_until_open(&site, 1);
    g_autofree char *again = key_of(0);
    g_assert_cmpstr(again, ==, key);
    fake_http_answer(0, 200, OK_BODY);
    run_until_idle(&site);
    g_assert_null(row_of(&site));
    site_close(&site);
}

/* In a call of the account behind: the first one is not asked again, nor is it asked because of the cut. */
static void
test_fallback(void)
{
    Site site;

    start(&site, "fallback = second\nmax-pause = 0s\n" SECOND, NULL);
    queue(&site, MAIL, "a@x.test");
    run_until_open(&site, 1);
    fake_http_answer(0, 500, "");
    run_until_open(&site, 1);
    assert_host("second.test");
    g_autofree char *key = key_of(0);
    crash(&site, "fallback = second\nmax-pause = 0s\n" SECOND);
    run_until_open(&site, 1);
    assert_host("second.test");
    g_autofree char *again = key_of(0);
    g_assert_cmpstr(again, ==, key);
    fake_http_answer(0, 500, "");
    run_until_idle(&site);
    g_assert_cmpuint(fake_http.sent, ==, 1);
    site_close(&site);
}

/* In a call of the first: it may have the mail, so the other account does not get it. */
static void
test_no_fallback(void)
{
    Site site;

    start(&site, "fallback = second\nmax-pause = 0s\n" SECOND, NULL);
    queue(&site, MAIL, "a@x.test");
    run_until_open(&site, 1);
    crash(&site, "fallback = second\nmax-pause = 0s\n" SECOND);
    run_until_open(&site, 1);
    assert_host("api.test");
    fake_http_answer(0, 500, "");
    run_until_idle(&site);
    g_assert_cmpuint(fake_http.sent, ==, 1);
    site_close(&site);
}

/* Of what was delivered only what had no time to be written is sent again; and no call begins while as many are
 * unwritten as may be on their way. */
static void
test_progress(void)
{
    g_autoptr(GString) many = g_string_new("a@x.test");
    Site site;
    guint sent = 0;

    for (guint i = 1; i < 40; i++)
        g_string_append_printf(many, " h%u@x.test", i);
    start(&site, "max-calls = 2\n", NULL);
    queue(&site, HIDDEN, many->str);
    for (; sent < 30; sent++) {
        run_until_open(&site, 1);
        fake_http_answer(0, 200, OK_BODY);
    }
    g_assert_cmpuint(fake_http.sent, <=, 32);
    crash(&site, "max-calls = 2\n");
    run_until_open(&site, 1);
    for (; fake_http.open->len > 0; sent++) {
        fake_http_answer(0, 200, OK_BODY);
        while (relay_size(site.relay) > 0 && fake_http.open->len == 0)
            uv_run(&site.loop, UV_RUN_ONCE);
    }
    g_assert_cmpuint(sent, >=, 40);
    g_assert_cmpuint(sent, <=, 42);
    run_until_idle(&site);
    g_assert_null(row_of(&site));
    site_close(&site);
}

/* Promised in its first call, and cut off in the second: the row knows of both. */
static void
test_promised(void)
{
    Site site;

    start(&site, "max-calls = 1\n", NULL);
    site.guests[0].waiter.wait_ms = 1;
    deliver(&site, 0, HIDDEN, "a@x.test b@x.test");
    run_until_reply(&site, 0);
    g_autofree char *first = key_of(0);
    fake_http_answer(0, 200, OK_BODY);
    run_until_open(&site, 1);
    g_autofree char *second = key_of(0);
    g_assert_cmpstr(first, !=, second);
    crash(&site, "max-calls = 1\n");
    run_until_open(&site, 1);
    g_autofree char *again = key_of(0);
    g_assert_cmpstr(again, ==, second);
    fake_http_answer(0, 200, OK_BODY);
    run_until_idle(&site);
    g_assert_cmpuint(fake_http.sent, ==, 1);
    g_assert_null(row_of(&site));
    site_close(&site);
}

/* A promise while a call runs that then fails for certain: it is no call of unknown outcome. */
static void
test_promise_is_forgotten(void)
{
    Site site;

    start(&site, "fallback = second\nmax-pause = 0s\n" SECOND, NULL);
    site.guests[0].waiter.wait_ms = 1;
    deliver(&site, 0, MAIL, "a@x.test");
    run_until_reply(&site, 0);
    fake_http_answer(0, 500, "");
    run_until_open(&site, 1);
    assert_host("second.test");
    fake_http_answer(0, 500, "");
    run_until_idle(&site);
    g_autoptr(Entry) row = row_of(&site);
    g_assert_false(g_array_index(row->tries, EntryTry, 0).maybe_taken);
    site_close(&site);
}

static void
on_drained(void *user)
{
    ((Site *) user)->drained = true;
}

/* An end in good order cuts off nothing that was not called. */
static void
test_drained(void)
{
    Site site;

    start(&site, "max-calls = 1\n", NULL);
    deliver(&site, 1, MAIL, "other@x.test");
    site.guests[1].waiter.wait_ms = 0;
    run_until_open(&site, 1); /* has the only place, until the drain ends it */
    queue(&site, MAIL, "a@x.test");
    run_until_reply(&site, 0);
    run_until_translated(&site);
    relay_drain(site.relay, 1, on_drained, &site);
    while (!site.drained)
        uv_run(&site.loop, UV_RUN_ONCE);
    g_autoptr(Entry) row = row_of(&site);
    g_assert_false(row->cut_off || g_array_index(row->tries, EntryTry, 0).maybe_taken);
    g_assert_false(was_leased);
    site_close(&site);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cut-off/same-calls", test_same_calls);
    g_test_add_func("/cut-off/other-routes", test_other_routes);
    g_test_add_func("/cut-off/again-and-again", test_again_and_again);
    g_test_add_func("/cut-off/looked-up", test_looked_up);
    g_test_add_func("/cut-off/not-begun", test_not_begun);
    g_test_add_func("/cut-off/held", test_held);
    g_test_add_func("/cut-off/fallback", test_fallback);
    g_test_add_func("/cut-off/no-fallback", test_no_fallback);
    g_test_add_func("/cut-off/progress", test_progress);
    g_test_add_func("/cut-off/promised", test_promised);
    g_test_add_func("/cut-off/promise-is-forgotten", test_promise_is_forgotten);
    g_test_add_func("/cut-off/drained", test_drained);
    return g_test_run();
}
