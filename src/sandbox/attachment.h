/* A file that came with a request: in memory while it is small, then in an unnamed file. Filled
 * by form.c and json_body.c, read by eml.c. Blocking. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Attachments up to this size stay in memory. */
#define ATTACHMENT_MEMORY_BYTES (64 * 1024)

typedef struct {
    char *filename;             /* NULL or empty: it has none */
    char *type;                 /* as sent, or NULL */
    guint64 size_bytes;
    char *folder;               /* of the unnamed file; NULL: the content is only counted */
    GByteArray *bytes;          /* the content; or, when NULL, it is in fd */
    int fd;
    int error;                  /* errno of the first failure to keep it, or 0 */
} Attachment;

/* folder NULL: nothing is kept but the size. */
Attachment *attachment_new(const char *folder);
void attachment_free(Attachment *self);

void attachment_append(Attachment *self, const char *bytes, size_t n);

/* Gives take the content in blocks of block_bytes, the last one shorter, until it returns
 * false. False with errno set when the content could not be read. */
bool attachment_each(const Attachment *self, size_t block_bytes,
                     bool (*take)(const guint8 *block, size_t n, void *user), void *user);
