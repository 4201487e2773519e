#include "query/overlap.h"

struct Overlap {
    QueryHead before, head;
    QuerySink sink;
    void *user;
    GPtrArray *held; /* of QueryRow: as many as the page before began with, too */
    guint rows;
    enum { OVERLAP_MAYBE, OVERLAP_NO, OVERLAP_YES } is;
};

Overlap *
overlap_new(const QueryHead *before, QuerySink sink, void *user)
{
    Overlap *self = g_new0(Overlap, 1);

    self->before = before ? *before : (QueryHead) { 0 };
    self->is = self->before.n > 0 ? OVERLAP_MAYBE : OVERLAP_NO;
    self->sink = sink;
    self->user = user;
    self->held = g_ptr_array_new_with_free_func((GDestroyNotify) query_row_free);
    return self;
}

void
overlap_free(Overlap *self)
{
    if (!self)
        return;
    g_ptr_array_unref(self->held);
    g_free(self);
}

/* FNV-1a. */
static guint64
digest_text(guint64 digest, const char *text)
{
    do {
        digest = (digest ^ (guint8) *text) * G_GUINT64_CONSTANT(1099511628211);
    } while (*text++);
    return digest;
}

static guint64
digest_row(const QueryRow *row)
{
    guint64 digest = G_GUINT64_CONSTANT(14695981039346656037);

    for (guint i = 0; i < row->fields->len; i++) {
        const QueryField *field = &g_array_index(row->fields, QueryField, i);
        digest = digest_text(digest_text(digest, field->name), field->value);
    }
    return digest;
}

static void
give_held(Overlap *self)
{
    for (guint i = 0; i < self->held->len; i++)
        self->sink(self->held->pdata[i], self->user);
    g_ptr_array_set_size(self->held, 0);
}

static QueryRow *
copy(const QueryRow *row)
{
    QueryRow *same = query_row_new();

    for (guint i = 0; i < row->fields->len; i++) {
        const QueryField *field = &g_array_index(row->fields, QueryField, i);
        query_row_add(same, field->name, field->value);
    }
    return same;
}

void
overlap_add(Overlap *self, const QueryRow *row)
{
    guint i = self->rows++;

    if (i < QUERY_PAGE_HEAD) {
        self->head.digests[i] = digest_row(row);
        self->head.n = i + 1;
    }
    if (self->is == OVERLAP_MAYBE && (i >= self->before.n || self->before.digests[i] != self->head.digests[i])) {
        self->is = OVERLAP_NO;
        give_held(self);
    }
    if (self->is == OVERLAP_NO)
        self->sink(row, self->user);
    else if (self->is == OVERLAP_MAYBE)
        g_ptr_array_add(self->held, copy(row));
    if (self->is == OVERLAP_MAYBE && i + 1 == QUERY_PAGE_HEAD)
        self->is = OVERLAP_YES;
}

bool
overlap_finish(Overlap *self)
{
    if (self->is == OVERLAP_MAYBE)
        self->is = self->rows > 0 && self->rows == self->before.n ? OVERLAP_YES : OVERLAP_NO;
    if (self->is == OVERLAP_NO)
        give_held(self);
    return self->is == OVERLAP_YES;
}

QueryHead
overlap_head(const Overlap *self)
{
    return self->head;
}

guint
overlap_rows(const Overlap *self)
{
    return self->is == OVERLAP_YES ? 0 : self->rows;
}
