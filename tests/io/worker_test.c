#include "io/worker.h"

#include <glib.h>

typedef struct {
    GThread *ran_on;
    int runs, dones, frees;
    uv_sem_t *entered, *leave; /* a run that waits */
    Work *work;
} Job;

static void
job_run(void *user)
{
    Job *job = user;

    job->ran_on = g_thread_self();
    job->runs++;
    if (job->entered) {
        uv_sem_post(job->entered);
        uv_sem_wait(job->leave);
    }
}

static void
job_done(void *user)
{
    Job *job = user;

    job->dones++;
    job->work = NULL;
}

static void
job_free(void *user)
{
    Job *job = user;

    job->frees++;
}

static const WorkOps ops = { job_run, job_done, job_free };

static void
test_done(void)
{
    uv_loop_t loop;
    Job jobs[20] = { 0 };

    uv_loop_init(&loop);
    for (guint i = 0; i < G_N_ELEMENTS(jobs); i++)
        jobs[i].work = work_start(&loop, &ops, &jobs[i]);
    for (guint i = 0; i < G_N_ELEMENTS(jobs); i++)
        g_assert_cmpint(jobs[i].dones, ==, 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    for (guint i = 0; i < G_N_ELEMENTS(jobs); i++) {
        g_assert_cmpint(jobs[i].runs, ==, 1);
        g_assert_cmpint(jobs[i].dones, ==, 1);
        g_assert_cmpint(jobs[i].frees, ==, 0);
        g_assert_true(jobs[i].ran_on != g_thread_self());
    }
    g_assert_cmpint(uv_loop_close(&loop), ==, 0);
}

/* The user data must outlive the thread that uses it, and nobody hears of the result. */
static void
test_cancel_running(void)
{
    uv_loop_t loop;
    uv_sem_t entered, leave;
    Job job = { .entered = &entered, .leave = &leave };

    uv_loop_init(&loop);
    uv_sem_init(&entered, 0);
    uv_sem_init(&leave, 0);
    job.work = work_start(&loop, &ops, &job);
    uv_sem_wait(&entered);
    work_cancel(&job.work);
    g_assert_null(job.work);
    uv_run(&loop, UV_RUN_NOWAIT);
    g_assert_cmpint(job.frees, ==, 0);
    uv_sem_post(&leave);
    uv_run(&loop, UV_RUN_DEFAULT);
    g_assert_cmpint(job.runs, ==, 1);
    g_assert_cmpint(job.dones, ==, 0);
    g_assert_cmpint(job.frees, ==, 1);
    uv_sem_destroy(&entered);
    uv_sem_destroy(&leave);
    g_assert_cmpint(uv_loop_close(&loop), ==, 0);
}

static void
test_cancel_all(void)
{
    uv_loop_t loop;
    Job jobs[50] = { 0 };

    uv_loop_init(&loop);
    for (guint i = 0; i < G_N_ELEMENTS(jobs); i++)
        jobs[i].work = work_start(&loop, &ops, &jobs[i]);
    for (guint i = 0; i < G_N_ELEMENTS(jobs); i++)
        work_cancel(&jobs[i].work);
    uv_run(&loop, UV_RUN_DEFAULT);
    for (guint i = 0; i < G_N_ELEMENTS(jobs); i++) {
        g_assert_cmpint(jobs[i].dones, ==, 0);
        g_assert_cmpint(jobs[i].frees, ==, 1);
    }
    g_assert_cmpint(uv_loop_close(&loop), ==, 0);
}

/* More than one batch, on one thread at a time, in order. */
static void
lane_run(void *user)
{
    static int counter;
    Job *job = user;

    job->ran_on = g_thread_self();
    job->runs = ++counter;
}

static const WorkOps lane_ops = { lane_run, job_done, job_free };

static void
test_lane(void)
{
    uv_loop_t loop;
    Job jobs[50] = { 0 };

    uv_loop_init(&loop);
    WorkLane *lane = work_lane_new(&loop);
    for (guint i = 0; i < G_N_ELEMENTS(jobs); i++)
        jobs[i].work = work_lane_start(lane, &lane_ops, &jobs[i]);
    for (guint i = 0; i < G_N_ELEMENTS(jobs); i++)
        g_assert_cmpint(jobs[i].dones, ==, 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    for (guint i = 0; i < G_N_ELEMENTS(jobs); i++) {
        g_assert_cmpint(jobs[i].runs, ==, i + 1);
        g_assert_cmpint(jobs[i].dones, ==, 1);
        g_assert_cmpint(jobs[i].frees, ==, 0);
        g_assert_true(jobs[i].ran_on != g_thread_self());
    }
    work_lane_close(lane);
    uv_run(&loop, UV_RUN_DEFAULT);
    g_assert_cmpint(uv_loop_close(&loop), ==, 0);
}

/* Work of a closed lane, waiting or running, is freed before the lane. */
static void
test_lane_cancel(void)
{
    uv_loop_t loop;
    uv_sem_t entered, leave;
    Job jobs[40] = { { .entered = &entered, .leave = &leave } };

    uv_loop_init(&loop);
    uv_sem_init(&entered, 0);
    uv_sem_init(&leave, 0);
    WorkLane *lane = work_lane_new(&loop);
    for (guint i = 0; i < G_N_ELEMENTS(jobs); i++)
        jobs[i].work = work_lane_start(lane, &ops, &jobs[i]);
    uv_run(&loop, UV_RUN_NOWAIT);
    uv_sem_wait(&entered);
    for (guint i = 0; i < G_N_ELEMENTS(jobs); i++)
        work_cancel(&jobs[i].work);
    work_lane_close(lane);
    uv_run(&loop, UV_RUN_NOWAIT);
    g_assert_cmpint(jobs[0].frees, ==, 0);
    uv_sem_post(&leave);
    uv_run(&loop, UV_RUN_DEFAULT);
    for (guint i = 0; i < G_N_ELEMENTS(jobs); i++) {
        g_assert_cmpint(jobs[i].dones, ==, 0);
        g_assert_cmpint(jobs[i].frees, ==, 1);
    }
    uv_sem_destroy(&entered);
    uv_sem_destroy(&leave);
    g_assert_cmpint(uv_loop_close(&loop), ==, 0);
}

static void
test_cancel_nothing(void)
{
    Work *none = NULL;

    work_cancel(&none);
    g_assert_null(none);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/worker/done", test_done);
    g_test_add_func("/worker/cancel-running", test_cancel_running);
    g_test_add_func("/worker/cancel-all", test_cancel_all);
    g_test_add_func("/worker/lane", test_lane);
    g_test_add_func("/worker/lane-cancel", test_lane_cancel);
    g_test_add_func("/worker/cancel-nothing", test_cancel_nothing);
    return g_test_run();
}
