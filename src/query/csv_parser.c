#include "query/parser.h"

#include "mail/charset.h"

#include <string.h>

enum { CSV_MAX_RECORD = 256 * 1024, CSV_MAX_COLUMNS = 1000 };

typedef struct {
    Gather *gather;
    GString *record; /* fields of the record at hand, each with a NUL behind it */
    guint columns;   /* whole ones in it */
    bool in_field;   /* the field at hand has a byte, or a quote */
    bool quoted, quote_seen; /* inside quotes; a quote came in there: its end, or the first of two */
    bool after_cr;
    bool begun, is_cp932;
    GPtrArray *names; /* of the columns, of char *; NULL before the first record */
    bool only_names;  /* it held names, and no record came behind it */
    bool headed;      /* one of them is known for a column of addresses */
} Csv;

static void *
csv_new(Gather *gather)
{
    Csv *self = g_new0(Csv, 1);

    self->gather = gather;
    self->record = g_string_new(NULL);
    return self;
}

static void
csv_free(void *data)
{
    Csv *self = data;

    if (!self)
        return;
    g_string_free(self->record, TRUE);
    if (self->names)
        g_ptr_array_unref(self->names);
    g_free(self);
}

/* Each byte that ends or quotes a field is none of a character's later bytes in either encoding. Once a record was not
 * UTF-8 none is. Caller frees. */
static char *
decode(Csv *self, const char *field)
{
    self->is_cp932 = self->is_cp932 || !g_utf8_validate(field, -1, NULL);
    return charset_to_utf8(field, strlen(field), self->is_cp932 ? "cp932" : "utf-8", NULL, NULL);
}

/* In the order of the record. */
static GPtrArray *
decode_fields(Csv *self)
{
    GPtrArray *fields = g_ptr_array_new_with_free_func(g_free);
    const char *at = self->record->str;

    for (guint i = 0; i < self->columns; i++, at += strlen(at) + 1)
        g_ptr_array_add(fields, decode(self, at));
    return fields;
}

static bool
is_address(const char *field)
{
    const char *at = strchr(field, '@');

    return at && at > field && at[1] && !strchr(field, ' ');
}

static bool
has_address(const GPtrArray *fields)
{
    for (guint i = 0; i < fields->len; i++) {
        if (is_address(fields->pdata[i]))
            return true;
    }
    return false;
}

/* The column of addresses by the names that the documents, and exports of such services, have for it. */
static bool
is_heading(const GPtrArray *fields)
{
    static const char *const names[] = {
        "mail", "email", "e-mail", "mailaddress", "emailaddress", "address", "mail_address", "email_address", "c15",
        "メールアドレス", "eメール", "e-mailアドレス", "eメールアドレス", "アドレス", "メール", NULL,
    };

    for (guint i = 0; i < fields->len; i++) {
        g_autofree char *plain = g_utf8_normalize(fields->pdata[i], -1, G_NORMALIZE_ALL_COMPOSE);
        g_autofree char *name = g_utf8_casefold(plain ? plain : "", -1);
        if (g_strv_contains(names, g_strstrip(name)))
            return true;
    }
    return false;
}

static GPtrArray *
names_of(const GPtrArray *fields, bool data)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);

    for (guint i = 0; i < fields->len; i++)
        g_ptr_array_add(names, data || !*(char *) fields->pdata[i] ? g_strdup_printf("column%u", i + 1)
                                                                    : g_strdup(fields->pdata[i]));
    return names;
}

static void
set_names(Csv *self, const GPtrArray *fields)
{
    bool data = has_address(fields);

    self->names = names_of(fields, data);
    self->only_names = !data;
    self->headed = !data && is_heading(fields);
}

/* A first line that names no column we know is one of names where what follows is like it, with an address; else both are
 * a text in words, which is what services write when they can't give the list. */
static bool
is_list(const Csv *self, const GPtrArray *fields)
{
    if (!self->only_names || self->headed || gather_is_direct(self->gather))
        return true;
    bool words = self->names->len == 1 && strchr(self->names->pdata[0], ' ');
    return has_address(fields) && fields->len == self->names->len && !words;
}

static bool
fail_as_text(Csv *self)
{
    return gather_fail(self->gather, "it is no list of addresses");
}

/* The column of addresses is known by them, where it must be known. */
static const char *
column_name(const Csv *self, const GPtrArray *fields, guint i, bool *seen)
{
    bool address = !*seen && !gather_is_direct(self->gather) && is_address(fields->pdata[i]);

    *seen = *seen || address;
    if (address)
        return QUERY_FIELD_ADDRESS;
    return i < self->names->len ? self->names->pdata[i] : "column";
}

static bool
put_record(Csv *self, const GPtrArray *fields)
{
    bool seen = false; /* the address */
    bool ok = gather_begin(self->gather, "");

    for (guint i = 0; ok && i < fields->len; i++) {
        const char *value = fields->pdata[i];
        ok = gather_leaf(self->gather, column_name(self, fields, i, &seen), value, strlen(value));
    }
    return ok && gather_end(self->gather);
}

/* One line alone is what was answered, whatever it is. */
static bool
put_names(Csv *self)
{
    g_autoptr(GPtrArray) fields = g_steal_pointer(&self->names);

    self->names = names_of(fields, true);
    return put_record(self, fields);
}

static bool
end_field(Csv *self)
{
    g_string_append_c(self->record, '\0');
    self->in_field = self->quoted = self->quote_seen = false;
    return ++self->columns <= CSV_MAX_COLUMNS || gather_fail(self->gather, "a line in it has too many columns");
}

static bool
end_record(Csv *self)
{
    bool ok = true;

    if (self->columns == 0 && !self->in_field)
        return true; /* an empty line */
    if (!end_field(self))
        return false;
    g_autoptr(GPtrArray) fields = decode_fields(self);
    g_string_set_size(self->record, 0);
    self->columns = 0;
    if (!self->begun)
        ok = gather_begin(self->gather, "") && gather_list(self->gather, "");
    self->begun = true;
    bool first = !self->names;
    if (first)
        set_names(self, fields);
    if (first && self->only_names)
        return ok;
    if (!is_list(self, fields))
        return fail_as_text(self);
    self->only_names = false;
    return ok && put_record(self, fields);
}

static bool
add_byte(Csv *self, char c)
{
    self->in_field = true;
    g_string_append_c(self->record, c);
    return self->record->len < CSV_MAX_RECORD || gather_fail(self->gather, "a line in it is too long");
}

static bool
take_quoted(Csv *self, char c)
{
    if (c == '"') {
        self->quote_seen = true;
        return true;
    }
    return add_byte(self, c);
}

static bool
take_byte(Csv *self, char c)
{
    bool was_cr = self->after_cr;

    self->after_cr = false;
    if (c == '\0')
        return false;
    if (self->quoted && !self->quote_seen)
        return take_quoted(self, c);
    if (self->quote_seen && c == '"') {
        self->quote_seen = false;
        return add_byte(self, c);
    }
    if (c == '\n' && was_cr)
        return true;
    if (c == ',' || c == '\r' || c == '\n') {
        self->after_cr = c == '\r';
        return c == ',' ? end_field(self) : end_record(self);
    }
    if (c == '"' && !self->in_field) {
        self->in_field = self->quoted = true;
        return true;
    }
    self->quoted = self->quote_seen = false; /* text behind a quoted field, as some programs write it */
    return add_byte(self, c);
}

static bool
csv_push(void *data, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!take_byte(data, bytes[i]))
            return false;
    }
    return true;
}

static bool
csv_finish(void *data)
{
    Csv *self = data;

    if (self->quoted && !self->quote_seen)
        return false;
    if (!end_record(self))
        return false;
    if (self->only_names && !self->headed && !gather_is_direct(self->gather))
        return fail_as_text(self);
    if (self->only_names && !self->headed && !put_names(self))
        return false;
    return !self->begun || gather_end(self->gather);
}

const QueryParser query_csv = { csv_new, csv_push, csv_finish, csv_free };
