#include "queue/feedback_prune.h"

#include "feedback_site.h"
#include "queue/feedback_notice.h"
#include "queue/suppression.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const gint64 intervals[] = { 300, 900, 3600, 0 };

static const FeedbackMail letter = {
    .account = "main", .id = "Q1", .remote_id = "<r1@mta>", .message_id = "<m1@here>", .call = "Q1-abc",
    .request = "0123", .sender = "shop@Example.JP", .from = "shop@example.jp", .ret = "FULL", .envid = "e1",
    .listener = "submit", .user = "www-data", .header = "Subject: hello\r\n", .arrived_ms = 900, .delivered_ms = 1000,
};

static void
watch(const Site *self, const FeedbackMail *mail, const char *address)
{
    g_autoptr(GError) error = NULL;
    FeedbackRecipient to = { .address = address, .orcpt = "rfc822;Old@x.jp", .notify = "FAILURE" };

    feedback_store_watch(self->store, mail, &to, 2000, &error);
    g_assert_no_error(error);
}

static FeedbackFound *
find(const Site *self, const char *address, const char *remote_id, const char *message_id, const char *call)
{
    g_autoptr(GError) error = NULL;
    const FeedbackMatch match = { "main", address, remote_id, message_id, NULL, call };
    FeedbackFound *found = feedback_store_find(self->store, &match, &error);

    g_assert_no_error(error);
    return found;
}

static void
settle(const Site *self, const FeedbackFound *found, FeedbackState state, bool owed)
{
    g_autoptr(GError) error = NULL;
    FeedbackRecipient to = found->recipient;

    to.state = state;
    to.dsn = "5.1.1";
    to.reason = "no such user";
    to.failed_ms = 5000;
    feedback_store_settle(self->store, found->mail.row, &to, owed, &error);
    g_assert_no_error(error);
}

/* --- mails --------------------------------------------------------------------------------------- */

static void
test_found_by_any_name(Site *self, gconstpointer data)
{
    static const struct {
        const char *address, *remote_id, *message_id, *call;
        bool found;
    } rows[] = {
        { "a@x.jp", "r1@mta", NULL, NULL, true },      { "A@X.jp", "<r1@mta>", NULL, NULL, true },
        { "a@x.jp", NULL, "m1@here", NULL, true },     { "a@x.jp", NULL, "<r1@mta>", NULL, true },
        { "a@x.jp", "other", "m1@here", NULL, true },  { "a@x.jp", "", "", "Q1-abc", true },
        { "b@x.jp", "r1@mta", NULL, NULL, false },     { "a@x.jp", "", "", "", false },
        { "a@x.jp", NULL, NULL, NULL, false },         { "a@x.jp", "r2@mta", "m2", "Q2", false },
        { "", "r1@mta", NULL, NULL, false },           { "a@x.jp' OR 1=1 --", "r1@mta", NULL, NULL, false },
    };

    site_begin(self);
    watch(self, &letter, "a@x.jp");
    site_commit(self);
    site_reopen(self);
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(FeedbackFound) found = find(self, rows[i].address, rows[i].remote_id, rows[i].message_id, rows[i].call);
        g_test_message("row %u", i);
        g_assert_cmpint(found != NULL, ==, rows[i].found);
    }
    g_autoptr(FeedbackFound) found = find(self, "a@x.jp", "r1@mta", NULL, NULL);
    g_assert_cmpstr(found->mail.id, ==, "Q1");
    g_assert_cmpstr(found->mail.sender, ==, "shop@Example.JP");
    g_assert_cmpstr(found->mail.header, ==, "Subject: hello\r\n");
    g_assert_cmpstr(found->mail.envid, ==, "e1");
    g_assert_cmpstr(found->mail.user, ==, "www-data");
    g_assert_cmpstr(found->recipient.orcpt, ==, "rfc822;Old@x.jp");
    g_assert_cmpstr(found->recipient.notify, ==, "FAILURE");
    g_assert_cmpint(found->recipient.state, ==, FEEDBACK_OPEN);
    g_assert_cmpint(found->mail.delivered_ms, ==, 1000);
}

/* A line of the journal may come twice, and the header only with the first of a mail. */
static void
test_watched_twice(Site *self, gconstpointer data)
{
    FeedbackMail bare = letter;

    bare.header = NULL;
    site_begin(self);
    for (guint i = 0; i < 2; i++) {
        watch(self, i ? &bare : &letter, "a@x.jp");
        watch(self, &bare, "b@x.jp");
    }
    g_autoptr(FeedbackFound) found = find(self, "b@x.jp", "r1@mta", NULL, NULL);
    settle(self, found, FEEDBACK_FAILED, true);
    watch(self, &bare, "b@x.jp");
    site_commit(self);
    g_autoptr(FeedbackFound) again = find(self, "b@x.jp", "r1@mta", NULL, NULL);
    g_assert_cmpint(again->recipient.state, ==, FEEDBACK_FAILED);
    g_assert_cmpstr(again->mail.header, ==, letter.header);
    FeedbackRate rate;
    g_assert_true(feedback_store_rate(self->store, &letter, &rate, NULL));
    g_assert_cmpint(rate.sent, ==, 2);
    g_assert_cmpint(rate.failed, ==, 1);
    g_assert_false(rate.told);
}

static void
test_undone(Site *self, gconstpointer data)
{
    site_begin(self);
    watch(self, &letter, "a@x.jp");
    feedback_store_undo(self->store);
    g_assert_null(find(self, "a@x.jp", "r1@mta", NULL, NULL));
}

/* --- notices ------------------------------------------------------------------------------------- */

static FeedbackNotice *
next_notice(const Site *self, const char *account, gint64 after)
{
    g_autoptr(GError) error = NULL;
    const FeedbackChoice choice = { .account = account, .after = after };
    FeedbackNotice *notice = feedback_store_next_notice(self->store, &choice, &error);

    g_assert_no_error(error);
    return notice;
}

static void
visit_owed(const char *account, gint64 n, void *user)
{
    g_string_append_printf(user, "%s %d, ", account, (int) n);
}

static void
check_owed(const Site *self, const char *want)
{
    g_autoptr(GString) text = g_string_new(NULL);

    g_assert_true(feedback_store_owed(self->store, visit_owed, text, NULL));
    g_assert_cmpstr(text->str, ==, want);
}

static gint64
at_once(const char *account, void *user)
{
    return *(const gint64 *) user;
}

/* How many were forgotten, of any account. */
static guint
prune(const Site *self, gint64 before_ms, guint max)
{
    g_autoptr(GError) error = NULL;
    FeedbackPrune prune = { at_once, &before_ms, max, 0 };

    feedback_store_prune(self->store, &prune, &error);
    g_assert_no_error(error);
    return prune.n;
}

static void
test_notice(Site *self, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    site_begin(self);
    g_assert_null(next_notice(self, "main", 0));
    check_owed(self, "");
    for (guint i = 0; i < 3; i++) {
        g_autofree char *address = g_strdup_printf("to%u@x.jp", i);
        watch(self, &letter, address);
        g_autoptr(FeedbackFound) found = find(self, address, "r1@mta", NULL, NULL);
        settle(self, found, FEEDBACK_FAILED, i < 2);
    }
    g_autoptr(FeedbackNotice) notice = next_notice(self, "main", 0);
    site_commit(self);
    site_reopen(self);
    site_begin(self);
    g_autoptr(FeedbackNotice) same = next_notice(self, "main", 0);
    g_assert_cmpstr(same->id, ==, notice->id);
    g_assert_cmpuint(same->recipients->len, ==, 2);
    const FeedbackRecipient *one = &g_array_index(same->recipients, FeedbackRecipient, 0);
    g_assert_cmpstr(one->address, ==, "to0@x.jp");
    g_assert_cmpstr(one->reason, ==, "no such user");
    g_assert_cmpstr(same->mail.envid, ==, "e1");
    g_assert_null(next_notice(self, "main", same->mail.row));
    g_assert_null(next_notice(self, "other", 0));
    check_owed(self, "main 2, ");
    g_assert_cmpuint(prune(self, 2000, 10), ==, 0); /* owed */
    g_assert_true(feedback_store_told(self->store, same, 6000, &error));
    g_assert_null(next_notice(self, "main", 0));
    g_assert_cmpuint(prune(self, 2000, 10), ==, 1);
    site_commit(self);
    g_assert_null(find(self, "to0@x.jp", "r1@mta", NULL, NULL));
}

/* --- asking -------------------------------------------------------------------------------------- */

static void
count_mail(const FeedbackMail *mail, void *user)
{
    ++*(guint *) user;
}

static guint
due(const Site *self, gint64 now_ms)
{
    guint n = 0;

    g_assert_true(feedback_store_due(self->store, "main", now_ms, 100, count_mail, &n, NULL));
    return n;
}

static void
test_asked_again_later(Site *self, gconstpointer data)
{
    const gint64 times[] = { 2000, 2900, 6500, 10100, 13700 };

    site_begin(self);
    watch(self, &letter, "a@x.jp");
    for (guint i = 0; i < G_N_ELEMENTS(times); i++) {
        const gint64 due_ms = times[i];
        g_assert_cmpuint(due(self, due_ms - 1), ==, 0);
        g_assert_cmpuint(due(self, due_ms), ==, 1);
        FeedbackAsked elsewhere = { "main", due_ms, 0, 999, intervals }, asked = { "main", due_ms, 1000, 1000, intervals };
        g_assert_true(feedback_store_asked(self->store, &elsewhere, NULL));
        g_assert_cmpuint(due(self, due_ms), ==, 1);
        g_assert_true(feedback_store_asked(self->store, &asked, NULL));
        g_assert_cmpuint(due(self, due_ms), ==, 0);
    }
    g_autoptr(FeedbackFound) found = find(self, "a@x.jp", "r1@mta", NULL, NULL);
    settle(self, found, FEEDBACK_DELIVERED, false);
    g_assert_cmpuint(due(self, G_MAXINT64 - 1), ==, 0);
    site_commit(self);
}

/* --- the file ------------------------------------------------------------------------------------ */

static char *
path_of(const Site *self)
{
    return g_build_filename(self->folder, "feedback.db", NULL);
}

static void
test_file_is_ours(Site *self, gconstpointer data)
{
    g_autofree char *path = path_of(self), *old = g_strconcat(path, ".old", NULL);
    g_autoptr(GError) error = NULL;
    struct stat st;

    g_assert_cmpint(stat(path, &st), ==, 0);
    g_assert_cmpint(st.st_mode & 0777, ==, 0600);
    g_assert_cmpint(rename(path, old), ==, 0);
    g_assert_false(feedback_store_begin(self->store, &error));
    g_assert_error(error, STORE_ERROR, STORE_ERROR_CORRUPT);
    g_clear_error(&error);
    feedback_store_close(self->store);
    g_assert_cmpint(symlink(old, path), ==, 0);
    self->store = feedback_store_open(self->folder, &error);
    g_assert_error(error, STORE_ERROR, STORE_ERROR_UNSAFE);
    g_assert_null(self->store);
    g_clear_error(&error);
    g_unlink(path);
    g_assert_cmpint(rename(old, path), ==, 0);
    g_assert_cmpint(chmod(path, 0666), ==, 0);
    self->store = feedback_store_open(self->folder, &error);
    g_assert_error(error, STORE_ERROR, STORE_ERROR_UNSAFE);
}

static void
run_sql(const char *path, const char *sql)
{
    sqlite3 *db = NULL;

    g_assert_cmpint(sqlite3_open(path, &db), ==, SQLITE_OK);
    g_assert_cmpint(sqlite3_exec(db, sql, NULL, NULL, NULL), ==, SQLITE_OK);
    sqlite3_close(db);
}

static void
test_versions(Site *self, gconstpointer data)
{
    static const struct {
        const char *sql;
        int error;
    } rows[] = {
        { "PRAGMA user_version = 99", STORE_ERROR_NEWER },
        { "PRAGMA user_version = 0", STORE_ERROR_CORRUPT },
        { "PRAGMA user_version = 1; PRAGMA application_id = 7", STORE_ERROR_CORRUPT },
        { "PRAGMA application_id = 0", STORE_ERROR_CORRUPT },
    };
    g_autofree char *path = path_of(self);

    g_clear_pointer(&self->store, feedback_store_close);
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        run_sql(path, rows[i].sql);
        g_assert_null(feedback_store_open(self->folder, &error));
        g_assert_error(error, STORE_ERROR, rows[i].error);
        g_clear_error(&error);
        g_assert_null(feedback_store_open_read(self->folder, &error));
        g_assert_error(error, STORE_ERROR, rows[i].error);
    }
    g_assert_true(g_file_set_contents(path, "this is no database, but long enough to be one of some kind ........."
                                      "......................................................................", -1, NULL));
    g_autoptr(GError) error = NULL;
    g_assert_cmpint(chmod(path, 0600), ==, 0);
    g_assert_null(feedback_store_open(self->folder, &error));
    g_assert_error(error, STORE_ERROR, STORE_ERROR_CORRUPT);
    g_clear_error(&error);
    g_unlink(path);
    g_assert_null(feedback_store_open_read(self->folder, &error));
    g_assert_no_error(error);
}

/* --- a great many -------------------------------------------------------------------------------- */

static gint64
resident_kib(void)
{
    g_autofree char *text = NULL;

    g_assert_true(g_file_get_contents("/proc/self/status", &text, NULL, NULL));
    return g_ascii_strtoll(strstr(text, "VmRSS:") + strlen("VmRSS:"), NULL, 10);
}

static void
fill(const Site *self, guint from, guint to)
{
    for (guint i = from; i < to; i++) {
        FeedbackMail mail = letter;
        g_autofree char *id = g_strdup_printf("Q%u", i), *remote = g_strdup_printf("%u", i);
        g_autofree char *address = g_strdup_printf("user%u@x.jp", i);
        if (i % 1000 == 0)
            site_begin(self);
        mail.id = mail.call = id;
        mail.remote_id = mail.message_id = mail.request = remote;
        mail.delivered_ms = i;
        watch(self, &mail, address);
        if (i % 3 == 0) {
            g_autoptr(FeedbackFound) found = find(self, address, remote, NULL, NULL);
            settle(self, found, FEEDBACK_FAILED, false);
            const Suppression gone = { "main", address, "", SUPPRESSION_HARD, "results", "gone", 1000, 0 };
            g_assert_true(suppression_add(self->store, &gone, NULL, NULL));
        }
        if (i % 1000 == 999)
            site_commit(self);
    }
}

static void
test_flat(Site *self, gconstpointer data)
{
#ifdef __SANITIZE_ADDRESS__
    g_test_skip("the sanitizer keeps what is freed");
    return;
#endif
    fill(self, 0, 20000);
    gint64 before = resident_kib();
    fill(self, 20000, 100000);
    g_assert_cmpint(resident_kib() - before, <, 8 * 1024);
    guint left = 1, n = 0;
    for (; left > 0; n += left) {
        site_begin(self);
        left = prune(self, 200000, 5000);
        site_commit(self);
    }
    g_assert_cmpuint(n, ==, 100000);
    g_assert_cmpint(resident_kib() - before, <, 8 * 1024);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(Site *self, gconstpointer data);
    } tests[] = {
        { "found by any of its names", test_found_by_any_name },
        { "watched twice", test_watched_twice },
        { "undone", test_undone },
        { "one notice", test_notice },
        { "asked again later", test_asked_again_later },
        { "the file is ours", test_file_is_ours },
        { "versions", test_versions },
        { "100000 in flat memory", test_flat },
    };

    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strconcat("/feedback_store/", tests[i].name, NULL);
        g_test_add(path, Site, NULL, site_open, tests[i].run, site_close);
    }
    return g_test_run();
}
