#include "relay/store_thread.h"

/* The store under the thread: it counts, and fails when it is told to. */
struct Store {
    guint begun, committed, closed;
    bool refuses, forgets; /* at the beginning, at the end */
    guint open;            /* tasks since the beginning that have written */
    guint marked;          /* of them, before the last mark */
    guint durable;         /* tasks of good groups */
    guint largest;
    uv_sem_t entered, leave; /* a task that waits */
};

static Store store;

bool
store_begin(Store *self, GError **error)
{
    g_assert_true(self == &store);
    self->begun++;
    self->open = 0;
    if (self->refuses)
        g_set_error_literal(error, STORE_ERROR, STORE_ERROR_IO, "refuses");
    return !self->refuses;
}

bool
store_commit(Store *self, GError **error)
{
    self->committed++;
    self->largest = MAX(self->largest, self->open);
    if (self->forgets)
        g_set_error_literal(error, STORE_ERROR, STORE_ERROR_FULL, "forgets");
    else
        self->durable += self->open;
    return !self->forgets;
}

bool
store_mark(Store *self, GError **error)
{
    self->marked = self->open;
    return true;
}

bool
store_undo(Store *self, GError **error)
{
    self->open = self->marked;
    return true;
}

char *
store_take_warning(Store *self)
{
    return NULL;
}

void
store_close(Store *self)
{
    self->closed++;
}

typedef struct {
    guint number;
    bool fails, waits, ran;
    guint dones;
    GThread *done_on;
    int code; /* of the error; -1: none */
    char *message;
} Job;

static guint finished; /* jobs, in their order */

static bool
job_run(Store *self, void *user, GError **error)
{
    Job *job = user;

    job->ran = true;
    if (job->waits) {
        uv_sem_post(&self->entered);
        uv_sem_wait(&self->leave);
    }
    self->open++;
    if (job->fails) { /* in the middle */
        g_set_error(error, STORE_ERROR, STORE_ERROR_GONE, "job %u", job->number);
        return false;
    }
    return true;
}

static void
job_done(void *user, const GError *error)
{
    Job *job = user;

    job->dones++;
    job->done_on = g_thread_self();
    job->code = error ? error->code : -1;
    job->message = g_strdup(error ? error->message : NULL);
    g_assert_cmpuint(job->number, ==, finished);
    finished++;
}

static const StoreTask task = { job_run, job_done };

/* The first job holds the thread until all others are in the mailbox. */
static void
run_jobs(Job *jobs, guint n)
{
    uv_loop_t loop;

    finished = 0;
    uv_loop_init(&loop);
    uv_sem_init(&store.entered, 0);
    uv_sem_init(&store.leave, 0);
    StoreThread *thread = store_thread_new(&loop, &store);
    g_assert_true(store_thread_store(thread) == &store);
    g_assert_cmpint(uv_run(&loop, UV_RUN_NOWAIT), ==, 0);
    for (guint i = 0; i < n; i++) {
        jobs[i].number = i;
        jobs[i].waits = i == 0;
        store_thread_do(thread, &task, &jobs[i]);
        if (i == 0)
            uv_sem_wait(&store.entered);
        g_assert_cmpuint(jobs[i].dones, ==, 0);
    }
    g_assert_cmpuint(store_thread_size(thread), ==, n);
    uv_sem_post(&store.leave);
    uv_run(&loop, UV_RUN_DEFAULT);
    g_assert_cmpuint(store_thread_size(thread), ==, 0);
    g_assert_cmpuint(finished, ==, n);
    g_assert_cmpuint(store.closed, ==, 0);
    store_thread_close(thread);
    uv_run(&loop, UV_RUN_DEFAULT);
    g_assert_cmpuint(store.closed, ==, 1);
    g_assert_cmpint(uv_loop_close(&loop), ==, 0);
    uv_sem_destroy(&store.entered);
    uv_sem_destroy(&store.leave);
    for (guint i = 0; i < n; i++) {
        g_assert_true(jobs[i].done_on == g_thread_self());
        g_free(jobs[i].message);
    }
}

static void
test_group(void)
{
    Job jobs[100] = { 0 };

    store = (Store) { 0 };
    run_jobs(jobs, G_N_ELEMENTS(jobs));
    g_assert_cmpuint(store.begun, ==, 2);
    g_assert_cmpuint(store.committed, ==, 2);
    g_assert_cmpuint(store.durable, ==, 100);
    for (guint i = 0; i < G_N_ELEMENTS(jobs); i++)
        g_assert_cmpint(jobs[i].code, ==, -1);
}

/* However many gather, a group has an end. */
static void
test_many(void)
{
    enum { MANY = 1000 };
    g_autofree Job *jobs = g_new0(Job, MANY);

    store = (Store) { 0 };
    run_jobs(jobs, MANY);
    g_assert_cmpuint(store.durable, ==, MANY);
    g_assert_cmpuint(store.largest, <=, 256);
}

static void
test_one_fails(void)
{
    Job jobs[5] = { [2] = { .fails = true } };

    store = (Store) { 0 };
    run_jobs(jobs, G_N_ELEMENTS(jobs));
    g_assert_cmpuint(store.durable, ==, 4);
    for (guint i = 0; i < G_N_ELEMENTS(jobs); i++)
        g_assert_cmpint(jobs[i].code, ==, i == 2 ? STORE_ERROR_GONE : -1);
}

/* Nothing of the group is durable; who failed for a reason of its own keeps it. */
static void
test_commit_fails(void)
{
    Job jobs[5] = { [2] = { .fails = true } };

    store = (Store) { .forgets = true };
    run_jobs(jobs, G_N_ELEMENTS(jobs));
    g_assert_cmpuint(store.durable, ==, 0);
    for (guint i = 0; i < G_N_ELEMENTS(jobs); i++) {
        g_assert_true(jobs[i].ran);
        g_assert_cmpint(jobs[i].code, ==, i == 2 ? STORE_ERROR_GONE : STORE_ERROR_FULL);
    }
}

static void
on_refused(void *user, const GError *error)
{
    Job *job = user;

    g_assert_error(error, STORE_ERROR, STORE_ERROR_IO);
    job->dones++;
}

static void
test_begin_fails(void)
{
    static const StoreTask refused = { job_run, on_refused };
    Job job = { 0 };
    uv_loop_t loop;

    store = (Store) { .refuses = true };
    uv_loop_init(&loop);
    StoreThread *thread = store_thread_new(&loop, &store);
    store_thread_do(thread, &refused, &job);
    store_thread_close(thread); /* what was given is done first */
    uv_run(&loop, UV_RUN_DEFAULT);
    g_assert_cmpint(uv_loop_close(&loop), ==, 0);
    g_assert_false(job.ran);
    g_assert_cmpuint(job.dones, ==, 1);
    g_assert_cmpuint(store.committed, ==, 0);
    g_assert_cmpuint(store.closed, ==, 1);
}

typedef struct {
    StoreThread *thread;
    guint left;
} Chain;

static bool
chain_run(Store *self, void *user, GError **error)
{
    return true;
}

static void chain_done(void *user, const GError *error);
static const StoreTask chain_task = { chain_run, chain_done };

static void
chain_done(void *user, const GError *error)
{
    Chain *chain = user;

    if (--chain->left > 0)
        store_thread_do(chain->thread, &chain_task, chain);
}

/* A task out of another's completion keeps the loop alive. */
static void
test_chain(void)
{
    Chain chain = { .left = 20 };
    uv_loop_t loop;

    store = (Store) { 0 };
    uv_loop_init(&loop);
    chain.thread = store_thread_new(&loop, &store);
    store_thread_do(chain.thread, &chain_task, &chain);
    uv_run(&loop, UV_RUN_DEFAULT);
    g_assert_cmpuint(chain.left, ==, 0);
    store_thread_close(chain.thread);
    store_thread_close(NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    g_assert_cmpint(uv_loop_close(&loop), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/store-thread/group", test_group);
    g_test_add_func("/store-thread/many", test_many);
    g_test_add_func("/store-thread/one-fails", test_one_fails);
    g_test_add_func("/store-thread/commit-fails", test_commit_fails);
    g_test_add_func("/store-thread/begin-fails", test_begin_fails);
    g_test_add_func("/store-thread/chain", test_chain);
    return g_test_run();
}
