/* What every kind of store promises of who gets which entry when: the same tests for each. */
#include "queue/store.h"

#include "queue_mail.h"

#include <string.h>

static void
test_leases(QueueFixture *self, const void *kind)
{
    g_autoptr(Entry) entry = queue_mail("a@here.test", 100, 1);
    const char *ids[] = { entry->id, NULL }, *wrong[] = { entry->id, "0000", NULL };
    g_autoptr(GError) error = NULL;

    queue_put(self->store, entry, 5000);
    g_assert_null(queue_claim_one(self->store, 4999));
    g_assert_true(store_begin(self->store, NULL));
    g_assert_true(store_renew(self->store, ids, 7000, NULL));
    g_assert_false(store_renew(self->store, wrong, 7000, &error));
    g_assert_error(error, STORE_ERROR, STORE_ERROR_GONE);
    g_assert_nonnull(strstr(error->message, "0000"));
    g_assert_true(store_commit(self->store, NULL));
    g_assert_null(queue_claim_one(self->store, 6999));
    g_autofree char *id = queue_claim_one(self->store, 7000);
    g_assert_cmpstr(id, ==, entry->id);
    g_assert_null(queue_claim_one(self->store, 7001));
}

static void
test_due(QueueFixture *self, const void *kind)
{
    g_autoptr(Entry) late = queue_mail("a@here.test", 100, 1), early = queue_mail("a@here.test", 100, 2);

    g_assert_cmpint(queue_next_due(self->store), ==, G_MAXINT64);
    late->due_ms = 3000;
    queue_put(self->store, late, 0);
    early->due_ms = 2000;
    queue_put(self->store, early, 0);
    g_assert_cmpint(queue_next_due(self->store), ==, 2000);
    g_assert_null(queue_claim_one(self->store, 1999));
    g_autofree char *first = queue_claim_one(self->store, 2000);
    g_assert_cmpstr(first, ==, early->id);
    g_assert_null(queue_claim_one(self->store, 2000));
    g_assert_cmpint(queue_next_due(self->store), ==, 3000);
    g_autofree char *second = queue_claim_one(self->store, 3000);
    g_assert_cmpstr(second, ==, late->id);
}

/* A lane whose first entry was taken away must not hide, or bring forward, the rest. */
static void
test_first_removed(QueueFixture *self, const void *kind)
{
    g_autoptr(Entry) one = queue_mail("a@here.test", 100, 1), two = queue_mail("a@here.test", 100, 2);

    two->due_ms = 5000;
    queue_put(self->store, one, 0);
    queue_put(self->store, two, 0);
    queue_remove(self->store, one->id);
    g_assert_null(queue_claim_one(self->store, 2000));
    g_assert_cmpint(queue_next_due(self->store), ==, 5000);
    g_assert_null(queue_claim_one(self->store, 4999));
    g_autofree char *id = queue_claim_one(self->store, 5000);
    g_assert_cmpstr(id, ==, two->id);
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
test_fair(QueueFixture *self, const void *kind)
{
    queue_put_many(self->store, "burst@here.test", 2000, 10);
    queue_put_many(self->store, "BURST@here.test", 100, 10);
    g_autoptr(GPtrArray) first = queue_claim(self->store, 1000, 50);
    g_assert_cmpuint(of_sender(first, "burst@here.test"), ==, 50);

    queue_put_many(self->store, "few@here.test", 3, 900);
    queue_put_many(self->store, "", 1, 950);
    g_autoptr(GPtrArray) next = queue_claim(self->store, 1000, 8);
    g_assert_cmpuint(of_sender(next, "few@here.test"), ==, 3);
    g_assert_cmpuint(of_sender(next, ""), ==, 1);
    g_assert_cmpuint(of_sender(next, "burst@here.test"), ==, 4);

    /* Who was away has not saved up turns, nor lost any. */
    queue_put_many(self->store, "few@here.test", 10, 900);
    g_autoptr(GPtrArray) later = queue_claim(self->store, 1000, 10);
    g_assert_cmpuint(of_sender(later, "few@here.test"), >=, 4);
    g_assert_cmpuint(of_sender(later, "few@here.test"), <=, 6);
}

static void
test_clock_back(QueueFixture *self, const void *kind)
{
    queue_put_many(self->store, "a@here.test", 5, 10000000);
    g_assert_null(queue_claim_one(self->store, 2000));
    g_assert_cmpint(queue_next_due(self->store), ==, 102000);
    g_autoptr(GPtrArray) entries = queue_claim(self->store, 102000, 10);
    g_assert_cmpuint(entries->len, ==, 5);
}

static void
test_change(QueueFixture *self, const void *kind)
{
    g_autoptr(Entry) entry = queue_mail("a@here.test", 100, 1);

    entry->due_ms = 50000;
    queue_put(self->store, entry, 0);
    queue_change(self->store, entry->id, STORE_HOLD);
    queue_change(self->store, entry->id, STORE_RETRY);
    g_assert_null(queue_claim_one(self->store, 60000));
    queue_change(self->store, entry->id, STORE_RELEASE);
    g_autofree char *id = queue_claim_one(self->store, 2000);
    g_assert_cmpstr(id, ==, entry->id);

    /* Held while it is being tried: the attempt ends, then it stays. */
    queue_change(self->store, entry->id, STORE_HOLD);
    queue_update(self->store, entry);
    g_assert_null(queue_claim_one(self->store, 60000));
    queue_change(self->store, entry->id, STORE_RELEASE);
    entry->due_ms = 50000;
    g_free(queue_claim_one(self->store, 2000));
    queue_update(self->store, entry);
    queue_change(self->store, entry->id, STORE_RETRY);
    g_autofree char *retried = queue_claim_one(self->store, 2000);
    g_assert_cmpstr(retried, ==, entry->id);
}

static void
test_defer(QueueFixture *self, const void *kind)
{
    g_autoptr(Entry) entry = queue_mail("a@here.test", 100, 1);
    const char *ids[] = { "nothere", entry->id, NULL };

    queue_put(self->store, entry, 0);
    g_free(queue_claim_one(self->store, 1000));
    g_assert_true(store_begin(self->store, NULL));
    g_assert_true(store_defer(self->store, ids, 8000, NULL));
    g_assert_true(store_commit(self->store, NULL));
    g_assert_cmpint(queue_next_due(self->store), ==, 8000);
    g_assert_null(queue_claim_one(self->store, 7999));
    g_autofree char *again = queue_claim_one(self->store, 8000);
    g_assert_cmpstr(again, ==, entry->id);
}

/* Those whose sender is to hear (RFC 2852), whatever works, and nobody else; next: when others are. */
static void
assert_late(Store *store, gint64 now_ms, guint max, const char *ids, gint64 next_ms)
{
    const StoreClaim wish = { .now_ms = now_ms, .lease_ms = now_ms + 100000, .max_wait_ms = 100000, .max = max, .late = true };
    g_autoptr(GString) found = g_string_new(NULL);
    gint64 got_ms;

    g_assert_true(store_begin(store, NULL));
    g_autoptr(GPtrArray) entries = store_claim(store, &wish, NULL);
    g_assert_nonnull(entries);
    g_assert_true(store_next_late(store, &got_ms, NULL));
    g_assert_true(store_commit(store, NULL));
    for (guint i = 0; i < entries->len; i++)
        g_string_append(found, ((Entry *) entries->pdata[i])->envelope->envid);
    g_assert_cmpstr(found->str, ==, ids);
    g_assert_cmpint(got_ms, ==, next_ms);
}

static void
put_by(Store *store, const char *name, gint64 due_ms, gint64 by_ms)
{
    g_autoptr(Entry) entry = queue_mail("a@here.test", 10, 1);

    entry->due_ms = due_ms;
    entry->envelope->by_ms = by_ms;
    entry->envelope->envid = g_strdup(name);
    queue_put(store, entry, 0);
}

static void
test_late(QueueFixture *self, const void *kind)
{
    queue_put_many(self->store, "few@here.test", 20, 10);
    assert_late(self->store, 5000, 10, "", G_MAXINT64);
    put_by(self->store, "A", 100, 7000);
    put_by(self->store, "B", 100, 6000);
    put_by(self->store, "C", 8000, 6000); /* an API may have it: it is tried again first */
    put_by(self->store, "D", 100, 6500);
    put_by(self->store, "E", 100, 50000);
    assert_late(self->store, 5999, 10, "", 6000);
    assert_late(self->store, 7000, 2, "BD", 7000);
    assert_late(self->store, 7500, 2, "A", 8000);
    assert_late(self->store, 8000, 2, "C", 50000);
    g_autoptr(GPtrArray) others = queue_claim(self->store, 8000, 100);
    g_assert_cmpuint(others->len, ==, 21);
}

/* A pause of the account is no longer than what its sender set. */
static void
test_defer_late(QueueFixture *self, const void *kind)
{
    put_by(self->store, "A", 100, 7000);
    g_autofree char *id = queue_claim_one(self->store, 1000);
    const char *ids[] = { id, NULL };
    g_assert_true(store_begin(self->store, NULL));
    g_assert_true(store_defer(self->store, ids, 8000, NULL));
    g_assert_true(store_commit(self->store, NULL));
    g_assert_cmpint(queue_next_due(self->store), ==, 7000);
    assert_late(self->store, 7000, 10, "A", G_MAXINT64);
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
test_flush(QueueFixture *self, const void *kind)
{
    queue_put_many(self->store, "one@here.test", 20, 50000);
    queue_put_many(self->store, "two@here.test", 3, 50000);
    g_assert_cmpuint(flush(self->store, (StoreQuery) { .sender = "two", .held = -1 }), ==, 3);
    g_autoptr(GPtrArray) two = queue_claim(self->store, 2000, 10);
    g_assert_cmpuint(two->len, ==, 3);
    g_assert_cmpuint(flush(self->store, (StoreQuery) { .held = -1, .max = 15 }), ==, 15);
    g_assert_cmpuint(flush(self->store, (StoreQuery) { .held = -1, .max = 15 }), ==, 5);
    g_assert_cmpuint(flush(self->store, (StoreQuery) { .held = -1 }), ==, 0);
    g_autoptr(GPtrArray) one = queue_claim(self->store, 2000, 100);
    g_assert_cmpuint(one->len, ==, 20);
}

/* RFC 4865: whatever makes mail due leaves it alone, but for an operator who releases it. */
static void
test_on_hold(QueueFixture *self, const void *kind)
{
    g_autoptr(Entry) entry = queue_mail("a@here.test", 100, 1);

    entry->due_ms = entry->envelope->hold_until_ms = 300000;
    queue_put(self->store, entry, 0);
    g_assert_cmpuint(flush(self->store, (StoreQuery) { .held = -1 }), ==, 0);
    g_assert_cmpuint(flush(self->store, (StoreQuery) { .id = entry->id, .held = -1 }), ==, 0);
    queue_change(self->store, entry->id, STORE_RETRY);
    g_assert_null(queue_claim_one(self->store, 2000)); /* nor a clock that went back */
    g_assert_cmpint(queue_next_due(self->store), ==, 300000);
    g_assert_null(queue_claim_one(self->store, 299999));
    g_autoptr(GPtrArray) taken = queue_claim(self->store, 300000, 1);
    g_assert_cmpuint(taken->len, ==, 1);

    /* Once it was tried it is mail like any other. */
    ((Entry *) taken->pdata[0])->due_ms = 900000;
    queue_update(self->store, taken->pdata[0]);
    g_assert_cmpuint(flush(self->store, (StoreQuery) { .held = -1 }), ==, 1);
    g_free(queue_claim_one(self->store, 2000));
}

static void
test_on_hold_released(QueueFixture *self, const void *kind)
{
    g_autoptr(Entry) entry = queue_mail("a@here.test", 100, 1);

    entry->due_ms = entry->envelope->hold_until_ms = 300000;
    queue_put(self->store, entry, 0);
    queue_change(self->store, entry->id, STORE_RELEASE);
    g_autofree char *id = queue_claim_one(self->store, 2000);
    g_assert_cmpstr(id, ==, entry->id);
}

static void
put_priority(Store *store, const char *sender, int priority, guint n)
{
    for (guint i = 0; i < n; i++) {
        g_autoptr(Entry) entry = queue_mail(sender, 10, i);
        entry->envelope->priority = priority;
        queue_put(store, entry, 0);
    }
}

/* The priorities of those who are claimed next, a digit each; M is -9. Caller frees. */
static char *
order(Store *store, guint n)
{
    g_autoptr(GPtrArray) entries = queue_claim(store, 1000, n);
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < entries->len; i++) {
        int priority = ((Entry *) entries->pdata[i])->envelope->priority;
        g_string_append_c(text, (char) (priority == -9 ? 'M' : '0' + priority));
    }
    return g_string_free(text, FALSE);
}

static void
test_priority(QueueFixture *self, const void *kind)
{
    put_priority(self->store, "a@here.test", -9, 3);
    put_priority(self->store, "a@here.test", 0, 3);
    put_priority(self->store, "b@here.test", 4, 8);
    put_priority(self->store, "a@here.test", 9, 1);
    g_autofree char *all = order(self->store, 100);
    g_assert_cmpstr(all, ==, "944044404440MMM");
}

/* High mail that comes all the time leaves a share to the rest, and does not make old senders wait for new ones. */
static void
test_priority_for_ever(QueueFixture *self, const void *kind)
{
    guint low = 0;

    put_priority(self->store, "old@here.test", 0, 40);
    for (guint i = 0; i < 10; i++) {
        put_priority(self->store, "high@here.test", 5, 8);
        g_autofree char *text = order(self->store, 8);
        for (const char *p = text; *p; p++)
            low += *p == '0';
    }
    g_assert_cmpuint(low, ==, 20);
    put_priority(self->store, "new@here.test", 0, 1);
    g_autoptr(GPtrArray) next = queue_claim(self->store, 1000, 30);
    g_assert_cmpuint(of_sender(next, "new@here.test"), ==, 1);
    g_assert_cmpuint(of_sender(next, "high@here.test"), ==, 20);
}

#define TEST(name) queue_test(#name, kind, test_##name)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < QUEUE_KINDS; i++) {
        const char *kind = queue_kinds[i];

        TEST(leases);
        TEST(due);
        TEST(first_removed);
        TEST(fair);
        TEST(clock_back);
        TEST(change);
        TEST(defer);
        TEST(late);
        TEST(defer_late);
        TEST(flush);
        TEST(on_hold);
        TEST(on_hold_released);
        TEST(priority);
        TEST(priority_for_ever);
    }
    return g_test_run();
}
