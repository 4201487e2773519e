/* Entries and folders for the tests of the store. */
#pragma once

#include "queue/store.h"

/* Never NUL-terminated text: all 256 values, different for each seed. Caller frees. */
char *queue_bytes(size_t n, guint seed);

/* From sender to rcpt@there.test with n such bytes. */
Entry *queue_mail(const char *sender, size_t n, guint seed);

/* A new folder's path; the folder itself is not made. Caller frees and removes. */
char *queue_folder(void);
void queue_folder_remove(const char *path);

Store *queue_open(const char *kind, const char *folder, gint64 reserve_bytes);

/* Stages, and puts in a group of its own. */
void queue_put(Store *store, const Entry *entry, gint64 lease_ms);
guint queue_count(Store *store);
void queue_assert_same(const Entry *got, const Entry *want);
void queue_assert_bytes(const Spool *got, const Spool *want);

typedef struct {
    char *folder;
    Store *store;
} QueueFixture;

enum { QUEUE_KINDS = 2 };
extern const char *const queue_kinds[QUEUE_KINDS];

/* Adds a test with a fresh store of that kind. */
void queue_test(const char *name, const char *kind, void (*run)(QueueFixture *self, const void *kind));

/* Each in a group of its own. */
GPtrArray *queue_claim(Store *store, gint64 now_ms, guint max);
char *queue_claim_one(Store *store, gint64 now_ms); /* its id, or NULL. Caller frees. */
gint64 queue_next_due(Store *store);
void queue_update(Store *store, const Entry *entry);
void queue_remove(Store *store, const char *id);
void queue_change(Store *store, const char *id, StoreAction action); /* at 2000 */
void queue_put_many(Store *store, const char *sender, guint n, gint64 due_ms);
