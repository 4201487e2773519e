#include "query/parser.h"

#include <archive.h>
#include <archive_entry.h>
#include <string.h>

/* What a list of unsubscribes may be as a whole, packed, and what comes out of it. */
enum { ZIP_MAX_BYTES = 8 * 1024 * 1024, ZIP_MAX_CONTENT = 64 * 1024 * 1024 };

typedef struct {
    Gather *gather;
    GByteArray *bytes; /* its directory stands at the end */
} Zip;

static void *
zip_new(Gather *gather)
{
    Zip *self = g_new0(Zip, 1);

    self->gather = gather;
    self->bytes = g_byte_array_new();
    return self;
}

static void
zip_free(void *data)
{
    Zip *self = data;

    if (!self)
        return;
    g_byte_array_unref(self->bytes);
    g_free(self);
}

static bool
zip_push(void *data, const char *bytes, size_t n)
{
    Zip *self = data;

    if (n > ZIP_MAX_BYTES - self->bytes->len)
        return gather_fail(self->gather, "its ZIP archive is too large");
    g_byte_array_append(self->bytes, (const guint8 *) bytes, (guint) n);
    return true;
}

static size_t
mark_length(const char *bytes, size_t n)
{
    return n >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

static const QueryParser *
parser_of(const Gather *gather, const char *bytes, size_t n)
{
    size_t at = 0;

    while (at < n && g_ascii_isspace(bytes[at]))
        at++;
    if (at == n || !gather_is_direct(gather))
        return &query_csv;
    return strchr("{[", bytes[at]) ? &query_json : bytes[at] == '<' ? &query_xml : &query_csv;
}

/* The entry at hand; *left: what all may still hold. */
static bool
read_entry(struct archive *archive, Gather *gather, gint64 *left)
{
    const QueryParser *parser = NULL;
    void *state = NULL;
    char block[16 * 1024];
    bool ok = true;
    la_ssize_t n = 0;

    while (ok && (n = archive_read_data(archive, block, sizeof block)) > 0) {
        size_t mark = parser ? 0 : mark_length(block, (size_t) n);
        if (!parser) {
            parser = parser_of(gather, block + mark, (size_t) n - mark);
            state = parser->new(gather);
        }
        *left -= n;
        if (*left < 0)
            gather_fail(gather, "its ZIP archive is too large");
        ok = *left >= 0 && parser->push(state, block + mark, (size_t) n - mark);
    }
    ok = ok && n == 0 && (!parser || parser->finish(state));
    if (parser)
        parser->free(state);
    return ok;
}

/* Its first file: there is one list in it. */
static bool
zip_finish(void *data)
{
    Zip *self = data;
    struct archive *archive = archive_read_new();
    struct archive_entry *entry = NULL;
    gint64 left = ZIP_MAX_CONTENT;
    bool found = false;

    archive_read_support_format_zip(archive);
    bool ok = archive_read_open_memory(archive, self->bytes->data, self->bytes->len) == ARCHIVE_OK;
    while (ok && !found && archive_read_next_header(archive, &entry) == ARCHIVE_OK) {
        found = archive_entry_filetype(entry) == AE_IFREG;
        ok = !found || read_entry(archive, self->gather, &left);
    }
    archive_read_free(archive);
    return (ok && found) || gather_fail(self->gather, "its ZIP archive is broken");
}

const QueryParser query_zip = { zip_new, zip_push, zip_finish, zip_free };
