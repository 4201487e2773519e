#include "config.h"

#include "shimta/options.h"

#include <getopt.h>
#include <stdio.h>
#include <sysexits.h>

typedef enum {
    OPTION_FLAG,   /* bool */
    OPTION_TEXT,   /* const char * */
    OPTION_NUMBER, /* guint */
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
    { "sender", 0, OPTION_TEXT, FIELD(sender), TAKES_FILTERS, 0, 0, "TEXT",
      "entries with TEXT in the sender's address" },
    { "recipient", 0, OPTION_TEXT, FIELD(recipient), TAKES_FILTERS, 0, 0, "TEXT",
      "entries with TEXT in the address of somebody who still waits for the mail" },
    { "held", 0, OPTION_FLAG, FIELD(held), TAKES_HELD, 0, 0, NULL, "entries that wait for the operator" },
    { "all", 0, OPTION_FLAG, FIELD(all), TAKES_ALL, 0, 0, NULL, "all entries" },
    { "yes", 0, OPTION_FLAG, FIELD(yes), TAKES_YES, 0, 0, NULL, "delete without asking" },
    { "limit", 0, OPTION_NUMBER, FIELD(limit), TAKES_LIMIT, 1, 200, "N", "trace the latest N mails (20)" },
    { "file", 0, OPTION_TEXT, FIELD(file), TAKES_PASSWD, 0, 0, "FILE", "the password file, not the one that a listener has" },
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
put(const Option *option, Task *task, char *text)
{
    switch (option->kind) {
    case OPTION_FLAG:
        G_STRUCT_MEMBER(bool, task, option->field) = true;
        return true;
    case OPTION_TEXT:
        G_STRUCT_MEMBER(const char *, task, option->field) = text;
        return true;
    case OPTION_NUMBER:
        return put_number(option, task, text);
    }
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
        if (!put(&options[i], task, optarg))
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
