/* What recipients are told where it is not the API that decides. Any thread. */
#pragma once

#include "mail/outcome.h"

/* The mail could not be translated. */
void verdict_untranslated(Outcome *outcome, const GError *error);

/* Who has got no answer tries again: sent now, the mail would go out twice. */
void verdict_left(Outcome *outcome);

/* Nobody knows how the last try ended. */
void verdict_cut_off(Outcome *outcome);
