/* What the kernel keeps the daemon from, whoever takes it over: no file is written but where mail and sockets are, no
 * program is run (Landlock, where the kernel has it). Before threads begin, which are confined along with who made
 * them; it cannot be undone. */
#pragma once

#include "daemon/settings.h"

/* Folders for writing, NULL-terminated; those that are not there are left out. False: the kernel has not got it, or
 * refuses; why is set to constant text. */
bool confine_writes(const char *const *folders, const char **why);

/* The same for what a daemon with these settings writes, by its key `confine`; logs what came of it. */
void confine(const Settings *settings);

/* By the same key, when everything is open and privileges are gone: no system calls but those of daemon/syscalls.h. */
void confine_calls(const Settings *settings);
