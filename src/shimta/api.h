/* The commands that ask the accounts' APIs: what each wants, and what they do in the same way. Which accounts:
 * --account, else all whose API can where nothing is changed, and the only one where something is. One thread; blocks. */
#pragma once

#include "query/query.h"
#include "shimta/sheet.h"
#include "shimta/shimta.h"

typedef enum { API_WORDS_NONE, API_WORDS_IDS, API_WORDS_ADDRESSES } ApiWords;

typedef struct Api Api;

struct Api {
    const Task *task;
    Query query;
    ApiWords words;       /* what the arguments are; "-" stands for the lines of standard input */
    bool dated;           /* a period may be among them */
    const char *default_period; /* where neither ids nor a period are given; or NULL */
    const char *const *columns; /* that come first; NULL-terminated */
    bool record;          /* few rows, with much in each */
    bool sums;            /* what the answer says outside its rows is of interest */
    const char *question; /* "Cancel delivery"; of what can't be undone */
    QueryTask rather;     /* the task for an API that can do it; QUERY_STATUS: none */
    /* What is done with a row; NULL: api_show(). */
    void (*row)(Api *self, const QueryRow *row);

    /* of the run */
    Settings *settings;
    GPtrArray *accounts;          /* of const QueryAccount *: who is asked */
    const QueryAccount *account;  /* who is being asked */
    GPtrArray *held;              /* strings that the query points to */
    Sheet *sheet;
    GString *below;               /* lines for people, below the rows */
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

/* api_json.c: a line of JSON. summary: of what is no row. */
void api_print_json(const char *account, const QueryRow *row, bool summary);
