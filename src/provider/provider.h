/* A provider is an HTTP API that delivers mail. A driver is data and pure functions: which
 * recipients go in which call, what a call's request is, what an answer means. A Provider is one
 * configured account. Read-only after start-up; any thread. */
#pragma once

#include "base/secret.h"
#include "http/request.h"
#include "mail/mail.h"
#include "mail/outcome.h"
#include "mail/recipients.h"
#include "provider/feedback_conf.h"

/* What one call may carry; 0 means unlimited. Constant data of a driver, overridden per account. */
typedef struct {
    guint subject_chars;
    guint subject_bytes;
    gint64 text_chars;
    gint64 html_chars;
    guint header_bytes; /* of "name: value" */
    guint line_bytes;   /* of text and HTML, without the line's end */
    guint attachments;
    gint64 mail_bytes;  /* whole mail after base64 */
    guint calls;        /* at once */
    guint to, cc, bcc;  /* addresses in each place of one call */
    bool extensions;    /* a file name must have one */
    bool no_headers;    /* none can be given */
} ProviderLimits;

typedef struct ProviderDriver ProviderDriver;

typedef enum { OVER_LIMITS_ADAPT, OVER_LIMITS_REFUSE } OverLimits;
typedef enum { UNKNOWN_OUTCOME_RETRY, UNKNOWN_OUTCOME_HOLD } UnknownOutcome;

typedef struct Provider Provider;

struct Provider {
    const ProviderDriver *driver;
    char *name;            /* of the [account] section */
    char *driver_name;     /* as configured */
    char *url;             /* checked; without a slash at its end */
    bool allow_http;       /* http to other hosts than this one */
    ProviderLimits limits; /* effective */
    int over_limits;       /* OverLimits: what becomes of a mail that is over them */
    int unknown_outcome;   /* UnknownOutcome: what becomes of a mail that the API may have */
    gint64 max_pause_ms;   /* after calls that could not work */
    char *fallback_name;   /* another account, or NULL */
    const Provider *fallback; /* that account; the relay's settings set it */
    TranslateConf translate;
    FeedbackConf feedback;
    void *conf;            /* the driver's own struct */
    Secret *key;
};

/* One API request that creates mail. */
typedef struct {
    GPtrArray *to, *cc, *bcc; /* of Mailbox, its own */
    char *key;                /* stands for its recipients: idempotency key where the API has one */
    bool each_alone;          /* a request of another kind, in which each To sees itself alone */
} Call;

Call *call_new(const char *key);
void call_free(Call *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Call, call_free)

/* Number of recipients, and the one at place i: To, then Cc, then Bcc. Outcomes are parallel to this. */
guint call_size(const Call *self);
const Mailbox *call_recipient(const Call *self, guint i);

/* Gives calls their keys. A key means one set of recipients for ever, whatever the others' calls are: a call to all n
 * of the mail goes by entry_id, any other by that and a digest of its recipients. */
void calls_set_keys(GPtrArray *calls, const char *entry_id, guint n);

/* One try of a call: what a driver builds from and judges with. */
typedef struct {
    const Mail *mail;
    const Call *call;
    const Secret *token; /* of the driver's login; NULL where it has none */
    bool maybe_taken;    /* an earlier try of this call got no answer: the API may have the mail */
    guint step;          /* the driver's own: which of its requests is built, or answered; 0 at first */
    gint64 since_ms;     /* no earlier try is older (ms since the epoch); 0: that is not known */
    gint64 send_at_ms;   /* the API keeps the mail until then, by the driver's hold_s; 0: it goes at once */
} CallTry;

struct ProviderDriver {
    const char *name; /* value of `provider =` */
    ProviderLimits limits;
    const ConfKey *keys; /* its own keys of an [account] section */
    size_t conf_size;
    gint64 hold_s; /* the API can keep mail for less than that; 0: not at all */

    /* Checks and completes conf after it was read. May be NULL. */
    bool (*prepare)(Provider *self, const ConfFile *file, GError **error);

    /* Calls that serve every recipient once; a GPtrArray of Call, without keys yet. Cannot fail. */
    GPtrArray *(*partition)(const Provider *self, const Mail *mail, const Recipients *recipients);

    /* The header fields a call gives its copies: the mail's in their order, changed or not, then the call's own; of
     * MailHeader. NULL where the API has none. */
    GPtrArray *(*headers)(const Provider *self, const Mail *mail, const Call *call);

    /* The request of the try's step. Cannot fail: what the API cannot take was dealt with before. Comes again with
     * another token when the API refused the first. */
    HttpRequest *(*build)(const Provider *self, const CallTry *try);

    /* Reads the answer to the try's step into the call's outcomes (call_size() of them). May go to another step and
     * return its request, whose answer is judged again. What it does not know is transient. */
    HttpRequest *(*judge)(const Provider *self, CallTry *try, const HttpResponse *response, Outcome *outcomes);

    /* Both or neither: the request for a token, and the token of its answer, good for lifetime_ms from now. NULL
     * sets refusal (never permanent: only the operator can mend it, or time). */
    HttpRequest *(*login)(const Provider *self);
    Secret *(*token)(const Provider *self, const HttpResponse *response, gint64 *lifetime_ms, Outcome *refusal);

    /* A request that tells whether the account works and never makes mail; token as in a try. */
    HttpRequest *(*probe)(const Provider *self, const Secret *token);

    /* Whether its answer is that of an account that works. found is set in any case: its text says what was seen, its
     * flags and code are those of a refusal. */
    bool (*probed)(const Provider *self, const HttpResponse *response, Outcome *found);
};

/* NULL-terminated. */
extern const ProviderDriver *const provider_drivers[];

/* Reads section [account NAME]. */
Provider *provider_open(ConfFile *file, const char *name, GError **error);
void provider_free(Provider *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Provider, provider_free)

/* Appends the effective settings as a section, without secrets. */
void provider_print(const Provider *self, GString *out);

/* Bytes of the whole mail once its bodies and attachments are base64. */
gint64 provider_mail_bytes(const Mail *mail);
