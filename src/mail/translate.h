/* The steps of a translation, for the files of mail/ that make a Mail. Each fills its share of the Mail and
 * notes what it changed. Worker thread. */
#pragma once

#include "mail/mail.h"
#include "mail/tree.h"

typedef struct {
    Mail *mail;
    Message *message;
    const TranslateContext *context;
    const Fields *fields; /* of the message */
    const char *hint;     /* charset of the first labelled text part, for unlabelled headers, or NULL */
} Translation;

Mail *mail_new(void);

/* sender.c: from, reply_to, envelope_from. Sets MAIL_ERROR_NO_SENDER. */
bool translate_sender(Translation *self, GError **error);

/* sender.c: an address as the API may have it: qualified, unless the header is to stay as it is. */
void translate_qualify(const Translation *self, Mailbox *mailbox);

/* sender.c: appends every mailbox of all fields called name, as written. Result and first_bad
 * as in address_list_parse(). */
guint translate_read(Translation *self, GPtrArray *list, const char *name, char **first_bad);
void translate_note_bad(Translation *self, guint bad, const char *name);

/* sender.c: the same, qualified, what is bad noted. */
void translate_mailboxes(Translation *self, GPtrArray *list, const char *name);

/* translate_fields.c: recipients' fields, subject, headers that pass, Message-ID. Sets
 * MAIL_ERROR_NO_RECIPIENT, MAIL_ERROR_BAD_RECIPIENT. */
bool translate_fields(Translation *self, GError **error);

/* content.c: text, html, attachments. Sets MAIL_ERROR_READ, MAIL_ERROR_ENCRYPTED. */
bool translate_content(Translation *self, GError **error);

/* out_charset.c: the charset of the new mail, from all that the steps above have made. */
void translate_charset(Translation *self);

/* content.c: the charset that unlabelled headers probably have, or NULL. Owned by the message. */
const char *translation_hint(Message *message);

/* inline_image.c: puts images the HTML refers to into it as data URIs while it stays within limit
 * characters. cids: the Content-IDs (or NULL) of mail->attachments, parallel to it; both lose the
 * images. */
bool inline_images(Mail *mail, GPtrArray *cids, gint64 limit, GError **error);
