/* The folder of a store on disk: it is ours alone, one process has it at a time, and its mail/ holds the bytes of large
 * entries, a file each. Blocking; functions with a const folder on any thread. Errors are STORE_ERROR. */
#pragma once

#include "base/spool.h"

#include <stdbool.h>

typedef struct MailFolder MailFolder;

/* Makes the folder and mail/ in it unless they are there, checks whose they are, and locks. */
MailFolder *mail_folder_open(const char *path, GError **error);
void mail_folder_close(MailFolder *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MailFolder, mail_folder_close)

/* Path of a file in it. Caller frees. */
char *mail_folder_path(const MailFolder *self, const char *name);

/* Whether a name is there; UNSAFE if it is not a plain file of ours that only we may write. */
bool mail_folder_check(const MailFolder *self, const char *name, bool *there, GError **error);

/* Whether folder, mail/ and lock are still where they were. */
bool mail_folder_is_whole(const MailFolder *self);

/* What the folder remembers of its database, durably. */
typedef enum {
    MAIL_FOLDER_NEW,    /* nothing: there was none yet */
    MAIL_FOLDER_CLOSED, /* it was closed as it should */
    MAIL_FOLDER_OPEN,   /* it is open, or was when the process ended */
} MailFolderNote;
MailFolderNote mail_folder_noted(const MailFolder *self);
bool mail_folder_note(const MailFolder *self, MailFolderNote note, GError **error);

/* Whether mail/ has files. */
bool mail_folder_has_mail(const MailFolder *self);

/* Writes the file of an entry, durable on return; EXISTS if there is one. */
bool mail_folder_write(const MailFolder *self, const char *id, const Spool *spool, GError **error);
void mail_folder_remove(const MailFolder *self, const char *id);

/* Descriptor of a file that must have this size; -1 with errno, EBADMSG for what is not such a file. */
int mail_folder_read(const MailFolder *self, const char *id, gint64 size);

/* Visits the names in mail/. */
bool mail_folder_each(const MailFolder *self, bool (*visit)(const char *id, void *user, GError **error), void *user,
                      GError **error);

/* Whether files can be made in there by what its file system says; not by trying. */
bool mail_folder_is_writable(const MailFolder *self, GError **error);

/* FULL unless bytes more leave that much free. fresh: asks the file system now; else an answer up to a second
 * old may do, with what was granted since taken off. */
bool mail_folder_room(MailFolder *self, gint64 bytes, gint64 reserve_bytes, gint64 reserve_inodes, GError **error);
bool mail_folder_room_now(const MailFolder *self, gint64 bytes, gint64 reserve_bytes, gint64 reserve_inodes,
                          GError **error);

/* What may be an entry's id, and so a file's name. */
bool mail_folder_is_id(const char *id);
