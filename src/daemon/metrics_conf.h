/* What [metrics] says: whether figures and health can be asked for, where, and by whom. */
#pragma once

#include "base/conf.h"
#include "io/endpoint.h"

typedef struct {
    char *address; /* NULL: nowhere */
    guint mode;    /* of a unix socket */
    char **networks;
} MetricsConf;

extern const ConfKey metrics_conf_keys[];

typedef struct {
    MetricsConf conf;
    GArray *networks; /* of Network; NULL until read */
} MetricsAccess;

/* A listener that the network can reach must say who may ask. */
bool metrics_read(MetricsAccess *self, ConfFile *file, GError **error);
void metrics_clear(MetricsAccess *self);
