/* BlastMail's finished deliveries: a few that are built in, from today's to one of two months ago, until they are
 * deleted. Used by blast.c and blast_history.c on the server's thread alone. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* One reader's copy. */
typedef struct {
    const char *address;
    const char *name;
    const char *failure;        /* NULL: delivered */
    unsigned opens;             /* how often it was opened */
} BlastCopy;

typedef struct {
    unsigned id, sender_id, group_id;
    char date[24];              /* yyyyMMddTHH:mm:ss in Japan; so it can be compared */
    const char *subject, *group, *status;
    const char *text, *html;
    bool is_public;
    const BlastCopy *copies;
    unsigned copy_count;
} BlastMessage;

typedef struct BlastArchive BlastArchive;

BlastArchive *blast_archive_new(void);
void blast_archive_free(BlastArchive *self);

/* Those that are left, of const BlastMessage, the newest first, with dates as seen from this moment's day. */
const GPtrArray *blast_archive_all(BlastArchive *self);

/* NULL if there is none. */
const BlastMessage *blast_archive_find(BlastArchive *self, guint64 id);

/* False if there is none. */
bool blast_archive_delete(BlastArchive *self, guint64 id);

/* How many copies failed. */
unsigned blast_message_failures(const BlastMessage *message);
