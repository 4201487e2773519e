/* What every kind of store promises of its rows: the same tests for each. */
#include "queue/store.h"

#include "queue_mail.h"

#include <string.h>

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
    envelope->auth = g_strdup("shop");
    envelope->tls = g_strdup("TLSv1.3");
    envelope->tls_client = g_strdup("CN=client, O=\"There, Inc\"");
    envelope->tag = g_strdup("cron");
    envelope->via = g_strdup("ESMTP:host.test");
    envelope->hold_until_ms = 900;
    envelope->by_ms = 5000000;
    envelope->by_flags = ENVELOPE_BY_RETURN | ENVELOPE_BY_TRACE;
    envelope->priority = -4;
    entry->message_id = g_strdup("<a@b>");
    entry->attempts = 3;
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
test_everything_comes_back(QueueFixture *self, const void *kind)
{
    g_autoptr(Entry) entry = full_mail();

    close_first(entry);
    queue_put(self->store, entry, 0);
    g_autoptr(Entry) loaded = store_load(self->store, entry->id, NULL);
    g_assert_nonnull(loaded);
    queue_assert_same(loaded, entry);
    queue_assert_bytes(loaded->spool, entry->spool);

    g_autoptr(GPtrArray) claimed = queue_claim(self->store, 1000, 10);
    g_assert_cmpuint(claimed->len, ==, 1);
    queue_assert_same(claimed->pdata[0], entry);
    queue_assert_bytes(((Entry *) claimed->pdata[0])->spool, entry->spool);
}

/* While it is worked on: those named, and nothing else. */
static void
test_progress(QueueFixture *self, const void *kind)
{
    g_autoptr(Entry) entry = full_mail();
    g_autoptr(GArray) places = g_array_new(FALSE, FALSE, sizeof(guint));
    const guint second = 1;

    queue_put(self->store, entry, 1000);
    close_first(entry);
    g_array_append_val(places, second);
    g_assert_true(store_begin(self->store, NULL));
    g_assert_true(store_progress(self->store, entry, places, NULL));
    g_assert_true(store_commit(self->store, NULL));
    g_autoptr(Entry) loaded = store_load(self->store, entry->id, NULL);
    g_assert_cmpint(g_array_index(loaded->outcomes, Outcome, 0).verdict, ==, OUTCOME_OPEN);
    g_assert_false(g_array_index(loaded->tries, EntryTry, 0).closed);
    g_assert_cmpint(g_array_index(loaded->outcomes, Outcome, 1).verdict, ==, OUTCOME_UNKNOWN);
    g_assert_cmpstr(g_array_index(loaded->tries, EntryTry, 1).call_key, ==, "abc-A");
    g_autoptr(GPtrArray) claimed = queue_claim(self->store, 500, 10); /* still leased */
    g_assert_cmpuint(claimed->len, ==, 0);
}

static void
test_update(QueueFixture *self, const void *kind)
{
    g_autoptr(Entry) entry = full_mail();

    queue_put(self->store, entry, 5000);
    close_first(entry);
    entry->attempts++;
    entry->due_ms = 9000;
    entry->cut_off = true;
    queue_update(self->store, entry);
    g_autoptr(Entry) loaded = store_load(self->store, entry->id, NULL);
    queue_assert_same(loaded, entry);
    g_assert_cmpint(queue_next_due(self->store), ==, 9000);

    entry->held = g_strdup("unknown outcome");
    entry->cut_off = false;
    queue_update(self->store, entry);
    g_autoptr(Entry) held = store_load(self->store, entry->id, NULL);
    queue_assert_same(held, entry);
    g_assert_cmpint(queue_next_due(self->store), ==, G_MAXINT64);
    g_assert_null(queue_claim_one(self->store, 50000));
}

/* Whoever reads it must take a call that is on its way for one without an answer. */
static void
test_calling(QueueFixture *self, const void *kind)
{
    g_autoptr(Entry) entry = full_mail();

    g_array_index(entry->tries, EntryTry, 0).calling = true;
    queue_put(self->store, entry, 5000);
    g_autoptr(Entry) loaded = store_load(self->store, entry->id, NULL);
    g_assert_true(g_array_index(loaded->tries, EntryTry, 0).maybe_taken);
    g_array_index(entry->tries, EntryTry, 0).calling = false;
    queue_update(self->store, entry);
    g_autoptr(Entry) updated = store_load(self->store, entry->id, NULL);
    g_assert_false(g_array_index(updated->tries, EntryTry, 0).maybe_taken);
}

static void
test_bytes(QueueFixture *self, const void *kind)
{
    static const size_t sizes[] = { 0, 1, 256, 4096, 65535, 65536, 65537, 300000, 3000000 };

    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_autoptr(Entry) entry = queue_mail("a@here.test", sizes[i], i);

        queue_put(self->store, entry, 0);
        g_autoptr(GPtrArray) claimed = queue_claim(self->store, 1000, 1);
        g_assert_cmpuint(claimed->len, ==, 1);
        queue_remove(self->store, entry->id);
        queue_assert_bytes(((Entry *) claimed->pdata[0])->spool, entry->spool);
    }
    g_assert_cmpuint(queue_count(self->store), ==, 0);
}

static void
test_groups(QueueFixture *self, const void *kind)
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
test_remove_absent(QueueFixture *self, const void *kind)
{
    g_autoptr(GError) error = NULL;

    queue_remove(self->store, "nothere");
    g_autoptr(Entry) entry = store_load(self->store, "nothere", &error);
    g_assert_null(entry);
    g_assert_error(error, STORE_ERROR, STORE_ERROR_GONE);
}

/* Who comes with an id that is taken is refused alone; what has it stays as it is, large or small. */
static void
test_same_id(QueueFixture *self, const void *kind)
{
    static const size_t sizes[] = { 100, 100000 };
    guint n = 0;

    for (guint i = 0; i < 4; i++) {
        g_autoptr(Entry) first = queue_mail("a@here.test", sizes[i / 2], 1), again = queue_mail("b@here.test", sizes[i % 2], 2),
                         other = queue_mail("c@here.test", 100, 3);
        g_autoptr(GError) error = NULL;

        g_free(again->id);
        again->id = g_strdup(first->id);
        queue_put(self->store, first, 0);
        bool staged = store_stage(self->store, again, &error);
        g_assert_true(store_begin(self->store, NULL));
        g_assert_true(store_mark(self->store, NULL) && store_put(self->store, other, 0, NULL));
        g_assert_true(store_mark(self->store, NULL));
        if (staged) {
            g_assert_false(store_put(self->store, again, 0, &error));
            store_unstage(self->store, again);
        }
        g_assert_error(error, STORE_ERROR, STORE_ERROR_EXISTS);
        g_assert_true(store_undo(self->store, NULL));
        g_assert_true(store_commit(self->store, NULL));
        g_assert_cmpuint(queue_count(self->store), ==, n += 2);
        g_autoptr(Entry) kept = store_load(self->store, first->id, NULL);
        queue_assert_same(kept, first);
        queue_assert_bytes(kept->spool, first->spool);
    }
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
test_each(QueueFixture *self, const void *kind)
{
    Seen seen = { .ordered = true };
    guint pages = 0, before;

    queue_put_many(self->store, "one@here.test", 250, 5000);
    queue_put_many(self->store, "two@here.test", 3, 5000);
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
    queue_change(self->store, seen.last, STORE_HOLD);
    g_assert_cmpuint(seen_by(self->store, (StoreQuery) { .held = 1 }), ==, 1);
    g_assert_cmpuint(seen_by(self->store, (StoreQuery) { .held = 0 }), ==, 252);
    g_assert_cmpuint(seen_by(self->store, (StoreQuery) { .sender = "TWO@", .held = -1 }), ==, 3);
    g_assert_cmpuint(seen_by(self->store, (StoreQuery) { .recipient = "THERE", .held = -1 }), ==, 253);
    g_assert_cmpuint(seen_by(self->store, (StoreQuery) { .recipient = "%", .held = -1 }), ==, 0);
    g_free(seen.last);
}

static void
test_closed_recipient_not_found(QueueFixture *self, const void *kind)
{
    g_autoptr(Entry) entry = full_mail();

    close_first(entry);
    queue_put(self->store, entry, 0);
    g_assert_cmpuint(seen_by(self->store, (StoreQuery) { .recipient = "rcpt@", .held = -1 }), ==, 0);
    g_assert_cmpuint(seen_by(self->store, (StoreQuery) { .recipient = "quoted", .held = -1 }), ==, 1);
}

static void
test_stats(QueueFixture *self, const void *kind)
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
    queue_put_many(self->store, "b@here.test", 3, 500);
    queue_put_many(self->store, "b@here.test", 2, 5000);
    g_assert_true(store_stats(self->store, 1000, &stats, NULL));
    g_assert_cmpuint(stats.entries, ==, 6);
    g_assert_cmpuint(stats.leased, ==, 1);
    g_assert_cmpuint(stats.due, ==, 3);
    g_assert_cmpuint(stats.held, ==, 0);
    g_assert_cmpint(stats.bytes, ==, 150);
    g_assert_cmpint(stats.oldest_ms, ==, 77);
    queue_change(self->store, entry->id, STORE_HOLD);
    queue_update(self->store, entry);
    g_assert_true(store_stats(self->store, 1000, &stats, NULL));
    g_assert_cmpuint(stats.held, ==, 1);
    g_assert_cmpuint(stats.leased, ==, 0);
    queue_remove(self->store, entry->id);
    g_assert_true(store_stats(self->store, 1000, &stats, NULL));
    g_assert_cmpuint(stats.held, ==, 0);
    g_assert_cmpuint(stats.entries, ==, 5);
}

static void
test_many_recipients(QueueFixture *self, const void *kind)
{
    g_autoptr(Entry) entry = queue_mail("a@here.test", 100, 1);

    for (guint i = 0; i < 10000; i++) {
        g_autofree char *address = g_strdup_printf("r%u@there.test", i);

        envelope_add_recipient(entry->envelope, address);
    }
    entry_set_envelope(entry, entry->envelope);
    queue_put(self->store, entry, 0);
    g_array_index(entry->tries, EntryTry, 9999).closed = true;
    queue_update(self->store, entry);
    g_autoptr(Entry) loaded = store_load(self->store, entry->id, NULL);
    queue_assert_same(loaded, entry);
    g_assert_cmpuint(entry_open(loaded), ==, 10000);
    queue_remove(self->store, entry->id);
    g_assert_cmpuint(seen_by(self->store, (StoreQuery) { .recipient = "r1", .held = -1 }), ==, 0);
}

/* What sendmail or HELO let in must come back, if tamed. */
static void
test_control_characters(QueueFixture *self, const void *kind)
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

#define TEST(name) queue_test(#name, kind, test_##name)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < QUEUE_KINDS; i++) {
        const char *kind = queue_kinds[i];

        TEST(everything_comes_back);
        TEST(progress);
        TEST(update);
        TEST(calling);
        TEST(bytes);
        TEST(groups);
        TEST(same_id);
        TEST(remove_absent);
        TEST(each);
        TEST(closed_recipient_not_found);
        TEST(stats);
        TEST(many_recipients);
        TEST(control_characters);
    }
    g_test_add_func("/store/limits", test_limits);
    return g_test_run();
}
