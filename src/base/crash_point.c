#include "base/crash_point.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

const char *crash_point_armed;

static gint countdown; /* passages left until the kill */

static bool
is_known(const char *name)
{
#define SAME(known, meaning) || strcmp(name, known) == 0
    return false CRASH_POINTS(SAME);
#undef SAME
}

/* Before main(), so that no program has to remember it. A name that nothing reaches would let a test pass that tested
 * nothing. */
__attribute__((constructor)) static void
arm(void)
{
    const char *order = getenv("SHIMTA_CRASH_AT");
    if (!order)
        return;
    static char name[64];
    const char *colon = strchrnul(order, ':');
    g_snprintf(name, sizeof name, "%.*s", (int) MIN((size_t) (colon - order), sizeof name - 1), order);
    countdown = *colon ? atoi(colon + 1) : 1;
    if (!is_known(name) || countdown < 1) {
        fprintf(stderr, "SHIMTA_CRASH_AT=%s: no such crash point\n", order);
        _exit(EX_USAGE);
    }
    crash_point_armed = name;
}

void
crash_point_reached(const char *name)
{
    if (strcmp(name, crash_point_armed) == 0 && g_atomic_int_dec_and_test(&countdown))
        kill(getpid(), SIGKILL);
}
