/* shimta: the operator's command. */
#include "config.h"

#include "shimta/shimta.h"

#include <getopt.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum { YES = 256, ALL, HELD, SENDER, RECIPIENT, JSON, PASSWORD_FILE, LIST };

/* Which options a command takes. */
enum {
    TAKES_FILTERS = 1 << 0,
    TAKES_HELD = 1 << 1,
    TAKES_ALL = 1 << 2,
    TAKES_YES = 1 << 3,
    TAKES_LIMIT = 1 << 4,
    TAKES_PASSWD = 1 << 5,
};

static const struct {
    const char *group, *name;
    int (*run)(Task *task);
    unsigned takes;
    int min, max; /* arguments; max -1: any number */
} commands[] = {
    { "queue", "list", queue_list, TAKES_FILTERS | TAKES_HELD, 0, 0 },
    { "queue", "show", queue_show, 0, 1, 1 },
    { "queue", "retry", queue_retry, TAKES_FILTERS | TAKES_HELD | TAKES_ALL, 0, -1 },
    { "queue", "hold", queue_hold, TAKES_FILTERS | TAKES_HELD | TAKES_ALL, 0, -1 },
    { "queue", "release", queue_release, TAKES_FILTERS | TAKES_HELD | TAKES_ALL, 0, -1 },
    { "queue", "delete", queue_delete, TAKES_FILTERS | TAKES_HELD | TAKES_ALL | TAKES_YES, 0, -1 },
    { "queue", "flush", queue_flush, TAKES_FILTERS, 0, 0 },
    { "trace", NULL, trace_print, TAKES_LIMIT, 1, 1 },
    { "check", NULL, check_all, 0, 0, 0 },
    { "stats", NULL, stats_print, 0, 0, 0 },
    { "passwd", NULL, passwd_change, TAKES_PASSWD, 0, 1 },
};

static void
print_usage(FILE *to)
{
    fputs("usage: shimta [options] queue [list] [--sender text] [--recipient text] [--held]\n"
          "       shimta [options] queue show id\n"
          "       shimta [options] queue retry|hold|release|delete id ... | --all | filters\n"
          "       shimta [options] queue flush [--sender text] [--recipient text]\n"
          "       shimta [options] trace id|message-id|address\n"
          "       shimta [options] check | stats\n"
          "       shimta [options] passwd [--file file] [-D] user | --list\n"
          "  -c, --config FILE     read FILE, not $SHIMTA_CONF or " SYSCONFDIR "/shimta/shimta.conf\n"
          "      --json            print a line of JSON for each row\n"
          "      --sender TEXT     entries with TEXT in the sender's address\n"
          "      --recipient TEXT  entries with TEXT in the address of somebody who still waits for the mail\n"
          "      --held            entries that wait for the operator\n"
          "      --all             all entries\n"
          "      --yes             delete without asking\n"
          "      --limit N         trace the latest N mails (20)\n"
          "      --file FILE       the password file, not the one that a listener has\n"
          "  -D, --delete          passwd: remove the user\n"
          "      --list            passwd: print the users\n"
          "  -V, --version         print the version\n"
          "  -h, --help            print this\n", to);
}

/* Behind what complain() said. */
static int
try_help(void)
{
    fputs("Try 'shimta --help'.\n", stderr);
    return EX_USAGE;
}

/* -1: go on. Options are noted in given as TAKES_*. */
static int
parse_options(int argc, char **argv, Task *task, unsigned *given)
{
    static const struct option names[] = {
        { "config", required_argument, NULL, 'c' },       { "json", no_argument, NULL, JSON },
        { "sender", required_argument, NULL, SENDER },    { "recipient", required_argument, NULL, RECIPIENT },
        { "held", no_argument, NULL, HELD },              { "all", no_argument, NULL, ALL },
        { "yes", no_argument, NULL, YES },                { "limit", required_argument, NULL, 'n' },
        { "file", required_argument, NULL, PASSWORD_FILE }, { "delete", no_argument, NULL, 'D' },
        { "list", no_argument, NULL, LIST },
        { "version", no_argument, NULL, 'V' },            { "help", no_argument, NULL, 'h' },
        { 0 },
    };
    static const struct { int option; unsigned takes; } kinds[] = {
        { SENDER, TAKES_FILTERS }, { RECIPIENT, TAKES_FILTERS }, { HELD, TAKES_HELD }, { ALL, TAKES_ALL },
        { YES, TAKES_YES }, { 'n', TAKES_LIMIT }, { PASSWORD_FILE, TAKES_PASSWD }, { 'D', TAKES_PASSWD },
        { LIST, TAKES_PASSWD },
    };
    guint64 limit = 20;

    for (int option; (option = getopt_long(argc, argv, "c:DVh", names, NULL)) != -1;) {
        for (guint i = 0; i < G_N_ELEMENTS(kinds); i++)
            *given |= kinds[i].option == option ? kinds[i].takes : 0;
        if (option == '?') /* getopt has said it */
            return try_help();
        if (option == 'n' && !g_ascii_string_to_unsigned(optarg, 10, 1, 200, &limit, NULL)) {
            complain("--limit: '%s' is not a number from 1 to 200", optarg);
            return try_help();
        }
        if (option == 'h' || option == 'V') {
            if (option == 'h')
                print_usage(stdout);
            else
                puts(PACKAGE_STRING);
            return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
        }
        task->config = option == 'c' ? optarg : task->config;
        task->sender = option == SENDER ? optarg : task->sender;
        task->recipient = option == RECIPIENT ? optarg : task->recipient;
        task->file = option == PASSWORD_FILE ? optarg : task->file;
        task->json |= option == JSON;
        task->remove |= option == 'D';
        task->list |= option == LIST;
        task->held |= option == HELD;
        task->all |= option == ALL;
        task->yes |= option == YES;
    }
    task->limit = (guint) limit;
    task->args = argv + optind;
    return -1;
}

/* The command's number; takes its words off the arguments. */
static guint
find_command(Task *task)
{
    const char *group = task->args[0], *name = group ? task->args[1] : NULL;

    for (guint i = 0; group && i < G_N_ELEMENTS(commands); i++) {
        bool implied = i == 0 && !name; /* `shimta queue` */
        if (strcmp(group, commands[i].group) != 0)
            continue;
        if (commands[i].name && !implied && g_strcmp0(name, commands[i].name) != 0)
            continue;
        task->args += commands[i].name && !implied ? 2 : 1;
        return i;
    }
    return G_N_ELEMENTS(commands);
}

/* Only what says where the daemon is. The key files of its accounts may be a service's credentials, which systemd
 * shows to root under this name. */
static bool
read_paths(Task *task, bool by_itself)
{
    g_autoptr(GError) error = NULL;

    g_setenv("CREDENTIALS_DIRECTORY", "/run/credentials/shimtad.service", FALSE);
    if (by_itself)
        return true;
    if (settings_read_paths(task->config, &task->conf, &error))
        return true;
    complain("%s", error->message);
    return false;
}

int
main(int argc, char **argv)
{
    const char *file = g_getenv("SHIMTA_CONF");
    Task task = { .config = file && *file ? file : SYSCONFDIR "/shimta/shimta.conf" };
    unsigned given = 0;

    setlocale(LC_ALL, "");
    signal(SIGPIPE, SIG_IGN);
    int status = parse_options(argc, argv, &task, &given);
    if (status >= 0)
        return status;
    guint command = find_command(&task);
    if (command == G_N_ELEMENTS(commands)) {
        if (g_strcmp0(task.args[0], "queue") == 0)
            complain("queue has no command '%s'", task.args[1]);
        else
            complain("there is no command '%s'", task.args[0] ? task.args[0] : "");
        return try_help();
    }
    int n = (int) g_strv_length(task.args);
    bool fits = n >= commands[command].min && (commands[command].max < 0 || n <= commands[command].max);
    if (given & ~commands[command].takes || !fits) {
        complain("'%s' does not take %s", commands[command].group, fits ? "one of these options" : "that number of arguments");
        return try_help();
    }
    bool by_itself = commands[command].run == check_all || commands[command].run == passwd_change;
    if (!read_paths(&task, by_itself)) /* who reads it himself says what is wrong with it */
        return EX_CONFIG;
    status = commands[command].run(&task);
    conf_clear(daemon_conf_keys, &task.conf);
    return fflush(stdout) == 0 && !ferror(stdout) ? status : EX_IOERR;
}
