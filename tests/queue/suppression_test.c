#include "queue/suppression.h"

#include "feedback_site.h"

#include <sqlite3.h>

static void
put_row(const Suppression *one, void *user)
{
    g_string_append_printf(user, "%s %s %s %s;", one->account, one->address, one->sender,
                           suppression_kind_name(one->kind));
}

static char *
found(const Site *self, const char *address, const char *sender, gint64 now_ms)
{
    GString *text = g_string_new(NULL);
    const Suppression what = { .account = "main", .address = address, .sender = sender };

    g_assert_true(suppression_find(self->store, &what, now_ms, put_row, text, NULL));
    return g_string_free(text, FALSE);
}

static void
expect(const Site *self, const char *address, const char *sender, gint64 now_ms, const char *want)
{
    g_autofree char *got = found(self, address, sender, now_ms);

    g_assert_cmpstr(got, ==, want);
}

static bool
add(const Site *self, const char *address, const char *sender, SuppressionKind kind, gint64 since_ms)
{
    const Suppression one = { "main", address, sender, kind, "results", "gone", since_ms, 10000 };
    bool added = false;

    g_assert_true(suppression_add(self->store, &one, &added, NULL));
    return added;
}

static void
test_suppressions(Site *self, gconstpointer data)
{
    guint n;

    site_begin(self);
    g_assert_true(add(self, "Gone@x.jp", "", SUPPRESSION_HARD, 1000));
    g_assert_false(add(self, "gone@X.jp", "", SUPPRESSION_HARD, 2000));
    g_assert_true(add(self, "out@x.jp", "news@shop.jp", SUPPRESSION_UNSUBSCRIBED, 1000));
    expect(self, "gone@x.jp", "any@shop.jp", 5000, "main Gone@x.jp  hard;");
    expect(self, "out@x.jp", "News@shop.jp", 5000, "main out@x.jp news@shop.jp unsubscribed;");
    expect(self, "out@x.jp", "info@shop.jp", 5000, "");
    expect(self, "out@x.jp", "", 5000, "");
    expect(self, "out@x.jp", NULL, 5000, "main out@x.jp news@shop.jp unsubscribed;");
    expect(self, "in@x.jp", NULL, 5000, "");
    expect(self, "gone@x.jp", "", 10000, ""); /* expired */
    expect(self, "", "", 5000, "");

    g_assert_true(suppression_remove(self->store, NULL, "GONE@x.jp", 3000, &n, NULL));
    g_assert_cmpuint(n, ==, 1);
    expect(self, "gone@x.jp", "", 5000, "");
    g_assert_false(add(self, "gone@x.jp", "", SUPPRESSION_HARD, 2999)); /* old news */
    expect(self, "gone@x.jp", "", 5000, "");
    g_assert_true(add(self, "gone@x.jp", "", SUPPRESSION_HARD, 3001));
    expect(self, "gone@x.jp", "", 5000, "main gone@x.jp  hard;");
    g_assert_true(suppression_remove(self->store, "other", "gone@x.jp", 3500, &n, NULL));
    g_assert_cmpuint(n, ==, 0);
    g_assert_true(add(self, "gone@x.jp", "", SUPPRESSION_MANUAL, 100));
    expect(self, "gone@x.jp", "", 5000, "main gone@x.jp  manual;");
    g_assert_false(add(self, "gone@x.jp", "", SUPPRESSION_HARD, 4000));
    g_assert_true(add(self, "gone@x.jp", "", SUPPRESSION_HARD, 10001)); /* the operator's has run out */

    g_autoptr(GString) all = g_string_new(NULL);
    SuppressionPage page = { .max = 10, .now_ms = 5000 };
    g_assert_true(suppression_each(self->store, &page, put_row, all, NULL));
    g_assert_cmpstr(all->str, ==, "main gone@x.jp  hard;main out@x.jp news@shop.jp unsubscribed;");
    g_assert_true(suppression_prune(self->store, 20000, 10, NULL));
    site_commit(self);
}

/* That mail came back is forgotten some day, that he does not want any is not. */
static void
test_unsubscribed_later(Site *self, gconstpointer data)
{
    const Suppression out = { "main", "out@x.jp", "", SUPPRESSION_UNSUBSCRIBED, "unsubscribes", NULL, 2000, 0 };
    bool added = false;
    guint n;

    site_begin(self);
    g_assert_true(add(self, "out@x.jp", "", SUPPRESSION_HARD, 1000));
    g_assert_true(suppression_add(self->store, &out, &added, NULL));
    g_assert_true(added);
    g_assert_true(suppression_add(self->store, &out, &added, NULL));
    g_assert_false(added);
    g_assert_false(add(self, "out@x.jp", "", SUPPRESSION_HARD, 3000));
    expect(self, "out@x.jp", "any@shop.jp", 20000, "main out@x.jp  unsubscribed;");
    g_assert_true(suppression_remove(self->store, NULL, "out@x.jp", 4000, &n, NULL));
    g_assert_true(suppression_add(self->store, &out, &added, NULL));
    g_assert_false(added);
    site_commit(self);
}

/* Who has the file for himself, as a program that repairs it does, keeps no mail waiting. */
static void
test_locked(Site *self, gconstpointer data)
{
    g_autofree char *path = g_build_filename(self->folder, "feedback.db", NULL);
    g_autoptr(GError) error = NULL;
    sqlite3 *other;

    g_clear_pointer(&self->store, feedback_store_close);
    g_assert_cmpint(sqlite3_open(path, &other), ==, SQLITE_OK);
    g_assert_cmpint(sqlite3_exec(other, "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; DELETE FROM suppression", NULL,
                                 NULL, NULL), ==, SQLITE_OK);
    alarm(5);
    g_assert_null(feedback_store_open_read(self->folder, &error));
    g_assert_error(error, STORE_ERROR, STORE_ERROR_IO);
    alarm(0);
    sqlite3_close(other);
}

static void
test_pages(Site *self, gconstpointer data)
{
    SuppressionPage page = { .max = 2, .now_ms = 1 };
    g_autoptr(GString) all = g_string_new(NULL);

    site_begin(self);
    for (guint i = 0; i < 5; i++) {
        g_autofree char *address = g_strdup_printf("a%u@x.jp", i);
        add(self, address, "", SUPPRESSION_HARD, 0);
    }
    site_commit(self);
    g_assert_true(suppression_each(self->store, &page, put_row, all, NULL));
    g_assert_cmpstr(all->str, ==, "main a0@x.jp  hard;main a1@x.jp  hard;");
    page.after_account = "main";
    page.after_address = "A1@x.jp";
    g_string_truncate(all, 0);
    g_assert_true(suppression_each(self->store, &page, put_row, all, NULL));
    g_assert_cmpstr(all->str, ==, "main a2@x.jp  hard;main a3@x.jp  hard;");
    page = (SuppressionPage) { .address = "a4@x.jp", .account = "main", .max = 5 };
    g_string_truncate(all, 0);
    g_assert_true(suppression_each(self->store, &page, put_row, all, NULL));
    g_assert_cmpstr(all->str, ==, "main a4@x.jp  hard;");
}

static void
put_count(SuppressionKind kind, const char *source, gint64 n, void *user)
{
    g_string_append_printf(user, "%s %s %" G_GINT64_FORMAT ";", suppression_kind_name(kind), source, n);
}

static void
test_count(Site *self, gconstpointer data)
{
    const Suppression manual = { "other", "a@x.jp", "", SUPPRESSION_MANUAL, "operator", NULL, 1000, 0 };
    g_autoptr(GString) now = g_string_new(NULL), later = g_string_new(NULL);
    guint n;

    site_begin(self);
    for (int i = 0; i < 5; i++) {
        g_autofree char *address = g_strdup_printf("a%d@x.jp", i);
        g_assert_true(add(self, address, i == 4 ? "news@shop.jp" : "", i == 4 ? SUPPRESSION_UNSUBSCRIBED : SUPPRESSION_HARD,
                          1000));
    }
    g_assert_true(suppression_add(self->store, &manual, NULL, NULL));
    g_assert_true(suppression_remove(self->store, NULL, "a3@x.jp", 2000, &n, NULL));
    g_assert_true(suppression_count(self->store, 5000, put_count, now, NULL));
    g_assert_cmpstr(now->str, ==, "hard results 3;unsubscribed results 1;manual operator 1;");
    g_assert_true(suppression_count(self->store, 10000, put_count, later, NULL)); /* the others have expired */
    g_assert_cmpstr(later->str, ==, "manual operator 1;");
    site_commit(self);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/suppression/added, found, taken off", Site, NULL, site_open, test_suppressions, site_close);
    g_test_add("/suppression/unsubscribed later", Site, NULL, site_open, test_unsubscribed_later, site_close);
    g_test_add("/suppression/counted", Site, NULL, site_open, test_count, site_close);
    g_test_add("/suppression/locked", Site, NULL, site_open, test_locked, site_close);
    g_test_add("/suppression/pages", Site, NULL, site_open, test_pages, site_close);
    return g_test_run();
}
