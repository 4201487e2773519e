/* Holds the first rows of a page back until they are known for others than the page before began with: an API that
 * ignores the number of a page answers with the first one for ever. Private to the reader; keeps QUERY_PAGE_HEAD rows
 * at most. */
#pragma once

#include "query/query.h"

typedef struct Overlap Overlap;

/* before: what the page before began with; NULL or empty: there is none. Rows go on to sink. */
Overlap *overlap_new(const QueryHead *before, QuerySink sink, void *user);
void overlap_free(Overlap *self);

/* The next row of the page. */
void overlap_add(Overlap *self, const QueryRow *row);

/* The page's end: gives the rows that are held back, unless the page was the one before once more, which returns true. */
bool overlap_finish(Overlap *self);

/* What the page begins with; how many rows it has, none if it was the one before. */
QueryHead overlap_head(const Overlap *self);
guint overlap_rows(const Overlap *self);
