#include "relay/journal.h"

#include "base/clock.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIFETIME_MS = 1000000 };

typedef struct {
    char *top, *folder;
    uv_loop_t loop;
    Journal *journal;
} Place;

static void
journal_begin(Place *self)
{
    g_autoptr(GError) error = NULL;

    self->journal = journal_open(&self->loop, self->folder, LIFETIME_MS, &error);
    g_assert_no_error(error);
}

static void
journal_end(Place *self)
{
    journal_close(g_steal_pointer(&self->journal));
    uv_run(&self->loop, UV_RUN_DEFAULT);
}

static void
place_open(Place *self, gconstpointer data)
{
    self->top = g_dir_make_tmp("shimta-journal-XXXXXX", NULL);
    self->folder = g_build_filename(self->top, "journal", NULL);
    uv_loop_init(&self->loop);
    journal_begin(self);
}

static void
place_close(Place *self, gconstpointer data)
{
    g_autoptr(GDir) dir = g_dir_open(self->folder, 0, NULL);

    if (self->journal)
        journal_end(self);
    g_assert_cmpint(uv_loop_close(&self->loop), ==, 0);
    for (const char *name; dir && (name = g_dir_read_name(dir));) {
        g_autofree char *path = g_build_filename(self->folder, name, NULL);
        g_unlink(path);
    }
    g_rmdir(self->folder);
    g_rmdir(self->top);
    g_free(self->folder);
    g_free(self->top);
}

static void
write_line(Journal *journal, const char *id)
{
    JournalLine line = { .event = "delivered", .id = id, .recipient = "a@x.jp" };

    journal_write(journal, &line);
}

/* --- asking -------------------------------------------------------------------------------------- */

typedef struct {
    const char *id;
    guint lines;
    bool done, failed;
} Question;

static void
count(const JournalLine *line, gint64 row, void *user)
{
    Question *question = user;

    question->lines++;
}

static bool
question_run(JournalStore *store, void *user, GError **error)
{
    Question *question = user;
    JournalPage page = { question->id, 0, 1000 };

    return journal_store_lines(store, &page, count, question, error);
}

static void
question_done(void *user, const GError *error)
{
    Question *question = user;

    question->done = true;
    question->failed = error != NULL;
}

static const JournalTask question_task = { question_run, question_done };

static guint
lines_of(Place *self, const char *id)
{
    Question question = { .id = id };

    journal_do(self->journal, &question_task, &question);
    while (!question.done)
        uv_run(&self->loop, UV_RUN_ONCE);
    g_assert_false(question.failed);
    return question.lines;
}

static guint
file_count(const Place *self)
{
    g_autoptr(GArray) files = journal_files(self->folder);

    return files->len;
}

/* --- tests --------------------------------------------------------------------------------------- */

static void
test_found_at_once(Place *self, gconstpointer data)
{
    for (guint i = 0; i < 3; i++) {
        write_line(self->journal, "one");
        g_assert_cmpuint(lines_of(self, "one"), ==, i + 1);
    }
    g_assert_cmpuint(file_count(self), ==, 1);
    journal_end(self);
    journal_begin(self);
    g_assert_cmpuint(lines_of(self, "one"), ==, 3);
}

static void
test_many_questions(Place *self, gconstpointer data)
{
    Question questions[20];

    for (guint i = 0; i < G_N_ELEMENTS(questions); i++) {
        questions[i] = (Question) { .id = "one" };
        write_line(self->journal, "one");
        journal_do(self->journal, &question_task, &questions[i]);
        g_assert_false(questions[i].done);
    }
    journal_end(self); /* what was asked is answered */
    for (guint i = 0; i < G_N_ELEMENTS(questions); i++) {
        g_assert_true(questions[i].done);
        g_assert_cmpuint(questions[i].lines, >, i);
    }
}

typedef struct {
    Journal *journal;
    Question first, second;
} Chain;

static void
chain_done(void *user, const GError *error)
{
    Chain *chain = user;

    chain->first.done = true;
    journal_do(chain->journal, &question_task, &chain->second);
}

static bool
chain_run(JournalStore *store, void *user, GError **error)
{
    Chain *chain = user;

    return question_run(store, &chain->first, error);
}

/* Whoever is answered asks at once, while others still wait for their answer. */
static void
test_asking_from_an_answer(Place *self, gconstpointer data)
{
    static const JournalTask task = { chain_run, chain_done };
    Chain chains[10];

    write_line(self->journal, "one");
    for (guint i = 0; i < G_N_ELEMENTS(chains); i++) {
        chains[i] = (Chain) { self->journal, { .id = "one" }, { .id = "one" } };
        journal_do(self->journal, &task, &chains[i]);
    }
    for (guint i = 0; i < G_N_ELEMENTS(chains); i++) {
        while (!chains[i].second.done)
            uv_run(&self->loop, UV_RUN_ONCE);
        g_assert_cmpuint(chains[i].first.lines, ==, 1);
        g_assert_cmpuint(chains[i].second.lines, ==, 1);
    }
}

/* Killed without warning: what was written is there, once. */
static void
test_kill(Place *self, gconstpointer data)
{
    journal_end(self);
    for (guint round = 0; round < 3; round++) {
        pid_t child = fork();
        if (child == 0) {
            uv_loop_t loop;
            uv_loop_init(&loop);
            Journal *journal = journal_open(&loop, self->folder, LIFETIME_MS, NULL);
            for (guint i = 0; journal && i < 100; i++)
                write_line(journal, "one");
            kill(getpid(), SIGKILL);
        }
        int status;
        g_assert_cmpint(waitpid(child, &status, 0), ==, child);
        g_assert_true(WIFSIGNALED(status));
    }
    journal_begin(self);
    g_assert_cmpuint(lines_of(self, "one"), ==, 300);
}

static void
on_alive(uv_timer_t *timer)
{
}

static void
test_loaded_by_the_clock(Place *self, gconstpointer data)
{
    g_autoptr(GArray) before = journal_files(self->folder);
    guint64 first = g_array_index(before, guint64, 0);

    uv_timer_t alive; /* the journal alone does not keep the loop */
    uv_timer_init(&self->loop, &alive);
    uv_timer_start(&alive, on_alive, 10, 10);
    write_line(self->journal, "one");
    for (bool loaded = false; !loaded; ) {
        g_autoptr(GArray) files = journal_files(self->folder);
        loaded = files->len == 1 && g_array_index(files, guint64, 0) > first;
        if (!loaded)
            uv_run(&self->loop, UV_RUN_ONCE);
    }
    uv_close((uv_handle_t *) &alive, NULL);
    uv_run(&self->loop, UV_RUN_NOWAIT);
}

static bool
fails_whole(Place *self, const char *id)
{
    Question question = { .id = id };

    journal_do_whole(self->journal, &question_task, &question);
    while (!question.done)
        uv_run(&self->loop, UV_RUN_ONCE);
    return question.failed;
}

/* Whoever needs every line hears that there are some that cannot be loaded; who does not gets the others. */
static void
test_not_loaded(Place *self, gconstpointer data)
{
    struct rlimit all, few;

    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &all);
    few = all;
    few.rlim_cur = 500;
    write_line(self->journal, "before");
    g_assert_false(fails_whole(self, "before"));
    write_line(self->journal, "after");
    setrlimit(RLIMIT_FSIZE, &few);
    g_assert_true(fails_whole(self, "before"));
    g_assert_cmpuint(lines_of(self, "before"), ==, 1);
    g_assert_cmpuint(lines_of(self, "after"), ==, 0);
    setrlimit(RLIMIT_FSIZE, &all);
    g_assert_false(fails_whole(self, "after"));
    g_assert_cmpuint(lines_of(self, "after"), ==, 1);
}

/* A disk without room: nothing ends, nothing is half there, and later lines are whole again. */
static void
test_no_room(Place *self, gconstpointer data)
{
    struct rlimit all, few;

    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &all);
    few = all;
    few.rlim_cur = 500;
    write_line(self->journal, "before");
    setrlimit(RLIMIT_FSIZE, &few);
    for (guint i = 0; i < 100; i++)
        write_line(self->journal, "full");
    setrlimit(RLIMIT_FSIZE, &all);
    write_line(self->journal, "after");
    g_assert_cmpuint(lines_of(self, "before"), ==, 1);
    g_assert_cmpuint(lines_of(self, "after"), ==, 1);
    g_assert_cmpuint(lines_of(self, "full"), <, 20);
}

static void
test_damaged_table_is_put_aside(Place *self, gconstpointer data)
{
    g_autofree char *path = g_build_filename(self->folder, "journal.db", NULL);
    g_autofree char *damaged = g_strconcat(path, ".damaged", NULL);
    g_autofree char *noise = g_strnfill(8192, 'x');

    write_line(self->journal, "one");
    journal_end(self);
    g_assert_true(g_file_set_contents(path, noise, 8192, NULL));
    journal_begin(self);
    write_line(self->journal, "two");
    g_assert_cmpuint(lines_of(self, "one"), ==, 0);
    g_assert_cmpuint(lines_of(self, "two"), ==, 1);
    g_assert_true(g_file_test(damaged, G_FILE_TEST_EXISTS));
}

/* The table of a later version is not touched; lines wait in files until it is gone. */
static void
test_later_version(Place *self, gconstpointer data)
{
    g_autofree char *path = g_build_filename(self->folder, "journal.db", NULL);
    g_autofree char *bytes = NULL;
    gsize n;

    journal_end(self);
    g_assert_true(g_file_get_contents(path, &bytes, &n, NULL));
    bytes[63] = 99;
    g_assert_true(g_file_set_contents(path, bytes, (gssize) n, NULL));
    for (guint i = 0; i < 3; i++) {
        journal_begin(self);
        write_line(self->journal, "one");
        Question question = { .id = "one" };
        journal_do(self->journal, &question_task, &question);
        while (!question.done)
            uv_run(&self->loop, UV_RUN_ONCE);
        g_assert_true(question.failed);
        journal_end(self);
    }
    bytes[63] = 1;
    g_assert_true(g_file_set_contents(path, bytes, (gssize) n, NULL));
    journal_begin(self);
    g_assert_cmpuint(lines_of(self, "one"), ==, 3);
}

static void
test_prunes(Place *self, gconstpointer data)
{
    gint64 now = clock_now();

    clock_freeze(now - LIFETIME_MS - 1);
    write_line(self->journal, "old");
    clock_freeze(now);
    journal_end(self);
    write_line(NULL, "nowhere");
    journal_begin(self);
    g_assert_cmpuint(lines_of(self, "old"), <=, 1); /* prunes after answering */
    g_assert_cmpuint(lines_of(self, "old"), ==, 0);
    clock_freeze(-1);
}

static void
test_unsafe_folder(Place *self, gconstpointer data)
{
    journal_end(self);
    g_assert_cmpint(g_chmod(self->folder, 0777), ==, 0);
    g_autoptr(GError) error = NULL;
    g_assert_null(journal_open(&self->loop, self->folder, LIFETIME_MS, &error));
    g_assert_error(error, STORE_ERROR, STORE_ERROR_UNSAFE);
}

int
main(int argc, char **argv)
{
    static const struct { const char *name; void (*test)(Place *, gconstpointer); } rows[] = {
        { "/journal/found-at-once", test_found_at_once },
        { "/journal/many-questions", test_many_questions },
        { "/journal/asking-from-an-answer", test_asking_from_an_answer },
        { "/journal/kill", test_kill },
        { "/journal/loaded-by-the-clock", test_loaded_by_the_clock },
        { "/journal/no-room", test_no_room },
        { "/journal/not-loaded", test_not_loaded },
        { "/journal/damaged-table-is-put-aside", test_damaged_table_is_put_aside },
        { "/journal/later-version", test_later_version },
        { "/journal/prunes", test_prunes },
        { "/journal/unsafe-folder", test_unsafe_folder },
    };

    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
        g_test_add(rows[i].name, Place, NULL, place_open, rows[i].test, place_close);
    return g_test_run();
}
