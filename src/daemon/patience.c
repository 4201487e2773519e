#include "daemon/patience.h"

enum {
    STRESS_MS = 10000, /* as Postfix waits under stress */
    FREE_ERRORS = 5,   /* a client may make while it finds out what we offer */
};

bool
stress_turns(Stress *self, guint now)
{
    guint64 share = (guint64) now * 100;
    bool on = self->on ? share >= (guint64) self->max * 60 : share > (guint64) self->max * 80;
    bool turns = on != self->on;

    self->on = on;
    return turns;
}

gint64
patience_command_ms(const ListenConf *conf, gint64 age_ms, bool stress)
{
    gint64 most = stress ? MIN(conf->command_timeout_ms, STRESS_MS) : conf->command_timeout_ms;

    if (conf->session_timeout_ms > 0)
        most = MIN(most, conf->session_timeout_ms - age_ms);
    return MAX(1, most);
}

gint64
patience_data_ms(const ListenConf *conf, gint64 age_ms, gint64 granted_ms)
{
    if (conf->session_timeout_ms > 0)
        granted_ms = MIN(granted_ms, 2 * conf->session_timeout_ms - age_ms);
    return MAX(1, granted_ms);
}

/* Who waits holds a connection, of which there are few under stress. */
gint64
patience_error_ms(const Listen *listen, guint errors, guint seen, bool stress)
{
    if (errors <= FREE_ERRORS || errors <= seen || stress)
        return 0;
    return MIN(listen->limits.error_delay_ms, listen->conf.command_timeout_ms / 2);
}
