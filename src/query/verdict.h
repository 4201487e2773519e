/* What an answer is: one to go by, or which error. Private to the readers. Pure. */
#pragma once

#include "query/gather.h"

typedef struct {
    const QueryAsk *ask; /* query and token may be NULL: of a login */
    const QueryCall *call; /* NULL: of a login */
    const HttpResponse *response;
    const Gather *gather;  /* NULL: nothing was read */
    const char *fault;     /* why it could not be read to its end, a literal; or NULL */
    bool empty;            /* without a body */
} QueryVerdict;

/* False sets an error of QUERY_ERROR, in one line without secrets. */
bool query_judge(const QueryVerdict *self, GError **error);
