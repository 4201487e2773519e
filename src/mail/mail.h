/* Mail: a message as this program understands it, the same for every provider, complete:
 * everything a driver needs in valid UTF-8, and what was done to get there as notes. Made from a
 * Message on a worker thread (translate.c), read-only afterwards.
 *
 * Where a header repeats what it may hold once: address fields of one name count as one list, of Subject and
 * Message-ID the first counts, of Content-Type and its like the last (tree.h). */
#pragma once

#include "base/conf.h"
#include "base/source.h"
#include "mail/address.h"
#include "mail/envelope.h"
#include "mail/message.h"

#define MAIL_MAX_BODY_CHARS 524228 /* where the API names no limit: the largest any of them has */

typedef struct MailPart MailPart;

/* An attachment. */
struct MailPart {
    char *filename; /* cleaned, never empty */
    char *type;     /* "image/png", with the parameters that matter (calendar method, text charset) */
    gint64 length;  /* decoded bytes */
    /* the rest belongs to part_source.c */
    struct PartContent *content;
};

/* Takes content, whose length must be known; for a Mail's attachments, which own it then. */
MailPart *mail_part_new(const char *filename, const char *type, struct PartContent *content);

/* The decoded bytes; the source keeps the spool open, not the Mail. Any one thread. */
Source *mail_part_bytes(const MailPart *part);

typedef struct {
    char *name, *value;
} MailHeader;

MailHeader *mail_header_new(const char *name, const char *value);
void mail_header_free(MailHeader *self);

typedef struct {
    char *rule; /* short fixed word: "inline-image", "from-rewritten", "header-dropped" … */
    char *text; /* what happened, for a person */
    int level;  /* syslog level at which it is logged */
} MailNote;

typedef struct {
    Mailbox *from;       /* after rewriting; never NULL */
    Mailbox *reply_to;   /* or NULL */
    char *envelope_from; /* "" for the null sender */
    GPtrArray *to, *cc;  /* of Mailbox: what the header names, in order, members of groups included */
    GPtrArray *named;    /* of Mailbox, for -t only, never leaves: everyone in To, Cc and Bcc, or in
                            Resent-To, -Cc and -Bcc if there is one of them; as written, not yet qualified */
    char *to_header, *cc_header; /* the original lists decoded and unfolded, or NULL */
    char *subject;       /* never empty */
    char *text;          /* never empty; LF line ends; no more than the limit and one character */
    char *html;          /* or NULL; likewise */
    gint64 subject_chars, text_chars, html_chars; /* of the above: over the limit means there was more */
    struct PartContent *whole_text, *whole_html; /* UTF-8; the whole of what is over the limit. NULL: it is not, or
                                                    the text was made from the HTML */
    GPtrArray *attachments; /* of MailPart */
    GPtrArray *headers;  /* of MailHeader: those that pass, X-Original-Message-ID included, in order */
    char *message_id;    /* the sender's, with brackets, or the one made for it */
    const char *charset; /* the new mail is to be in: "UTF-8" or "ISO-2022-JP"; all above is UTF-8 */
    gint64 size;         /* raw bytes of the message */
    GPtrArray *notes;    /* of MailNote */
} Mail;

typedef enum { INLINE_IMAGES_ATTACH, INLINE_IMAGES_DATA_URI } InlineImages;
typedef enum { OUT_CHARSET_UTF_8, OUT_CHARSET_ISO_2022_JP, OUT_CHARSET_AS_SENT } OutCharset;
typedef enum { ENCRYPTED_REFUSE, ENCRYPTED_ATTACH } Encrypted;

/* The keys of an [account] section that say how mail is translated for it. */
typedef struct {
    char **from_domains;
    char *default_from;
    char *empty_subject;
    char **pass_headers, **drop_headers;
    int inline_images; /* InlineImages */
    int charset;       /* OutCharset */
    int encrypted;     /* Encrypted */
} TranslateConf;

extern const ConfKey translate_conf_keys[];

/* Whether the address is at one of the from-domains. */
bool translate_may_sign(const TranslateConf *self, const char *address);

/* The address that a mail has in its From at the API: this one, or default-from's. Caller frees. */
char *translate_from(const TranslateConf *self, const Envelope *envelope, const char *from);

/* What a translation needs besides the message. All borrowed. */
typedef struct {
    const TranslateConf *conf;
    const char *hostname;       /* for a Message-ID made here */
    const char *default_domain; /* for unqualified header addresses */
    const char *id;             /* of the entry */
    const Envelope *envelope;
    gint64 text_chars, html_chars; /* the provider's limits; 0: MAIL_MAX_BODY_CHARS */
    gint64 header_bytes;           /* of "name: value"; 0: any */
} TranslateContext;

/* What the header alone says: from (NULL: nothing names a sender) as written, recipients, subject, headers. No account's
 * rules: context->conf may be NULL. Fails with MAIL_ERROR_NO_RECIPIENT. */
Mail *mail_from_header(Message *message, const TranslateContext *context, GError **error);

/* Fails with a MailError. The Mail holds what it needs of the message; free both in any order. */
Mail *mail_from_message(Message *message, const TranslateContext *context, GError **error);
void mail_free(Mail *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Mail, mail_free)

/* The text is made one line. */
void mail_note(Mail *self, int level, const char *rule, const char *format, ...) G_GNUC_PRINTF(4, 5);
