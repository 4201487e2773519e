/* The commands that ask the accounts' APIs: what each wants, and what they do in the same way. Which accounts:
 * --account, else all whose API can where nothing is changed, and the only one where something is. One thread; blocks. */
#pragma once

#include "query/query.h"
#include "shimta/sheet.h"
#include "shimta/shimta.h"

/* What an API's own field "account" is called: "account" is ours. */
#define API_ACCOUNT "api.account"

typedef enum { API_WORDS_NONE, API_WORDS_IDS, API_WORDS_ADDRESSES } ApiWords;

typedef struct Api Api;

/* One question to one account. */
typedef struct {
    const QueryAccount *account;
    Query query;
    bool guesses;     /* that the mail has the query's tag: without a row it is asked without it */
    GHashTable *only; /* rows of mails with one of these Message-IDs (without brackets) or tags; NULL: all */
    GHashTable *confirmed; /* of a change: strings of the query's that the answers say were done; or NULL */
    GPtrArray *ids, *request_ids; /* what the query points to, ending with NULL; or NULL */
} ApiAsk;

struct Api {
    const Task *task;
    Query query;
    ApiWords words;       /* what the arguments are; "-" stands for the lines of standard input */
    bool dated;           /* a period may be among them */
    const char *default_period; /* where neither ids nor a period are given; or NULL */
    const char *const *columns; /* that come first; NULL-terminated */
    bool finds;           /* ids may be anything that the journal knows a mail by */
    bool as_is;           /* an answer in JSON is one with --json, too */
    bool record;          /* few rows, with much in each */
    bool sums;            /* what the answer says outside its rows is of interest */
    const char *question; /* "Cancel delivery"; of what can't be undone, or may change something; NULL: nothing is asked */
    const GPtrArray *subjects, *groups; /* that rows are looked through for here; or NULL */
    QueryTask rather;     /* the task for an API that can do it; QUERY_STATUS: none */
    /* What is done with a row; NULL: api_show(). */
    void (*row)(Api *self, const QueryRow *row);

    /* of the run */
    Settings *settings;
    GPtrArray *accounts;          /* of const QueryAccount *: who is asked */
    GPtrArray *asks;              /* of ApiAsk: what */
    const QueryAccount *account;  /* who is being asked */
    const ApiAsk *ask;            /* what is */
    GPtrArray *held;              /* strings that the query points to */
    Sheet *sheet;
    GString *below;               /* lines for people, below the rows */
    bool names;                   /* the answer that is read names things */
    GString *raw;                 /* the answer, where it is to be shown as it is; or NULL */
    guint64 shown;
    int status;
};

/* Runs it. Returns an exit status. */
int api_run(Api *self);

/* Shows a row of the account's. */
void api_show(Api *self, const QueryRow *row);

/* Notes an exit status; the first that is no success is the command's. */
void api_note(Api *self, int status);

/* The exit status of an error of QUERY_ERROR. */
int api_exit_status(const GError *error);

/* The question as it is put to that account. */
Query api_query(const Api *self, const QueryAccount *account);

/* api_words.c: puts the arguments and options into the query. An exit status; complains. */
int api_read_words(Api *self);

/* Whether text, which is UTF-8, can be a part of a URL's path: neither empty nor one that leads elsewhere. */
bool api_is_segment(const char *text);

/* api_choose.c: sets self->accounts. An exit status; complains. */
int api_choose(Api *self);

/* A copy of query, to which nothing else is put. */
ApiAsk *api_ask_new(const QueryAccount *account, const Query *query);

/* api_find.c: looks the ids up in the journal. Those that it knows become asks, the query keeps the others; *rest: whether
 * there is anything left to ask. An exit status; complains. */
int api_find(Api *self, bool *rest);

/* No API has such ids: they are ours, or of mails. */
bool api_find_is_of_mail(const char *word);

/* Asks for the ids of deliveries that are known by request id, where an API's results want those. False: there is nothing
 * to ask; complains. */
bool api_find_requests(Api *self, ApiAsk *ask);

/* The first question of api_find_requests(), or the ask's. */
Query api_find_first(const ApiAsk *ask);

/* api_confirm.c: takes note of what a row of a change confirms. False: it is about other things, or says that something
 * was not done. */
bool api_confirm_row(Api *self, const QueryRow *row);

/* Behind the rows of a good answer, to that part of the question: complains of what it did not confirm, and notes it. */
void api_confirm_page(Api *self, guint part);

/* api_json.c: a line of JSON. summary: of what is no row. */
void api_print_json(const char *account, const QueryRow *row, bool summary);

