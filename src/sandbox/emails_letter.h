/* From the parameters of emails/send and emails/bulk to a Letter, with every constraint that the
 * API's documents name. Used by emails.c. Pure. */
#pragma once

#include <stdbool.h>

#include "sandbox/form.h"
#include "sandbox/letter.h"
#include "sandbox/problem.h"

#define EMAILS_SEND_ADDRESSES 10
#define EMAILS_BULK_ADDRESSES 1000
#define EMAILS_SUBJECT_CHARS 512
#define EMAILS_BODY_CHARS 524228
#define EMAILS_HEADER_BYTES 998

/* The parameters, for form_new(). */
const FormField *emails_fields(bool bulk);

/* Checks a whole form and reads it; adds everything that is wrong to problems, and returns
 * NULL when there is anything. The form is borrowed by the letter. */
Letter *emails_letter_read(const Form *form, bool bulk, Problems *problems);
