/* Figures for whoever watches the program: counters, gauges and histograms, printed in Prometheus' text form (exposition
 * format 0.0.4). A module has its own as static data. Counting allocates nothing but for the first of each set of labels,
 * and their number is bounded: what is beyond counts as "other". One thread. */
#pragma once

#include <glib.h>

typedef enum { METER_COUNTER, METER_GAUGE, METER_HISTOGRAM } MeterKind;

enum { METER_LABELS = 2, METER_MAX_SERIES = 256 };

typedef struct {
    const char *name; /* shimta_…; of a counter with _total at its end */
    const char *help;
    MeterKind kind;
    const char *labels[METER_LABELS]; /* their names; NULL: none */
    GPtrArray *series;                /* its own */
} Meter;

/* Values for its labels, in their order; NULL for one that it has not got. They are copied. */
void meter_add(Meter *self, double n, const char *first, const char *second);

/* One more duration, of a histogram. */
void meter_observe(Meter *self, double seconds, const char *first);

/* With its head, and one without labels, also while nothing was counted. */
void meter_print(const Meter *self, GString *out);

/* The same for figures that are kept elsewhere: first the head, then each of its values. value NULL: without a label. */
void meter_print_head(const char *name, const char *help, MeterKind kind, GString *out);
void meter_print_value(const char *name, const char *label, const char *value, double n, GString *out);

/* One with several labels. */
void meter_print_values(const char *name, const char *const labels[METER_LABELS],
                        const char *const values[METER_LABELS], double n, GString *out);
