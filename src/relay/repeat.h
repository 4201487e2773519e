/* Clients that bring the same mail again (relay/duplicates.h), on their way through the relay. The job of the first
 * delivers for all. Who comes later is answered like the first, at once if he was answered already; and when the
 * first has left meanwhile, as clients do that send again, the job goes on for the next. Loop thread. */
#pragma once

#include "queue/entry.h"
#include "relay/duplicates.h"
#include "relay/runner.h"

typedef struct Repeats Repeats;
typedef struct Repeat Repeat; /* a client's part in it */

/* Of the jobs. */
typedef struct {
    /* Nobody waited for job any more; now waiter does, and repeat is the job's. */
    void (*adopt)(struct RelayJob *job, Repeat *repeat, Waiter *waiter);
} RepeatOps;

/* ops are borrowed for ever. window_ms 0: nothing comes again. */
Repeats *repeats_new(uv_loop_t *loop, gint64 window_ms, const RepeatOps *ops);

/* Before the window begins: what a journal tells. */
Duplicates *repeats_known(Repeats *self);

/* Who was to be answered in the next turn is answered now. closed comes once the loop has closed its handle; no job
 * may have a part any more by then. */
void repeats_close(Repeats *self, void (*closed)(void *user), void *user);

/* A mail has come. True: not for the first time; entry is freed, waiter will be answered, never before this has
 * returned, and waiter->repeat or waiter->job says who by. False: it is to be delivered; *part is the job's then,
 * NULL if the mail can't be known again. */
bool repeats_meet(Repeats *self, Entry *entry, Waiter *waiter, Repeat **part);

/* The job that delivers. part may be NULL, as everywhere below. */
void repeat_start(Repeat *part, struct RelayJob *job);

/* Whether others wait for the same mail. */
bool repeat_joined(const Repeat *part);

/* The job's client has left. Returns who is next in his place, *part being his; or NULL: nobody is, yet. */
Waiter *repeat_next(Repeat **part);

/* The job has this reply for its client; id is its entry's. final: it may be given again; false: nobody waited, and it
 * does not hold for all recipients. First, so that a journal has it before anybody hears it: */
void repeat_report(const Repeat *part, const char *id, const Reply *reply, bool final);

/* Then, when the client has heard it: all who joined do. id and each as for duplicates_settle(). Frees part. */
void repeat_settle(Repeat *part, const char *id, const Reply *reply, const GArray *each, bool final);

/* A client with waiter->repeat has left. */
void repeat_abandon(Waiter *waiter);
