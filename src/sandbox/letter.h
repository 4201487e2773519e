/* What an Emails request asks for, once every constraint of the API holds. Read from a Form
 * by emails.c, rendered by eml.c. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "sandbox/form.h"
#include "sandbox/mailbox.h"
#include "sandbox/problem.h"

#define LETTER_SEND_ADDRESSES 10
#define LETTER_BULK_ADDRESSES 1000
#define LETTER_SUBJECT_CHARS 512
#define LETTER_BODY_CHARS 524228
#define LETTER_HEADER_BYTES 998

typedef struct {
    char *name;
    char *value;                /* UTF-8 */
} LetterHeader;

typedef struct {
    bool bulk;
    bool iso_2022_jp;
    GPtrArray *to;              /* of Mailbox */
    GPtrArray *cc;              /* these two empty in bulk */
    GPtrArray *bcc;
    Mailbox *from;
    Mailbox *replyto;           /* NULL: none */
    const char *envelope_from;
    GPtrArray *headers;         /* of LetterHeader */
    const GString *subject;
    const GString *text;
    const GString *html;        /* NULL: none */
    unsigned attachment_count;
    const Form *form;           /* has the attachments and the texts above; outlives the letter */
} Letter;

/* The parameters of emails/send or emails/bulk, for form_new(). */
const FormField *letter_fields(bool bulk);

/* Checks a whole form and reads it; adds everything that is wrong to problems, and returns
 * NULL when there is anything. The form is borrowed. */
Letter *letter_read(const Form *form, bool bulk, Problems *problems);

void letter_free(Letter *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Letter, letter_free)
