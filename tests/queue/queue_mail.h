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
