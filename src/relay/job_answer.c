#include "relay/state.h"

#include "base/crash_point.h"
#include "relay/settle_each.h"

/* Of who is told of each: in memory of its own, for the length of a call. */
static void
reply_each(Waiter *waiter, const GArray *each)
{
    g_autofree Reply *replies = g_new(Reply, each->len);

    for (guint i = 0; i < each->len; i++)
        replies[i] = g_array_index(each, EachReply, i).reply;
    waiter->reply_each(waiter, replies, each->len);
}

/* The one place where a client gets its answer, and those who wait with it. */
static void
answer(RelayJob *job, const Reply *reply, const GArray *each)
{
    Waiter *waiter = g_steal_pointer(&job->waiter);
    Repeat *repeat = g_steal_pointer(&job->repeat);
    bool final = waiter || job->final;
    const char *id = job_all_delivered(job->entry) ? NULL : job->entry->id;

    repeat_report(repeat, job->entry->id, reply, final);
    if (waiter)
        waiter->job = NULL;
    if (waiter && each && waiter->reply_each)
        reply_each(waiter, each);
    else if (waiter)
        waiter->reply(waiter, reply);
    crash_point("accepted");
    repeat_settle(repeat, id, reply, final);
}

void
job_answer(RelayJob *job, const Reply *reply)
{
    answer(job, reply, NULL);
}

/* A refusal says whether the sender gets it as a mail, too: not before that is certain. */
void
job_answer_settled(RelayJob *job)
{
    const Settlement *settlement = job->settlement;
    Reply reply = settlement->reply;

    if (!settlement->told || reply.code < 500 || settlement->each) {
        answer(job, &reply, settlement->each);
        return;
    }
    g_autofree char *text = g_strconcat(reply.text, REPLY_RETURNED, NULL);
    reply.text = text;
    answer(job, &reply, NULL);
}
