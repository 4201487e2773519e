#include "sandbox/fault.h"

#include <string.h>

#include "sandbox/problem.h"

typedef struct {
    Fault fault;
    unsigned apis;              /* a set of Api: whose requests */
    char *path;                 /* and how their paths begin; NULL: any */
    guint64 left;               /* 0: without end */
    guint64 every;              /* 0: each request */
    guint64 seen;
    guint64 down_ms;            /* at the begin of each period_ms; 0: always */
    guint64 period_ms;
    gint64 began_us;
} FaultOrder;

struct Faults {
    GPtrArray *orders;          /* of FaultOrder */
};

static const char *const names[] = {
    [FAULT_NONE] = "none", [FAULT_CLOSE_BEFORE] = "close-before", [FAULT_CLOSE_AFTER] = "close-after",
    [FAULT_RESET] = "reset", [FAULT_TRUNCATE] = "truncate", [FAULT_CUT] = "cut", [FAULT_DRIP] = "drip",
    [FAULT_DELAY] = "delay",
    [FAULT_STATUS] = "status", [FAULT_HTML] = "html", [FAULT_ERROR] = "error",
};

/* Errors of Arara: of each delivery, too-many, and of the whole request. */
static const char *const arara_errors[] = {
    "400", "409", "500", "too-many", "message", "message-400", "message-500",
};

static void
order_free(void *data)
{
    FaultOrder *self = data;

    g_free(self->path);
    g_free(self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FaultOrder, order_free)

Faults *
faults_new(void)
{
    Faults *self = g_new0(Faults, 1);

    self->orders = g_ptr_array_new_with_free_func(order_free);
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

/* "503", "429/30" or "429/date30": a status and, after the stroke, Retry-After. */
static bool
read_status(const char *text, Fault *fault)
{
    g_auto(GStrv) parts = g_strsplit(text, "/", 2);
    guint64 status = 0;
    guint64 seconds = 0;

    if (!parts[0] || !read_number(parts[0], 200, 599, &status))
        return false;
    fault->status = (unsigned) status;
    if (!parts[1])
        return true;
    bool date = g_str_has_prefix(parts[1], "date");
    fault->retry = date ? RETRY_DATE : RETRY_SECONDS;
    if (!read_number(parts[1] + (date ? strlen("date") : 0), 0, G_MAXINT32, &seconds))
        return false;
    fault->retry_after_s = (unsigned) seconds;
    return true;
}

/* Which API has the error says whose requests can get it. */
static bool
read_error(const char *text, FaultOrder *order)
{
    const ProblemKind *problem = problem_kind(text);

    if (problem) {
        order->fault.error = problem->code;
        order->apis = API_EMAILS;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(arara_errors); i++)
        if (strcmp(arara_errors[i], text) == 0) {
            order->fault.error = arara_errors[i];
            order->apis = API_ARARA;
        }
    return order->fault.error != NULL;
}

static bool
read_fault(const char *kind, FaultOrder *order)
{
    Fault *fault = &order->fault;
    g_auto(GStrv) parts = g_strsplit(kind, "=", 2);
    guint64 number = 0;
    bool needs_value = false;

    for (size_t i = FAULT_CLOSE_BEFORE; i < G_N_ELEMENTS(names); i++)
        if (g_strcmp0(parts[0], names[i]) == 0)
            fault->kind = (FaultKind) i;
    if (fault->kind == FAULT_STATUS || fault->kind == FAULT_DELAY || fault->kind == FAULT_DRIP ||
        fault->kind == FAULT_ERROR)
        needs_value = true;
    if (fault->kind == FAULT_NONE || needs_value != (parts[1] != NULL))
        return false;
    if (fault->kind == FAULT_STATUS)
        return read_status(parts[1], fault);
    if (fault->kind == FAULT_ERROR)
        return read_error(parts[1], order);
    if (parts[1]) {
        if (!read_number(parts[1], 0, 3600 * 1000, &number))
            return false;
        fault->delay_ms = (unsigned) number;
    }
    return true;
}

/* "MS of MS" */
static bool
read_down(const char *text, FaultOrder *order)
{
    g_auto(GStrv) parts = g_strsplit(text, " of ", 2);

    order->began_us = g_get_monotonic_time();
    return parts[0] && parts[1] && read_number(parts[0], 1, G_MAXINT32, &order->down_ms)
           && read_number(parts[1], order->down_ms, G_MAXINT32, &order->period_ms);
}

static bool
read_count(const char *text, FaultOrder *order)
{
    if (g_str_has_prefix(text, "down "))
        return read_down(text + 5, order);
    if (g_str_has_prefix(text, "every "))
        return read_number(text + 6, 1, G_MAXINT64, &order->every);
    if (g_str_has_prefix(text, "first "))
        text += 6;
    return read_number(text, 1, G_MAXINT64, &order->left);
}

/* KIND[@PATH] */
static bool
read_aim(const char *text, FaultOrder *order)
{
    g_auto(GStrv) parts = g_strsplit(text, "@", 2);

    order->apis = API_EMAILS | API_ARARA;
    if (!parts[0] || !read_fault(parts[0], order))
        return false;
    if (!parts[1])
        return true;
    order->path = g_strdup(parts[1]);
    /* A login or a look-up has faults only if they are for it. */
    order->apis |= API_ARARA_LOGIN | API_DELIVERIES | API_QUERY;
    return *order->path == '/';
}

bool
faults_add(Faults *self, const char *text, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(text, ":", 2);
    g_autoptr(FaultOrder) order = g_new0(FaultOrder, 1);

    if (!parts[0] || !read_aim(parts[0], order) || (parts[1] && !read_count(parts[1], order))) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "not a fault: %s", text);
        return false;
    }
    g_ptr_array_add(self->orders, g_steal_pointer(&order));
    return true;
}

static bool
is_for(const FaultOrder *order, Api api, const char *path)
{
    return (order->apis & api) && (!order->path || g_str_has_prefix(path, order->path));
}

static bool
is_down(const FaultOrder *order)
{
    guint64 ms = (guint64) (g_get_monotonic_time() - order->began_us) / 1000;

    return order->down_ms == 0 || ms % order->period_ms < order->down_ms;
}

Fault
faults_next(Faults *self, Api api, const char *path)
{
    for (guint i = 0; i < self->orders->len; i++) {
        FaultOrder *order = self->orders->pdata[i];
        if (!is_for(order, api, path) || !is_down(order))
            continue;
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
