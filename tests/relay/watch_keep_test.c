#include "relay/watch_keep.h"

#include "base/clock.h"
#include "queue/watch_line.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

enum { BIG = 10000 };

typedef struct {
    char *folder;
    uv_loop_t loop;
    Journal *journal;
    struct rlimit all;
    guint lines;
    gint64 delivered_ms; /* of the last */
} Place;

static void
place_open(Place *self, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &self->all);
    self->folder = g_dir_make_tmp("shimta-keep-XXXXXX", NULL);
    uv_loop_init(&self->loop);
    self->journal = journal_open(&self->loop, self->folder, 1000000, &error);
    g_assert_no_error(error);
}

static void
place_close(Place *self, gconstpointer data)
{
    g_autoptr(GDir) dir = g_dir_open(self->folder, 0, NULL);

    clock_freeze(-1);
    journal_close(self->journal);
    uv_run(&self->loop, UV_RUN_DEFAULT);
    g_assert_cmpint(uv_loop_close(&self->loop), ==, 0);
    for (const char *name; dir && (name = g_dir_read_name(dir));) {
        g_autofree char *path = g_build_filename(self->folder, name, NULL);
        g_unlink(path);
    }
    g_rmdir(self->folder);
    g_free(self->folder);
}

static void
fill_disk(const Place *self, bool full)
{
    struct rlimit limit = self->all;

    limit.rlim_cur = full ? 0 : self->all.rlim_cur;
    setrlimit(RLIMIT_FSIZE, &limit);
}

static bool
put(const Place *self, const char *text)
{
    JournalLine line = { .event = JOURNAL_WATCHED, .id = "Q1", .account = "main", .recipient = "a@x.jp", .text = text };

    return watch_keep_write(self->journal, &line);
}

static void
count(const JournalLine *line, gint64 row, void *user)
{
    Place *self = user;
    g_autofree char *text = g_strdup(line->text);
    FeedbackMail mail;
    FeedbackRecipient to;

    g_assert_true(watch_line_parse(line, text, &mail, &to));
    g_assert_cmpstr(to.address, ==, "a@x.jp");
    self->delivered_ms = mail.delivered_ms;
    self->lines++;
}

static bool
run(JournalStore *store, void *user, GError **error)
{
    const JournalPage page = { " " JOURNAL_WATCHED " ", 0, 10000 };

    return journal_store_after(store, &page, count, user, error);
}

static void
done(void *user, const GError *error)
{
    g_assert_no_error(error);
}

static guint
lines(Place *self)
{
    static const JournalTask task = { run, done };

    self->lines = 0;
    journal_do(self->journal, &task, self);
    uv_run(&self->loop, UV_RUN_DEFAULT);
    return self->lines;
}

/* What cannot be written is when it can, with the time of the mail. */
static void
test_later(Place *self, gconstpointer data)
{
    clock_freeze(1000);
    g_assert_true(put(self, "ret=HDRS\n\n"));
    fill_disk(self, true);
    g_assert_false(put(self, "ret=HDRS\n\n"));
    g_assert_cmpuint(watch_keep_again(self->journal), ==, 0);
    g_assert_false(put(self, "ret=HDRS\n\n"));
    clock_freeze(5000);
    fill_disk(self, false);
    g_assert_cmpuint(watch_keep_again(self->journal), ==, 2);
    g_assert_cmpuint(watch_keep_again(self->journal), ==, 0);
    g_assert_cmpuint(lines(self), ==, 3);
    g_assert_cmpint(self->delivered_ms, ==, 1000);
    g_assert_true(put(self, "ret=HDRS\n\n"));
}

static void
test_too_many(Place *self, gconstpointer data)
{
    g_autofree char *text = g_strnfill(BIG, 'x');

    text[0] = '\n';
    fill_disk(self, true);
    for (guint i = 0; i < 1000; i++)
        g_assert_false(put(self, text));
    fill_disk(self, false);
    guint n = watch_keep_again(self->journal);
    g_assert_cmpuint(n, >, 300);
    g_assert_cmpuint(n, <=, 4 * 1024 * 1024 / BIG);
    g_assert_cmpuint(lines(self), ==, n);
    fill_disk(self, true);
    g_assert_false(put(self, text));
    watch_keep_end(self->journal);
    fill_disk(self, false);
    g_assert_cmpuint(watch_keep_again(self->journal), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/watch_keep/later", Place, NULL, place_open, test_later, place_close);
    g_test_add("/watch_keep/too many", Place, NULL, place_open, test_too_many, place_close);
    return g_test_run();
}
