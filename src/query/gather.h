/* Makes rows of what a parser finds: elements, their texts and ends, whatever the format. The root has a name nobody
 * asks for; an element of a list in JSON comes under the list's name, as in XML. Private to the readers; bounded: the
 * first thing too deep, too long or too much is a fault. */
#pragma once

#include "query/driver.h"

typedef struct Gather Gather;

/* Rows of `call` go to sink. With rows false nothing is a row: the answer says why there is none. */
Gather *gather_new(const QueryCall *call, const Query *query, bool rows, QuerySink sink, void *user);
void gather_free(Gather *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Gather, gather_free)

/* All false once there is a fault. */
bool gather_begin(Gather *self, const char *name);
bool gather_text(Gather *self, const char *text, size_t n);
bool gather_end(Gather *self);

/* A list of that name has begun; its elements, if any, follow. */
bool gather_list(Gather *self, const char *name);

/* A value that is no element: of an attribute, or of a scalar in JSON. */
bool gather_leaf(Gather *self, const char *name, const char *text, size_t n);

/* For what a parser finds too long or too deep: the first fault stays. Always false. fault: a literal. */
bool gather_fail(Gather *self, const char *fault);

/* What ended it, a literal; or NULL. */
const char *gather_fault(const Gather *self);

/* Of a call that changes something: what a row says that was not changed; or NULL. Such rows are rows all the same. */
const char *gather_refusal(const Gather *self);

/* Of a call of the user's own, of whose answer nothing is known. */
bool gather_is_direct(const Gather *self);

guint gather_rows(const Gather *self);

/* The same with each list inside a row counted once. */
guint gather_elements(const Gather *self);

/* Fields outside of rows. */
const QueryRow *gather_rest(const Gather *self);

/* Whether one of the call's signs was there, in a row or beside it; of a call that changes nothing, its rows' names, too,
 * with or without rows. Whether text stood where rows were to stand. */
bool gather_signed(const Gather *self);
bool gather_odd(const Gather *self);

/* Whether there was not even a list. */
bool gather_is_empty(const Gather *self);

/* Where the whole answer is a row: the rest becomes that, with our names, and goes to the sink. */
void gather_whole(Gather *self);
