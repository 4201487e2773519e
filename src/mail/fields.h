/* A header as raw fields, in order. Pure; any thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
    char *name;  /* as written, without blanks */
    char *value; /* raw, all that follows the colon: folds, 8-bit and encoded words as sent; NULs are gone,
                    and the line end */
} Field;

typedef struct {
    GArray *array; /* of Field */
} Fields;

/* Length of the field name a line begins with (RFC 5322: printable ASCII, then a colon, blanks before
 * it allowed), or 0 if the line is no beginning of a field. */
gsize field_name_length(const char *line, gsize n);

/* Whether mail knows a field of this name: From, Subject, anything with X- … A header without any such
 * field is text that happens to have colons. */
bool field_is_known(const char *name, gsize n);

/* Reads fields up to an empty line, a line that belongs to no field, or the end. */
Fields *fields_parse(const char *header, gsize n);
void fields_free(Fields *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Fields, fields_free)

guint fields_count(const Fields *self);
const Field *fields_at(const Fields *self, guint i);

/* The n-th (from 0) value of a field called name (case ignored), or NULL. */
const char *fields_get(const Fields *self, const char *name, guint n);
