#include "relay/state.h"

#include "base/crash_point.h"
#include "relay/waiter.h"

/* The one place where a client gets its answer, and those who wait with it. */
static void
answer(RelayJob *job, const Reply *reply, const GArray *each)
{
    Waiter *waiter = g_steal_pointer(&job->waiter);
    Repeat *repeat = g_steal_pointer(&job->repeat);
    bool final = waiter || job->final;
    const char *id = job_all_delivered(job->entry) ? NULL : job->entry->id;

    repeat_report(repeat, job->entry->id, reply, final);
    if (waiter) {
        waiter->job = NULL;
        waiter_answer(waiter, reply, each);
    }
    crash_point("accepted");
    repeat_settle(repeat, id, reply, each, final);
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
