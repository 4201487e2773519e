#include "shimta/sheet.h"

#include "base/spool.h"
#include "shimta/csv.h"
#include "shimta/output.h"
#include "shimta/table.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { MAX_COLUMNS = 200, GAP = 2, NARROW = 80 };

#define MORE "more" /* what has no column of its own */

typedef struct {
    char *name;
    guint width; /* of its widest value, of its name; in columns of a terminal */
    bool used;
} Column;

struct Sheet {
    Spool *spool;
    GArray *columns; /* of Column */
    guint first;     /* so many were given */
    guint64 rows;
};

static void
column_clear(void *element)
{
    g_free(((Column *) element)->name);
}

static Column *
column_at(const Sheet *self, guint i)
{
    return &g_array_index(self->columns, Column, i);
}

static void
add_column(Sheet *self, const char *name)
{
    g_autofree char *clean = output_clean(name);
    Column column = { .name = g_strdup(name), .width = table_width(clean) };

    g_array_append_val(self->columns, column);
}

Sheet *
sheet_new(const char *const *first, gsize memory_bytes)
{
    Sheet *self = g_new0(Sheet, 1);

    self->spool = spool_new(memory_bytes, NULL);
    self->columns = g_array_new(FALSE, FALSE, sizeof(Column));
    g_array_set_clear_func(self->columns, column_clear);
    for (; first[self->first]; self->first++)
        add_column(self, first[self->first]);
    return self;
}

void
sheet_free(Sheet *self)
{
    if (!self)
        return;
    g_array_unref(self->columns);
    spool_unref(self->spool);
    g_free(self);
}

/* Its number, which may be a new one; MAX_COLUMNS: there are too many. */
static guint
column_of(Sheet *self, const char *name)
{
    guint i = 0;

    while (i < self->columns->len && !g_str_equal(column_at(self, i)->name, name))
        i++;
    if (i == self->columns->len && i < MAX_COLUMNS)
        add_column(self, name);
    return i;
}

/* The row's values by column. */
static GPtrArray *
values_of(Sheet *self, const QueryRow *row)
{
    GPtrArray *values = g_ptr_array_new_with_free_func(g_free);

    for (guint i = 0; i < row->fields->len; i++) {
        const QueryField *field = &g_array_index(row->fields, QueryField, i);
        guint column = column_of(self, field->name);
        g_autofree char *named = column < MAX_COLUMNS ? NULL : g_strdup_printf("%s=%s", field->name, field->value);
        const char *value = named ? named : field->value;
        if (named) { /* in place of the last column */
            column = MAX_COLUMNS - 1;
            g_free(column_at(self, column)->name);
            column_at(self, column)->name = g_strdup(MORE);
        }
        if (column >= values->len)
            g_ptr_array_set_size(values, (int) column + 1);
        char *old = values->pdata[column];
        values->pdata[column] = old ? g_strconcat(old, "; ", value, NULL) : g_strdup(value);
        g_free(old);
    }
    return values;
}

static void
put_size(GString *bytes, gsize n)
{
    guint64 size = n;

    g_string_append_len(bytes, (const char *) &size, sizeof size);
}

bool
sheet_add(Sheet *self, const QueryRow *row, GError **error)
{
    g_autoptr(GPtrArray) values = values_of(self, row);
    g_autoptr(GString) record = g_string_new(NULL), size = g_string_new(NULL);

    for (guint i = 0; i < values->len; i++) {
        const char *value = values->pdata[i] ? values->pdata[i] : "";
        g_autofree char *clean = output_clean(value);
        Column *column = column_at(self, i);
        column->used = column->used || *value;
        column->width = MAX(column->width, table_width(clean));
        g_string_append_len(record, value, (gssize) strlen(value) + 1);
    }
    put_size(size, record->len);
    spool_append(self->spool, size->str, size->len);
    spool_append(self->spool, record->str, record->len);
    self->rows++;
    return !spool_is_full(self->spool) || spool_flush(self->spool, error);
}

guint
sheet_width(const Sheet *self)
{
    guint width = 0;

    for (guint i = 0; i < self->columns->len; i++)
        width += column_at(self, i)->used ? column_at(self, i)->width + GAP : 0;
    return width > GAP ? width - GAP : 0;
}

SheetForm
sheet_form(const Sheet *self, bool csv, FILE *to)
{
    struct winsize size;
    int file = fileno(to);

    if (csv)
        return SHEET_CSV;
    if (!isatty(file))
        return SHEET_TABLE;
    guint columns = ioctl(file, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : NARROW;
    return sheet_width(self) > columns ? SHEET_RECORDS : SHEET_TABLE;
}

/* --- printing ------------------------------------------------------------------------------------ */

/* The next row's bytes; NULL at the end, or with an error. Caller frees. */
static char *
read_record(const Sheet *self, gint64 *at, gsize *n, GError **error)
{
    guint64 size;
    gssize got = spool_read_at(self->spool, *at, (char *) &size, sizeof size, error);

    if (got != sizeof size)
        return NULL;
    char *record = g_malloc(size + 1);
    *at += (gint64) sizeof size;
    got = spool_read_at(self->spool, *at, record, size, error);
    if (got < 0 || (guint64) got != size) {
        g_free(record);
        return NULL;
    }
    *at += (gint64) size;
    *n = size;
    return record;
}

static bool
is_shown(const Sheet *self, guint i, SheetForm form)
{
    return column_at(self, i)->used || (form == SHEET_CSV && i < self->first);
}

/* The value of the next column; moves behind it. "" where the row has no more. */
static const char *
next_value(const char **at, const char *end)
{
    const char *value = *at < end ? *at : "";

    if (*at < end)
        *at += strlen(*at) + 1;
    return value;
}

static void
print_line(const Sheet *self, SheetForm form, const char *record, gsize n, FILE *to)
{
    g_autoptr(GString) line = g_string_new(NULL);
    const char *at = record;
    bool begun = false, raw = !isatty(fileno(to)); /* a terminal would do what they say */

    for (guint i = 0; i < self->columns->len; i++) {
        const Column *column = column_at(self, i);
        const char *value = record ? next_value(&at, record + n) : column->name;
        if (!is_shown(self, i, form))
            continue;
        g_autofree char *clean = *value ? output_clean(value) : g_strdup("");
        if (begun && form == SHEET_CSV)
            g_string_append_c(line, ',');
        if (form == SHEET_CSV)
            csv_value(line, raw ? value : clean);
        else
            table_cell(line, clean, column->width + GAP);
        begun = true;
    }
    if (form == SHEET_TABLE)
        g_strchomp(line->str);
    fputs(line->str, to);
    putc('\n', to);
}

/* The lines of a text below one another. */
static void
print_value(const char *value, guint indent, FILE *to)
{
    g_auto(GStrv) lines = g_strsplit(value, "\n", -1);

    for (guint i = 0; lines[i]; i++) {
        g_strchomp(lines[i]);
        g_autofree char *clean = *lines[i] ? output_clean(lines[i]) : g_strdup("");
        if (i > 0 && *clean)
            fprintf(to, "%*s", (int) indent, "");
        fprintf(to, "%s\n", clean);
    }
}

static void
print_record(const Sheet *self, const char *record, gsize n, FILE *to)
{
    const char *at = record;
    guint width = 0;

    for (guint i = 0; i < self->columns->len; i++) {
        g_autofree char *name = output_clean(column_at(self, i)->name);
        width = MAX(width, column_at(self, i)->used ? table_width(name) + GAP : 0);
    }
    for (guint i = 0; i < self->columns->len; i++) {
        const char *value = next_value(&at, record + n);
        g_autofree char *name = output_clean(column_at(self, i)->name);
        g_autoptr(GString) head = g_string_new(NULL);
        if (!*value)
            continue;
        table_cell(head, name, width);
        fputs(head->str, to);
        print_value(value, width, to);
    }
}

bool
sheet_print(Sheet *self, SheetForm form, FILE *to, GError **error)
{
    GError *failure = NULL;
    gint64 at = 0;
    gsize n = 0;

    if (!spool_finish(self->spool, error))
        return false;
    if (form == SHEET_CSV || (form == SHEET_TABLE && self->rows > 0))
        print_line(self, form, NULL, 0, to);
    for (guint64 i = 0; i < self->rows; i++) {
        g_autofree char *record = read_record(self, &at, &n, &failure);
        if (!record)
            break;
        if (form == SHEET_RECORDS && i > 0)
            putc('\n', to);
        if (form == SHEET_RECORDS)
            print_record(self, record, n, to);
        else
            print_line(self, form, record, n, to);
    }
    if (failure)
        g_propagate_error(error, failure);
    return !failure;
}
