/* Fuzzes what reads a webhook's requests: the first line is the body's type, the rest the body. */
#include "query/cmc_event.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, size_t n);

#define MUST(x)      \
    do {             \
        if (!(x))    \
            abort(); \
    } while (0)

static void
on_row(const QueryRow *row, void *user)
{
    QueryEvent event;

    for (guint i = 0; i < row->fields->len; i++) {
        const QueryField *field = &g_array_index(row->fields, QueryField, i);
        MUST(g_utf8_validate(field->name, -1, NULL) && g_utf8_validate(field->value, -1, NULL));
    }
    MUST(!query_row_event(row, &event) || *event.address);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t n)
{
    const guint8 *end = n > 0 ? memchr(data, '\n', n) : NULL;
    g_autoptr(GError) error = NULL;

    if (!end)
        return 0;
    g_autofree char *type = g_strndup((const char *) data, (gsize) (end - data));
    gsize length = n - (gsize) (end - data) - 1;
    g_autofree char *body = g_memdup2(end + 1, length);
    g_autoptr(CmcPost) post = cmc_post_read(type, body ? body : "", length, &error);
    bool good = post && cmc_post_rows(post, on_row, NULL, &error);
    MUST(good == !error);
    MUST(good || error->domain == QUERY_ERROR);
    MUST(!post || (*post->type && post->composition && post->key));
    return 0;
}
