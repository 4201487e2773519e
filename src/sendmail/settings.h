/* The few settings sendmail needs, out of shimtad's own file (shimta.conf(5)): a reader of a hundred lines instead
 * of a library. It judges nothing that shimtad -n judges. One thread, once per run. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define SETTINGS_PATH_BYTES 108 /* what a unix socket's address can hold */
#define SETTINGS_FOLDER_BYTES 1024

typedef struct {
    bool direct;                      /* submit = direct: a shimtad of our own instead of the daemon */
    int wait_ms;                      /* submit-wait: patience while no daemon listens */
    char socket[SETTINGS_PATH_BYTES]; /* of the first listener with sendmail = yes */
    long long max_bytes;              /* of a mail; that listener's max-size */
    char drop[SETTINGS_FOLDER_BYTES]; /* drop-dir: where mail waits while no daemon runs; "": nowhere */
    const char *file;                 /* -C, $SHIMTA_CONF, or NULL for the usual one; for a shimtad that we start */
} Settings;

/* Reads the file of -C, $SHIMTA_CONF or SYSCONFDIR/shimta/shimta.conf. One that cannot be read leaves the defaults: it
 * may hold secrets and belong to the daemon alone. -C (option, or NULL) is not for root, and says only where the socket
 * is: words that were slipped into a command line must make sendmail neither write a file nor run a program. EX_OK, or
 * EX_CONFIG after having complained. */
int settings_read(Settings *self, const char *option);
