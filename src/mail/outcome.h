/* What a provider's answer means for one recipient. A refusal is a value, not an
 * error: GError is for "we could not do our work". */
#pragma once

#include <glib.h>

typedef enum {
    OUTCOME_OPEN,      /* nothing is known yet */
    OUTCOME_DELIVERED, /* the provider has it */
    OUTCOME_TRANSIENT, /* certainly not accepted; later may work */
    OUTCOME_PERMANENT, /* certainly not accepted; will never work */
    OUTCOME_UNKNOWN,   /* the request was sent, no (whole) answer came */
} OutcomeVerdict;

enum {
    OUTCOME_BACK_OFF = 1 << 0, /* the account as a whole should slow down */
    OUTCOME_ALARM = 1 << 1,    /* only the operator can mend it */
    OUTCOME_ASIDE = 1 << 2,    /* says nothing about how the account's calls fare */
    OUTCOME_AGAIN = 1 << 3,    /* transient, and the fault of others in the call: works at once in one without them */
};

typedef struct {
    OutcomeVerdict verdict;
    int code;              /* SMTP reply code: 250, 4xx, 5xx */
    char dsn[12];          /* enhanced status code (RFC 3463): "2.0.0" */
    char *text;            /* one line of printable ASCII for reply and log; never a secret */
    char *remote_id;       /* the provider's id when delivered, else NULL */
    gint64 retry_after_ms; /* what the provider asked for; 0: nothing */
    unsigned flags;
} Outcome;

/* Replaces what self held. text is copied, made printable and cut to 400 bytes. */
void outcome_set(Outcome *self, OutcomeVerdict verdict, int code, const char *dsn, const char *text);
void outcome_clear(Outcome *self);
void outcome_copy(Outcome *to, const Outcome *from);

/* "delivered", "transient", … */
const char *outcome_verdict_name(OutcomeVerdict verdict);

/* An array of n open outcomes as a GArray that clears its elements. */
GArray *outcomes_new(guint n);
