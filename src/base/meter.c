#include "base/meter.h"

#include <stdbool.h>

static const double bounds[] = { 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60 };

typedef struct {
    char *values[METER_LABELS];
    double sum;
    guint64 counts[G_N_ELEMENTS(bounds) + 1]; /* of a histogram; the last is of what is longer */
} Series;

static bool
is_of(const Series *self, const char *const values[METER_LABELS])
{
    for (guint i = 0; i < METER_LABELS; i++) {
        if (g_strcmp0(self->values[i], values[i]) != 0)
            return false;
    }
    return true;
}

static Series *
series_new(Meter *self, const char *const values[METER_LABELS])
{
    Series *new = g_new0(Series, 1);

    for (guint i = 0; i < METER_LABELS; i++)
        new->values[i] = g_strdup(values[i]);
    g_ptr_array_add(self->series, new); /* as long as the process lives */
    return new;
}

/* The last place is for all that find none. */
static Series *
find_series(Meter *self, const char *first, const char *second)
{
    const char *const values[METER_LABELS] = { self->labels[0] ? first : NULL, self->labels[1] ? second : NULL };
    const char *const others[METER_LABELS] = { "other", self->labels[1] ? "other" : NULL };

    if (!self->series)
        self->series = g_ptr_array_new();
    for (guint i = 0; i < self->series->len; i++) {
        if (is_of(self->series->pdata[i], values))
            return self->series->pdata[i];
    }
    if (self->series->len >= METER_MAX_SERIES)
        return self->series->pdata[METER_MAX_SERIES - 1];
    return series_new(self, self->series->len == METER_MAX_SERIES - 1 ? others : values);
}

void
meter_add(Meter *self, double n, const char *first, const char *second)
{
    find_series(self, first, second)->sum += n;
}

void
meter_observe(Meter *self, double seconds, const char *first)
{
    Series *series = find_series(self, first, NULL);
    guint i = 0;

    while (i < G_N_ELEMENTS(bounds) && seconds > bounds[i])
        i++;
    series->counts[i]++;
    series->sum += seconds;
}

/* --- printing ------------------------------------------------------------------------------------ */

static void
print_label(const char *name, const char *value, GString *out)
{
    g_autofree char *valid = g_utf8_make_valid(value ? value : "", -1);

    g_string_append_printf(out, "%s=\"", name);
    for (const char *at = valid; *at; at++) {
        if (*at == '\n')
            g_string_append(out, "\\n");
        else if (*at == '"' || *at == '\\')
            g_string_append_printf(out, "\\%c", *at);
        else
            g_string_append_c(out, *at);
    }
    g_string_append_c(out, '"');
}

static void
print_number(double n, GString *out)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];

    g_string_append_printf(out, " %s\n", g_ascii_formatd(text, sizeof text, "%.15g", n));
}

/* le: of a histogram's bucket; NULL: none. */
static void
print_line(const Meter *self, const Series *series, const char *suffix, const char *le, double n, GString *out)
{
    guint labels = 0;

    g_string_append_printf(out, "%s%s", self->name, suffix);
    for (guint i = 0; i < METER_LABELS && self->labels[i]; i++) {
        g_string_append_c(out, labels++ ? ',' : '{');
        print_label(self->labels[i], series->values[i], out);
    }
    if (le) {
        g_string_append_c(out, labels++ ? ',' : '{');
        print_label("le", le, out);
    }
    if (labels)
        g_string_append_c(out, '}');
    print_number(n, out);
}

static void
print_histogram(const Meter *self, const Series *series, GString *out)
{
    guint64 n = 0;

    for (guint i = 0; i < G_N_ELEMENTS(bounds); i++) {
        char le[G_ASCII_DTOSTR_BUF_SIZE];
        n += series->counts[i];
        print_line(self, series, "_bucket", g_ascii_formatd(le, sizeof le, "%.15g", bounds[i]), (double) n, out);
    }
    n += series->counts[G_N_ELEMENTS(bounds)];
    print_line(self, series, "_bucket", "+Inf", (double) n, out);
    print_line(self, series, "_sum", NULL, series->sum, out);
    print_line(self, series, "_count", NULL, (double) n, out);
}

void
meter_print_head(const char *name, const char *help, MeterKind kind, GString *out)
{
    static const char *const kinds[] = { "counter", "gauge", "histogram" };

    g_string_append_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kinds[kind]);
}

void
meter_print_value(const char *name, const char *label, const char *value, double n, GString *out)
{
    g_string_append(out, name);
    if (value) {
        g_string_append_c(out, '{');
        print_label(label, value, out);
        g_string_append_c(out, '}');
    }
    print_number(n, out);
}

void
meter_print_values(const char *name, const char *const labels[METER_LABELS], const char *const values[METER_LABELS],
                   double n, GString *out)
{
    g_string_append(out, name);
    for (guint i = 0; i < METER_LABELS; i++) {
        g_string_append_c(out, i == 0 ? '{' : ',');
        print_label(labels[i], values[i], out);
    }
    g_string_append_c(out, '}');
    print_number(n, out);
}

void
meter_print(const Meter *self, GString *out)
{
    meter_print_head(self->name, self->help, self->kind, out);
    if (!self->series && !self->labels[0])
        meter_print_value(self->name, NULL, NULL, 0, out);
    for (guint i = 0; self->series && i < self->series->len; i++) {
        const Series *series = self->series->pdata[i];
        if (self->kind == METER_HISTOGRAM)
            print_histogram(self, series, out);
        else
            print_line(self, series, "", NULL, series->sum, out);
    }
}
