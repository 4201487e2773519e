/* A string that cannot be printed by accident: a key or password. Kept out of core
 * dumps where the kernel allows it, wiped when freed. Any thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct Secret Secret;

/* Takes a copy of text. */
Secret *secret_new(const char *text);

/* Reads the first line of a file. The file must be regular, not empty, at most 4 KiB, and
 * readable by its owner alone; below $CREDENTIALS_DIRECTORY a group-readable mode
 * is accepted, since systemd shows its access-control list that way. */
Secret *secret_load(const char *path, GError **error);

/* The same for the whole of a file of at most max bytes: a key in PEM form, a table of passwords. */
Secret *secret_load_text(const char *path, size_t max, GError **error);

/* Whether it is these n bytes. How long that takes depends on n alone: it tells nobody how much of a guess is right. */
bool secret_matches(const Secret *self, const char *bytes, size_t n);

/* The text, for the one place that sends it. Valid until secret_free(). */
const char *secret_reveal(const Secret *self);

void secret_free(Secret *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Secret, secret_free)
