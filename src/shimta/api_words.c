#include "shimta/api.h"

#include "base/clock.h"
#include "shimta/dates.h"
#include "shimta/words.h"

#include <sysexits.h>

enum { DATE_WORDS = 3 };

typedef struct {
    GPtrArray *words;
    Period period;
    bool dated;
} Reading;

/* How many of the arguments that follow are a period: "last 7 days" is three. */
static guint
take_period(Reading *self, char **args)
{
    guint n = 0;

    while (args[n] && n < DATE_WORDS)
        n++;
    for (; n > 0; n--) {
        g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
        for (guint i = 0; i < n; i++)
            g_strv_builder_add(builder, args[i]);
        g_auto(GStrv) words = g_strv_builder_end(builder);
        g_autofree char *text = g_strjoinv(" ", words);
        if (dates_period(text, clock_now(), &self->period))
            return n;
    }
    return 0;
}

static int
read_args(const Api *self, Reading *reading)
{
    char **at = self->task->args;
    int status = EX_OK;

    while (*at && status == EX_OK) {
        guint n = self->dated ? take_period(reading, at) : 0;
        if (n > 0 && reading->dated) {
            complain("one period at a time");
            return EX_USAGE;
        }
        reading->dated |= n > 0;
        if (n == 0)
            status = words_add(reading->words, *at);
        at += MAX(n, 1);
    }
    return status;
}

static int
read_period(const Api *self, Reading *reading)
{
    const char *text = self->task->period;
    bool named = reading->words->len > 0 && self->words == API_WORDS_IDS;

    if (text && reading->dated) {
        complain("one period at a time");
        return EX_USAGE;
    }
    if (!text && !reading->dated && !named && !self->task->request_ids)
        text = self->default_period;
    if (!text)
        return EX_OK;
    reading->dated = dates_period(text, clock_now(), &reading->period);
    if (!reading->dated)
        complain("'%s' is no period: say today, yesterday, 2026-11-01, 2026-11, 2026-11-01..2026-11-07, 'last 7 days'",
                 text);
    return reading->dated ? EX_OK : EX_USAGE;
}

static const char *const *
list_of(GPtrArray *list)
{
    if (!list || list->len == 0)
        return NULL;
    if (list->pdata[list->len - 1])
        g_ptr_array_add(list, NULL);
    return (const char *const *) list->pdata;
}

static int
put_words(Api *self, const Reading *reading)
{
    Query *query = &self->query;

    if (self->words == API_WORDS_NONE && reading->words->len > 0) {
        complain("'%s' is not understood here", (char *) reading->words->pdata[0]);
        return EX_USAGE;
    }
    if (self->words == API_WORDS_IDS)
        query->ids = list_of(self->held);
    else if (self->words == API_WORDS_ADDRESSES)
        query->addresses = list_of(self->held);
    query->request_ids = list_of(self->task->request_ids);
    query->subjects = list_of(self->task->subjects);
    query->groups = list_of(self->task->groups);
    if (reading->dated) {
        query->since_ms = reading->period.since_ms;
        query->until_ms = reading->period.until_ms;
    }
    bool named = query->ids || query->request_ids;
    if (named && (reading->dated || query->subjects || query->groups)) {
        complain("say ids, or what else to look for, not both");
        return EX_USAGE;
    }
    return EX_OK;
}

int
api_read_words(Api *self)
{
    Reading reading = { .words = g_ptr_array_new_with_free_func(g_free) };

    self->held = reading.words;
    int status = read_args(self, &reading);
    if (status == EX_OK && reading.words->len == 0 && g_strv_contains((const char *const *) self->task->args, "-")) {
        complain("there is nothing on standard input");
        return EX_USAGE;
    }
    if (status == EX_OK)
        status = read_period(self, &reading);
    return status == EX_OK ? put_words(self, &reading) : status;
}
