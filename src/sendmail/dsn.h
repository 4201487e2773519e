/* What -N and -V may say: values of RFC 3461, sections 4.1 and 4.4. Pure. */
#pragma once

#include <stdbool.h>

/* "never", or some of success, failure and delay between commas; in any case of letters. */
bool dsn_is_notify(const char *value);

/* xtext of 1 to 100 characters. */
bool dsn_is_envid(const char *value);
