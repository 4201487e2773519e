/* The store without a daemon, for crash tests and benchmarks. Prints a line for what is durable, after the commit:
 *   fill FOLDER N BYTES [LATER]  N mails of that size in transactions of 10,000, due now or tomorrow
 *   churn FOLDER N SEED          N groups of random changes: "+id sha256" put, "-id" removed
 *   dump FOLDER                  "=id bytes sha256 open held" of every row, "!id reason" of one that cannot be read */
#include "base/clock.h"
#include "queue/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DAY_MS = 86400000, GROUP = 10000 };

static void
expect(bool done, GError *error)
{
    if (done)
        return;
    fprintf(stderr, "store_driver: %s\n", error ? error->message : "failed");
    exit(EXIT_FAILURE);
}

static Entry *
make_entry(GRand *rand, gsize bytes, guint number)
{
    g_autofree char *sender = g_strdup_printf("s%u@example.jp", number % 100);
    g_autofree char *recipient = g_strdup_printf("r%u@example.org", number);
    Envelope *envelope = envelope_new(sender);
    Spool *spool = spool_new(16 * 1024 * 1024, NULL);
    static const char head[] = "From: shop@example.jp\r\nTo: yamada@example.org\r\nSubject: order\r\n\r\n";
    GError *error = NULL;

    envelope_add_recipient(envelope, recipient);
    spool_append(spool, head, strlen(head));
    for (gsize left = bytes - MIN(bytes, strlen(head)); left > 0;) {
        char line[80];
        memset(line, (int) g_rand_int_range(rand, 'a', 'z'), sizeof line);
        memcpy(line + sizeof line - 2, "\r\n", 2);
        gsize n = MIN(left, sizeof line);
        spool_append(spool, line, n);
        left -= n;
    }
    expect(spool_finish(spool, &error), error);
    Entry *entry = entry_new(envelope, spool, NULL);
    entry->expanded = true;
    entry->expires_ms = entry->arrived_ms + 5 * (gint64) DAY_MS;
    return entry;
}

static char *
digest(const Spool *spool)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    char buf[65536];
    GError *error = NULL;

    for (gint64 at = 0; at < spool_length(spool);) {
        gssize n = spool_read_at(spool, at, buf, sizeof buf, &error);
        expect(n > 0, error);
        g_checksum_update(sum, (const guchar *) buf, n);
        at += n;
    }
    return g_strdup(g_checksum_get_string(sum));
}

static void
put(Store *store, Entry *entry, bool large)
{
    GError *error = NULL;

    if (large)
        expect(store_stage(store, entry, &error), error);
    expect(store_put(store, entry, 0, &error), error);
}

static void
fill(Store *store, guint n, gsize bytes, bool later)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);
    GError *error = NULL;

    for (guint i = 0; i < n; i++) {
        if (i % GROUP == 0)
            expect(store_begin(store, &error), error);
        g_autoptr(Entry) entry = make_entry(rand, bytes, i);
        entry->due_ms = clock_now() + (later ? DAY_MS : 0);
        put(store, entry, bytes > 65536);
        if (i % GROUP == GROUP - 1 || i == n - 1)
            expect(store_commit(store, &error), error);
    }
}

/* One group: some new mails, small and large; some known ones changed or removed. */
static void
churn_once(Store *store, GRand *rand, GPtrArray *known)
{
    g_autoptr(GString) told = g_string_new(NULL);
    g_autoptr(GPtrArray) fresh = g_ptr_array_new();
    GError *error = NULL;

    expect(store_begin(store, &error), error);
    for (int n = g_rand_int_range(rand, 1, 6); n > 0; n--) {
        bool large = g_rand_int_range(rand, 0, 6) == 0;
        g_autoptr(Entry) entry = make_entry(rand, (gsize) g_rand_int_range(rand, large ? 70000 : 200, large ? 150000 : 9000),
                                            g_rand_int(rand));
        put(store, entry, large);
        g_autofree char *sum = digest(entry->spool);
        printf("~%s %s\n", entry->id, sum);
        g_string_append_printf(told, "+%s\n", entry->id);
        g_ptr_array_add(fresh, g_strdup(entry->id));
    }
    for (guint n = known->len > 20 ? 3 : 0; n > 0; n--) {
        char *id = g_ptr_array_steal_index_fast(known, (guint) g_rand_int_range(rand, 0, (gint32) known->len));
        g_autoptr(Entry) entry = store_load(store, id, &error);
        expect(entry, error);
        entry->attempts++;
        entry->due_ms += 1000;
        if (g_rand_boolean(rand)) {
            expect(store_update(store, entry, &error), error);
            g_ptr_array_add(fresh, id);
        } else {
            expect(store_remove(store, id, &error), error);
            printf("?%s\n", id);
            g_string_append_printf(told, "-%s\n", id);
            g_free(id);
        }
    }
    fflush(stdout);
    expect(store_commit(store, &error), error);
    fputs(told->str, stdout);
    fflush(stdout);
    g_ptr_array_extend_and_steal(known, g_steal_pointer(&fresh));
}

static void
dump_row(const StoreRow *row, void *user)
{
    g_ptr_array_add(user, g_strdup(row->entry->id));
}

static void
dump(Store *store)
{
    g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
    StoreQuery query = { .max = 10000, .held = -1 };
    GError *error = NULL;

    do {
        guint before = ids->len;
        expect(store_each(store, &query, dump_row, ids, &error), error);
        if (ids->len - before < query.max)
            break;
        query.after = ids->pdata[ids->len - 1];
    } while (true);
    for (guint i = 0; i < ids->len; i++) {
        g_autoptr(GError) bad = NULL;
        g_autoptr(Entry) entry = store_load(store, ids->pdata[i], &bad);
        if (!entry) {
            printf("!%s %s\n", (char *) ids->pdata[i], bad->message);
            continue;
        }
        g_autofree char *sum = digest(entry->spool);
        printf("=%s %" G_GINT64_FORMAT " %s %u %s\n", entry->id, spool_length(entry->spool), sum, entry_open(entry),
               entry->held ? entry->held : "");
    }
}

int
main(int argc, char **argv)
{
    if (argc < 3 || (argc < 5 && strcmp(argv[1], "dump") != 0))
        return EXIT_FAILURE;
    StoreConf conf = { .folder = argv[2], .spool_memory_bytes = 1 << 20 };
    GError *error = NULL;
    g_autoptr(Store) store = store_open("sqlite", &conf, &error);
    expect(store, error);
    if (strcmp(argv[1], "dump") == 0)
        dump(store);
    if (strcmp(argv[1], "fill") == 0)
        fill(store, (guint) atoi(argv[3]), (gsize) atol(argv[4]), argc > 5);
    if (strcmp(argv[1], "churn") == 0) {
        g_autoptr(GRand) rand = g_rand_new_with_seed((guint32) atoi(argv[4]));
        g_autoptr(GPtrArray) known = g_ptr_array_new_with_free_func(g_free);
        for (int n = atoi(argv[3]); n > 0; n--)
            churn_once(store, rand, known);
    }
    return EXIT_SUCCESS;
}
