#include "sandbox/transaction_row.h"

enum { JAPAN_S = 9 * 3600 };

char *
transaction_time_text(gint64 time_us)
{
    g_autoptr(GDateTime) japan = g_date_time_new_from_unix_utc(time_us / G_USEC_PER_SEC + JAPAN_S);

    return g_date_time_format(japan, "%Y-%m-%d %H:%M:%S");
}

/* What deliveries and bounces have in common. */
static cJSON *
row_json(const LedgerRow *row, guint place, const Fate *fate)
{
    cJSON *json = cJSON_CreateObject();
    g_autofree char *created = transaction_time_text(fate->time_us);
    g_autofree char *id = row->id ? g_strdup(row->id)
                                  : g_strdup_printf("<%" G_GUINT64_FORMAT ".%u@bulk.sandbox.invalid>", row->call, place);

    cJSON_AddStringToObject(json, "created", created);
    cJSON_AddStringToObject(json, "returnPath", row->envelope_from ? row->envelope_from : row->from);
    cJSON_AddStringToObject(json, "from", row->from);
    cJSON_AddStringToObject(json, "to", row->to[place]);
    cJSON_AddStringToObject(json, "messageId", id);
    cJSON_AddStringToObject(json, "reason", fate->reason);
    cJSON_AddStringToObject(json, "subject", row->subject);
    cJSON_AddStringToObject(json, "apiData", row->tag ? row->tag : "");
    return json;
}

cJSON *
transaction_delivery(const LedgerRow *row, guint place, const Fate *fate)
{
    cJSON *json = row_json(row, place, fate);

    cJSON_AddStringToObject(json, "senderIp", "127.0.0.1");
    cJSON_AddStringToObject(json, "sourceIp", "127.0.0.1");
    cJSON_AddStringToObject(json, "status", fate_word(fate->kind));
    return json;
}

cJSON *
transaction_bounce(const LedgerRow *row, guint place, const Fate *fate)
{
    cJSON *json = row_json(row, place, fate);
    char number[16];

    g_snprintf(number, sizeof number, "%u", fate->bounce_class);
    cJSON_AddStringToObject(json, "status", number);
    return json;
}
