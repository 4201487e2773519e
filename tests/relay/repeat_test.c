#include "relay/repeat.h"

#include "relay/settle_each.h"

#include <string.h>

#define MAIL "Message-ID: <a@b>\r\n\r\nhi\r\n"

enum { CLIENTS = 4 };

/* What the relay's would be. */
struct RelayJob {
    Repeat *part;
    Waiter *waiter;
};

typedef struct {
    Waiter waiter;
    guint replies;
    int code, each[2]; /* each: of two names */
} Client;

static Client clients[CLIENTS];
static struct RelayJob jobs[CLIENTS];
static uv_loop_t loop;
static Repeats *repeats;
static guint closed;

static void
on_reply(Waiter *waiter, const Reply *reply)
{
    Client *client = (Client *) waiter;

    g_assert_null(waiter->repeat);
    client->replies++;
    client->code = reply->code;
}

static void
on_reply_each(Waiter *waiter, const Reply *replies, guint n)
{
    Client *client = (Client *) waiter;

    g_assert_cmpuint(n, ==, G_N_ELEMENTS(client->each));
    on_reply(waiter, &replies[0]);
    for (guint i = 0; i < n; i++)
        client->each[i] = replies[i].code;
}

static void
on_adopt(struct RelayJob *job, Repeat *repeat, Waiter *waiter)
{
    g_assert_null(job->waiter);
    job->part = repeat;
    job->waiter = waiter;
    waiter->job = job;
}

static void
on_closed(void *user)
{
    closed++;
}

static void
begin(gint64 window_ms)
{
    static const RepeatOps ops = { on_adopt };

    uv_loop_init(&loop);
    repeats = repeats_new(&loop, window_ms, &ops);
    closed = 0;
    for (guint i = 0; i < CLIENTS; i++) {
        clients[i] = (Client) { .waiter = { .reply = on_reply, .reply_each = on_reply_each } };
        jobs[i] = (struct RelayJob) { 0 };
    }
}

static void
end(void)
{
    repeats_close(repeats, on_closed, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    g_assert_cmpuint(closed, ==, 1);
    g_assert_cmpint(uv_loop_close(&loop), ==, 0);
}

/* The client brings the mail; true: a job of its own was started for it. */
static bool
bring(guint client, const char *mail)
{
    Envelope *envelope = envelope_new("me@x.test");
    Spool *spool = spool_new(1000, NULL);
    Scan *scan = scan_new();
    Waiter *waiter = &clients[client].waiter;

    envelope_add_recipient(envelope, "you@y.test");
    spool_append(spool, mail, strlen(mail));
    g_assert_true(spool_finish(spool, NULL));
    scan_push(scan, mail, strlen(mail));
    scan_finish(scan);
    Entry *entry = entry_new(envelope, spool, scan);
    if (repeats_meet(repeats, entry, waiter, &jobs[client].part)) {
        g_assert_cmpuint(clients[client].replies, ==, 0); /* not yet */
        return false;
    }
    entry_free(entry);
    repeat_start(jobs[client].part, &jobs[client]);
    jobs[client].waiter = waiter;
    waiter->job = &jobs[client];
    return true;
}

static void
settle(guint job, int code, bool final)
{
    const Reply reply = { code, "2.0.0", (char *) "text" };
    Waiter *waiter = g_steal_pointer(&jobs[job].waiter);

    repeat_settle(g_steal_pointer(&jobs[job].part), NULL, &reply, NULL, final);
    if (waiter)
        waiter->reply(waiter, &reply);
}

/* As the relay does when a session ends. */
static void
leave(guint client)
{
    Waiter *waiter = &clients[client].waiter;

    if (waiter->repeat) {
        repeat_abandon(waiter);
        return;
    }
    struct RelayJob *job = g_steal_pointer(&waiter->job);
    job->waiter = repeat_next(&job->part);
    if (job->waiter)
        job->waiter->job = job;
}

static void
check_replies(const char *want)
{
    for (guint i = 0; i < CLIENTS; i++)
        g_assert_cmpuint(clients[i].replies, ==, want[i] - '0');
}

static void
test_known(void)
{
    begin(1000 * 1000);
    g_assert_true(bring(0, MAIL));
    settle(0, 250, true);
    g_assert_false(bring(1, MAIL));
    g_assert_false(bring(2, MAIL));
    leave(2);
    check_replies("1000");
    uv_run(&loop, UV_RUN_NOWAIT);
    check_replies("1100");
    g_assert_true(bring(2, "Message-ID: <a@b>\r\n\r\nother\r\n"));
    settle(2, 554, true);
    g_assert_false(bring(3, MAIL));
    end(); /* answers */
    check_replies("1111");
}

static void
test_joined(void)
{
    begin(1000 * 1000);
    g_assert_true(bring(0, MAIL));
    g_assert_false(bring(1, MAIL));
    g_assert_false(bring(2, MAIL));
    g_assert_true(repeat_joined(jobs[0].part));
    leave(1);
    settle(0, 451, true);
    check_replies("1010");
    g_assert_cmpint(clients[2].code, ==, 451);
    g_assert_true(bring(1, MAIL)); /* only a 250 is remembered */
    settle(1, 250, true);
    end();
}

/* Of two names one has it and one has not: who joined hears that, too. */
static void
test_joined_each(void)
{
    EachReply replies[] = { { .reply = { 250, "2.0.0", (char *) "taken" } }, { .reply = { 553, "5.1.3", (char *) "no" } } };
    const Reply all = { 451, "4.3.0", (char *) "not the same" };
    g_autoptr(GArray) each = g_array_new(FALSE, FALSE, sizeof(EachReply));

    g_array_append_vals(each, replies, G_N_ELEMENTS(replies));
    begin(1000 * 1000);
    g_assert_true(bring(0, MAIL));
    g_assert_false(bring(1, MAIL));
    g_assert_false(bring(2, MAIL));
    repeat_settle(g_steal_pointer(&jobs[0].part), NULL, &all, each, true);
    check_replies("0110");
    for (guint i = 1; i <= 2; i++) {
        g_assert_cmpint(clients[i].each[0], ==, 250);
        g_assert_cmpint(clients[i].each[1], ==, 553);
    }
    g_assert_true(bring(1, MAIL)); /* it was not taken for all */
    settle(1, 250, true);
    end();
}

/* The first leaves while another waits already: the job is his. */
static void
test_next(void)
{
    begin(1000 * 1000);
    g_assert_true(bring(0, MAIL));
    g_assert_false(bring(1, MAIL));
    g_assert_false(bring(2, MAIL));
    leave(0);
    g_assert_true(jobs[0].waiter == &clients[1].waiter);
    leave(1);
    g_assert_true(jobs[0].waiter == &clients[2].waiter);
    settle(0, 250, true);
    check_replies("0010");
    end();
}

/* It leaves, and comes again only then. */
static void
test_adopted(void)
{
    begin(1000 * 1000);
    g_assert_true(bring(0, MAIL));
    leave(0);
    g_assert_false(repeat_joined(jobs[0].part));
    g_assert_false(bring(1, MAIL));
    g_assert_true(jobs[0].waiter == &clients[1].waiter);
    g_assert_false(bring(2, MAIL));
    leave(1);
    leave(2);
    g_assert_null(jobs[0].waiter);
    g_assert_false(bring(3, MAIL));
    settle(0, 250, true);
    check_replies("0001");
    g_assert_false(bring(0, MAIL));
    uv_run(&loop, UV_RUN_NOWAIT);
    check_replies("1001");
    end();
}

/* Nobody heard it, and it is not the whole truth. */
static void
test_not_final(void)
{
    begin(1000 * 1000);
    g_assert_true(bring(0, MAIL));
    leave(0);
    settle(0, 250, false);
    g_assert_true(bring(1, MAIL));
    settle(1, 250, true);
    end();
}

static void
test_apart(void)
{
    begin(1000 * 1000);
    g_assert_true(bring(0, "Subject: no id\r\n\r\nhi\r\n"));
    g_assert_null(jobs[0].part);
    g_assert_true(bring(1, "Subject: no id\r\n\r\nhi\r\n"));
    settle(0, 250, true);
    leave(1);
    settle(1, 250, true);
    end();
    begin(0); /* off */
    g_assert_true(bring(0, MAIL));
    g_assert_true(bring(1, MAIL));
    leave(0);
    settle(0, 250, true);
    settle(1, 250, true);
    g_assert_true(bring(2, MAIL));
    settle(2, 250, true);
    end();
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/repeat/known", test_known);
    g_test_add_func("/repeat/joined", test_joined);
    g_test_add_func("/repeat/joined-each", test_joined_each);
    g_test_add_func("/repeat/next", test_next);
    g_test_add_func("/repeat/adopted", test_adopted);
    g_test_add_func("/repeat/not-final", test_not_final);
    g_test_add_func("/repeat/apart", test_apart);
    return g_test_run();
}
