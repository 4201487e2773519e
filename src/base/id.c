#include "base/id.h"

#include "base/clock.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

/* In ASCII order, so that ids compare like the numbers they are. */
static const char id_digits[] = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz";

enum { ID_BASE = sizeof id_digits - 1, ID_HALF = 8 };

/* Eight digits hold milliseconds until the year 3664, or 45 random bits. */
static void
id_put(char *out, guint64 value)
{
    for (int i = ID_HALF - 1; i >= 0; i--) {
        out[i] = id_digits[value % ID_BASE];
        value /= ID_BASE;
    }
}

/* Drawn in advance: at most 256 bytes come at once and whole. */
static guint64
id_random(void)
{
    static __thread guint64 pool[32];
    static __thread guint left;

    if (left == 0) {
        if (getrandom(pool, sizeof pool, 0) != sizeof pool)
            g_error("getrandom: %s", g_strerror(errno));
        left = G_N_ELEMENTS(pool);
    }
    return pool[--left];
}

char *
id_queue_of(guint64 ms, guint64 random)
{
    char *id = g_malloc(2 * ID_HALF + 1);

    id_put(id, ms);
    id_put(id + ID_HALF, random);
    id[2 * ID_HALF] = '\0';
    return id;
}

char *
id_queue(void)
{
    return id_queue_of((guint64) clock_now(), id_random());
}

const char *
id_bare(const char *word)
{
    return word && word[0] == 'Q' && strlen(word) == 2 * ID_HALF + 1 ? word + 1 : word;
}

char *
id_message(const char *id, const char *hostname)
{
    return g_strconcat("<", id, "@", hostname, ">", NULL);
}

char *
id_of_call(const char *key)
{
    char *id = g_compute_checksum_for_string(G_CHECKSUM_SHA256, key, -1);

    id[ID_CALL] = '\0';
    return id;
}
