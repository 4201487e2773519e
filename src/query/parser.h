/* Parsers that take an answer as it arrives and tell a Gather what they find; they hold no more than the value at hand.
 * For those who read answers and events. Each returns false at the first byte that is not the format's, or once the Gather has enough. */
#pragma once

#include "query/gather.h"

typedef struct {
    void *(*new)(Gather *gather);
    bool (*push)(void *self, const char *bytes, size_t n);
    bool (*finish)(void *self); /* false: it ends too early */
    void (*free)(void *self);
} QueryParser;

extern const QueryParser query_json; /* RFC 8259; numbers stay as they are written */
extern const QueryParser query_xml;  /* no DTD, no entities but XML's own, nothing is fetched */
extern const QueryParser query_csv;  /* RFC 4180 in UTF-8 or Windows-31J: a list of addresses, with or without names in the first record */
extern const QueryParser query_zip;  /* the CSV, or for a call of the user's own what there is, that is packed in it; held as a whole until its end, of 8 MB at most */
