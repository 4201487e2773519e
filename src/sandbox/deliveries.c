#include "sandbox/deliveries.h"

struct Deliveries {
    GPtrArray *list;
    GHashTable *by_id;          /* borrowed from list */
    GHashTable *by_request;     /* request id -> Delivery, NULL for one that failed */
    guint64 last_id;
};

static void
delivery_free(void *data)
{
    Delivery *self = data;

    g_free(self->id);
    g_free(self->request_id);
    g_free(self);
}

Deliveries *
deliveries_new(void)
{
    Deliveries *self = g_new0(Deliveries, 1);

    self->list = g_ptr_array_new_with_free_func(delivery_free);
    self->by_id = g_hash_table_new(g_str_hash, g_str_equal);
    self->by_request = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    self->last_id = 884212;
    return self;
}

void
deliveries_free(Deliveries *self)
{
    if (!self)
        return;
    g_hash_table_unref(self->by_id);
    g_hash_table_unref(self->by_request);
    g_ptr_array_unref(self->list);
    g_free(self);
}

bool
deliveries_use(Deliveries *self, const char *request_id)
{
    if (deliveries_is_used(self, request_id))
        return false;
    g_hash_table_insert(self->by_request, g_strdup(request_id), NULL);
    return true;
}

bool
deliveries_is_used(const Deliveries *self, const char *request_id)
{
    return g_hash_table_contains(self->by_request, request_id);
}

char *
deliveries_new_id(Deliveries *self)
{
    return g_strdup_printf("%" G_GUINT64_FORMAT, ++self->last_id);
}

Delivery *
deliveries_add(Deliveries *self, char *id, const char *request_id, gint64 now_us, gint64 send_us)
{
    Delivery *delivery = g_new0(Delivery, 1);

    delivery->id = id;
    delivery->request_id = g_strdup(request_id);
    delivery->reserved_us = now_us;
    delivery->send_us = send_us;
    g_ptr_array_add(self->list, delivery);
    g_hash_table_insert(self->by_id, delivery->id, delivery);
    g_hash_table_replace(self->by_request, g_strdup(request_id), delivery);
    return delivery;
}

Delivery *
deliveries_by_id(const Deliveries *self, const char *id)
{
    return g_hash_table_lookup(self->by_id, id);
}

const Delivery *
deliveries_by_request(const Deliveries *self, const char *request_id)
{
    return g_hash_table_lookup(self->by_request, request_id);
}

const GPtrArray *
deliveries_all(const Deliveries *self)
{
    return self->list;
}
