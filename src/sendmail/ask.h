/* What sendmail asks shimtad besides giving it mail: the queue's list, count and run, addresses, aliases. */
#pragma once

#include "sendmail/options.h"
#include "sendmail/settings.h"

/* Asks what the mode says and prints the answer. The exit status, having complained. */
int ask_run(const Options *options, const Settings *settings);
