/* Small things POSIX files need. Blocking; any thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Writes all n bytes at the descriptor's position. what names the file in errors. */
bool file_write_all(int fd, const char *bytes, size_t n, const char *what, GError **error);

/* An unnamed, read-write, close-on-exec file in folder, gone when closed unless somebody links it first. -1 on
 * error. */
int file_unnamed(const char *folder, GError **error);

/* Makes the folder if it is not there, with that mode whatever the umask, and those above it with 0755. What is there
 * already stays as it is. */
bool file_make_folder(const char *path, guint mode, GError **error);
