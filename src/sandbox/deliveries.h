/* What Arara remembers of accepted deliveries, and every request id ever used. Used by arara.c on
 * the server's thread alone. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
    char *id;
    char *request_id;
    gint64 reserved_us;         /* when it was accepted, by the wall clock */
    gint64 send_us;
    guint recipients;
    bool deleted;
} Delivery;

typedef struct Deliveries Deliveries;

Deliveries *deliveries_new(void);
void deliveries_free(Deliveries *self);

/* Makes the request id a used one; false if it was before. */
bool deliveries_use(Deliveries *self, const char *request_id);

bool deliveries_is_used(const Deliveries *self, const char *request_id);

/* An id that no delivery has had and none will get; the caller frees it. */
char *deliveries_new_id(Deliveries *self);

/* Takes id. The delivery is this object's; its recipients are the caller's to count. */
Delivery *deliveries_add(Deliveries *self, char *id, const char *request_id, gint64 now_us, gint64 send_us);

/* NULL if there is none. */
Delivery *deliveries_by_id(const Deliveries *self, const char *id);
const Delivery *deliveries_by_request(const Deliveries *self, const char *request_id);

/* All, of const Delivery, oldest first. */
const GPtrArray *deliveries_all(const Deliveries *self);
