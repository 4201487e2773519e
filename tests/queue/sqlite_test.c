/* The SQLite store and its folder: whose it is, what crashes and a full disk leave. */
#include "sqlite_check.h"

#include "queue/sqlite.h"
#include "queue_mail.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* A child holds the queue until the pipe is closed. */
static void
test_second_process(SqliteFixture *self, const void *unused)
{
    int ready[2], end[2], status;
    char byte = 0;

    g_assert_cmpint(pipe(ready) + pipe(end), ==, 0);
    pid_t child = fork();
    if (child == 0) {
        Store *store = sqlite_try_open(self, 0, NULL);

        close(end[1]);
        byte = store != NULL;
        _exit(write(ready[1], &byte, 1) == 1 && read(end[0], &byte, 1) == 0 ? 0 : 1);
    }
    g_autofree char *pid = g_strdup_printf("process %d)", (int) child);
    g_assert_cmpint(read(ready[0], &byte, 1), ==, 1);
    g_assert_cmpint(byte, ==, 1);
    sqlite_assert_refused(self, STORE_ERROR_IN_USE, pid);
    sqlite_assert_refused(self, STORE_ERROR_IN_USE, self->folder);
    close(end[1]);
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    g_assert_cmpint(status, ==, 0);
    g_autoptr(Store) store = sqlite_try_open(self, 0, NULL);
    g_assert_nonnull(store);
}

static void
test_crash_leaves(SqliteFixture *self, const void *unused)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        Store *store = sqlite_try_open(self, 0, NULL);
        g_autoptr(Entry) kept = queue_mail("a@here.test", 100000, 1), lost = queue_mail("a@here.test", 100000, 2),
                         small = queue_mail("a@here.test", 100, 3);

        queue_put(store, kept, G_MAXINT64);
        store_stage(store, lost, NULL);
        store_begin(store, NULL);
        store_put(store, lost, 0, NULL);
        store_put(store, small, 0, NULL);
        raise(SIGKILL);
    }
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    g_assert_true(WIFSIGNALED(status));
    g_autofree char *foreign = g_build_filename(self->mail, "README.txt", NULL);
    g_assert_true(g_file_set_contents(foreign, "x", 1, NULL));

    g_autoptr(Store) store = queue_open("sqlite", self->folder, 0);
    g_assert_cmpuint(queue_count(store), ==, 1);
    g_assert_cmpuint(sqlite_claimed(store), ==, 1);
    g_autoptr(GDir) dir = g_dir_open(self->mail, 0, NULL);
    guint files = 0;
    while (g_dir_read_name(dir))
        files++;
    g_assert_null(store_take_warning(store)); /* a crash alone is nothing to worry about */
    g_assert_cmpuint(files, ==, 2);
    g_assert_true(g_file_test(foreign, G_FILE_TEST_EXISTS));
}

static void
test_files_go_and_stay(SqliteFixture *self, const void *unused)
{
    g_autoptr(GPtrArray) ids = sqlite_make_queue(self, 0, 0);
    g_autoptr(Store) store = queue_open("sqlite", self->folder, 0);
    g_autofree char *file = g_build_filename(self->mail, ids->pdata[0], NULL);
    struct stat st;

    g_assert_cmpint(stat(file, &st), ==, 0);
    g_assert_cmpint(st.st_mode & 0777, ==, 0600);
    g_assert_true(store_begin(store, NULL));
    g_assert_true(store_remove(store, ids->pdata[0], NULL));
    g_assert_cmpint(access(file, F_OK), ==, 0);
    g_assert_true(store_commit(store, NULL));
    g_assert_cmpint(access(file, F_OK), ==, -1);

    g_autoptr(Entry) entry = queue_mail("a@here.test", 100000, 1);
    g_assert_true(store_stage(store, entry, NULL));
    store_unstage(store, entry);
    g_autoptr(GError) error = NULL;
    g_assert_true(store_begin(store, NULL));
    g_assert_false(store_put(store, entry, 0, &error));
    g_assert_error(error, STORE_ERROR, STORE_ERROR_IO);
    g_assert_true(store_commit(store, NULL));
}

/* The file of a spool that lies beside the queue gets a name; its bytes are not written twice. */
static void
test_linked(SqliteFixture *self, const void *unused)
{
    g_autoptr(Store) store = queue_open("sqlite", self->folder, 0);
    g_autoptr(Entry) entry = queue_mail("a@here.test", 0, 1);
    g_autofree char *bytes = queue_bytes(200000, 1);
    struct stat st, named;

    spool_unref(entry->spool);
    entry->spool = spool_new(1000, self->folder);
    spool_append(entry->spool, bytes, 200000);
    g_assert_true(spool_finish(entry->spool, NULL));
    queue_put(store, entry, 0);
    g_autofree char *file = g_build_filename(self->mail, entry->id, NULL);
    g_assert_cmpint(fstat(spool_file(entry->spool), &st), ==, 0);
    g_assert_cmpint(stat(file, &named), ==, 0);
    g_assert_cmpuint(st.st_ino, ==, named.st_ino);
    g_assert_cmpint(named.st_mode & 0777, ==, 0600);
    g_autoptr(Entry) loaded = store_load(store, entry->id, NULL);
    queue_assert_bytes(loaded->spool, entry->spool);
}

static void
test_versions(SqliteFixture *self, const void *unused)
{
    g_ptr_array_unref(sqlite_make_queue(self, 3, 0));
    g_autofree char *before = NULL, *after = NULL;
    gsize n, m;

    sqlite_run_sql(self->db, "PRAGMA user_version = 99");
    g_assert_true(g_file_get_contents(self->db, &before, &n, NULL));
    sqlite_assert_refused(self, STORE_ERROR_NEWER, "later version");
    g_assert_true(g_file_get_contents(self->db, &after, &m, NULL));
    g_assert_cmpmem(before, n, after, m);
}

/* Whose lease nobody ended, but the next process: it may have been in a call. */
static void
test_cut_off(SqliteFixture *self, const void *unused)
{
    g_autoptr(GPtrArray) tried = sqlite_make_queue(self, 1, G_MAXINT64);
    g_autoptr(Store) store = queue_open("sqlite", self->folder, 0);
    g_autoptr(Entry) waits = queue_mail("a@here.test", 10, 1);
    const char *const let_go[] = { tried->pdata[1], NULL };

    queue_put(store, waits, 0);
    g_autoptr(Entry) one = store_load(store, tried->pdata[0], NULL);
    g_assert_true(one->cut_off);
    g_assert_true(store_begin(store, NULL) && store_renew(store, let_go, G_MAXINT64, NULL));
    g_assert_true(store_defer(store, let_go, 1, NULL) && store_commit(store, NULL));
    g_clear_pointer(&store, store_close);
    sqlite_run_sql(self->db, "UPDATE entry SET cut_off = 0");
    store = queue_open("sqlite", self->folder, 0);
    g_autoptr(GPtrArray) all = sqlite_try_claim(store, 10, NULL);
    g_assert_cmpuint(all->len, ==, 3);
    for (guint i = 0; i < all->len; i++)
        g_assert_false(((Entry *) all->pdata[i])->cut_off);
}

/* From the first version. */
static void
test_upgrade(SqliteFixture *self, const void *unused)
{
    g_autoptr(GPtrArray) ids = sqlite_make_queue(self, 1, G_MAXINT64);

    sqlite_run_sql(self->db, "DROP INDEX entry_late; PRAGMA user_version = 5");
    sqlite_run_sql(self->db, "DROP INDEX entry_due; DROP INDEX entry_on_hold;"
                   "CREATE INDEX entry_due ON entry (due_ms) WHERE state = 'waiting';"
                   "ALTER TABLE entry DROP COLUMN hold_until_ms; ALTER TABLE entry DROP COLUMN by_ms;"
                   "ALTER TABLE entry DROP COLUMN by_flags; ALTER TABLE entry DROP COLUMN priority;"
                   "PRAGMA user_version = 4");
    sqlite_run_sql(self->db, "ALTER TABLE entry DROP COLUMN chosen_account;"
                   "ALTER TABLE entry ADD COLUMN shares_made INTEGER NOT NULL DEFAULT 0; PRAGMA user_version = 3");
    sqlite_run_sql(self->db, "ALTER TABLE entry DROP COLUMN auth; ALTER TABLE entry DROP COLUMN tls;"
                   "ALTER TABLE entry DROP COLUMN tls_client; ALTER TABLE entry DROP COLUMN tag;"
                   "ALTER TABLE entry DROP COLUMN via; PRAGMA user_version = 2");
    sqlite_run_sql(self->db, "ALTER TABLE entry DROP COLUMN cut_off; PRAGMA user_version = 1");
    g_autoptr(Store) store = queue_open("sqlite", self->folder, 0);
    g_autoptr(Entry) entry = store_load(store, ids->pdata[0], NULL);
    g_assert_true(entry->cut_off);
    g_assert_null(entry->envelope->auth);
    g_autoptr(Entry) fresh = queue_mail("a@here.test", 10, 1);
    fresh->envelope->tls = g_strdup("TLSv1.3");
    queue_put(store, fresh, 0);
    g_autoptr(Entry) loaded = store_load(store, fresh->id, NULL);
    queue_assert_same(loaded, fresh);
}

/* A crash between the two halves of a first start. */
static void
test_upgrade_from_nothing(SqliteFixture *self, const void *unused)
{
    g_ptr_array_unref(sqlite_make_queue(self, 0, 0));

    sqlite_run_sql(self->db, "DROP TABLE entry; DROP TABLE recipient; DROP TABLE message; DROP TABLE lane; "
                      "DROP TABLE totals; PRAGMA user_version = 0");
    g_autoptr(Store) store = queue_open("sqlite", self->folder, 0);
    g_assert_cmpuint(queue_count(store), ==, 0);
    g_autoptr(Entry) entry = queue_mail("a@here.test", 10, 1);
    queue_put(store, entry, 0);
}

static void
test_upgrade_that_fails(SqliteFixture *self, const void *unused)
{
    g_autofree char *current = g_strdup_printf("PRAGMA user_version = %d", SQLITE_STORE_VERSION);
    g_ptr_array_unref(sqlite_make_queue(self, 1, 0));

    sqlite_run_sql(self->db, "PRAGMA user_version = 0"); /* its tables are there already */
    sqlite_assert_refused(self, STORE_ERROR_IO, "upgrade");
    sqlite_run_sql(self->db, current);
    g_autoptr(Store) store = queue_open("sqlite", self->folder, 0);
    g_assert_cmpuint(sqlite_claimed(store), ==, 2);
}

static void
test_unsafe(SqliteFixture *self, const void *unused)
{
    g_ptr_array_unref(sqlite_make_queue(self, 1, 0));
    g_autofree char *moved = g_strconcat(self->folder, "2", NULL), *real = g_strconcat(self->db, "2", NULL);

    g_assert_cmpint(g_chmod(self->folder, 0770), ==, 0);
    sqlite_assert_refused(self, STORE_ERROR_UNSAFE, self->folder);
    g_assert_cmpint(g_chmod(self->folder, 0700), ==, 0);
    g_assert_cmpint(g_chmod(self->mail, 0702), ==, 0);
    sqlite_assert_refused(self, STORE_ERROR_UNSAFE, self->mail);
    g_assert_cmpint(g_chmod(self->mail, 0700), ==, 0);
    g_assert_cmpint(g_chmod(self->db, 0666), ==, 0);
    sqlite_assert_refused(self, STORE_ERROR_UNSAFE, self->db);
    g_assert_cmpint(g_chmod(self->db, 0600), ==, 0);
    g_assert_cmpint(g_rename(self->db, real) + symlink(real, self->db), ==, 0);
    sqlite_assert_refused(self, STORE_ERROR_UNSAFE, self->db);
    g_assert_cmpint(g_rename(real, self->db), ==, 0);
    g_assert_cmpint(g_rename(self->folder, moved) + symlink(moved, self->folder), ==, 0);
    sqlite_assert_refused(self, STORE_ERROR_UNSAFE, self->folder);
    g_assert_cmpint(g_unlink(self->folder) + g_rename(moved, self->folder), ==, 0);
    if (geteuid() == 0) {
        g_assert_cmpint(chown(self->folder, 1, 1), ==, 0);
        sqlite_assert_refused(self, STORE_ERROR_UNSAFE, self->folder);
        g_assert_cmpint(chown(self->folder, 0, 0), ==, 0);
    }
    g_autoptr(Store) store = queue_open("sqlite", self->folder, 0);
    g_assert_cmpuint(sqlite_claimed(store), ==, 2);
}

static void
test_reserve(SqliteFixture *self, const void *unused)
{
    g_autoptr(Store) store = queue_open("sqlite", self->folder, G_MAXINT64 / 4);
    g_autoptr(Entry) entry = queue_mail("a@here.test", 100, 1), bounce = queue_mail("", 100, 1),
                     large = queue_mail("a@here.test", 100000, 2);
    g_autoptr(GError) error = NULL;

    bounce->is_bounce = true;
    g_assert_true(store_begin(store, NULL));
    g_assert_false(store_put(store, entry, 0, &error));
    g_assert_error(error, STORE_ERROR, STORE_ERROR_FULL);
    g_assert_true(store_put(store, bounce, 0, NULL));
    g_assert_true(store_commit(store, NULL));
    g_assert_cmpuint(queue_count(store), ==, 1);
    g_clear_error(&error);
    g_assert_false(store_stage(store, large, &error));
    g_assert_error(error, STORE_ERROR, STORE_ERROR_FULL);
}

/* A disk that takes no more: the group is gone as a whole, what was there is there, and once there is room it goes
 * on. */
static void
test_disk_full(SqliteFixture *self, const void *unused)
{
    g_autoptr(Store) store = queue_open("sqlite", self->folder, 0);
    g_autoptr(Entry) first = queue_mail("a@here.test", 1000, 1), last = queue_mail("a@here.test", 1000, 1),
                     large = queue_mail("a@here.test", 250000, 1);
    struct rlimit old, limit;
    guint before, failed = 0;

    signal(SIGXFSZ, SIG_IGN);
    queue_put(store, first, 0);
    g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &old), ==, 0);
    limit = old;
    limit.rlim_cur = 200000;
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
    for (guint i = 0; i < 40; i++) {
        g_autoptr(Entry) entry = queue_mail("a@here.test", 40000, i);

        if (!store_begin(store, NULL))
            continue;
        before = queue_count(store);
        bool fine = store_put(store, entry, 0, NULL);
        fine = store_commit(store, NULL) && fine;
        failed += !fine;
        if (fine)
            g_assert_cmpuint(queue_count(store), ==, before + 1);
        g_autoptr(Entry) loaded = fine ? store_load(store, entry->id, NULL) : NULL;
        g_assert_true(!fine || loaded);
    }
    g_autoptr(GError) error = NULL;
    g_assert_false(store_stage(store, large, &error));
    g_assert_error(error, STORE_ERROR, STORE_ERROR_FULL);
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &old), ==, 0);
    g_assert_cmpuint(failed, >, 0);
    before = queue_count(store);
    queue_put(store, last, 0);
    g_assert_cmpuint(queue_count(store), ==, before + 1);
    g_clear_pointer(&store, store_close);
    store = queue_open("sqlite", self->folder, 0);
    g_assert_cmpuint(sqlite_claimed(store), ==, before + 1);
}

static gint64
steps(Store *store)
{
    GHashTableIter iter;
    gint64 sum = 0;
    void *stmt;

    g_hash_table_iter_init(&iter, ((SqliteStore *) store)->statements);
    while (g_hash_table_iter_next(&iter, NULL, &stmt))
        sum += sqlite3_stmt_status(stmt, SQLITE_STMTSTATUS_VM_STEP, 1);
    return sum;
}

/* A claim, a put, an update and a removal cost as much with 20,000 rows as with 200. */
static gint64
steps_with(Store *store, guint n)
{
    g_autoptr(Entry) entry = queue_mail("a@here.test", 10, 1);
    gint64 due_ms;

    g_assert_true(store_begin(store, NULL));
    for (guint i = 0; i < n; i++) {
        g_autofree char *sender = g_strdup_printf("s%u@here.test", i % 500);
        g_autoptr(Entry) other = queue_mail(i % 2 ? "burst@here.test" : sender, 10, i);

        other->due_ms = i % 3 ? 10 : 150000;
        g_assert_true(store_put(store, other, i % 5 == 0 ? 300000 : 0, NULL));
    }
    g_assert_true(store_commit(store, NULL));
    g_ptr_array_unref(sqlite_try_claim(store, 10, NULL));
    steps(store);
    queue_put(store, entry, 300000);
    g_autoptr(GPtrArray) entries = sqlite_try_claim(store, 10, NULL);
    g_assert_cmpuint(entries->len, ==, 10);
    g_assert_true(store_begin(store, NULL));
    g_assert_true(store_update(store, entries->pdata[0], NULL));
    g_assert_true(store_remove(store, entry->id, NULL));
    g_assert_true(store_commit(store, NULL));
    g_assert_true(store_next_due(store, &due_ms, NULL));
    return steps(store);
}

static void
test_steps(SqliteFixture *self, const void *unused)
{
    g_autoptr(Store) store = queue_open("sqlite", self->folder, 0);
    gint64 few = steps_with(store, 1000), many = steps_with(store, 20000);

    g_test_message("%" G_GINT64_FORMAT " and %" G_GINT64_FORMAT " steps", few, many);
    g_assert_cmpint(many, <, 2 * few);
}

static void
see(const StoreRow *row, void *user)
{
    (*(guint *) user)++;
}

/* Looking at one of many, wherever it is, and a page of them from there. */
static void
test_steps_to_one(SqliteFixture *self, const void *unused)
{
    g_autoptr(Store) store = queue_open("sqlite", self->folder, 0);
    g_autoptr(Entry) last = queue_mail("a@here.test", 10, 1);
    StoreQuery one = { .id = last->id, .max = 1, .held = -1 };
    guint n = 0, changed = 0;

    g_free(last->id);
    one.id = last->id = g_strdup("zzzzzzzzzzzzzzzz");
    queue_put_many(store, "b@here.test", 5000, 50000);
    queue_put(store, last, 0);
    steps(store);
    g_assert_true(store_each(store, &one, see, &n, NULL));
    one.sender = "a@";
    g_assert_true(store_each(store, &one, see, &n, NULL));
    g_assert_true(store_begin(store, NULL) && store_flush(store, &one, 500, &changed, NULL));
    g_assert_true(store_commit(store, NULL));
    g_assert_cmpuint(n, ==, 2);
    g_assert_cmpuint(changed, ==, 1);
    g_assert_cmpint(steps(store), <, 1000);
}

/* What the README promises: to look at it while we run. */
static void
test_inspected(SqliteFixture *self, const void *unused)
{
    g_ptr_array_unref(sqlite_make_queue(self, 1, 0));
    g_autoptr(Store) store = queue_open("sqlite", self->folder, 0);

    g_assert_true(store_begin(store, NULL));
    sqlite_run_sql(self->db, "SELECT id, sender, size, arrived_ms, due_ms, state, attempts, last, address "
                      "FROM entry JOIN recipient ON entry = seq");
    g_assert_true(store_commit(store, NULL));
}

#define TEST(name) g_test_add("/sqlite/" #name, SqliteFixture, NULL, sqlite_set_up, test_##name, sqlite_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    TEST(second_process);
    TEST(crash_leaves);
    TEST(files_go_and_stay);
    TEST(linked);
    TEST(versions);
    TEST(cut_off);
    TEST(upgrade);
    TEST(upgrade_from_nothing);
    TEST(upgrade_that_fails);
    TEST(unsafe);
    TEST(reserve);
    TEST(disk_full);
    TEST(steps);
    TEST(steps_to_one);
    TEST(inspected);
    return g_test_run();
}
