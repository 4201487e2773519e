/* Databases, rows and files that are not what we wrote. */
#include "sqlite_check.h"

#include "base/clock.h"
#include "queue/sqlite.h"
#include "queue_mail.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void
test_not_ours(SqliteFixture *self, const void *unused)
{
    g_ptr_array_unref(sqlite_make_queue(self, 1, 0));

    sqlite_run_sql(self->db, "PRAGMA application_id = 7");
    sqlite_assert_refused(self, STORE_ERROR_CORRUPT, "another program");
    g_assert_true(g_file_set_contents(self->db, "", 0, NULL));
    sqlite_assert_refused(self, STORE_ERROR_CORRUPT, "not a database");
    g_assert_true(g_file_set_contents(self->db, "hello", 5, NULL));
    sqlite_assert_refused(self, STORE_ERROR_CORRUPT, "not a database");
    g_assert_cmpint(g_unlink(self->db), ==, 0);
    sqlite_assert_refused(self, STORE_ERROR_CORRUPT, "missing");
    g_assert_false(g_file_test(self->db, G_FILE_TEST_EXISTS));
}

/* What a row must never make us do is crash, or pass it on. Each spoils one of six rows: five are tried. */
static void
test_hostile_rows(SqliteFixture *self, const void *unused)
{
    static const char *const changes[] = {
        "UPDATE entry SET sender = 'a' || char(10) || 'b' WHERE seq = 1",
        "UPDATE entry SET sender = x'00ff' WHERE seq = 1",
        "UPDATE entry SET id = '../../etc/passwd', in_file = 1 WHERE seq = 1",
        "UPDATE entry SET id = '' WHERE seq = 1",
        "UPDATE entry SET size = -5 WHERE seq = 1",
        "UPDATE entry SET size = 'many' WHERE seq = 1",
        "UPDATE entry SET size = 9223372036854775807, in_file = 1 WHERE seq = 1",
        "UPDATE entry SET arrived_ms = x'' WHERE seq = 1",
        "UPDATE entry SET attempts = 99999999999 WHERE seq = 1",
        "UPDATE entry SET delivery = 77 WHERE seq = 1",
        "UPDATE entry SET expanded = 2 WHERE seq = 1",
        "UPDATE entry SET message_id = 3.5e300 || char(13) WHERE seq = 1",
        "UPDATE entry SET ret = 'FULL' || char(0) || 'x' WHERE seq = 1",
        "UPDATE recipient SET address = 'a' || char(13, 10) || 'RCPT' WHERE entry = 1",
        "UPDATE recipient SET address = x'41' WHERE entry = 1",
        "UPDATE recipient SET verdict = 'perhaps' WHERE entry = 1",
        "UPDATE recipient SET code = 70000 WHERE entry = 1",
        "UPDATE recipient SET dsn = '1.2.3.4.5.6.7.8.9' WHERE entry = 1",
        "UPDATE recipient SET dsn = 'x' WHERE entry = 1",
        "UPDATE recipient SET flags = 64 WHERE entry = 1",
        "UPDATE recipient SET n = 7 WHERE entry = 1",
        ("INSERT INTO recipient SELECT entry, 1, address, orcpt, notify, closed, maybe_taken, account, call_key, "
         "verdict, code, dsn, text, remote_id, retry_after_ms, flags FROM recipient WHERE entry = 1"),
        "DELETE FROM recipient WHERE entry = 1",
        "DELETE FROM message WHERE entry = 1",
        "UPDATE message SET bytes = 'text' WHERE entry = 1",
        "UPDATE message SET bytes = zeroblob(499) WHERE entry = 1",
    };

    for (guint i = 0; i < G_N_ELEMENTS(changes); i++) {
        g_ptr_array_unref(sqlite_make_queue(self, 5, 0));

        sqlite_run_sql(self->db, changes[i]);
        g_autoptr(Store) store = queue_open("sqlite", self->folder, 0);
        StoreStats stats;

        g_test_message("%s", changes[i]);
        g_assert_cmpuint(sqlite_claimed(store), ==, 5);
        g_assert_true(store_stats(store, 0, &stats, NULL));
        g_assert_cmpuint(stats.held, ==, 1);
        g_assert_cmpuint(stats.entries, ==, 6);
        g_clear_pointer(&store, store_close);
        queue_folder_remove(self->folder);
        g_assert_cmpint(g_mkdir_with_parents(self->folder, 0700), ==, 0);
    }
}

/* The index does not hear of the change: as if its page had been hit. */
static void
change_behind(const SqliteFixture *self, const char *index, const char *change)
{
    g_autofree char *hide = g_strdup_printf(
        "PRAGMA writable_schema = ON; CREATE TEMP TABLE found AS SELECT * FROM sqlite_schema WHERE name = '%s';"
        "CREATE TABLE kept AS SELECT * FROM found; DELETE FROM sqlite_schema WHERE name = '%s'", index, index);

    sqlite_run_sql(self->db, hide);
    sqlite_run_sql(self->db, change);
    sqlite_run_sql(self->db, "PRAGMA writable_schema = ON; INSERT INTO sqlite_schema SELECT * FROM kept");
    sqlite_run_sql(self->db, "DROP TABLE kept");
}

static void
assert_put_right(const SqliteFixture *self, const char *what, guint n)
{
    g_autoptr(Store) store = queue_open("sqlite", self->folder, 0);
    g_autofree char *warning = store_take_warning(store), *silence = NULL;

    if (!warning || sqlite_claimed(store) != n)
        g_error("%s: not found", what);
    g_clear_pointer(&store, store_close);
    store = queue_open("sqlite", self->folder, 0);
    if ((silence = store_take_warning(store)))
        g_error("%s: %s", what, silence);
    g_clear_pointer(&store, store_close);
    queue_folder_remove(self->folder);
    g_assert_cmpint(g_mkdir_with_parents(self->folder, 0700), ==, 0);
}

/* An entry that no index leads to would wait for ever. */
static void
test_F05_unseen(SqliteFixture *self, const void *unused)
{
    static const char *const behind[][2] = {
        { "entry_waiting", "UPDATE entry SET lane = 'b@here.test +0' WHERE seq = 2" },
        { "entry_waiting", "UPDATE entry SET due_ms = due_ms - 1 WHERE seq = 3" },
        { "entry_due", "UPDATE entry SET due_ms = due_ms - 1 WHERE seq = 3" },
        { "entry_on_hold", "UPDATE entry SET hold_until_ms = 1" },
        { "entry_late", "UPDATE entry SET by_ms = 1" },
        { "lane_due", "UPDATE lane SET due_ms = due_ms - 1" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(behind); i++) {
        g_ptr_array_unref(sqlite_make_queue(self, 5, 0));
        change_behind(self, behind[i][0], behind[i][1]);
        assert_put_right(self, behind[i][0], 6);
    }
    g_ptr_array_unref(sqlite_make_queue(self, 5, G_MAXINT64 / 2));
    change_behind(self, "entry_leased", "UPDATE entry SET lease_ms = lease_ms + 1 WHERE seq = 3");
    assert_put_right(self, "entry_leased", 6);
    g_ptr_array_unref(sqlite_make_queue(self, 5, 0));
    sqlite_run_sql(self->db, "UPDATE lane SET name = 'another' WHERE name LIKE 'a@%'");
    assert_put_right(self, "lane", 6);
    g_ptr_array_unref(sqlite_make_queue(self, 5, 0));
    sqlite_run_sql(self->db, "UPDATE entry SET state = 'vaiting' WHERE seq = 2");
    assert_put_right(self, "state", 5);
    g_ptr_array_unref(sqlite_make_queue(self, 5, 0));
    sqlite_run_sql(self->db, "DELETE FROM entry WHERE seq = 2");
    assert_put_right(self, "a row", 5);
}

/* A lane that comes too late is no damage: a clock that was set back leaves some. */
static void
test_late_lane(SqliteFixture *self, const void *unused)
{
    g_ptr_array_unref(sqlite_make_queue(self, 5, 0));
    sqlite_run_sql(self->db, "UPDATE lane SET due_ms = due_ms + 1000000000");
    g_autoptr(Store) store = queue_open("sqlite", self->folder, 0);
    g_autofree char *silence = store_take_warning(store);

    g_assert_null(silence);
    g_assert_cmpuint(sqlite_claimed(store), ==, 6);
}

static void
test_unseen_while_open(SqliteFixture *self, const void *unused)
{
    g_ptr_array_unref(sqlite_make_queue(self, 5, 0));
    g_autoptr(Store) store = queue_open("sqlite", self->folder, 0);
    g_autofree char *silence = store_take_warning(store);

    sqlite_run_sql(self->db, "DELETE FROM lane");
    g_assert_cmpuint(sqlite_claimed(store), ==, 0);
    clock_skip(5000);
    g_assert_cmpuint(sqlite_claimed(store), ==, 6);
    g_autofree char *warning = store_take_warning(store);
    g_assert_null(silence);
    g_assert_nonnull(warning);
}

static void
test_file_lost(SqliteFixture *self, const void *unused)
{
    g_autoptr(GPtrArray) ids = sqlite_make_queue(self, 2, 0);
    g_autofree char *file = g_build_filename(self->mail, ids->pdata[2], NULL);
    g_autoptr(GError) error = NULL;

    g_assert_cmpint(truncate(file, 10), ==, 0);
    g_autoptr(Store) store = queue_open("sqlite", self->folder, 0);
    g_assert_cmpuint(sqlite_claimed(store), ==, 2);
    g_autoptr(Entry) entry = store_load(store, ids->pdata[2], &error);
    g_assert_null(entry);
    g_assert_error(error, STORE_ERROR, STORE_ERROR_CORRUPT);
}

static void
count_row(const StoreRow *row, void *user)
{
    (*(guint *) user)++;
}

/* Whatever the bytes of the database are: an error or mail, no crash, no end without one. */
static void
use(const SqliteFixture *self)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Store) store = sqlite_try_open(self, 0, &error);
    StoreQuery all = { .held = -1 };
    StoreStats stats;
    guint n = 0;

    if (!store) {
        g_assert_true(error->domain == STORE_ERROR);
        return;
    }
    for (guint i = 0; i < 3; i++) {
        g_autoptr(GPtrArray) entries = sqlite_try_claim(store, 100, NULL);

        for (guint j = 0; entries && j < entries->len; j++)
            g_assert_nonnull(((Entry *) entries->pdata[j])->spool);
    }
    store_each(store, &all, count_row, &n, NULL);
    store_stats(store, 0, &stats, NULL);
}

static void
test_bits(SqliteFixture *self, const void *unused)
{
    g_ptr_array_unref(sqlite_make_queue(self, 20, 0));
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);
    g_autofree char *good = NULL;
    gsize n;

    g_assert_true(g_file_get_contents(self->db, &good, &n, NULL));
    for (guint round = 0; round < 300; round++) {
        g_autofree char *bad = g_memdup2(good, n);
        gsize length = round % 10 == 9 ? (gsize) g_rand_int_range(rand, 0, n) : n;

        for (guint i = 0; i < 1 + round % 40; i++)
            bad[g_rand_int_range(rand, round % 3 ? 100 : 0, n)] ^= 1 << g_rand_int_range(rand, 0, 8);
        g_assert_true(g_file_set_contents_full(self->db, bad, length, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
        use(self);
    }
}

static void
test_wal_lost(SqliteFixture *self, const void *unused)
{
    g_ptr_array_unref(sqlite_make_queue(self, 5, 0));
    g_autofree char *wal = g_strconcat(self->db, "-wal", NULL), *shm = g_strconcat(self->db, "-shm", NULL);
    int status;
    pid_t child = fork();

    if (child == 0) {
        Store *store = sqlite_try_open(self, 0, NULL);
        g_autoptr(Entry) entry = queue_mail("a@here.test", 100, 1);

        queue_put(store, entry, 0);
        raise(SIGKILL);
    }
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    g_assert_cmpint(g_unlink(wal) + g_unlink(shm), ==, 0);
    g_autoptr(Store) store = queue_open("sqlite", self->folder, 0);
    g_autofree char *warning = store_take_warning(store), *silence = NULL;
    g_assert_nonnull(warning);
    g_assert_cmpuint(sqlite_claimed(store), ==, 6);
    g_clear_pointer(&store, store_close);
    store = queue_open("sqlite", self->folder, 0);
    g_assert_null(silence = store_take_warning(store));
}

/* Promises of mail that is in a file without a name: it gets one again, and nothing is lost. */
static void
test_removed_while_open(SqliteFixture *self, const void *unused)
{
    static const char *const ends[][4] = { { "", NULL }, { "-wal", NULL }, { "-shm", NULL }, { "-wal", "-shm", NULL },
                                           { "", "-wal", "-shm", NULL } };

    for (guint i = 0; i < G_N_ELEMENTS(ends); i++) {
        g_ptr_array_unref(sqlite_make_queue(self, 2, 0));
        g_autoptr(Store) store = queue_open("sqlite", self->folder, 0);
        g_autoptr(Entry) before = queue_mail("a@here.test", 100, 1), after = queue_mail("a@here.test", 100000, 1);

        queue_put(store, before, 0);
        for (guint j = 0; ends[i][j]; j++) {
            g_autofree char *path = g_strconcat(self->db, ends[i][j], NULL);
            g_assert_cmpint(g_unlink(path), ==, 0);
        }
        queue_put(store, after, 0);
        g_assert_cmpuint(queue_count(store), ==, 5);
        g_autofree char *warning = store_take_warning(store);
        g_assert_cmpint(warning != NULL, ==, i != 2);
        g_assert_null(store_take_warning(store));
        g_clear_pointer(&store, store_close);
        store = queue_open("sqlite", self->folder, 0);
        g_assert_cmpuint(sqlite_claimed(store), ==, 5);
        g_clear_pointer(&store, store_close);
        queue_folder_remove(self->folder);
        g_assert_cmpint(g_mkdir_with_parents(self->folder, 0700), ==, 0);
    }
}

static void
assert_closed_to_mail(Store *store)
{
    g_autoptr(GError) error = NULL;

    g_assert_false(store_begin(store, &error));
    g_assert_error(error, STORE_ERROR, STORE_ERROR_CORRUPT);
}

/* Something else is in its place, or the place is gone: nothing is promised, nothing touched. */
static void
test_replaced_while_open(SqliteFixture *self, const void *unused)
{
    g_ptr_array_unref(sqlite_make_queue(self, 2, 0));
    g_autoptr(Store) store = queue_open("sqlite", self->folder, 0);
    g_autofree char *away = g_strconcat(self->db, ".away", NULL), *moved = g_strconcat(self->folder, ".away", NULL);
    g_autofree char *text = NULL;

    g_assert_cmpint(g_rename(self->db, away), ==, 0);
    g_assert_true(g_file_set_contents(self->db, "other", 5, NULL));
    assert_closed_to_mail(store);
    assert_closed_to_mail(store);
    g_assert_true(g_file_get_contents(self->db, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "other");
    g_assert_cmpint(g_unlink(self->db) + g_rename(away, self->db), ==, 0);
    g_assert_cmpuint(sqlite_claimed(store), ==, 3);
    g_assert_cmpint(g_rename(self->folder, moved) + g_mkdir(self->folder, 0700), ==, 0);
    assert_closed_to_mail(store);
    g_assert_cmpint(g_rmdir(self->folder) + g_rename(moved, self->folder), ==, 0);
    g_clear_pointer(&store, store_close);
    store = queue_open("sqlite", self->folder, 0);
    g_assert_cmpuint(sqlite_claimed(store), ==, 3);
}

/* Small mail leaves no file in mail/ that would tell. */
static void
test_never_empty_over_old(SqliteFixture *self, const void *unused)
{
    g_autoptr(Store) store = queue_open("sqlite", self->folder, 0);

    queue_put_many(store, "a@here.test", 3, 0);
    g_clear_pointer(&store, store_close);
    g_assert_cmpint(g_unlink(self->db), ==, 0);
    sqlite_assert_refused(self, STORE_ERROR_CORRUPT, "there was a queue");
    g_assert_false(g_file_test(self->db, G_FILE_TEST_EXISTS));
}

#define TEST(name) g_test_add("/damage/" #name, SqliteFixture, NULL, sqlite_set_up, test_##name, sqlite_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    TEST(not_ours);
    TEST(hostile_rows);
    TEST(F05_unseen);
    TEST(late_lane);
    TEST(unseen_while_open);
    TEST(file_lost);
    TEST(bits);
    TEST(wal_lost);
    TEST(removed_while_open);
    TEST(replaced_while_open);
    TEST(never_empty_over_old);
    return g_test_run();
}
