/* The messages that were accepted: a folder of .eml files, one per recipient, and the list
 * of them. Used on the server's thread alone; blocking. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "sandbox/letter.h"

typedef struct Box Box;

/* folder NULL: only counts. Files that are in the folder stay, and numbers go on after theirs. */
Box *box_new(const char *folder, GError **error);
void box_free(Box *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Box, box_free)

/* What the list tells of an API request's messages. */
typedef struct {
    guint64 call;               /* number of the request */
    const char *message_id;     /* NULL: each message has one of its own */
    const char *delivery_id;    /* Arara's; or NULL */
    const char *request_id;     /* likewise */
} BoxLabel;

/* Keeps what each recipient would get, all of them or, with error set, none. */
bool box_put(Box *self, const Letter *letter, const BoxLabel *label, GError **error);

/* Removes the messages of a delivery and their files. */
void box_remove(Box *self, const char *delivery_id);

/* A new Message-ID with its brackets; the caller frees it. */
char *box_message_id(void);

/* The list as JSON, oldest first; the caller frees it. */
GString *box_list(const Box *self);

/* The path of message number n, NULL if there is none. */
char *box_path(const Box *self, guint64 number);

/* Removes the messages on the list and their files. */
void box_empty(Box *self);

/* How many messages were ever put. */
guint64 box_count(const Box *self);

/* Where attachments of a request may wait, NULL when messages are not kept. */
const char *box_folder(const Box *self);
