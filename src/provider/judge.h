/* What an API's answer means: tables of its codes, and the default meaning of HTTP statuses and
 * transport failures (TRANSLATION.md section 7). Pure. */
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
void judge_all(Outcome *outcomes, guint n, OutcomeVerdict verdict, int code, const char *dsn, const char *text);
void judge_row(Outcome *outcomes, guint n, const JudgeRow *row, const char *text, gint64 retry_after_ms);

/* For answers that are not the API's own: transport failures, HTTP statuses, pages of HTML. */
void judge_default(Outcome *outcomes, guint n, const HttpResponse *response);
