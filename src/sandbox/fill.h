/* Mail that nobody sent, for trying lists that are long. Used by main.c before the server starts. */
#pragma once

#include "sandbox/exchange.h"

/* Adds n accepted mails of one recipient each, by Emails and Arara in turn, as if the last 24 hours had brought them;
 * every tenth of each is to a bounce-*. */
void fill(Sandbox *sandbox, unsigned n);
