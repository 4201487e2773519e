/* A call of an API that no task has: method, path and parameters are the user's, the account's authentication is added.
 * Whatever the answer, its lists are rows, or it is one. Used by the drivers; pure. */
#pragma once

#include "query/driver.h"

/* QUERY_DIRECT of a driver that has `direct`; checks what is no driver's own. The second is for an API whose lists are
 * called "message", where for others that is a text. */
extern const QueryCall query_direct_call, query_direct_message_call;

/* The parameters "name=value", the names before the first "="; add is query_url_add() or query_form_add(). */
void query_direct_put(const QueryAsk *ask, GString *to, void (*add)(GString *to, const char *name, const char *value));

/* Sets an error of QUERY_ERROR_USAGE where the call has a body, or is none of methods, which are between blanks. */
bool query_direct_check(const QueryAccount *account, const Query *query, const char *methods, bool body, GError **error);
