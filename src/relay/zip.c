#include "relay/zip.h"

#include "base/clock.h"
#include "mail/part_source.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>
#include <string.h>

enum { BLOCK_BYTES = 64 * 1024 };

typedef struct {
    Spool *spool;
    GError **error;
} Sink;

static la_ssize_t
on_write(struct archive *archive, void *user, const void *bytes, size_t n)
{
    Sink *sink = user;

    spool_append(sink->spool, bytes, n);
    if (!spool_is_full(sink->spool) || spool_flush(sink->spool, *sink->error ? NULL : sink->error))
        return (la_ssize_t) n;
    archive_set_error(archive, EIO, "spool");
    return -1;
}

/* name, or "name (2).txt" if there is one already. Caller frees. */
static char *
unique_name(GHashTable *taken, const char *name)
{
    const char *dot = strrchr(name, '.');
    const char *suffix = dot && dot != name ? dot : name + strlen(name);
    char *unique = g_strdup(name);

    for (guint n = 2; g_hash_table_contains(taken, unique); n++) {
        g_free(unique);
        unique = g_strdup_printf("%.*s (%u)%s", (int) (suffix - name), name, n, suffix);
    }
    g_hash_table_add(taken, g_strdup(unique));
    return unique;
}

static bool
fail(GError **error, const char *why)
{
    if (!*error)
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_IO, "cannot pack attachments: %s", why ? why : "out of space");
    return false;
}

static bool
copy_part(struct archive *archive, const MailPart *part, GError **error)
{
    g_autoptr(Source) source = mail_part_bytes(part);
    g_autofree char *block = g_malloc(BLOCK_BYTES);

    for (;;) {
        gssize n = source_read(source, block, BLOCK_BYTES, error);
        if (n <= 0)
            return n == 0;
        if (archive_write_data(archive, block, (size_t) n) != n)
            return fail(error, archive_error_string(archive));
    }
}

static bool
add_part(struct archive *archive, const MailPart *part, const char *name, GError **error)
{
    struct archive_entry *entry = archive_entry_new();

    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, part->length);
    archive_entry_set_mtime(entry, clock_now() / 1000, 0);
    bool written = archive_write_header(archive, entry) == ARCHIVE_OK;
    archive_entry_free(entry);
    return written ? copy_part(archive, part, error) : fail(error, archive_error_string(archive));
}

static bool
write_all(struct archive *archive, const GPtrArray *parts, guint first, Sink *sink)
{
    g_autoptr(GHashTable) taken = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    if (archive_write_set_format_zip(archive) != ARCHIVE_OK || archive_write_set_bytes_per_block(archive, 0) != ARCHIVE_OK ||
        archive_write_open(archive, sink, NULL, on_write, NULL) != ARCHIVE_OK)
        return fail(sink->error, archive_error_string(archive));
    for (guint i = first; i < parts->len; i++) {
        const MailPart *part = parts->pdata[i];
        g_autofree char *name = unique_name(taken, part->filename);
        if (!add_part(archive, part, name, sink->error))
            return false;
    }
    if (archive_write_close(archive) != ARCHIVE_OK)
        return fail(sink->error, archive_error_string(archive));
    return spool_finish(sink->spool, sink->error);
}

/* libarchive marks names as UTF-8 only where the thread's locale says that they are. */
static bool
write_in_utf8(Spool *spool, const GPtrArray *parts, guint first, GError **error)
{
    Sink sink = { spool, error };
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t) 0);
    locale_t before = utf8 ? uselocale(utf8) : (locale_t) 0;
    struct archive *archive = archive_write_new();
    bool written = write_all(archive, parts, first, &sink);

    archive_write_free(archive);
    if (utf8) {
        uselocale(before);
        freelocale(utf8);
    }
    return written;
}

MailPart *
zip_parts(const GPtrArray *parts, guint first, const char *filename, const Spool *like, GError **error)
{
    g_autoptr(Spool) spool = spool_new_like(like);
    g_autoptr(GError) failure = NULL;

    if (write_in_utf8(spool, parts, first, &failure))
        return mail_part_new(filename, "application/zip",
                             part_content_new(spool, 0, spool_length(spool), TRANSFER_IDENTITY));
    g_propagate_error(error, g_steal_pointer(&failure));
    return NULL;
}
