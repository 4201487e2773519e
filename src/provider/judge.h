/* What an API's answer means: tables of its codes, and the default meaning of HTTP statuses and
 * transport failures. Pure. */
#pragma once

#include "provider/provider.h"

typedef struct {
    const char *api_code;
    OutcomeVerdict verdict;
    int code;
    const char *dsn;
    unsigned flags; /* of Outcome */
} JudgeRow;

/* The row for an API code, or NULL. rows ends with a zero row. */
const JudgeRow *judge_find(const JudgeRow *rows, const char *api_code);

/* Sets all n outcomes the same way. */
void judge_row(Outcome *outcomes, guint n, const JudgeRow *row, const char *text, gint64 retry_after_ms);

/* All n were delivered under the provider's id, which is made fit for a reply line. */
void judge_delivered(Outcome *outcomes, guint n, const char *remote_id);

/* By the HTTP status alone, for an error the tables do not know; text says what it was. */
void judge_status(Outcome *outcomes, guint n, const HttpResponse *response, const char *text);

/* For answers that are not the API's own: transport failures, HTTP statuses, pages of HTML. A success without
 * a whole answer is unknown: the API may have the mail. */
void judge_default(Outcome *outcomes, guint n, const HttpResponse *response);

/* "code message" of an API's error as one line of ASCII for a reply, the account's key blotted out. Each may be
 * NULL; a message that is not ASCII is left out. Caller frees. */
char *judge_text(const Provider *provider, const char *code, const char *message);

/* The text with *** where the secret was. Takes text; caller frees. */
char *judge_blot(char *text, const char *secret);
