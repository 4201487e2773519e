/* What a scan tells of a mail besides its verdict, for scan.c. */
#pragma once

#include "mail/scan.h"

#include <xxhash.h>

typedef struct {
    char *message_id; /* "": the first field is none that counts; NULL: no field */
    guint received;
    XXH3_state_t *digest;
} ScanFacts;

void scan_facts_init(ScanFacts *self);
void scan_facts_clear(ScanFacts *self);

/* Each byte of the message, in order. */
void scan_facts_bytes(ScanFacts *self, const char *bytes, gsize n);

/* Each field of its own header, the value with its folds. */
void scan_facts_field(ScanFacts *self, const char *name, gsize n, const char *value, gsize value_length);

/* scan.c: those of a scan. */
const ScanFacts *scan_facts(const Scan *self);
