/* BlastMail's REST API 1.0: tokens (blast.c) and the history of deliveries (blast_history.c), and what both share:
 * parameters, and answers as JSON or XML. What it keeps between requests belongs to the server's thread. */
#pragma once

#include "sandbox/blast_archive.h"
#include "sandbox/exchange.h"

/* Each ends with a NULL method. */
extern const Endpoint blast_endpoints[];
extern const Endpoint blast_history_endpoints[];

Blast *blast_new(const Options *options);
void blast_free(Blast *self);

BlastArchive *blast_archive(const Blast *self);

/* A POST's form is read into exchange->state. */
void blast_open(Exchange *exchange);
void blast_feed(Exchange *exchange, const char *bytes, size_t n);
void blast_close(Exchange *exchange);

/* The parameters of a call: of the URL with GET, of the form with POST. names are those it may have, separated by
 * blanks; a last "!" marks those it must have. NULL and the refusal answered if there is anything wrong with them, or
 * with the access_token if they hold one. The caller frees it. */
GHashTable *blast_read(Exchange *exchange, const char *names);

/* Answers json, which it takes, as such or as XML, as the call's parameters want it; root is the name of the XML's. */
void blast_answer(Exchange *exchange, GHashTable *parameters, const char *root, cJSON *json);

/* parameters may be NULL. */
void blast_answer_error(Exchange *exchange, GHashTable *parameters, unsigned status, const char *message);

#define BLAST_BAD_DATA "Failure_Data is incorrect"
