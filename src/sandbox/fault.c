#include "sandbox/fault.h"

#include <string.h>

typedef struct {
    Fault fault;
    guint64 left;               /* 0: without end */
    guint64 every;              /* 0: each request */
    guint64 seen;
} FaultOrder;

struct Faults {
    GPtrArray *orders;          /* of FaultOrder */
};

static const char *const names[] = {
    [FAULT_NONE] = "none", [FAULT_CLOSE_BEFORE] = "close-before", [FAULT_CLOSE_AFTER] = "close-after",
    [FAULT_RESET] = "reset", [FAULT_TRUNCATE] = "truncate", [FAULT_DELAY] = "delay",
    [FAULT_STATUS] = "status", [FAULT_HTML] = "html", [FAULT_ERROR] = "error",
};

Faults *
faults_new(void)
{
    Faults *self = g_new0(Faults, 1);

    self->orders = g_ptr_array_new_with_free_func(g_free);
    return self;
}

void
faults_free(Faults *self)
{
    if (!self)
        return;
    g_ptr_array_unref(self->orders);
    g_free(self);
}

void
faults_clear(Faults *self)
{
    g_ptr_array_set_size(self->orders, 0);
}

const char *
fault_name(FaultKind kind)
{
    return names[kind];
}

static bool
read_number(const char *text, guint64 min, guint64 max, guint64 *number)
{
    return g_ascii_string_to_unsigned(text, 10, min, max, number, NULL);
}

/* "503" or "429/30": a status and, after the stroke, Retry-After. */
static bool
read_status(const char *text, Fault *fault)
{
    g_auto(GStrv) parts = g_strsplit(text, "/", 2);
    guint64 status = 0;
    guint64 seconds = 0;

    if (!parts[0] || !read_number(parts[0], 200, 599, &status))
        return false;
    if (parts[1] && !read_number(parts[1], 1, 86400, &seconds))
        return false;
    fault->status = (unsigned) status;
    fault->retry_after_s = (unsigned) seconds;
    return true;
}

static bool
read_fault(const char *kind, Fault *fault)
{
    g_auto(GStrv) parts = g_strsplit(kind, "=", 2);
    guint64 number = 0;
    bool needs_value = false;

    for (size_t i = FAULT_CLOSE_BEFORE; i < G_N_ELEMENTS(names); i++)
        if (g_strcmp0(parts[0], names[i]) == 0)
            fault->kind = (FaultKind) i;
    if (fault->kind == FAULT_STATUS || fault->kind == FAULT_DELAY || fault->kind == FAULT_ERROR)
        needs_value = true;
    if (fault->kind == FAULT_NONE || needs_value != (parts[1] != NULL))
        return false;
    if (fault->kind == FAULT_STATUS)
        return read_status(parts[1], fault);
    if (fault->kind == FAULT_ERROR)
        return (fault->error = problem_kind(parts[1])) != NULL;
    if (fault->kind == FAULT_DELAY) {
        if (!read_number(parts[1], 0, 3600 * 1000, &number))
            return false;
        fault->delay_ms = (unsigned) number;
    }
    return true;
}

static bool
read_count(const char *text, FaultOrder *order)
{
    if (g_str_has_prefix(text, "every "))
        return read_number(text + 6, 1, G_MAXINT64, &order->every);
    if (g_str_has_prefix(text, "first "))
        text += 6;
    return read_number(text, 1, G_MAXINT64, &order->left);
}

bool
faults_add(Faults *self, const char *order, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(order, ":", 2);
    g_autofree FaultOrder *new = g_new0(FaultOrder, 1);

    if (!parts[0] || !read_fault(parts[0], &new->fault) || (parts[1] && !read_count(parts[1], new))) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "not a fault: %s", order);
        return false;
    }
    g_ptr_array_add(self->orders, g_steal_pointer(&new));
    return true;
}

Fault
faults_next(Faults *self)
{
    for (guint i = 0; i < self->orders->len; i++) {
        FaultOrder *order = self->orders->pdata[i];
        order->seen++;
        if (order->every && order->seen % order->every != 0)
            continue;
        Fault fault = order->fault;
        if (order->left && --order->left == 0)
            g_ptr_array_remove_index(self->orders, i);
        return fault;
    }
    return (Fault) { FAULT_NONE };
}
