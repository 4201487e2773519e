/* From one element of "delivery" in Arara's POST /send to a Letter, with every rule that the
 * API's documents name. Used by arara.c. Pure. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "sandbox/json.h"
#include "sandbox/json_body.h"
#include "sandbox/letter.h"
#include "sandbox/options.h"

#define ARARA_ADDRESS_BYTES 256
#define ARARA_SUBJECT_BYTES 500
#define ARARA_REQUEST_ID_CHARS 64
#define ARARA_AHEAD_DAYS 32

typedef struct {
    JsonBody *body;             /* has the attachments */
    const Options *options;
    gint64 now_us;              /* of the wall clock */
} AraraReader;

/* Checks a delivery and reads it; NULL, and the first thing that is wrong appended to why, if it
 * breaks a rule. send_us is when to send it, now_us for "now". delivery and reader's body are
 * borrowed by the letter. */
Letter *arara_letter_read(const AraraReader *reader, const cJSON *delivery, gint64 *send_us, GString *why);

/* True for a valid request id. */
bool arara_is_request_id(const char *text);
