#include "shimta/output.h"

#include "base/clock.h"

#include <stdio.h>
#include <unistd.h>

static bool
is_harmless(gunichar c)
{
    switch (g_unichar_type(c)) {
    case G_UNICODE_CONTROL:
    case G_UNICODE_FORMAT:
    case G_UNICODE_UNASSIGNED:
    case G_UNICODE_PRIVATE_USE:
    case G_UNICODE_SURROGATE:
    case G_UNICODE_LINE_SEPARATOR:
    case G_UNICODE_PARAGRAPH_SEPARATOR:
        return false;
    default:
        return true;
    }
}

char *
output_clean(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text && *text ? text : "-", -1);
    GString *out = g_string_new(NULL);

    for (const char *p = valid; *p; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);
        if (is_harmless(c))
            g_string_append_unichar(out, c);
        else
            g_string_append_printf(out, "\\u%04x", c);
    }
    return g_string_free(out, FALSE);
}

char *
output_string(const cJSON *row, const char *name)
{
    return output_clean(json_string(row, name));
}

gint64
output_number(const cJSON *row, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(row, name);

    return cJSON_IsNumber(item) && item->valuedouble > -9e15 && item->valuedouble < 9e15 ? (gint64) item->valuedouble : 0;
}

char *
output_time(gint64 at_ms)
{
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_local(at_ms / 1000);

    return time ? g_date_time_format(time, "%Y-%m-%d %H:%M:%S") : g_strdup("-");
}

char *
output_span(gint64 ms)
{
    gint64 s = MAX(0, ms / 1000);

    if (s < 120)
        return g_strdup_printf("%" G_GINT64_FORMAT "s", s);
    if (s < 2 * 3600)
        return g_strdup_printf("%" G_GINT64_FORMAT "m", s / 60);
    if (s < 48 * 3600)
        return g_strdup_printf("%" G_GINT64_FORMAT "h", s / 3600);
    return g_strdup_printf("%" G_GINT64_FORMAT "d", s / 86400);
}

char *
output_size(gint64 bytes)
{
    static const char *const units[] = { "kB", "MB", "GB", "TB", "PB", "EB" };
    double value = (double) MAX(0, bytes) / 1000;
    guint i = 0;

    if (value < 1)
        return g_strdup_printf("%" G_GINT64_FORMAT " B", MAX(0, bytes));
    for (; value >= 999.95 && i < G_N_ELEMENTS(units) - 1; i++)
        value /= 1000;
    return g_strdup_printf("%.1f %s", value, units[i]);
}

void
output_json_text(const char *json)
{
    GString *line = g_string_new(NULL);

    for (const char *p = json; *p; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);
        if (is_harmless(c))
            g_string_append_unichar(line, c);
        else if (c < 0x10000)
            g_string_append_printf(line, "\\u%04x", c);
        else
            g_string_append_printf(line, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10), 0xdc00 + (c & 0x3ff));
    }
    puts(line->str);
    g_string_free(line, TRUE);
}

void
output_json(const cJSON *row)
{
    g_autoptr(GBytes) text = json_print(row);
    gsize n;
    const char *bytes = g_bytes_get_data(text, &n);
    g_autofree char *valid = g_utf8_make_valid(bytes, (gssize) n);

    output_json_text(valid);
}

/* --- progress ------------------------------------------------------------------------------------ */

static bool shown;

void
output_progress(const char *what, guint64 n)
{
    static gint64 next;
    gint64 now = clock_monotonic();

    if (next == 0)
        next = now + 1000;
    if (now < next || !isatty(STDERR_FILENO))
        return;
    next = now + 200;
    shown = true;
    fprintf(stderr, "\r%s: %" G_GUINT64_FORMAT " ", what, n);
    fflush(stderr);
}

void
output_progress_end(void)
{
    if (shown)
        fputs("\r\033[K", stderr);
    shown = false;
}

/* --- waiting ------------------------------------------------------------------------------------- */

static struct {
    GMutex mutex;
    GCond over;
    GThread *thread;
    char *what;
    bool ending;
} waiting;

static void *
tell_wait(void *unused)
{
    gint64 begun = g_get_monotonic_time(), next = begun + G_USEC_PER_SEC;
    bool told = false;

    g_mutex_lock(&waiting.mutex);
    while (!waiting.ending) {
        if (g_cond_wait_until(&waiting.over, &waiting.mutex, next))
            continue;
        told = true;
        fprintf(stderr, "\r%s: waiting for an answer, %" G_GINT64_FORMAT " s ", waiting.what,
                (next - begun) / G_USEC_PER_SEC);
        fflush(stderr);
        next += G_USEC_PER_SEC;
    }
    g_mutex_unlock(&waiting.mutex);
    if (told)
        fputs("\r\033[K", stderr);
    return NULL;
}

void
output_wait(const char *what)
{
    if (!isatty(STDERR_FILENO))
        return;
    output_wait_end();
    waiting.what = output_clean(what);
    waiting.ending = false;
    waiting.thread = g_thread_new("wait", tell_wait, NULL);
}

void
output_wait_end(void)
{
    if (!waiting.thread)
        return;
    g_mutex_lock(&waiting.mutex);
    waiting.ending = true;
    g_cond_signal(&waiting.over);
    g_mutex_unlock(&waiting.mutex);
    g_thread_join(g_steal_pointer(&waiting.thread));
    g_clear_pointer(&waiting.what, g_free);
}
