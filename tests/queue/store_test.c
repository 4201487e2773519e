/* What every kind of store promises: the same tests for each. */
#include "queue/store.h"

#include "queue_mail.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    char *folder;
    Store *store;
} Fixture;

static void
set_up(Fixture *self, const void *kind)
{
    self->folder = queue_folder();
    self->store = queue_open(kind, self->folder, 0);
}

static void
tear_down(Fixture *self, const void *kind)
{
    store_close(self->store);
    queue_folder_remove(self->folder);
    g_free(self->folder);
}

static GPtrArray *
claim(Store *store, gint64 now_ms, guint max)
{
    StoreClaim wish = { .now_ms = now_ms, .lease_ms = now_ms + 100000, .max_wait_ms = 100000, .max = max };
    g_autoptr(GError) error = NULL;

    g_assert_true(store_begin(store, NULL));
    GPtrArray *entries = store_claim(store, &wish, &error);
    g_assert_no_error(error);
    g_assert_true(store_commit(store, &error));
    return entries;
}

static char *
claim_one(Store *store, gint64 now_ms)
{
    g_autoptr(GPtrArray) entries = claim(store, now_ms, 1);

    return entries->len ? g_strdup(((Entry *) entries->pdata[0])->id) : NULL;
}

static gint64
next_due(Store *store)
{
    gint64 due_ms = -1;

    g_assert_true(store_next_due(store, &due_ms, NULL));
    return due_ms;
}

static void
update(Store *store, const Entry *entry)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(store_begin(store, NULL));
    store_update(store, entry, &error);
    g_assert_no_error(error);
    g_assert_true(store_commit(store, NULL));
}

static void
remove_entry(Store *store, const char *id)
{
    g_assert_true(store_begin(store, NULL));
    g_assert_true(store_remove(store, id, NULL));
    g_assert_true(store_commit(store, NULL));
}

static Entry *
full_mail(void)
{
    Entry *entry = queue_mail("Sender@here.test", 3000, 1);
    Envelope *envelope = entry->envelope;

    envelope_add_recipient(envelope, "\xe5\x8f\x97\xe4\xbf\xa1@\xe4\xbe\x8b\xe3\x81\x88.test")->notify = g_strdup("FAILURE");
    envelope_add_recipient(envelope, "\"quoted 'x\"@there.test")->orcpt = g_strdup("rfc822;x';--@there.test");
    entry_set_envelope(entry, envelope);
    envelope->smtputf8 = envelope->gateway = envelope->no_aliases = true;
    envelope->full_name = g_strdup("\xe5\xb1\xb1\xe7\x94\xb0");
    envelope->hops = 7;
    envelope->ret = g_strdup("HDRS");
    envelope->envid = g_strdup("QQ314159");
    envelope->delivery = DELIVERY_VERDICT;
    envelope->listener = g_strdup("local");
    envelope->client = g_strdup("::1");
    envelope->helo = g_strdup("client.test");
    envelope->user = g_strdup("uid=1000");
    entry->message_id = g_strdup("<a@b>");
    entry->attempts = 3;
    entry->shares_made = 4;
    entry->delay_told = true;
    return entry;
}

static void
close_first(Entry *entry)
{
    Outcome *outcome = &g_array_index(entry->outcomes, Outcome, 0);
    EntryTry *try = &g_array_index(entry->tries, EntryTry, 0);

    outcome_set(outcome, OUTCOME_DELIVERED, 250, "2.0.0", "taken");
    outcome->remote_id = g_strdup("api-1");
    outcome = &g_array_index(entry->outcomes, Outcome, 1);
    outcome_set(outcome, OUTCOME_UNKNOWN, 451, "4.4.2", "no answer");
    outcome->retry_after_ms = 5000;
    outcome->flags = OUTCOME_BACK_OFF;
    try->closed = true;
    try = &g_array_index(entry->tries, EntryTry, 1);
    try->maybe_taken = true;
    try->account = g_strdup("main");
    try->call_key = g_strdup("abc-A");
}

static void
test_everything_comes_back(Fixture *self, const void *kind)
{
    g_autoptr(Entry) entry = full_mail();

    close_first(entry);
    queue_put(self->store, entry, 0);
    g_autoptr(Entry) loaded = store_load(self->store, entry->id, NULL);
    g_assert_nonnull(loaded);
    queue_assert_same(loaded, entry);
    queue_assert_bytes(loaded->spool, entry->spool);

    g_autoptr(GPtrArray) claimed = claim(self->store, 1000, 10);
    g_assert_cmpuint(claimed->len, ==, 1);
    queue_assert_same(claimed->pdata[0], entry);
    queue_assert_bytes(((Entry *) claimed->pdata[0])->spool, entry->spool);
}

static void
test_update(Fixture *self, const void *kind)
{
    g_autoptr(Entry) entry = full_mail();

    queue_put(self->store, entry, 5000);
    close_first(entry);
    entry->attempts++;
    entry->due_ms = 9000;
    update(self->store, entry);
    g_autoptr(Entry) loaded = store_load(self->store, entry->id, NULL);
    queue_assert_same(loaded, entry);
    g_assert_cmpint(next_due(self->store), ==, 9000);

    entry->held = g_strdup("unknown outcome");
    update(self->store, entry);
    g_autoptr(Entry) held = store_load(self->store, entry->id, NULL);
    queue_assert_same(held, entry);
    g_assert_cmpint(next_due(self->store), ==, G_MAXINT64);
    g_assert_null(claim_one(self->store, 50000));
}

static void
test_bytes(Fixture *self, const void *kind)
{
    static const size_t sizes[] = { 0, 1, 256, 4096, 65535, 65536, 65537, 300000, 3000000 };

    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_autoptr(Entry) entry = queue_mail("a@here.test", sizes[i], i);

        queue_put(self->store, entry, 0);
        g_autoptr(GPtrArray) claimed = claim(self->store, 1000, 1);
        g_assert_cmpuint(claimed->len, ==, 1);
        remove_entry(self->store, entry->id);
        queue_assert_bytes(((Entry *) claimed->pdata[0])->spool, entry->spool);
    }
    g_assert_cmpuint(queue_count(self->store), ==, 0);
}

static void
test_leases(Fixture *self, const void *kind)
{
    g_autoptr(Entry) entry = queue_mail("a@here.test", 100, 1);
    const char *ids[] = { entry->id, NULL }, *wrong[] = { entry->id, "0000", NULL };
    g_autoptr(GError) error = NULL;

    queue_put(self->store, entry, 5000);
    g_assert_null(claim_one(self->store, 4999));
    g_assert_true(store_begin(self->store, NULL));
    g_assert_true(store_renew(self->store, ids, 7000, NULL));
    g_assert_false(store_renew(self->store, wrong, 7000, &error));
    g_assert_error(error, STORE_ERROR, STORE_ERROR_GONE);
    g_assert_nonnull(strstr(error->message, "0000"));
    g_assert_true(store_commit(self->store, NULL));
    g_assert_null(claim_one(self->store, 6999));
    g_autofree char *id = claim_one(self->store, 7000);
    g_assert_cmpstr(id, ==, entry->id);
    g_assert_null(claim_one(self->store, 7001));
}

static void
test_due(Fixture *self, const void *kind)
{
    g_autoptr(Entry) late = queue_mail("a@here.test", 100, 1), early = queue_mail("a@here.test", 100, 2);

    g_assert_cmpint(next_due(self->store), ==, G_MAXINT64);
    late->due_ms = 3000;
    queue_put(self->store, late, 0);
    early->due_ms = 2000;
    queue_put(self->store, early, 0);
    g_assert_cmpint(next_due(self->store), ==, 2000);
    g_assert_null(claim_one(self->store, 1999));
    g_autofree char *first = claim_one(self->store, 2000);
    g_assert_cmpstr(first, ==, early->id);
    g_assert_null(claim_one(self->store, 2000));
    g_assert_cmpint(next_due(self->store), ==, 3000);
    g_autofree char *second = claim_one(self->store, 3000);
    g_assert_cmpstr(second, ==, late->id);
}

/* A lane whose first entry was taken away must not hide, or bring forward, the rest. */
static void
test_first_removed(Fixture *self, const void *kind)
{
    g_autoptr(Entry) one = queue_mail("a@here.test", 100, 1), two = queue_mail("a@here.test", 100, 2);

    two->due_ms = 5000;
    queue_put(self->store, one, 0);
    queue_put(self->store, two, 0);
    remove_entry(self->store, one->id);
    g_assert_null(claim_one(self->store, 2000));
    g_assert_cmpint(next_due(self->store), ==, 5000);
    g_assert_null(claim_one(self->store, 4999));
    g_autofree char *id = claim_one(self->store, 5000);
    g_assert_cmpstr(id, ==, two->id);
}

static void
put_many(Store *store, const char *sender, guint n, gint64 due_ms)
{
    g_assert_true(store_begin(store, NULL));
    for (guint i = 0; i < n; i++) {
        g_autoptr(Entry) entry = queue_mail(sender, 10, i);

        entry->due_ms = due_ms;
        g_assert_true(store_put(store, entry, 0, NULL));
    }
    g_assert_true(store_commit(store, NULL));
}

static guint
of_sender(const GPtrArray *entries, const char *sender)
{
    guint n = 0;

    for (guint i = 0; i < entries->len; i++)
        n += g_ascii_strcasecmp(((Entry *) entries->pdata[i])->envelope->sender, sender) == 0;
    return n;
}

static void
test_fair(Fixture *self, const void *kind)
{
    put_many(self->store, "burst@here.test", 2000, 10);
    put_many(self->store, "BURST@here.test", 100, 10);
    g_autoptr(GPtrArray) first = claim(self->store, 1000, 50);
    g_assert_cmpuint(of_sender(first, "burst@here.test"), ==, 50);

    put_many(self->store, "few@here.test", 3, 900);
    put_many(self->store, "", 1, 950);
    g_autoptr(GPtrArray) next = claim(self->store, 1000, 8);
    g_assert_cmpuint(of_sender(next, "few@here.test"), ==, 3);
    g_assert_cmpuint(of_sender(next, ""), ==, 1);
    g_assert_cmpuint(of_sender(next, "burst@here.test"), ==, 4);

    /* Who was away has not saved up turns, nor lost any. */
    put_many(self->store, "few@here.test", 10, 900);
    g_autoptr(GPtrArray) later = claim(self->store, 1000, 10);
    g_assert_cmpuint(of_sender(later, "few@here.test"), >=, 4);
    g_assert_cmpuint(of_sender(later, "few@here.test"), <=, 6);
}

static void
test_clock_back(Fixture *self, const void *kind)
{
    put_many(self->store, "a@here.test", 5, 10000000);
    g_assert_null(claim_one(self->store, 2000));
    g_assert_cmpint(next_due(self->store), ==, 102000);
    g_autoptr(GPtrArray) entries = claim(self->store, 102000, 10);
    g_assert_cmpuint(entries->len, ==, 5);
}

static void
test_groups(Fixture *self, const void *kind)
{
    g_autoptr(Entry) one = queue_mail("a@here.test", 100, 1), two = queue_mail("a@here.test", 100000, 2),
                     three = queue_mail("a@here.test", 100, 3), none = queue_mail("a@here.test", 100, 4);
    g_autoptr(GError) error = NULL;
    StoreStats stats;

    queue_put(self->store, two, 0);
    g_assert_true(store_begin(self->store, NULL));
    g_assert_true(store_mark(self->store, NULL));
    g_assert_true(store_put(self->store, one, 0, NULL));
    g_assert_true(store_mark(self->store, NULL));
    g_assert_true(store_put(self->store, three, 0, NULL));
    g_assert_true(store_remove(self->store, two->id, NULL));
    g_assert_false(store_update(self->store, none, &error));
    g_assert_error(error, STORE_ERROR, STORE_ERROR_GONE);
    g_assert_true(store_undo(self->store, NULL));
    g_assert_true(store_commit(self->store, NULL));

    g_assert_true(store_stats(self->store, 1000, &stats, NULL));
    g_assert_cmpuint(stats.entries, ==, 2);
    g_assert_cmpint(stats.bytes, ==, 100100);
    g_autoptr(Entry) kept = store_load(self->store, two->id, NULL);
    queue_assert_bytes(kept->spool, two->spool);
    g_autoptr(Entry) gone = store_load(self->store, three->id, NULL);
    g_assert_null(gone);
}

static void
test_remove_absent(Fixture *self, const void *kind)
{
    g_autoptr(GError) error = NULL;

    remove_entry(self->store, "nothere");
    g_autoptr(Entry) entry = store_load(self->store, "nothere", &error);
    g_assert_null(entry);
    g_assert_error(error, STORE_ERROR, STORE_ERROR_GONE);
}

static void
change(Store *store, const char *id, StoreAction action)
{
    g_assert_true(store_begin(store, NULL));
    g_assert_true(store_change(store, id, action, 2000, NULL));
    g_assert_true(store_commit(store, NULL));
}

static void
test_change(Fixture *self, const void *kind)
{
    g_autoptr(Entry) entry = queue_mail("a@here.test", 100, 1);

    entry->due_ms = 50000;
    queue_put(self->store, entry, 0);
    change(self->store, entry->id, STORE_HOLD);
    change(self->store, entry->id, STORE_RETRY);
    g_assert_null(claim_one(self->store, 60000));
    change(self->store, entry->id, STORE_RELEASE);
    g_autofree char *id = claim_one(self->store, 2000);
    g_assert_cmpstr(id, ==, entry->id);

    /* Held while it is being tried: the attempt ends, then it stays. */
    change(self->store, entry->id, STORE_HOLD);
    update(self->store, entry);
    g_assert_null(claim_one(self->store, 60000));
    change(self->store, entry->id, STORE_RELEASE);
    entry->due_ms = 50000;
    g_autofree char *again = claim_one(self->store, 2000);
    update(self->store, entry);
    change(self->store, entry->id, STORE_RETRY);
    g_autofree char *retried = claim_one(self->store, 2000);
    g_assert_cmpstr(retried, ==, entry->id);
}

static void
test_defer(Fixture *self, const void *kind)
{
    g_autoptr(Entry) entry = queue_mail("a@here.test", 100, 1);
    const char *ids[] = { "nothere", entry->id, NULL };

    queue_put(self->store, entry, 0);
    g_autofree char *id = claim_one(self->store, 1000);
    g_assert_true(store_begin(self->store, NULL));
    g_assert_true(store_defer(self->store, ids, 8000, NULL));
    g_assert_true(store_commit(self->store, NULL));
    g_assert_cmpint(next_due(self->store), ==, 8000);
    g_assert_null(claim_one(self->store, 7999));
    g_autofree char *again = claim_one(self->store, 8000);
    g_assert_cmpstr(again, ==, entry->id);
}

typedef struct {
    guint n;
    char *last;
    bool ordered;
    gint64 bytes;
} Seen;

static void
on_row(const StoreRow *row, void *user)
{
    Seen *seen = user;

    seen->ordered = seen->ordered && (!seen->last || strcmp(seen->last, row->entry->id) < 0);
    g_free(seen->last);
    seen->last = g_strdup(row->entry->id);
    seen->bytes += row->bytes;
    seen->n++;
}

static guint
seen_by(Store *store, StoreQuery query)
{
    Seen seen = { .ordered = true };

    g_assert_true(store_each(store, &query, on_row, &seen, NULL));
    g_assert_true(seen.ordered);
    g_free(seen.last);
    return seen.n;
}

static void
test_each(Fixture *self, const void *kind)
{
    Seen seen = { .ordered = true };
    guint pages = 0, before;

    put_many(self->store, "one@here.test", 250, 5000);
    put_many(self->store, "two@here.test", 3, 5000);
    do {
        StoreQuery query = { .after = seen.last, .max = 100, .held = -1 };
        g_autofree char *after = g_strdup(seen.last);

        query.after = after;
        before = seen.n;
        g_assert_true(store_each(self->store, &query, on_row, &seen, NULL));
        pages++;
    } while (seen.n - before == 100);
    g_assert_true(seen.ordered);
    g_assert_cmpuint(seen.n, ==, 253);
    g_assert_cmpuint(pages, ==, 3);
    g_assert_cmpint(seen.bytes, ==, 2530);
    g_assert_cmpuint(seen_by(self->store, (StoreQuery) { .id = seen.last, .held = -1 }), ==, 1);
    change(self->store, seen.last, STORE_HOLD);
    g_assert_cmpuint(seen_by(self->store, (StoreQuery) { .held = 1 }), ==, 1);
    g_assert_cmpuint(seen_by(self->store, (StoreQuery) { .held = 0 }), ==, 252);
    g_assert_cmpuint(seen_by(self->store, (StoreQuery) { .sender = "TWO@", .held = -1 }), ==, 3);
    g_assert_cmpuint(seen_by(self->store, (StoreQuery) { .recipient = "THERE", .held = -1 }), ==, 253);
    g_assert_cmpuint(seen_by(self->store, (StoreQuery) { .recipient = "%", .held = -1 }), ==, 0);
    g_free(seen.last);
}

static void
test_closed_recipient_not_found(Fixture *self, const void *kind)
{
    g_autoptr(Entry) entry = full_mail();

    close_first(entry);
    queue_put(self->store, entry, 0);
    g_assert_cmpuint(seen_by(self->store, (StoreQuery) { .recipient = "rcpt@", .held = -1 }), ==, 0);
    g_assert_cmpuint(seen_by(self->store, (StoreQuery) { .recipient = "quoted", .held = -1 }), ==, 1);
}

static guint
flush(Store *store, StoreQuery query)
{
    guint n = 0;

    g_assert_true(store_begin(store, NULL));
    g_assert_true(store_flush(store, &query, 2000, &n, NULL));
    g_assert_true(store_commit(store, NULL));
    return n;
}

static void
test_flush(Fixture *self, const void *kind)
{
    put_many(self->store, "one@here.test", 20, 50000);
    put_many(self->store, "two@here.test", 3, 50000);
    g_assert_cmpuint(flush(self->store, (StoreQuery) { .sender = "two", .held = -1 }), ==, 3);
    g_autoptr(GPtrArray) two = claim(self->store, 2000, 10);
    g_assert_cmpuint(two->len, ==, 3);
    g_assert_cmpuint(flush(self->store, (StoreQuery) { .held = -1, .max = 15 }), ==, 15);
    g_assert_cmpuint(flush(self->store, (StoreQuery) { .held = -1, .max = 15 }), ==, 5);
    g_assert_cmpuint(flush(self->store, (StoreQuery) { .held = -1 }), ==, 0);
    g_autoptr(GPtrArray) one = claim(self->store, 2000, 100);
    g_assert_cmpuint(one->len, ==, 20);
}

static void
test_stats(Fixture *self, const void *kind)
{
    g_autoptr(Entry) entry = queue_mail("a@here.test", 100, 1);
    StoreStats stats;

    g_assert_true(store_stats(self->store, 1000, &stats, NULL));
    g_assert_cmpuint(stats.entries, ==, 0);
    g_assert_cmpint(stats.oldest_ms, ==, 0);
    g_free(entry->id);
    entry->id = g_strdup("0000000000000001");
    entry->arrived_ms = 77;
    queue_put(self->store, entry, 5000);
    put_many(self->store, "b@here.test", 3, 500);
    put_many(self->store, "b@here.test", 2, 5000);
    g_assert_true(store_stats(self->store, 1000, &stats, NULL));
    g_assert_cmpuint(stats.entries, ==, 6);
    g_assert_cmpuint(stats.leased, ==, 1);
    g_assert_cmpuint(stats.due, ==, 3);
    g_assert_cmpuint(stats.held, ==, 0);
    g_assert_cmpint(stats.bytes, ==, 150);
    g_assert_cmpint(stats.oldest_ms, ==, 77);
    change(self->store, entry->id, STORE_HOLD);
    update(self->store, entry);
    g_assert_true(store_stats(self->store, 1000, &stats, NULL));
    g_assert_cmpuint(stats.held, ==, 1);
    g_assert_cmpuint(stats.leased, ==, 0);
    remove_entry(self->store, entry->id);
    g_assert_true(store_stats(self->store, 1000, &stats, NULL));
    g_assert_cmpuint(stats.held, ==, 0);
    g_assert_cmpuint(stats.entries, ==, 5);
}

static void
test_many_recipients(Fixture *self, const void *kind)
{
    g_autoptr(Entry) entry = queue_mail("a@here.test", 100, 1);

    for (guint i = 0; i < 10000; i++) {
        g_autofree char *address = g_strdup_printf("r%u@there.test", i);

        envelope_add_recipient(entry->envelope, address);
    }
    entry_set_envelope(entry, entry->envelope);
    queue_put(self->store, entry, 0);
    g_array_index(entry->tries, EntryTry, 9999).closed = true;
    update(self->store, entry);
    g_autoptr(Entry) loaded = store_load(self->store, entry->id, NULL);
    queue_assert_same(loaded, entry);
    g_assert_cmpuint(entry_open(loaded), ==, 10000);
    remove_entry(self->store, entry->id);
    g_assert_cmpuint(seen_by(self->store, (StoreQuery) { .recipient = "r1", .held = -1 }), ==, 0);
}

/* What sendmail or HELO let in must come back, if tamed. */
static void
test_control_characters(Fixture *self, const void *kind)
{
    g_autoptr(Entry) entry = queue_mail("a@here.test", 100, 1);

    entry->envelope->helo = g_strdup("a\r\nb\x7f");
    queue_put(self->store, entry, 0);
    g_autoptr(Entry) loaded = store_load(self->store, entry->id, NULL);
    g_assert_cmpstr(loaded->envelope->helo, ==, "a  b ");
}

static void
test_limits(void)
{
    StoreConf conf = { .max_entries = 2, .max_bytes = 1000, .spool_memory_bytes = 1000 };
    g_autoptr(Store) store = store_open("memory", &conf, NULL);
    g_autoptr(Entry) large = queue_mail("a@here.test", 1001, 1), bounce = queue_mail("", 2000, 1);
    g_autoptr(GError) error = NULL;

    bounce->is_bounce = true;
    g_assert_true(store_begin(store, NULL));
    g_assert_false(store_put(store, large, 0, &error));
    g_assert_error(error, STORE_ERROR, STORE_ERROR_FULL);
    g_assert_true(store_put(store, bounce, 0, NULL));
    g_assert_true(store_commit(store, NULL));
    g_assert_cmpuint(queue_count(store), ==, 1);
}

#define TEST(name) g_test_add(path(#name, kind), Fixture, kind, set_up, test_##name, tear_down)

static const char *
path(const char *name, const char *kind)
{
    static char text[100];

    g_snprintf(text, sizeof text, "/store/%s/%s", kind, name);
    return text;
}

int
main(int argc, char **argv)
{
    static const char *const kinds[] = { "sqlite", "memory" };

    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
        const char *kind = kinds[i];

        TEST(everything_comes_back);
        TEST(update);
        TEST(bytes);
        TEST(leases);
        TEST(due);
        TEST(first_removed);
        TEST(fair);
        TEST(clock_back);
        TEST(groups);
        TEST(remove_absent);
        TEST(change);
        TEST(defer);
        TEST(each);
        TEST(closed_recipient_not_found);
        TEST(flush);
        TEST(stats);
        TEST(many_recipients);
        TEST(control_characters);
    }
    g_test_add_func("/store/limits", test_limits);
    return g_test_run();
}
