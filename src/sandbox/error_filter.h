/* Arara's error filter: how often mail to an address failed. Used on the server's thread alone. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
    guint tenths;               /* the count, which is shown with one decimal */
    gint64 registered_us;
    gint64 updated_us;
} FilterCount;

typedef struct ErrorFilter ErrorFilter;

/* Of no more than max addresses. */
ErrorFilter *error_filter_new(guint max);
void error_filter_free(ErrorFilter *self);

/* NULL if the address isn't in it; upper and lower case are the same. */
const FilterCount *error_filter_get(const ErrorFilter *self, const char *address);

/* False if it is full. */
bool error_filter_set(ErrorFilter *self, const char *address, guint tenths, gint64 now_us);

/* Counts a failure, up to 99.0. */
void error_filter_raise(ErrorFilter *self, const char *address, guint tenths, gint64 now_us);
