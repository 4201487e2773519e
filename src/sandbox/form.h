/* The parameters of one Emails request: text fields in memory, each up to its limit, and
 * attachments. Used by emails.c and emails_letter.c, on the server's thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "sandbox/attachment.h"

#define FORM_ATTACHMENTS 10

/* A parameter the form may hold, and how many of its bytes are kept. */
typedef struct {
    const char *name;
    size_t max_bytes;
} FormField;

typedef struct Form Form;

/* What to do with the bytes of attachments: keep them below folder, or count them. */
typedef struct {
    const FormField *fields;    /* ends with a NULL name */
    const char *folder;         /* NULL: count only */
    guint64 attachment_limit_bytes;     /* of all together; what is over it is counted and dropped */
} FormSettings;

/* NULL if content_type isn't multipart/form-data with a boundary. */
Form *form_new(const char *content_type, const FormSettings *settings);
void form_free(Form *self);

void form_feed(Form *self, const char *bytes, size_t n);

/* True if the body was a whole, well-formed form. */
bool form_is_complete(const Form *self);

/* A parameter that the form may not hold, or that came twice; NULL when there is none. */
const char *form_stranger(const Form *self);

/* A field's text, NULL if it wasn't sent. Not valid before its part has ended. */
const GString *form_value(const Form *self, const char *name);

/* True if the field was longer than what is kept of it. */
bool form_is_cut(const Form *self, const char *name);

/* True if the field's part has been read to its end. */
bool form_has(const Form *self, const char *name);

/* Attachment number n, 1 to FORM_ATTACHMENTS; NULL if it wasn't sent. */
const Attachment *form_attachment(const Form *self, unsigned n);
