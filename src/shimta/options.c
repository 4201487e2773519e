#include "config.h"

#include "shimta/options.h"

#include <getopt.h>
#include <stdio.h>
#include <sysexits.h>

typedef enum {
    OPTION_FLAG,   /* bool */
    OPTION_TEXT,   /* const char * */
    OPTION_LIST,   /* GPtrArray *, may come again */
    OPTION_NUMBER, /* guint */
    OPTION_ANSWER, /* int: 1 yes, -1 no */
} OptionKind;

enum { ASKS_VERSION = 'V', ASKS_HELP = 'h', FIRST = 256, EVERY = ~0, NO_FIELD = 0 };

typedef struct {
    const char *name;
    char letter;
    OptionKind kind;
    size_t field;
    unsigned takes;
    guint min, max;
    const char *argument, *help;
} Option;

#define FIELD(member) offsetof(Task, member)

static const Option options[] = {
    { "config", 'c', OPTION_TEXT, FIELD(config), EVERY, 0, 0, "FILE",
      "read FILE, not $SHIMTA_CONF or " SYSCONFDIR "/shimta/shimta.conf" },
    { "json", 0, OPTION_FLAG, FIELD(json), EVERY, 0, 0, NULL, "print a line of JSON for each row" },
    { "csv", 0, OPTION_FLAG, FIELD(csv), TAKES_API, 0, 0, NULL, "print comma-separated values" },
    { "account", 0, OPTION_TEXT, FIELD(account), TAKES_API, 0, 0, "NAME", "ask the API of that account" },
    { "dry-run", 0, OPTION_FLAG, FIELD(dry_run), TAKES_API, 0, 0, NULL, "only say what would be asked" },
    { "period", 0, OPTION_TEXT, FIELD(period), TAKES_PERIOD, 0, 0, "WHEN",
      "today, yesterday, 2026-11, 2026-11-01..2026-11-07, 'last 7 days'" },
    { "request-id", 0, OPTION_LIST, FIELD(request_ids), TAKES_REQUEST_ID, 0, 0, "ID",
      "a delivery that was sent with this request id" },
    { "failed", 0, OPTION_FLAG, FIELD(failed), TAKES_FAILED, 0, 0, NULL, "those that have not got the mail" },
    { "sender", 0, OPTION_TEXT, FIELD(sender), TAKES_FILTERS | TAKES_SENDER | TAKES_RESULTS, 0, 0, "TEXT",
      "entries and results with TEXT in the sender's address" },
    { "recipient", 0, OPTION_TEXT, FIELD(recipient), TAKES_FILTERS | TAKES_RESULTS, 0, 0, "TEXT",
      "the same with the address of a recipient" },
    { "tag", 0, OPTION_TEXT, FIELD(tag), TAKES_RESULTS, 0, 0, "TEXT", "results of mail with TEXT in its X-Api-Data" },
    { "held", 0, OPTION_FLAG, FIELD(held), TAKES_HELD, 0, 0, NULL, "entries that wait for the operator" },
    { "all", 0, OPTION_FLAG, FIELD(all), TAKES_ALL, 0, 0, NULL, "all entries" },
    { "yes", 0, OPTION_FLAG, FIELD(yes), TAKES_YES, 0, 0, NULL, "do without asking what can't be undone, or a call" },
    { "remote", 0, OPTION_FLAG, FIELD(remote), TAKES_REMOTE, 0, 0, NULL, "the API's own list of addresses" },
    { "count", 0, OPTION_NUMBER, FIELD(count), TAKES_COUNT, 0, 99, "N", "failures to set: 99 blocks, 0 lifts (99)" },
    { "selector", 0, OPTION_TEXT, FIELD(selector), TAKES_KEY, 0, 0, "NAME", "the new key's selector" },
    { "key-bits", 0, OPTION_NUMBER, FIELD(key_bits), TAKES_KEY, 512, 8192, "N", "the new key's length" },
    { "start", 0, OPTION_TEXT, FIELD(start), TAKES_DOMAIN, 0, 0, "DAY", "sign with the key from that day on" },
    { "default", 0, OPTION_ANSWER, FIELD(is_default), TAKES_DOMAIN, 0, 0, "YES|NO",
      "sign mail of other domains with it, too" },
    { "enable", 0, OPTION_ANSWER, FIELD(enabled), TAKES_DOMAIN, 0, 0, "YES|NO", "sign with it at all" },
    { "own-url", 0, OPTION_FLAG, FIELD(own_url), TAKES_OWN_URL, 0, 0, NULL, "requests that came to a URL of your own" },
    { "subject", 0, OPTION_LIST, FIELD(subjects), TAKES_SEARCH, 0, 0, "TEXT", "mail with that subject" },
    { "group", 0, OPTION_LIST, FIELD(groups), TAKES_SEARCH, 0, 0, "NAME", "mail to that group" },
    { "body", 0, OPTION_TEXT, FIELD(body), TAKES_BODY, 0, 0, "FILE", "what to send with a call; - is standard input" },
    { "limit", 0, OPTION_NUMBER, FIELD(limit), TAKES_LIMIT, 1, 200, "N", "trace the latest N mails (20)" },
    { "file", 0, OPTION_TEXT, FIELD(file), TAKES_PASSWD, 0, 0, "FILE",
      "the password file, not the one that a listener has" },
    { "delete", 'D', OPTION_FLAG, FIELD(remove), TAKES_PASSWD, 0, 0, NULL, "passwd: remove the user" },
    { "list", 0, OPTION_FLAG, FIELD(list), TAKES_PASSWD, 0, 0, NULL, "passwd: print the users" },
    { "version", ASKS_VERSION, OPTION_FLAG, NO_FIELD, EVERY, 0, 0, NULL, "print the version" },
    { "help", ASKS_HELP, OPTION_FLAG, NO_FIELD, EVERY, 0, 0, NULL, "print this" },
};
G_STATIC_ASSERT(G_N_ELEMENTS(options) < 64);

static void
print_options(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(options); i++) {
        const Option *one = &options[i];
        char letter[8] = "    ";
        if (one->letter)
            g_snprintf(letter, sizeof letter, "-%c, ", one->letter);
        g_autofree char *name = g_strdup_printf("--%s %s", one->name, one->argument ? one->argument : "");
        printf("  %s%-18s %s\n", letter, name, one->help);
    }
}

int
options_try_help(void)
{
    fputs("Try 'shimta --help'.\n", stderr);
    return EX_USAGE;
}

static bool
put_number(const Option *option, Task *task, const char *text)
{
    guint64 number;

    if (!g_ascii_string_to_unsigned(text, 10, option->min, option->max, &number, NULL)) {
        complain("--%s: '%s' is not a number from %u to %u", option->name, text, option->min, option->max);
        return false;
    }
    G_STRUCT_MEMBER(guint, task, option->field) = (guint) number;
    return true;
}

static bool
put_answer(const Option *option, Task *task, const char *text)
{
    bool yes = g_ascii_strcasecmp(text, "yes") == 0;

    if (!yes && g_ascii_strcasecmp(text, "no") != 0) {
        complain("--%s: say yes or no, not '%s'", option->name, text);
        return false;
    }
    G_STRUCT_MEMBER(int, task, option->field) = yes ? 1 : -1;
    return true;
}

static bool
put(const Option *option, Task *task, char *text)
{
    GPtrArray **list = &G_STRUCT_MEMBER(GPtrArray *, task, option->field);

    switch (option->kind) {
    case OPTION_FLAG:
        G_STRUCT_MEMBER(bool, task, option->field) = true;
        return true;
    case OPTION_TEXT:
        G_STRUCT_MEMBER(const char *, task, option->field) = text;
        return true;
    case OPTION_LIST:
        if (!*list)
            *list = g_ptr_array_new();
        g_ptr_array_add(*list, text);
        return true;
    case OPTION_NUMBER:
        return put_number(option, task, text);
    case OPTION_ANSWER:
        return put_answer(option, task, text);
    }
    return false;
}

/* A second text would put the first out of force without a word; what every command takes may stand in an alias. */
static bool
may_come(const Option *option, bool again)
{
    if (!again || !option->argument || option->kind == OPTION_LIST || option->takes == (unsigned) EVERY)
        return true;
    complain("--%s is there twice: say it once", option->name);
    return false;
}

static int
tell(char letter, const char *usage)
{
    if (letter == ASKS_HELP) {
        fputs(usage, stdout);
        print_options();
    } else {
        puts(PACKAGE_STRING);
    }
    return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
}

int
options_parse(int argc, char **argv, const char *usage, Task *task, guint64 *given)
{
    struct option names[G_N_ELEMENTS(options) + 1] = { 0 };
    g_autoptr(GString) letters = g_string_new(NULL);
    int at = 0;

    for (guint i = 0; i < G_N_ELEMENTS(options); i++) {
        int has = options[i].argument ? required_argument : no_argument;
        names[i] = (struct option) { options[i].name, has, NULL, FIRST + (int) i };
        if (options[i].letter)
            g_string_append_printf(letters, "%c%s", options[i].letter, options[i].argument ? ":" : "");
    }
    for (int option; (option = getopt_long(argc, argv, letters->str, names, &at)) != -1;) {
        guint i = 0;
        while (i < G_N_ELEMENTS(options) && option != FIRST + (int) i && option != options[i].letter)
            i++;
        if (i == G_N_ELEMENTS(options)) /* getopt has said it */
            return options_try_help();
        if (options[i].letter == ASKS_HELP || options[i].letter == ASKS_VERSION)
            return tell(options[i].letter, usage);
        if (!may_come(&options[i], *given >> i & 1) || !put(&options[i], task, optarg))
            return options_try_help();
        *given |= G_GUINT64_CONSTANT(1) << i;
    }
    task->args = argv + optind;
    return -1;
}

const char *
options_misfit(guint64 given, unsigned takes)
{
    for (guint i = 0; i < G_N_ELEMENTS(options); i++) {
        bool fits = options[i].takes == (unsigned) EVERY || options[i].takes & takes;
        if (given >> i & 1 && !fits)
            return options[i].name;
    }
    return NULL;
}

void
options_clear(Task *task)
{
    g_clear_pointer(&task->request_ids, g_ptr_array_unref);
    g_clear_pointer(&task->subjects, g_ptr_array_unref);
    g_clear_pointer(&task->groups, g_ptr_array_unref);
}
