/* Rows that were taken in, with all columns they turned out to have, and how they are printed: as a table, as a record
 * of lines for each, or as CSV. They wait in an unnamed file once they are many. One thread; blocks. */
#pragma once

#include "query/row.h"

#include <stdio.h>

typedef struct Sheet Sheet;

typedef enum {
    SHEET_TABLE,   /* for people: what is a control character is shown as one; columns nobody has are left out */
    SHEET_RECORDS, /* likewise, a line for each value */
    SHEET_CSV,     /* for programs: values as they are, but on a terminal; the first columns always there */
} SheetForm;

/* first: the columns that come first, NULL-terminated, which must outlive it. memory_bytes: what may stay in memory. */
Sheet *sheet_new(const char *const *first, gsize memory_bytes);
void sheet_free(Sheet *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Sheet, sheet_free)

/* Values of one name are joined by "; ". False: there is no room for the row. */
bool sheet_add(Sheet *self, const QueryRow *row, GError **error);

/* The columns that the table needs. */
guint sheet_width(const Sheet *self);

/* How it is best printed: a table that is wider than a terminal would be torn. */
SheetForm sheet_form(const Sheet *self, bool csv, FILE *to);

/* No row can be added afterwards. False: the rows could not be read again. A failure to write is to's. */
bool sheet_print(Sheet *self, SheetForm form, FILE *to, GError **error);
