/* Values of settings between text and struct member; private to conf.c. */
#pragma once

#include "base/conf.h"

/* Parses text into the member at field as key->type says. The error is the bare reason. */
bool conf_value_parse(const ConfKey *key, const char *text, void *field, GError **error);

/* The value of an absent key that has no default. */
void conf_value_absent(const ConfKey *key, void *field);

void conf_value_clear(const ConfKey *key, void *field);

/* The text that would parse to the same value; NULL for an absent string. Caller frees. */
char *conf_value_text(const ConfKey *key, const void *field);

/* Whichever of names (NULL-terminated) word was probably meant, or NULL. */
const char *conf_nearest(const char *word, const char *const *names);
