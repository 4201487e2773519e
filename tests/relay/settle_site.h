/* Entries and facts for the tests of relay/settle. */
#pragma once

#include "relay/settle.h"

#define NOW G_GINT64_CONSTANT(2000000000000)
#define HOUR (3600 * G_GINT64_CONSTANT(1000))
#define DAY (24 * HOUR)

extern const RetryConf settle_retry;

/* Outcomes of the recipients as letters: Delivered, Transient, Permanent, Unknown, Open; lower case: of a second kind. */
Entry *settle_entry(const char *letters);
SettleFacts settle_facts(const Entry *entry, DeliveryMode mode);

/* wanted: "013"; NULL: none. */
void settle_assert_places(const GArray *places, const char *wanted);
