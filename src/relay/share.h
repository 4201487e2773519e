/* The recipients of one mail that go through one account: the mail translated for it, split into calls, each call
 * tried in its turn. Loop thread, but for share_prepare(). */
#pragma once

#include "queue/entry.h"
#include "relay/report.h"
#include "relay/world.h"

typedef struct Share Share;

typedef struct {
    /* Asked before each call. False: nobody waits for the mail any more, it is not made. */
    bool (*begin)(void *user);

    /* A call was delivered. */
    void (*delivered)(void *user);

    /* All recipients have an outcome; the share may be freed in here. */
    void (*done)(void *user);
} ShareOps;

/* With key it is an earlier call, made again as it was. The entry is borrowed. */
Share *share_new(const DeliveryWorld *world, const Provider *provider, const Entry *entry, const char *key);

/* Whether it is of that account and key; NULL: of an account, and no earlier call. */
bool share_is(const Share *self, const Provider *provider, const char *key);

/* One more of the entry's recipients, by its place. */
void share_add(Share *self, guint place);

const Provider *share_provider(const Share *self);

/* Translates, adapts and splits; what stands in the way becomes the recipients' outcome. On a worker thread, which
 * alone has the share meanwhile. */
void share_prepare(Share *self, Message *message);

/* What share_prepare() made of it; NULL when that was refused. */
const Mail *share_mail(const Share *self);
const GPtrArray *share_calls(const Share *self); /* of Call */

/* Recipient number i and what is known of him; NULL past the last. */
const Outcome *share_outcome(const Share *self, guint i, const char **recipient);

/* Makes the calls; of a stored entry no more than fit at once, with those delivered that may not be durable.
 * done comes last, perhaps before this returns. ops is borrowed for ever. */
void share_start(Share *self, const ShareOps *ops, void *user);

/* Calls that have not ended. */
guint share_left(const Share *self);

/* While it runs: the entry learns who was delivered since the last time, and their places (of guint) are added. What
 * it learned by the last time is durable. */
void share_progress(Share *self, Entry *entry, GArray *places);

/* Calls that waited for that may begin. */
void share_resume(Share *self);

/* Gives up on what has no outcome yet; done does not come any more. */
void share_abort(Share *self, const Outcome *untried);

/* Copies what is known to the places of its recipients. Where another account failed for the moment a refusal is
 * only logged: that one may take the mail later. */
void share_collect(const Share *self, GArray *outcomes, GArray *services);

/* Before the calls or while they are on their way: the entry learns who may get the mail by which of them, and what is
 * certain already. alone: no other account has failed for the moment, so that a refusal is. */
void share_note(Share *self, Entry *entry, bool alone);

/* Not before share_prepare() has returned. NULL is fine. */
void share_free(Share *self);
