#include "shimta/progress.h"

#include "base/clock.h"
#include "shimta/output.h"

#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

enum { QUIET_MS = 1000, EACH_MS = 200 };

static struct {
    char *what;
    gint64 begun_ms, next_ms;
    guint requests;
    guint64 rows;
    bool shown;
} line;

void
progress_begin(const char *what)
{
    progress_end();
    line.what = output_clean(what);
    line.begun_ms = clock_monotonic();
    line.next_ms = line.begun_ms + QUIET_MS;
}

void
progress_tell(guint requests, guint64 rows)
{
    line.requests = requests;
    line.rows = rows;
}

void
progress_tick(void)
{
    gint64 now = clock_monotonic();

    if (!line.what || now < line.next_ms || !isatty(STDERR_FILENO))
        return;
    line.next_ms = now + EACH_MS;
    line.shown = true;
    fprintf(stderr, "\r%s: %" G_GINT64_FORMAT " s, %u %s, %" G_GUINT64_FORMAT " %s \033[K", line.what,
            (now - line.begun_ms) / 1000, line.requests, line.requests == 1 ? "answer" : "answers", line.rows,
            line.rows == 1 ? "row" : "rows");
    fflush(stderr);
}

void
progress_hide(void)
{
    if (line.shown)
        fputs("\r\033[K", stderr);
    line.shown = false;
}

void
progress_end(void)
{
    progress_hide();
    g_clear_pointer(&line.what, g_free);
    progress_tell(0, 0);
}
