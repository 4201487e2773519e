/* What HENNGE Customers Mail Cloud posts to a webhook (section "Event webhook" of its API document): a form, or JSON where
 * the console says so, with rows like those of its lists. Foreign bytes, read leniently and in bounded memory. Pure; any
 * thread. */
#pragma once

#include "query/driver.h"

typedef struct {
    char *type;        /* event_type; never NULL */
    char *composition; /* server_composition; "": not said */
    char *key;         /* api_key, a secret: "": none */
    char *event;       /* JSON; NULL: the body itself has the rows */
    const char *body;  /* borrowed */
    gsize body_length;
} CmcPost;

/* content_type may be NULL. The body must live as long. NULL sets an error, QUERY_ERROR_NONSENSE. */
CmcPost *cmc_post_read(const char *content_type, const char *bytes, gsize n, GError **error);
void cmc_post_free(CmcPost *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CmcPost, cmc_post_free)

/* Whether its events are of a type that is known: of others nothing follows. */
bool cmc_post_is_known(const CmcPost *self);

/* Its rows. False sets an error, QUERY_ERROR_NONSENSE; those seen until then are worth nothing. */
bool cmc_post_rows(const CmcPost *self, QuerySink sink, void *user, GError **error);
