#include "shimta/api.h"

#include "base/clock.h"
#include "mail/address.h"
#include "shimta/dates.h"
#include "shimta/words.h"

#include <sysexits.h>

enum { DATE_WORDS = 3 };

#define PERIODS "today, yesterday, 2026-11-01, 2026-11, 2026-11-01..2026-11-07, 'last 7 days'"

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

static bool
is_one_word(const char *text)
{
    for (const char *p = text; *p; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);
        if (g_unichar_isspace(c) || g_unichar_iscntrl(c))
            return false;
    }
    return *text != '\0';
}

/* A server may take an escaped slash for one. */
bool
api_is_segment(const char *text)
{
    return is_one_word(text) && !strpbrk(text, "/\\") && strcmp(text, ".") != 0 && strcmp(text, "..") != 0;
}

/* Where a period could stand, too: ids have a digit, or an @ as Message-IDs have, and none of what dates are written
 * with. */
static bool
is_clearly_id(const char *text)
{
    static const char date[] = "....-";
    bool digit = false, plain = true, dated = true;

    if (strchr(text, '@'))
        return is_one_word(text);
    for (guint i = 0; dated && i < sizeof date - 1; i++)
        dated = date[i] == '-' ? text[i] == '-' : g_ascii_isdigit(text[i]);
    for (const char *p = text; *p; p++) {
        digit |= g_ascii_isdigit(*p);
        plain &= g_ascii_isalnum(*p) || strchr("-_=", *p);
    }
    return digit && plain && !dated;
}

/* Only where something is looked at is a mail's id looked up. */
static bool
is_found(const Api *self, const char *word)
{
    if (self->words != API_WORDS_IDS || self->finds || !api_find_is_of_mail(word))
        return true;
    complain("'%s' is a mail's id, and it is the API's that is wanted here: see remote_id in shimta trace", word);
    return false;
}

static int
check_ids(const Api *self, const GPtrArray *words)
{
    for (guint i = 0; i < words->len; i++) {
        if (!is_found(self, words->pdata[i]))
            return EX_USAGE;
    }
    for (guint i = 0; self->words == API_WORDS_IDS && i < words->len; i++) {
        if (self->dated ? is_clearly_id(words->pdata[i]) : api_is_segment(words->pdata[i]))
            continue;
        complain("'%s' is no id%s%s", (const char *) words->pdata[i], self->dated ? ", nor a period: say " : "",
                 self->dated ? PERIODS : "");
        return EX_USAGE;
    }
    for (guint i = 0; self->words == API_WORDS_ADDRESSES && i < words->len; i++) {
        if (address_domain(words->pdata[i]))
            continue;
        complain("'%s' is no address", (const char *) words->pdata[i]);
        return EX_USAGE;
    }
    for (guint i = 0; self->task->request_ids && i < self->task->request_ids->len; i++) {
        const char *id = self->task->request_ids->pdata[i];
        if (g_utf8_validate(id, -1, NULL) && api_is_segment(id))
            continue;
        complain("'%s' is no request id", id);
        return EX_USAGE;
    }
    return EX_OK;
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
        complain("'%s' is no period: say %s", text, PERIODS);
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
    if (status == EX_OK)
        status = check_ids(self, reading.words);
    return status == EX_OK ? put_words(self, &reading) : status;
}
