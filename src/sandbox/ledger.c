#include "sandbox/ledger.h"

#include <string.h>

#include "sandbox/problem.h"
#include "sandbox/role.h"

struct Ledger {
    GPtrArray *rows;            /* of LedgerRow */
    GHashTable *by_id;          /* those of Arara, borrowed from rows */
    guint max_rows;
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
    for (guint i = 0; self->unsubscribe_urls && i < self->recipients; i++)
        g_free(self->unsubscribe_urls[i]);
    g_free(self->unsubscribe_urls);
    g_free(self->roles);
    g_strfreev(self->to);
    g_free(self);
}

Ledger *
ledger_new(guint max_rows)
{
    Ledger *self = g_new0(Ledger, 1);

    self->rows = g_ptr_array_new_with_free_func(row_free);
    self->by_id = g_hash_table_new(g_str_hash, g_str_equal);
    self->max_rows = max_rows;
    return self;
}

void
ledger_free(Ledger *self)
{
    if (!self)
        return;
    g_hash_table_unref(self->by_id);
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

/* Names the recipients and what they do. */
static void
take_recipients(LedgerRow *row, const Letter *letter)
{
    const GPtrArray *const lists[] = { letter->to, letter->cc, letter->bcc };
    guint n = 0;

    row->recipients = letter_recipients(letter);
    row->tos = letter->to->len;
    row->ccs = letter->cc->len;
    row->to = g_new0(char *, row->recipients + 1);
    row->roles = g_new0(guint8, row->recipients);
    for (size_t l = 0; l < G_N_ELEMENTS(lists); l++)
        for (guint i = 0; i < lists[l]->len; i++, n++) {
            const Mailbox *box = lists[l]->pdata[i];
            row->to[n] = g_strdup(box->address);
            row->roles[n] = role_of(box->address);
            if (row->roles[n] != ROLE_UNSUBSCRIBE || !box->unsubscribe_url)
                continue;
            if (!row->unsubscribe_urls)
                row->unsubscribe_urls = g_new0(char *, row->recipients);
            row->unsubscribe_urls[n] = g_strdup(box->unsubscribe_url);
        }
}

/* Forgets the n oldest. */
static void
drop(Ledger *self, guint n)
{
    for (guint i = 0; i < n; i++) {
        const LedgerRow *row = self->rows->pdata[i];
        if (row->id && g_hash_table_lookup(self->by_id, row->id) == row)
            g_hash_table_remove(self->by_id, row->id);
    }
    if (n > 0)
        g_ptr_array_remove_range(self->rows, 0, n);
}

LedgerRow *
ledger_add(Ledger *self, const Letter *letter, guint64 call, const char *id, const char *request_id)
{
    LedgerRow *row = g_new0(LedgerRow, 1);

    row->number = ++self->last_number;
    row->call = call;
    row->time_us = row->due_us = g_get_real_time();
    /* In order of time, even if the clock is set back. */
    if (self->rows->len > 0)
        row->time_us = row->due_us = MAX(row->time_us, ((LedgerRow *) self->rows->pdata[self->rows->len - 1])->time_us);
    row->api = request_id ? "arara" : "emails";
    row->id = g_strdup(id);
    row->tag = g_strdup(request_id ? request_id : header(letter, "X-Api-Data"));
    row->message_id = g_strdup(header(letter, "X-Original-Message-ID"));
    row->from = g_strdup(letter->from->address);
    row->envelope_from = g_strdup(letter->envelope_from);
    row->subject = g_strdup(letter->subject);
    take_recipients(row, letter);
    /* Some at a time, for moving the others up costs. */
    if (self->rows->len >= self->max_rows)
        drop(self, self->max_rows / 16 + 1);
    g_ptr_array_add(self->rows, row);
    if (request_id && id)
        g_hash_table_replace(self->by_id, row->id, row);
    return row;
}

void
ledger_empty(Ledger *self)
{
    drop(self, self->rows->len);
}

LedgerRow *
ledger_by_id(const Ledger *self, const char *id)
{
    return g_hash_table_lookup(self->by_id, id);
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

guint
ledger_first_above(const Ledger *self, guint64 number)
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

guint
ledger_first_since(const Ledger *self, gint64 time_us)
{
    guint low = 0;
    guint high = self->rows->len;

    while (low < high) {
        guint middle = low + (high - low) / 2;
        const LedgerRow *row = self->rows->pdata[middle];
        if (row->time_us >= time_us)
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
    guint first = ledger_first_above(self, after);

    for (guint i = first; i < self->rows->len && (max == 0 || i - first < max); i++)
        put_row(out, self->rows->pdata[i]);
    return out;
}
