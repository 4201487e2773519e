#include "queue/journal_store.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

/* --- lines --------------------------------------------------------------------------------------- */

static void
test_line_there_and_back(void)
{
    static const char hostile[] = "tab\tnl\ncr\rback\\slash \\t \xff\xfe \x01 \xe6\x97\xa5 \"quoted\" %s%n";

    for (guint i = 0; i < JOURNAL_STRINGS; i++) {
        g_autoptr(GString) text = g_string_new(NULL);
        JournalLine line = { .at_ms = G_MAXINT64, .event = "delivered" }, read;
        g_autofree char *cut = g_strndup(hostile, 8);
        const char *value = i == 0 ? "some-word" : g_str_equal(journal_line_name(i), "dsn") ? cut : hostile;

        journal_line_set(&line, i, value);
        journal_line_print(&line, text);
        g_assert_cmpuint(strcspn(text->str, "\n"), ==, text->len - 1);
        g_string_truncate(text, text->len - 1);
        g_assert_true(journal_line_parse(text->str, text->len, &read));
        g_assert_cmpint(read.at_ms, ==, G_MAXINT64);
        for (guint j = 0; j < JOURNAL_STRINGS; j++)
            g_assert_cmpstr(journal_line_get(&read, j), ==, journal_line_get(&line, j));
    }
}

static void
test_line_is_bounded(void)
{
    for (guint odd = 0; odd < 2; odd++) {
        g_autoptr(GString) text = g_string_new(NULL);
        g_autofree char *value = g_strnfill(1 << 20, '\n');
        JournalLine line = { .event = "refused" }, read;

        if (odd)
            value[0] = 'x';
        for (guint i = 1; i < JOURNAL_STRINGS; i++)
            journal_line_set(&line, i, value);
        journal_line_print(&line, text);
        g_assert_cmpuint(text->len, <=, JOURNAL_LINE_BYTES);
        g_string_truncate(text, text->len - 1);
        g_assert_true(journal_line_parse(text->str, text->len, &read));
        g_assert_cmpint(read.text[1], ==, '\n');
    }
}

static void
test_line_refused(void)
{
    static const char *const rows[] = {
        "", "1", "1\t", "1\t5", "x", "2\t5\tdelivered\t\t\t\t\t\t\t\t\t\t", "1\t-1\tdelivered\t\t\t\t\t\t\t\t\t\t",
        "1\t5x\tdelivered\t\t\t\t\t\t\t\t\t\t", "1\t99999999999999999999\tdelivered\t\t\t\t\t\t\t\t\t\t",
        "1\t5\tdelivered\t\t\t\t\t\t\t\t\t", "1\t5\t\t\t\t\t\t\t\t\t\t\t", "1\t5\tDelivered\t\t\t\t\t\t\t\t\t\t",
        "1\t5\tdelivered\t\\\t\t\t\t\t\t\t\t\t", "1\t5\tdelivered\t\\x\t\t\t\t\t\t\t\t\t",
        "1\t5\tdelivered\t\t\t\t\t\t\t\tmuch-too-long-for-a-dsn\t\t",
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = g_strdup(rows[i]);
        JournalLine line;
        g_assert_false(journal_line_parse(text, strlen(text), &line));
    }
    char nul[] = "1\t5\tdelivered\t\0\t\t\t\t\t\t\t\t\t";
    JournalLine line;
    g_assert_false(journal_line_parse(nul, sizeof nul - 1, &line));
}

static void
test_line_any_bytes(void)
{
    static const char letters[] = "1\t\t\t\t\t5\\\\ntr\n\0deliv\xff";
    g_autoptr(GRand) random = g_rand_new_with_seed(4);

    for (guint i = 0; i < 200000; i++) {
        guint n = g_rand_int_range(random, 0, 60);
        g_autofree char *text = g_malloc(n + 1); /* the heap's end is watched by the sanitizer */
        for (guint j = 0; j < n; j++)
            text[j] = letters[g_rand_int_range(random, 0, sizeof letters)];
        text[n] = '\0';
        JournalLine line;
        journal_line_parse(text, n, &line);
    }
}

static void
test_fits(void)
{
    static const JournalLine line = { 0, "delivered", "3fQz81", "<>", "Taro@example.jp", "<m.1@web.example.jp>",
                                      "<a77@cmc.jp>", "main", "3fQz81-2", "2.0.0", "text", "digest" };
    static const char *const good[] = { "3fQz81", "Q3fQz81", "taro@EXAMPLE.jp", "m.1@web.example.jp",
                                        "<m.1@web.example.jp>", "a77@cmc.jp", "<a77@cmc.jp>", "3fQz81-2",
                                        "b0a22c327aac6a069203fa693a740449" };
    static const char *const bad[] = { "", "Q", "<>", "3fQz8", "fQz81", "main", "text", "digest", "delivered", "<", ">" };

    for (guint i = 0; i < G_N_ELEMENTS(good); i++)
        g_assert_true(journal_line_fits(&line, good[i]));
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(journal_line_fits(&line, bad[i]));
}

/* --- the table ----------------------------------------------------------------------------------- */

typedef struct {
    char *folder;
    JournalStore *store;
} Place;

static void
place_open(Place *self, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    self->folder = g_dir_make_tmp("shimta-journal-XXXXXX", NULL);
    self->store = journal_store_open(self->folder, &error);
    g_assert_no_error(error);
}

static void
place_close(Place *self, gconstpointer data)
{
    g_autoptr(GDir) dir = g_dir_open(self->folder, 0, NULL);

    journal_store_close(self->store);
    for (const char *name; (name = g_dir_read_name(dir));) {
        g_autofree char *path = g_build_filename(self->folder, name, NULL);
        g_unlink(path);
    }
    g_rmdir(self->folder);
    g_free(self->folder);
}

static void
put_file(const Place *self, guint64 number, const char *bytes, gssize n)
{
    g_autofree char *path = journal_file(self->folder, number);

    g_assert_true(g_file_set_contents(path, bytes, n, NULL));
}

static void
put_line(GString *out, gint64 at_ms, const char *id, const char *recipient)
{
    JournalLine line = { .at_ms = at_ms, .event = "delivered", .id = id, .sender = "<>", .recipient = recipient,
                         .message_id = "<m@example.jp>" };

    journal_line_print(&line, out);
}

static void
load(Place *self, guint64 number)
{
    g_autoptr(GError) error = NULL;

    journal_store_load(self->store, number, &error);
    g_assert_no_error(error);
}

static void
collect(const JournalLine *line, gint64 row, void *user)
{
    g_string_append_printf(user, "%" G_GINT64_FORMAT ":%s:%s ", line->at_ms, line->id, line->recipient);
}

/* The lines of a mail as text. Caller frees. */
static char *
lines_of(Place *self, const char *id)
{
    g_autoptr(GError) error = NULL;
    GString *out = g_string_new(NULL);
    JournalPage page = { id, 0, 1000 };

    journal_store_lines(self->store, &page, collect, out, &error);
    g_assert_no_error(error);
    return g_string_free(out, FALSE);
}

static void
assert_lines(Place *self, const char *id, const char *want)
{
    g_autofree char *lines = lines_of(self, id);

    g_assert_cmpstr(lines, ==, want);
}

static char *
mails_of(Place *self, const char *what, guint max)
{
    g_autoptr(GError) error = NULL;
    bool more;
    g_autoptr(GPtrArray) mails = journal_store_mails(self->store, what, max, &more, &error);
    GString *out = g_string_new(NULL);

    g_assert_no_error(error);
    for (guint i = 0; i < mails->len; i++)
        g_string_append_printf(out, "%s ", (char *) mails->pdata[i]);
    return g_string_free(g_string_append(out, more ? "…" : ""), FALSE);
}

static void
test_load(Place *self, gconstpointer data)
{
    g_autoptr(GString) text = g_string_new(NULL);

    put_line(text, 10, "one", "a@x.jp");
    put_line(text, 11, "two", "b@x.jp");
    put_line(text, 12, "one", "b@x.jp");
    put_file(self, 7, text->str, text->len);
    load(self, 7);
    assert_lines(self, "one", "10:one:a@x.jp 12:one:b@x.jp ");
    g_autofree char *path = journal_file(self->folder, 7);
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));

    g_autofree char *both = mails_of(self, "B@X.jp", 5);
    g_assert_cmpstr(both, ==, "one two ");
    g_autofree char *latest = mails_of(self, "m@example.jp", 1);
    g_assert_cmpstr(latest, ==, "one …");
    g_autofree char *nobody = mails_of(self, "c@x.jp", 1);
    g_assert_cmpstr(nobody, ==, "");
}

/* The process ended behind the commit, before the file was removed. */
static void
test_twice_is_once(Place *self, gconstpointer data)
{
    g_autoptr(GString) text = g_string_new(NULL);

    put_line(text, 10, "one", "a@x.jp");
    for (guint i = 0; i < 3; i++) {
        put_file(self, 7, text->str, text->len);
        load(self, 7);
    }
    assert_lines(self, "one", "10:one:a@x.jp ");
    put_file(self, 8, text->str, text->len);
    load(self, 8);
    assert_lines(self, "one", "10:one:a@x.jp 10:one:a@x.jp ");
}

/* What stands between good lines costs none of them, and the half last line is none. */
static void
test_hostile_file(Place *self, gconstpointer data)
{
    g_autoptr(GString) text = g_string_new(NULL);

    put_line(text, 1, "one", "a@x.jp");
    g_string_append_len(text, "\0\0\0\0", 4);
    g_string_append(text, "\n\n1\t2\tdeliv\n");
    put_line(text, 2, "one", "\xff\xfe@x.jp");
    for (guint i = 0; i < JOURNAL_LINE_BYTES * 3; i++)
        g_string_append_c(text, 'x');
    g_string_append_c(text, '\n');
    put_line(text, 3, "one", "'; DROP TABLE lines; --");
    put_line(text, 4, "one", "last@x.jp");
    g_string_truncate(text, text->len - 1);
    put_file(self, 1, text->str, text->len);
    load(self, 1);
    assert_lines(self, "one", "1:one:a@x.jp 2:one:\xef\xbf\xbd\xef\xbf\xbd@x.jp 3:one:'; DROP TABLE lines; -- ");
}

/* Nothing is recorded, the file stays, and the next time works. */
static void
test_unreadable_then_loaded(Place *self, gconstpointer data)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autofree char *file = journal_file(self->folder, 1);
    g_autofree char *aside = g_strconcat(file, "-moved", NULL);

    put_line(text, 10, "one", "a@x.jp");
    put_file(self, 1, text->str, text->len);
    g_assert_cmpint(g_rename(file, aside), ==, 0);
    g_assert_cmpint(g_mkdir(file, 0700), ==, 0); /* a file that cannot be read */
    g_autoptr(GError) error = NULL;
    g_assert_false(journal_store_load(self->store, 1, &error));
    g_assert_error(error, STORE_ERROR, STORE_ERROR_IO);
    guint64 loaded;
    g_assert_true(journal_store_loaded(self->store, &loaded, NULL));
    g_assert_cmpuint(loaded, ==, 0);
    g_assert_cmpint(g_rmdir(file), ==, 0);
    g_assert_cmpint(g_rename(aside, file), ==, 0);
    load(self, 1);
    assert_lines(self, "one", "10:one:a@x.jp ");
}

static void
test_pages(Place *self, gconstpointer data)
{
    g_autoptr(GString) text = g_string_new(NULL), seen = g_string_new(NULL);
    g_autoptr(GError) error = NULL;

    for (guint i = 0; i < 5; i++)
        put_line(text, i, i == 2 ? "other" : "one", "a@x.jp");
    put_file(self, 1, text->str, text->len);
    load(self, 1);
    JournalPage page = { "one", 0, 2 };
    g_assert_true(journal_store_lines(self->store, &page, collect, seen, &error));
    g_assert_cmpstr(seen->str, ==, "0:one:a@x.jp 1:one:a@x.jp ");
    page.after = 2;
    g_string_truncate(seen, 0);
    g_assert_true(journal_store_lines(self->store, &page, collect, seen, &error));
    g_assert_cmpstr(seen->str, ==, "3:one:a@x.jp 4:one:a@x.jp ");
}

static void
test_prune(Place *self, gconstpointer data)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    guint n;

    for (guint i = 0; i < 10; i++)
        put_line(text, 10 - i, "one", i % 2 ? "odd@x.jp" : "even@x.jp");
    put_file(self, 1, text->str, text->len);
    load(self, 1);
    g_assert_true(journal_store_prune(self->store, 9, 5, &n, &error));
    g_assert_cmpuint(n, ==, 5);
    g_assert_true(journal_store_prune(self->store, 9, 5, &n, &error));
    g_assert_cmpuint(n, ==, 3);
    assert_lines(self, "one", "10:one:even@x.jp 9:one:odd@x.jp ");
    g_assert_true(journal_store_prune(self->store, 10, 5, &n, &error));
    g_autofree char *none = mails_of(self, "odd@x.jp", 5);
    g_assert_cmpstr(none, ==, "");
}

static void
test_since(Place *self, gconstpointer data)
{
    g_autoptr(GString) text = g_string_new(NULL), seen = g_string_new(NULL);
    JournalLine accepted = { .at_ms = 5, .event = "accepted", .id = "two", .digest = "d" };

    put_line(text, 6, "one", "a@x.jp");
    journal_line_print(&accepted, text);
    accepted.at_ms = 4;
    journal_line_print(&accepted, text);
    put_file(self, 1, text->str, text->len);
    load(self, 1);
    g_assert_true(journal_store_since(self->store, "accepted", 5, collect, seen, NULL));
    g_assert_cmpstr(seen->str, ==, "5:two:(null) ");
}

static void
test_stats(Place *self, gconstpointer data)
{
    JournalStats stats;
    g_autoptr(GString) text = g_string_new(NULL);

    g_assert_true(journal_store_stats(self->store, &stats, NULL));
    g_assert_cmpint(stats.oldest_ms, ==, 0);
    put_line(text, 77, "one", "a@x.jp");
    put_file(self, 1, text->str, text->len);
    load(self, 1);
    g_assert_true(journal_store_stats(self->store, &stats, NULL));
    g_assert_cmpint(stats.oldest_ms, ==, 77);
    g_assert_cmpint(stats.bytes, >, 4096);
}

static void
test_other_tables(Place *self, gconstpointer data)
{
    g_autofree char *path = g_build_filename(self->folder, "journal.db", NULL);
    g_autofree char *wal = g_strconcat(path, "-wal", NULL);
    g_autofree char *bytes = NULL;
    gsize n;
    static const struct { gsize at; char byte; StoreError want; } rows[] = {
        { 63, 99, STORE_ERROR_NEWER }, { 0, 'X', STORE_ERROR_CORRUPT }, { 63, 0, STORE_ERROR_CORRUPT },
    };

    journal_store_close(g_steal_pointer(&self->store));
    g_assert_true(g_file_get_contents(path, &bytes, &n, NULL));
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *other = g_memdup2(bytes, n);
        other[rows[i].at] = rows[i].byte; /* 63: the last byte of user_version */
        g_unlink(wal);
        g_assert_true(g_file_set_contents(path, other, n, NULL));
        g_assert_null(journal_store_open(self->folder, &error));
        g_assert_error(error, STORE_ERROR, (int) rows[i].want);
        g_autofree char *after = NULL;
        g_assert_true(g_file_get_contents(path, &after, &n, NULL));
        g_assert_cmpmem(after, n, other, n); /* not touched */
    }
}

/* Bits that flip in the table are an error or nothing, never the end of the process. */
static void
test_damaged_tables(Place *self, gconstpointer data)
{
    g_autofree char *path = g_build_filename(self->folder, "journal.db", NULL);
    g_autofree char *bytes = NULL;
    g_autoptr(GString) text = g_string_new(NULL), seen = g_string_new(NULL);
    g_autoptr(GRand) random = g_rand_new_with_seed(5);
    gsize n;

    for (guint i = 0; i < 50; i++)
        put_line(text, i, "one", "a@x.jp");
    put_file(self, 1, text->str, text->len);
    load(self, 1);
    journal_store_close(g_steal_pointer(&self->store));
    g_assert_true(g_file_get_contents(path, &bytes, &n, NULL));
    for (guint i = 0; i < 300; i++) {
        g_autofree char *other = g_memdup2(bytes, n);
        for (guint j = 0; j <= i % 20; j++)
            other[g_rand_int_range(random, 0, (gint32) n)] ^= (char) (1 << g_rand_int_range(random, 0, 8));
        g_assert_true(g_file_set_contents(path, other, n, NULL));
        g_autoptr(JournalStore) store = journal_store_open(self->folder, NULL);
        JournalPage page = { "one", 0, 1000 };
        guint pruned;
        if (!store)
            continue;
        put_file(self, 2, text->str, text->len);
        journal_store_load(store, 2, NULL);
        journal_store_lines(store, &page, collect, seen, NULL);
        journal_store_prune(store, 25, 100, &pruned, NULL);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/journal/line/there-and-back", test_line_there_and_back);
    g_test_add_func("/journal/line/is-bounded", test_line_is_bounded);
    g_test_add_func("/journal/line/refused", test_line_refused);
    g_test_add_func("/journal/line/any-bytes", test_line_any_bytes);
    g_test_add_func("/journal/line/fits", test_fits);
    static const struct { const char *name; void (*test)(Place *, gconstpointer); } rows[] = {
        { "/journal/load", test_load },
        { "/journal/twice-is-once", test_twice_is_once },
        { "/journal/hostile-file", test_hostile_file },
        { "/journal/unreadable-then-loaded", test_unreadable_then_loaded },
        { "/journal/pages", test_pages },
        { "/journal/prune", test_prune },
        { "/journal/since", test_since },
        { "/journal/stats", test_stats },
        { "/journal/other-tables", test_other_tables },
        { "/journal/damaged-tables", test_damaged_tables },
    };
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
        g_test_add(rows[i].name, Place, NULL, place_open, rows[i].test, place_close);
    return g_test_run();
}
