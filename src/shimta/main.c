/* shimta: the operator's command. */
#include "config.h"

#include "shimta/options.h"

#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

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
    { "status", NULL, api_status, TAKES_API | TAKES_PERIOD | TAKES_REQUEST_ID, 0, -1 },
    { "results", NULL, api_results, TAKES_API | TAKES_PERIOD | TAKES_REQUEST_ID | TAKES_RESULTS | TAKES_FAILED, 0, -1 },
    { "cancel", NULL, api_cancel, TAKES_API | TAKES_YES, 1, -1 },
    { "plan", NULL, api_plan, TAKES_API, 0, 0 },
    { "usage", NULL, api_usage, TAKES_API, 0, 2 },
    { "call", NULL, api_call, TAKES_API | TAKES_YES | TAKES_BODY, 1, -1 },
    { "suppressions", "list", suppressions_list, TAKES_API | TAKES_DAEMON, 0, 0 },
    { "suppressions", "show", suppressions_show, TAKES_API | TAKES_DAEMON, 1, -1 },
    { "suppressions", "add", suppressions_add, TAKES_API | TAKES_DAEMON, 1, -1 },
    { "suppressions", "remove", suppressions_remove, TAKES_API | TAKES_DAEMON, 1, -1 },
    { "suppressions", "show", suppressions_remote_show, TAKES_API | TAKES_REMOTE, 1, -1 },
    { "suppressions", "set", suppressions_remote_set, TAKES_API | TAKES_REMOTE | TAKES_COUNT, 1, -1 },
    { "domains", "list", domains_list, TAKES_API, 0, 1 },
    { "domains", "add", domains_add, TAKES_API | TAKES_DOMAIN | TAKES_KEY, 1, 1 },
    { "domains", "update", domains_update, TAKES_API | TAKES_DOMAIN, 2, 2 },
    { "domains", "remove", domains_remove, TAKES_API | TAKES_YES, 2, 2 },
    { "unsubscribes", "list", unsubscribes_list, TAKES_API | TAKES_PERIOD | TAKES_SENDER | TAKES_OWN_URL, 0, -1 },
    { "unsubscribes", "enable", unsubscribes_enable, TAKES_API | TAKES_YES, 1, 1 },
    { "unsubscribes", "exclude", unsubscribes_exclude, TAKES_API | TAKES_SENDER | TAKES_YES, 1, -1 },
    { "history", "search", history_search, TAKES_API | TAKES_PERIOD | TAKES_SEARCH, 0, -1 },
    { "history", "show", history_show, TAKES_API, 1, -1 },
    { "history", "export", history_export, TAKES_API | TAKES_FAILED, 1, 1 },
    { "history", "opens", history_opens, TAKES_API, 1, 1 },
    { "history", "delete", history_delete, TAKES_API | TAKES_YES, 1, -1 },
};

static const char usage[] =
    "usage: shimta [options] queue [list] [--sender text] [--recipient text] [--held]\n"
    "       shimta [options] queue show id\n"
    "       shimta [options] queue retry|hold|release|delete id ... | --all | filters\n"
    "       shimta [options] queue flush [--sender text] [--recipient text]\n"
    "       shimta [options] trace id|message-id|address\n"
    "       shimta [options] check | stats\n"
    "       shimta [options] passwd [--file file] [-D] user | --list\n"
    "       shimta [options] status|results [id ...] [when]\n"
    "       shimta [options] cancel id ...\n"
    "       shimta [options] plan | usage [yyyy-mm]\n"
    "       shimta [options] call --account name [GET|POST|PUT|DELETE] path [key=value ...]\n"
    "       shimta [options] suppressions [list] | show|add|remove address ...\n"
    "       shimta [options] suppressions show|set --remote address ...\n"
    "       shimta [options] domains [list [domain]] | add domain | update|remove domain selector\n"
    "       shimta [options] unsubscribes list --sender address [when]\n"
    "       shimta [options] unsubscribes enable address | exclude --sender address address ...\n"
    "       shimta [options] history search [id ...] [when] | show|delete id ... | export|opens id\n";

/* The command's number; takes its words off the arguments. Of two with one name --remote chooses. */
static guint
find_command(Task *task)
{
    const char *group = task->args[0], *name = group ? task->args[1] : NULL;
    guint found = G_N_ELEMENTS(commands);

    for (guint i = 0; group && i < G_N_ELEMENTS(commands); i++) {
        const char *its = commands[i].name;
        bool fits = !its || strcmp(its, name ? name : "list") == 0;
        bool remote = commands[i].takes & TAKES_REMOTE;
        if (strcmp(group, commands[i].group) == 0 && fits && (found == G_N_ELEMENTS(commands) || remote == task->remote))
            found = i;
    }
    if (found < G_N_ELEMENTS(commands))
        task->args += commands[found].name && name ? 2 : 1;
    return found;
}

static int
complain_unknown(const Task *task)
{
    const char *group = task->args[0] ? task->args[0] : "";
    bool known = false;

    for (guint i = 0; i < G_N_ELEMENTS(commands); i++)
        known |= strcmp(group, commands[i].group) == 0;
    if (known)
        complain("%s has no command '%s'", group, task->args[1] ? task->args[1] : "");
    else
        complain("there is no command '%s'", group);
    return options_try_help();
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
    Task task = { .config = file && *file ? file : SYSCONFDIR "/shimta/shimta.conf", .limit = 20, .count = 99 };
    guint64 given = 0;

    setlocale(LC_ALL, "");
    signal(SIGPIPE, SIG_IGN);
    int status = options_parse(argc, argv, usage, &task, &given);
    if (status >= 0)
        return status;
    guint command = find_command(&task);
    if (command == G_N_ELEMENTS(commands))
        return complain_unknown(&task);
    int n = (int) g_strv_length(task.args);
    bool fits = n >= commands[command].min && (commands[command].max < 0 || n <= commands[command].max);
    const char *misfit = options_misfit(given, commands[command].takes);
    if (misfit || !fits) {
        complain("'%s' does not take %s%s", commands[command].group, misfit ? "--" : "that number of arguments",
                 misfit ? misfit : "");
        return options_try_help();
    }
    bool by_itself = (commands[command].takes & (TAKES_API | TAKES_PASSWD) && !(commands[command].takes & TAKES_DAEMON)) || commands[command].run == check_all;
    if (!read_paths(&task, by_itself)) /* who reads it himself says what is wrong with it */
        return EX_CONFIG;
    status = commands[command].run(&task);
    conf_clear(daemon_conf_keys, &task.conf);
    options_clear(&task);
    return fflush(stdout) == 0 && !ferror(stdout) ? status : EX_IOERR;
}
