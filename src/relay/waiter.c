#include "relay/waiter.h"

#include "relay/settle_each.h"

void
waiter_answer(Waiter *waiter, const Reply *reply, const GArray *each)
{
    if (!each || !waiter->reply_each) {
        waiter->reply(waiter, reply);
        return;
    }
    g_autofree Reply *replies = g_new(Reply, each->len);
    for (guint i = 0; i < each->len; i++)
        replies[i] = g_array_index(each, EachReply, i).reply;
    waiter->reply_each(waiter, replies, each->len);
}
