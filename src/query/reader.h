/* Reads one answer as it arrives, in bounded memory, whatever its size: JSON, XML (no DTD, no entities but XML's own,
 * nothing fetched) or CSV (UTF-8 or Windows-31J) become the same rows. Lenient about shapes, names and types: a number
 * may be a string, a list may have been an object. Strict about what is an answer at all: anything else is
 * QUERY_ERROR_NONSENSE, never no rows. One thread at a time. */
#pragma once

#include "query/query.h"

/* An answer may be as long as this: the longest of the documents is of 8 MB (Arara version 1), and people's own lists
 * have no limit that is known. */
#define QUERY_MAX_ANSWER (32 * 1024 * 1024)

typedef struct QueryReader QueryReader;

/* For the answer to query_build(ask): what ask points to must outlive it. */
QueryReader *query_reader_new(const QueryAsk *ask, QuerySink sink, void *user);
void query_reader_free(QueryReader *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QueryReader, query_reader_free)

/* The next bytes of the body (an HttpSink, whose user is the reader): false once the rest is of no interest, and
 * query_reader_finish() knows why. Rows come from in here and from query_reader_finish(), none of an answer whose
 * status is an error. What the account's own secrets were repeated in has *** in their place. */
bool query_reader_push(int status, const char *bytes, size_t n, void *reader);

/* The end: response->body is read, too, where the body did not come by query_reader_push(). False: an error of
 * QUERY_ERROR, without secrets; rows seen until then are not all. */
bool query_reader_finish(QueryReader *self, const HttpResponse *response, QueryPage *page, GError **error);
