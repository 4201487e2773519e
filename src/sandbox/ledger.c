#include "sandbox/ledger.h"

#include <string.h>

#include "sandbox/problem.h"

struct Ledger {
    GPtrArray *rows;            /* of LedgerRow */
    guint64 last_number;
};

static void
row_free(void *data)
{
    LedgerRow *self = data;

    g_free(self->id);
    g_free(self->tag);
    g_free(self->message_id);
    g_free(self->from);
    g_free(self->envelope_from);
    g_free(self->subject);
    g_strfreev(self->to);
    g_free(self);
}

Ledger *
ledger_new(void)
{
    Ledger *self = g_new0(Ledger, 1);

    self->rows = g_ptr_array_new_with_free_func(row_free);
    return self;
}

void
ledger_free(Ledger *self)
{
    if (!self)
        return;
    g_ptr_array_unref(self->rows);
    g_free(self);
}

static const char *
header(const Letter *letter, const char *name)
{
    for (guint i = 0; i < letter->headers->len; i++) {
        const LetterHeader *field = letter->headers->pdata[i];
        if (g_ascii_strcasecmp(field->name, name) == 0)
            return field->value;
    }
    return NULL;
}

static char **
recipients(const Letter *letter)
{
    const GPtrArray *const lists[] = { letter->to, letter->cc, letter->bcc };
    GPtrArray *all = g_ptr_array_new();

    for (size_t l = 0; l < G_N_ELEMENTS(lists); l++)
        for (guint i = 0; i < lists[l]->len; i++) {
            const Mailbox *box = lists[l]->pdata[i];
            g_ptr_array_add(all, g_strdup(box->address));
        }
    g_ptr_array_add(all, NULL);
    return (char **) g_ptr_array_free(all, FALSE);
}

void
ledger_add(Ledger *self, const Letter *letter, guint64 call, const char *id, const char *request_id)
{
    LedgerRow *row = g_new0(LedgerRow, 1);

    row->number = ++self->last_number;
    row->call = call;
    row->time_us = g_get_real_time();
    row->api = request_id ? "arara" : "emails";
    row->id = g_strdup(id);
    row->tag = g_strdup(request_id ? request_id : header(letter, "X-Api-Data"));
    row->message_id = g_strdup(header(letter, "X-Original-Message-ID"));
    row->from = g_strdup(letter->from->address);
    row->envelope_from = g_strdup(letter->envelope_from);
    row->subject = g_strdup(letter->subject);
    row->to = recipients(letter);
    g_ptr_array_add(self->rows, row);
}

void
ledger_empty(Ledger *self)
{
    g_ptr_array_set_size(self->rows, 0);
}

const GPtrArray *
ledger_rows(const Ledger *self)
{
    return self->rows;
}

static void
put_string(GString *out, const char *name, const char *value)
{
    g_string_append_printf(out, ",\"%s\":", name);
    if (value)
        body_json_string(out, value);
    else
        g_string_append(out, "null");
}

static void
put_row(GString *out, const LedgerRow *row)
{
    g_string_append_printf(out, "{\"number\":%" G_GUINT64_FORMAT ",\"call\":%" G_GUINT64_FORMAT, row->number, row->call);
    put_string(out, "api", row->api);
    put_string(out, "id", row->id);
    put_string(out, "tag", row->tag);
    put_string(out, "message_id", row->message_id);
    g_string_append(out, ",\"to\":[");
    for (char **to = row->to; *to; to++) {
        g_string_append(out, to == row->to ? "" : ",");
        body_json_string(out, *to);
    }
    g_string_append(out, "]}\n");
}

/* The place of the first row above a number: rows are in its order. */
static guint
first_above(const Ledger *self, guint64 number)
{
    guint low = 0;
    guint high = self->rows->len;

    while (low < high) {
        guint middle = low + (high - low) / 2;
        const LedgerRow *row = self->rows->pdata[middle];
        if (row->number > number)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

GString *
ledger_list(const Ledger *self, guint64 after, guint64 max)
{
    GString *out = g_string_new(NULL);
    guint first = first_above(self, after);

    for (guint i = first; i < self->rows->len && (max == 0 || i - first < max); i++)
        put_row(out, self->rows->pdata[i]);
    return out;
}
