/* The parameters of one API request: text fields in memory, each up to its limit, and
 * attachments, small ones in memory, others in unnamed files. Used by emails.c and
 * letter.c, on the server's thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#define FORM_ATTACHMENTS 10

/* Attachments up to this size stay in memory. */
#define FORM_MEMORY_BYTES (64 * 1024)

/* A parameter the form may hold, and how many of its bytes are kept. */
typedef struct {
    const char *name;
    size_t max_bytes;
} FormField;

typedef struct {
    bool present;
    bool is_file;               /* came with a file name, as attachments must */
    char *filename;
    char *type;                 /* as sent, or NULL */
    guint64 size_bytes;
    GByteArray *bytes;          /* the content; or, when NULL, it is in fd */
    int fd;
} Attachment;

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

/* Attachment number n, 1 to FORM_ATTACHMENTS. */
const Attachment *form_attachment(const Form *self, unsigned n);

/* False with error set if an attachment could not be kept. */
bool form_is_kept(const Form *self, const char **error);
