/* A feedback.db in a folder of its own, for a test. */
#pragma once

#include "queue/feedback_store.h"

typedef struct {
    char *folder;
    FeedbackStore *store;
} Site;

/* set_up and tear_down of g_test_add(). data NULL: nothing is begun; else a transaction is. */
void site_open(Site *self, gconstpointer data);
void site_close(Site *self, gconstpointer data);

/* The store closed and opened again, as by another process. */
void site_reopen(Site *self);

void site_begin(const Site *self);
void site_commit(const Site *self);
