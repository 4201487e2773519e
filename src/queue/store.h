/* Entries that outlive the process. Blocking calls; one thread at a time, which in the daemon is that of
 * relay/store_thread.c. A Store is one of several kinds behind the same functions; tests/queue/store_test.c holds each
 * to the same contract.
 *
 * Every writing call happens between store_begin() and store_commit(); nothing of a group is durable, and nothing may
 * be promised, before store_commit() has returned true. A call that is refused (FULL, GONE, EXISTS) leaves the group as
 * it was; one that fails on the disk spoils it, and store_commit() returns false. A task of several calls begins with
 * store_mark() and is undone as a whole by store_undo(), the tasks before it stay.
 *
 * A row is leased (somebody tries it until lease_ms), waiting (until due_ms) or held (for the operator). */
#pragma once

#include "queue/entry.h"

#define STORE_ERROR (g_quark_from_static_string("store"))

typedef enum {
    STORE_ERROR_IO,      /* it may work later; the last group is undone */
    STORE_ERROR_FULL,    /* no room for new entries: disk or inodes, the reserve included */
    STORE_ERROR_IN_USE,  /* another process has this store */
    STORE_ERROR_CORRUPT, /* set aside by the operator only; nothing was changed */
    STORE_ERROR_NEWER,   /* written by a later version */
    STORE_ERROR_UNSAFE,  /* folder or files belong to somebody else, or others may write them */
    STORE_ERROR_GONE,    /* no such entry */
    STORE_ERROR_EXISTS,  /* another entry has that id */
} StoreError;

typedef struct Store Store;

typedef struct {
    const char *folder;        /* of the queue; made if it is not there. Ignored by memory: */
    gint64 reserve_bytes;      /* free space that new entries must leave */
    gint64 reserve_inodes;
    gint64 max_bytes;          /* of all entries; 0: no limit */
    guint max_entries;         /* 0: no limit */
    gint64 spool_memory_bytes; /* for the spools of loaded entries */
} StoreConf;

/* kind is "sqlite" or "memory". Clears what a crash left behind: orphan files, and leases, whose entries are cut off
 * then. Upgrades an old schema. conf is copied. */
Store *store_open(const char *kind, const StoreConf *conf, GError **error);
void store_close(Store *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Store, store_close)

/* Writes the bytes of a large entry to a file of its own, fsynced, so that store_put() need not; small ones stay for
 * the row. Uses nothing of the Store but its folder, which never changes: any thread, also while the store's own is
 * busy. EXISTS if the id has a file already. Without a following store_put() the file is cleared at the next start, or by store_unstage(). */
bool store_stage(const Store *self, const Entry *entry, GError **error);
void store_unstage(const Store *self, const Entry *entry);

bool store_begin(Store *self, GError **error);
bool store_commit(Store *self, GError **error); /* false: the whole group is undone */

/* What follows can be undone back to here; a later mark replaces it. */
bool store_mark(Store *self, GError **error);
bool store_undo(Store *self, GError **error);

/* What the operator must know though it is no error, once: files that were missing, or were removed under us.
 * NULL: nothing. Caller frees. */
char *store_take_warning(Store *self);

/* A new row, leased until lease_ms (0: waiting until entry->due_ms, or held). Large entries must be staged. Bytes of
 * the entry's spool are read. FULL when the reserve would be touched; EXISTS if the id is taken. bounce: of our own making, which may use the
 * reserve. */
bool store_put(Store *self, const Entry *entry, gint64 lease_ms, GError **error);

/* Writes what can change (recipients' outcomes and tries, attempts, due_ms, expires_ms, delay_told, held,
 * cut_off) and ends the lease; a row that the operator held meanwhile stays held. GONE if there is no such row. */
bool store_update(Store *self, const Entry *entry, GError **error);

/* Writes what is known of the recipients at those places (of guint) while the entry is worked on; nothing else changes.
 * GONE if there is no such row. */
bool store_progress(Store *self, const Entry *entry, const GArray *places, GError **error);

/* The entry is done: the row goes, its file once the group is durable. Nothing happens if it is not there. */
bool store_remove(Store *self, const char *id, GError **error);

/* Leases up to max waiting entries that are due, fairly between envelope senders: the entries of one
 * that has few never wait for all those of one that has many. GPtrArray of Entry, complete, bytes readable until
 * they are freed, whatever becomes of the row. An entry that cannot be read is held, with the reason, and
 * not returned; damaged() is told on the caller's thread, if there is one. Leases that ran out are over, their entries
 * cut off. A due_ms later than now + max_wait_ms (the clock went back) counts as that, but nothing goes before its hold_until_ms. Of
 * what is due the highest priority goes first; of each four entries one is of a lower one, if there is any. */
typedef struct {
    gint64 now_ms;
    gint64 lease_ms;
    gint64 max_wait_ms;
    guint max;
    bool late; /* only those that are due and whose by_ms is over, as that came, whoever sent them */
    void (*damaged)(const char *id, const char *why, void *user);
    void *user;
} StoreClaim;
GPtrArray *store_claim(Store *self, const StoreClaim *claim, GError **error);

/* Prolongs leases; GONE names the first that is not there. ids ends with NULL. */
bool store_renew(Store *self, const char *const *ids, gint64 lease_ms, GError **error);

/* When the next waiting entry is due; G_MAXINT64: there is none. */
bool store_next_due(Store *self, gint64 *due_ms, GError **error);

/* When the next waiting entry is both due and late (StoreClaim.late); G_MAXINT64: there is none. */
bool store_next_late(Store *self, gint64 *late_ms, GError **error);

/* One entry with its bytes; NULL and GONE if there is none. */
Entry *store_load(Store *self, const char *id, GError **error);

/* What the operator sees; strings are borrowed during the visit. */
typedef struct {
    const Entry *entry; /* without spool and scan */
    gint64 bytes;
    bool leased;
} StoreRow;

typedef struct {
    const char *after; /* only ids greater than this one: pages are cheap at any depth; NULL: from the start */
    guint max;         /* rows visited; 0: no limit */
    const char *id;       /* exactly; NULL: any */
    const char *sender;   /* part of the envelope sender, any case; NULL: any */
    const char *recipient; /* part of an open recipient's address */
    int held;             /* 1: only held ones, 0: only others, -1: all */
} StoreQuery;

/* In the order of ids, which is that of age. A damaged row is shown with what can be read of it and the damage as
 * reason in held. */
bool store_each(Store *self, const StoreQuery *query, void (*visit)(const StoreRow *row, void *user), void *user,
                GError **error);

/* Operator's changes to one entry; GONE if there is none. Due now, and held by nobody, its sender included (RFC 4865):
 * release; due now, or when it may go: retry. One that is leased goes on, and is held once its lease ends. */
typedef enum { STORE_RETRY, STORE_HOLD, STORE_RELEASE } StoreAction;
bool store_change(Store *self, const char *id, StoreAction action, gint64 now_ms, GError **error);

/* All that wait for later and fit the query, but for those that may not go yet, at most query->max, become due now; how
 * many. Again while it is that many. */
bool store_flush(Store *self, const StoreQuery *query, gint64 now_ms, guint *n, GError **error);

/* Entries get another due_ms, no later than their by_ms, without being tried: their account is paused, say. Ends their
 * leases. Ids that are not there are passed over. */
bool store_defer(Store *self, const char *const *ids, gint64 due_ms, GError **error);

typedef struct {
    guint64 entries, held, leased, due;
    gint64 bytes;
    gint64 oldest_ms; /* arrival; 0: there is none */
} StoreStats;
/* Whether a small entry could be put at this moment, as far as can be told without one. FULL if not. */
bool store_has_room(Store *self, GError **error);

bool store_stats(Store *self, gint64 now_ms, StoreStats *stats, GError **error);
