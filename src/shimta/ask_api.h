/* Asks an account's API one question, with all its pages, on a loop of its own. Blocks. One thread. */
#pragma once

#include "http/client.h"
#include "query/query.h"
#include "relay/settings.h"

typedef struct {
    QuerySink row;
    /* What an answer said outside its rows; may be NULL. */
    void (*rest)(const QueryRow *rest, void *user);
    /* That request is answered, and well: of which part of the question (QueryCursor) it was; may be NULL. */
    void (*page)(guint part, void *user);
    /* Something of the question was not to be had, and the others are asked for: of many ids one is unknown. */
    void (*miss)(const GError *error, void *user);
    void *user;
    /* Gets the answer to one request where its status is good, of QUERY_MAX_ANSWER bytes at most; JSON as a json_line(),
     * unless there is an error that is not QUERY_ERROR_REFUSED. May be NULL. */
    GString *raw;
} AskApiReader;

typedef struct {
    const QueryAccount *account;
    const Query *query;
} AskApiQuestion;

typedef struct {
    guint64 rows;
    guint requests; /* that brought an answer */
    guint missed;
    bool cut; /* the API may have more, and shows no more */
    bool unsure; /* after an error: the last request may have been done */
    guint part;  /* of the question's ids or addresses, that it was about (QueryCursor) */
} AskApiResult;

/* False: an error of QUERY_ERROR; what came before it has been read. The question has passed query_check(). A token that
 * the API does not take is replaced once; a request that comes too early is made again twice where the wait is short. */
bool ask_api(const RelayConf *conf, const AskApiQuestion *question, const AskApiReader *reader, AskApiResult *result,
             GError **error);

/* A client by the configuration's times. */
HttpClient *ask_api_client(uv_loop_t *loop, const RelayConf *conf);
