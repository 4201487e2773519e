#include "query/gather.h"

#include "mail/charset.h"
#include "query/time.h"

#include <string.h>

enum {
    GATHER_MAX_DEPTH = 32,
    GATHER_MAX_NAME = 256,
    GATHER_MAX_FIELDS = 20000,          /* of a row, or outside of rows */
    GATHER_MAX_BYTES = 2 * 1024 * 1024, /* the same */
};

typedef struct {
    char *name;
    bool parted; /* has elements or values of its own: its text is what stands between them */
} Level;

/* A row and what it may still hold. */
typedef struct {
    QueryRow *row;
    gsize bytes;
} Fill;

struct Gather {
    const QueryCall *call;
    const Query *query;
    QuerySink sink;
    void *user;
    bool rows;
    Level levels[GATHER_MAX_DEPTH];
    guint depth;
    GString *text; /* of the innermost element */
    Fill inner, rest; /* inner.row is NULL outside of rows */
    guint row_depth; /* of the row's element, while there is one */
    guint group, groups, group_depth; /* the element of `spread` that is open, or 0; how many there were; its depth */
    guint count, elements;
    bool changes; /* something, by the call */
    bool direct, sends; /* a call of the user's own; one that does more than get */
    bool seen_sign, seen_list, odd;
    const char *fault;
    char *refusal; /* what the first row said that was refused */
};

Gather *
gather_new(const QueryCall *call, const Query *query, bool rows, QuerySink sink, void *user)
{
    Gather *self = g_new0(Gather, 1);

    self->call = call;
    self->query = query;
    self->rows = rows && *call->row;
    self->changes = call->flags & (QUERY_CALL_CHANGES | QUERY_CALL_FINAL);
    self->direct = call->flags & QUERY_CALL_DIRECT;
    self->sends = self->direct && query && query->direct && !g_str_equal(query->direct->method, "GET");
    self->sink = sink;
    self->user = user;
    self->text = g_string_new(NULL);
    self->rest.row = query_row_new();
    return self;
}

void
gather_free(Gather *self)
{
    if (!self)
        return;
    for (guint i = 0; i < self->depth; i++)
        g_free(self->levels[i].name);
    g_string_free(self->text, TRUE);
    query_row_free(self->inner.row);
    query_row_free(self->rest.row);
    g_free(self->refusal);
    g_free(self);
}

bool
gather_fail(Gather *self, const char *fault)
{
    if (!self->fault)
        self->fault = fault;
    return false;
}

/* "delivery_id", "deliveryId" and "Delivery-ID" are the same name to people. */
static bool
is_same_name(const char *a, const char *b)
{
    for (;; a++, b++) {
        a += strspn(a, "_-");
        b += strspn(b, "_-");
        if (!*a || g_ascii_tolower(*a) != g_ascii_tolower(*b))
            return *a == *b;
    }
}

static const char *
our_name(const QueryCall *call, const char *path)
{
    for (const QueryName *name = call->names; name && name->api; name++) {
        if (is_same_name(name->api, path))
            return name->name;
    }
    return path;
}

/* names: separated by blanks. */
static bool
is_one_of(const char *name, const char *names)
{
    while (names && *names) {
        char word[64];
        size_t n = strcspn(names, " ");
        g_strlcpy(word, names, MIN(n + 1, sizeof word));
        if (is_same_name(name, word))
            return true;
        names += n + strspn(names + n, " ");
    }
    return false;
}

static bool
is_sign(const Gather *self, const char *name)
{
    return *name && ((!self->changes && is_one_of(name, self->call->row)) || is_one_of(name, self->call->signs));
}

/* Also an element of a list that is the whole answer. */
static bool
is_row(const Gather *self, const char *name)
{
    return self->rows && !self->inner.row && self->depth > 0 &&
           (is_one_of(name, self->call->row) || (self->depth == 1 && !*name));
}

bool
gather_begin(Gather *self, const char *name)
{
    if (self->fault)
        return false;
    if (self->depth == GATHER_MAX_DEPTH)
        return gather_fail(self, "it is nested too deeply");
    if (strlen(name) > GATHER_MAX_NAME)
        return gather_fail(self, "a name in it is too long");
    if (self->depth == 0 && g_ascii_strcasecmp(name, "html") == 0)
        return gather_fail(self, "it is a web page");
    if (self->depth > 0)
        self->levels[self->depth - 1].parted = true;
    self->seen_sign = self->seen_sign || is_sign(self, name);
    bool row = is_row(self, name);
    self->levels[self->depth++] = (Level) { .name = charset_valid_utf8(name, -1) };
    g_string_set_size(self->text, 0);
    if (row) {
        self->inner = (Fill) { .row = query_row_new() };
        self->row_depth = self->depth;
        self->groups = 0;
    } else if (self->inner.row && self->call->spread && self->group == 0 && self->depth == self->row_depth + 1 &&
               is_one_of(name, self->call->spread)) {
        self->group = ++self->groups;
        self->group_depth = self->depth;
    }
    return true;
}

bool
gather_list(Gather *self, const char *name)
{
    self->seen_sign = self->seen_sign || is_sign(self, name);
    self->seen_list = true;
    if (self->depth > 0)
        self->levels[self->depth - 1].parted = true;
    return !self->fault;
}

bool
gather_text(Gather *self, const char *text, size_t n)
{
    if (self->fault)
        return false;
    if (n > GATHER_MAX_BYTES - self->text->len)
        return gather_fail(self, "a value in it is too long");
    g_string_append_len(self->text, text, (gssize) n);
    return true;
}

/* The names from below the row, or the root, to the innermost level, then name (may be NULL). */
static char *
path_of(const Gather *self, const char *name)
{
    GString *path = g_string_new(NULL);

    for (guint i = self->inner.row ? self->row_depth : 1; i < self->depth; i++)
        g_string_append_printf(path, "%s%s", path->len ? "." : "", self->levels[i].name);
    if (name)
        g_string_append_printf(path, "%s%s", path->len ? "." : "", name);
    if (path->len == 0)
        g_string_append(path, "value");
    return g_string_free(path, FALSE);
}

static bool
put_field(Gather *self, Fill *fill, const char *path, char *value)
{
    /* Outside of rows names stay the API's: what went wrong is looked for by them. */
    const char *name = fill == &self->inner ? our_name(self->call, path) : path;
    QueryField field = { g_strdup(name), value, fill == &self->inner ? self->group : 0 };

    g_array_append_val(fill->row->fields, field);
    fill->bytes += strlen(field.name) + strlen(value) + sizeof field;
    if (fill->bytes > GATHER_MAX_BYTES || fill->row->fields->len > GATHER_MAX_FIELDS)
        return gather_fail(self, "there is too much in one row of it");
    return true;
}

static bool
is_blank(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!g_ascii_isspace(text[i]))
            return false;
    }
    return true;
}

bool
gather_leaf(Gather *self, const char *name, const char *text, size_t n)
{
    if (self->fault)
        return false;
    if (n > GATHER_MAX_BYTES || strlen(name) > GATHER_MAX_NAME)
        return gather_fail(self, "a value in it is too long");
    if (self->depth > 0)
        self->levels[self->depth - 1].parted = true;
    if (is_row(self, name))
        self->odd = self->odd || !is_blank(text, n);
    if ((!*self->call->row || self->changes) && !is_blank(text, n))
        self->seen_sign = self->seen_sign || is_sign(self, name);
    g_autofree char *clean = charset_valid_utf8(name, -1);
    g_autofree char *path = path_of(self, clean);
    return put_field(self, self->inner.row ? &self->inner : &self->rest, path, charset_valid_utf8(text, (gssize) n));
}

/* Times as RFC 3339, message ids without their brackets, yes and no. */
static void
tidy(QueryField *field)
{
    gint64 ms;
    char *value = NULL;
    size_t n = strlen(field->value);
    bool is_time = g_str_equal(field->name, QUERY_FIELD_TIME) || g_str_has_suffix(field->name, "_time");

    if (is_time && query_time_parse(field->value, &ms))
        value = query_time_format(ms, "%Y-%m-%dT%H:%M:%S%:z");
    else if (g_str_equal(field->name, QUERY_FIELD_MESSAGE_ID) && n > 2 && field->value[0] == '<' &&
             field->value[n - 1] == '>')
        value = g_strndup(field->value + 1, n - 2);
    else if (g_str_equal(field->name, QUERY_FIELD_EXCLUDED) &&
             (g_str_equal(field->value, "1") || g_ascii_strcasecmp(field->value, "true") == 0))
        value = g_strdup("yes");
    else if (g_str_equal(field->name, QUERY_FIELD_EXCLUDED) &&
             (g_str_equal(field->value, "0") || g_ascii_strcasecmp(field->value, "false") == 0))
        value = g_strdup("no");
    if (!value)
        return;
    g_free(field->value);
    field->value = value;
}

/* One of HTTP's codes for failure, as Arara has them for each thing that it was to change. */
static void
note_refusal(Gather *self, const QueryRow *row)
{
    const char *code = query_row_get(row, "result.code"), *text = query_row_get(row, "result.message");

    if (!self->direct) { /* whose other fields are of no known meaning */
        code = code ? code : query_row_get(row, QUERY_FIELD_CODE);
        text = text ? text : query_row_get(row, QUERY_FIELD_REASON);
    }
    bool failed = code && ((strlen(code) == 3 && strchr("45", *code)) || (self->direct && *code == '-'));
    if (failed && !self->refusal)
        self->refusal = g_strdup_printf("%s %s", code, text ? text : "without a reason");
}

static void
give(Gather *self, QueryRow *row)
{
    for (guint i = 0; i < row->fields->len; i++)
        tidy(&g_array_index(row->fields, QueryField, i));
    if (self->call->finish)
        self->call->finish(self->query, row);
    if (self->changes || self->sends)
        note_refusal(self, row);
    self->sink(row, self->user);
    self->count++;
}

static void
copy_fields(QueryRow *to, const QueryRow *from, guint *at, guint group)
{
    for (; *at < from->fields->len; (*at)++) {
        const QueryField *field = &g_array_index(from->fields, QueryField, *at);
        if (field->group > group)
            return;
        if (field->group == group)
            query_row_add(to, field->name, field->value);
    }
}

/* One row for each element of the list inside this one. */
static bool
give_spread(Gather *self, const QueryRow *whole)
{
    g_autoptr(QueryRow) around = query_row_new();
    guint at = 0;

    for (guint i = 0; i < whole->fields->len; i++) {
        const QueryField *field = &g_array_index(whole->fields, QueryField, i);
        if (field->group == 0)
            query_row_add(around, field->name, field->value);
    }
    if ((guint64) around->fields->len * self->groups > 10 * GATHER_MAX_FIELDS)
        return gather_fail(self, "there is too much in one row of it");
    for (guint group = 1; group <= self->groups; group++) {
        g_autoptr(QueryRow) row = query_row_new();
        guint start = 0;
        copy_fields(row, around, &start, 0);
        copy_fields(row, whole, &at, group);
        give(self, row);
    }
    return true;
}

static bool
end_row(Gather *self)
{
    g_autoptr(QueryRow) row = g_steal_pointer(&self->inner.row);

    if (row->fields->len == 0)
        return true;
    self->elements++;
    if (self->groups > 0)
        return give_spread(self, row);
    give(self, row);
    return true;
}

/* Text where a row, or the place of rows, was to be: what it says belongs to no row. */
static bool
end_odd(Gather *self)
{
    g_autofree char *path = NULL;

    self->odd = self->odd || !is_blank(self->text->str, self->text->len);
    g_clear_pointer(&self->inner.row, query_row_free);
    path = path_of(self, NULL);
    return put_field(self, &self->rest, path, charset_valid_utf8(self->text->str, (gssize) self->text->len));
}

bool
gather_end(Gather *self)
{
    const Level *level = &self->levels[self->depth - 1];
    bool ends_row = self->inner.row && self->depth == self->row_depth;
    bool blank = is_blank(self->text->str, self->text->len);
    bool ok = !self->fault;

    if (ok && !blank && !level->parted && (ends_row || (!self->inner.row && self->rows && is_sign(self, level->name)))) {
        ok = end_odd(self);
    } else if (ok && ends_row) {
        ok = end_row(self);
    } else if (ok && (!level->parted || !blank) && (self->depth > 1 || !blank)) {
        g_autofree char *path = path_of(self, NULL);
        char *value = charset_valid_utf8(self->text->str, (gssize) self->text->len);
        ok = put_field(self, self->inner.row ? &self->inner : &self->rest, path, value);
    }
    if (self->group && self->depth == self->group_depth)
        self->group = 0;
    g_string_set_size(self->text, 0);
    g_free(self->levels[--self->depth].name);
    return ok;
}

const char *
gather_fault(const Gather *self)
{
    return self->fault;
}

const char *
gather_refusal(const Gather *self)
{
    return self->refusal;
}

bool
gather_is_direct(const Gather *self)
{
    return self->direct;
}

guint
gather_rows(const Gather *self)
{
    return self->count;
}

guint
gather_elements(const Gather *self)
{
    return self->elements;
}

const QueryRow *
gather_rest(const Gather *self)
{
    return self->rest.row;
}

bool
gather_signed(const Gather *self)
{
    return self->seen_sign;
}

bool
gather_odd(const Gather *self)
{
    return self->odd;
}

bool
gather_is_empty(const Gather *self)
{
    return self->rest.row->fields->len == 0 && self->count == 0 && !self->seen_list;
}

void
gather_whole(Gather *self)
{
    g_autoptr(QueryRow) row = self->rest.row;

    self->rest.row = query_row_new();
    for (guint i = 0; i < row->fields->len; i++) {
        QueryField *field = &g_array_index(row->fields, QueryField, i);
        char *name = g_strdup(our_name(self->call, field->name));
        g_free(field->name);
        field->name = name;
    }
    give(self, row);
}
