#include "queue_mail.h"

#include <glib/gstdio.h>
#include <string.h>

char *
queue_bytes(size_t n, guint seed)
{
    char *bytes = g_malloc(n + 1);

    for (size_t i = 0; i < n; i++)
        bytes[i] = (char) (i + seed + (i >> 8) * 7);
    return bytes;
}

Entry *
queue_mail(const char *sender, size_t n, guint seed)
{
    Envelope *envelope = envelope_new(sender);
    Spool *spool = spool_new(256 * 1024, NULL);
    g_autofree char *bytes = queue_bytes(n, seed);

    envelope_add_recipient(envelope, "rcpt@there.test");
    spool_append(spool, bytes, n);
    g_assert_true(spool_finish(spool, NULL));
    Entry *entry = entry_new(envelope, spool, NULL);
    entry->due_ms = 1000;
    entry->expires_ms = 1000000;
    entry->expanded = true;
    return entry;
}

char *
queue_folder(void)
{
    g_autofree char *top = g_dir_make_tmp("shimta-queue-XXXXXX", NULL);

    g_assert_nonnull(top);
    return g_build_filename(top, "queue", NULL);
}

static void
remove_all(const char *path)
{
    GDir *dir = g_file_test(path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open(path, 0, NULL);

    for (const char *name; dir && (name = g_dir_read_name(dir));) {
        g_autofree char *inner = g_build_filename(path, name, NULL);

        remove_all(inner);
    }
    if (dir)
        g_dir_close(dir);
    g_remove(path);
}

void
queue_folder_remove(const char *path)
{
    g_autofree char *top = g_path_get_dirname(path);

    remove_all(top);
}

Store *
queue_open(const char *kind, const char *folder, gint64 reserve_bytes)
{
    StoreConf conf = { .folder = folder, .reserve_bytes = reserve_bytes, .spool_memory_bytes = 64 * 1024 };
    g_autoptr(GError) error = NULL;
    Store *store = store_open(kind, &conf, &error);

    g_assert_no_error(error);
    g_assert_nonnull(store);
    return store;
}

void
queue_put(Store *store, const Entry *entry, gint64 lease_ms)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(store_stage(store, entry, &error) || error);
    g_assert_no_error(error);
    g_assert_true(store_begin(store, &error));
    store_put(store, entry, lease_ms, &error);
    g_assert_no_error(error);
    g_assert_true(store_commit(store, &error));
}

guint
queue_count(Store *store)
{
    StoreStats stats;

    g_assert_true(store_stats(store, 0, &stats, NULL));
    return stats.entries;
}

void
queue_assert_bytes(const Spool *got, const Spool *want)
{
    gint64 n = spool_length(want);
    g_autofree char *a = g_malloc(n + 1), *b = g_malloc(n + 1);

    g_assert_cmpint(spool_length(got), ==, n);
    g_assert_cmpint(spool_read_at(got, 0, a, n, NULL), ==, n);
    g_assert_cmpint(spool_read_at(want, 0, b, n, NULL), ==, n);
    g_assert_true(n == 0 || memcmp(a, b, n) == 0);
}

static void
assert_recipient(const Entry *got, const Entry *want, guint i)
{
    const EnvelopeRecipient *a = got->envelope->recipients->pdata[i], *b = want->envelope->recipients->pdata[i];
    const EntryTry *x = &g_array_index(got->tries, EntryTry, i), *y = &g_array_index(want->tries, EntryTry, i);
    const Outcome *o = &g_array_index(got->outcomes, Outcome, i), *p = &g_array_index(want->outcomes, Outcome, i);

    g_assert_cmpstr(a->address, ==, b->address);
    g_assert_cmpstr(a->orcpt, ==, b->orcpt);
    g_assert_cmpstr(a->notify, ==, b->notify);
    g_assert_cmpint(x->closed, ==, y->closed);
    g_assert_cmpint(x->maybe_taken, ==, y->maybe_taken);
    g_assert_cmpstr(x->account, ==, y->account);
    g_assert_cmpstr(x->call_key, ==, y->call_key);
    g_assert_cmpint(o->verdict, ==, p->verdict);
    g_assert_cmpint(o->code, ==, p->code);
    g_assert_cmpstr(o->dsn, ==, p->dsn);
    g_assert_cmpstr(o->text, ==, p->text);
    g_assert_cmpstr(o->remote_id, ==, p->remote_id);
    g_assert_cmpint(o->retry_after_ms, ==, p->retry_after_ms);
    g_assert_cmpuint(o->flags, ==, p->flags);
}

static void
assert_envelope(const Envelope *got, const Envelope *want)
{
    g_assert_cmpstr(got->sender, ==, want->sender);
    g_assert_cmpint(got->smtputf8, ==, want->smtputf8);
    g_assert_cmpint(got->submission, ==, want->submission);
    g_assert_cmpint(got->from_headers, ==, want->from_headers);
    g_assert_cmpint(got->gateway, ==, want->gateway);
    g_assert_cmpint(got->no_aliases, ==, want->no_aliases);
    g_assert_cmpstr(got->full_name, ==, want->full_name);
    g_assert_cmpuint(got->hops, ==, want->hops);
    g_assert_cmpstr(got->ret, ==, want->ret);
    g_assert_cmpstr(got->envid, ==, want->envid);
    g_assert_cmpint(got->delivery, ==, want->delivery);
    g_assert_cmpstr(got->listener, ==, want->listener);
    g_assert_cmpstr(got->client, ==, want->client);
    g_assert_cmpstr(got->helo, ==, want->helo);
    g_assert_cmpstr(got->auth, ==, want->auth);
    g_assert_cmpstr(got->tls, ==, want->tls);
    g_assert_cmpstr(got->tls_client, ==, want->tls_client);
    g_assert_cmpstr(got->tag, ==, want->tag);
    g_assert_cmpstr(got->via, ==, want->via);
    g_assert_cmpstr(got->account, ==, want->account);
    g_assert_cmpint(got->hold_until_ms, ==, want->hold_until_ms);
    g_assert_cmpint(got->by_ms, ==, want->by_ms);
    g_assert_cmpint(got->by_flags, ==, want->by_flags);
    g_assert_cmpint(got->priority, ==, want->priority);
    g_assert_cmpstr(got->user, ==, want->user);
    g_assert_cmpuint(got->recipients->len, ==, want->recipients->len);
}

void
queue_assert_same(const Entry *got, const Entry *want)
{
    assert_envelope(got->envelope, want->envelope);
    for (guint i = 0; i < want->envelope->recipients->len; i++)
        assert_recipient(got, want, i);
    g_assert_cmpstr(got->id, ==, want->id);
    g_assert_cmpint(got->arrived_ms, ==, want->arrived_ms);
    g_assert_cmpint(got->expanded, ==, want->expanded);
    g_assert_cmpint(got->is_bounce, ==, want->is_bounce);
    g_assert_cmpstr(got->message_id, ==, want->message_id);
    g_assert_cmpuint(got->attempts, ==, want->attempts);
    g_assert_cmpint(got->due_ms, ==, want->due_ms);
    g_assert_cmpint(got->expires_ms, ==, want->expires_ms);
    g_assert_cmpint(got->delay_told, ==, want->delay_told);
    g_assert_cmpstr(got->held, ==, want->held);
    g_assert_cmpint(got->cut_off, ==, want->cut_off);
    g_assert_true(got->stored);
}

const char *const queue_kinds[QUEUE_KINDS] = { "sqlite", "memory" };

static void
queue_set_up(QueueFixture *self, const void *kind)
{
    self->folder = queue_folder();
    self->store = queue_open(kind, self->folder, 0);
}

static void
queue_tear_down(QueueFixture *self, const void *kind)
{
    store_close(self->store);
    queue_folder_remove(self->folder);
    g_free(self->folder);
}

GPtrArray *
queue_claim(Store *store, gint64 now_ms, guint max)
{
    StoreClaim wish = { .now_ms = now_ms, .lease_ms = now_ms + 100000, .max_wait_ms = 100000, .max = max };
    g_autoptr(GError) error = NULL;

    g_assert_true(store_begin(store, NULL));
    GPtrArray *entries = store_claim(store, &wish, &error);
    g_assert_no_error(error);
    g_assert_true(store_commit(store, &error));
    return entries;
}

char *
queue_claim_one(Store *store, gint64 now_ms)
{
    g_autoptr(GPtrArray) entries = queue_claim(store, now_ms, 1);

    return entries->len ? g_strdup(((Entry *) entries->pdata[0])->id) : NULL;
}

gint64
queue_next_due(Store *store)
{
    gint64 due_ms = -1;

    g_assert_true(store_next_due(store, &due_ms, NULL));
    return due_ms;
}

void
queue_update(Store *store, const Entry *entry)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(store_begin(store, NULL));
    store_update(store, entry, &error);
    g_assert_no_error(error);
    g_assert_true(store_commit(store, NULL));
}

void
queue_remove(Store *store, const char *id)
{
    g_assert_true(store_begin(store, NULL));
    g_assert_true(store_remove(store, id, NULL));
    g_assert_true(store_commit(store, NULL));
}

void
queue_change(Store *store, const char *id, StoreAction action)
{
    g_assert_true(store_begin(store, NULL));
    g_assert_true(store_change(store, id, action, 2000, NULL));
    g_assert_true(store_commit(store, NULL));
}

void
queue_put_many(Store *store, const char *sender, guint n, gint64 due_ms)
{
    g_assert_true(store_begin(store, NULL));
    for (guint i = 0; i < n; i++) {
        g_autoptr(Entry) entry = queue_mail(sender, 10, i);

        entry->due_ms = due_ms;
        g_assert_true(store_put(store, entry, 0, NULL));
    }
    g_assert_true(store_commit(store, NULL));
}

void
queue_test(const char *name, const char *kind, void (*run)(QueueFixture *self, const void *kind))
{
    g_autofree char *path = g_strdup_printf("/store/%s/%s", kind, name);

    g_test_add(path, QueueFixture, kind, queue_set_up, run, queue_tear_down);
}
