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
};

static const char usage[] =
    "usage: shimta [options] queue [list] [--sender text] [--recipient text] [--held]\n"
    "       shimta [options] queue show id\n"
    "       shimta [options] queue retry|hold|release|delete id ... | --all | filters\n"
    "       shimta [options] queue flush [--sender text] [--recipient text]\n"
    "       shimta [options] trace id|message-id|address\n"
    "       shimta [options] check | stats\n"
    "       shimta [options] passwd [--file file] [-D] user | --list\n";

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
    Task task = { .config = file && *file ? file : SYSCONFDIR "/shimta/shimta.conf", .limit = 20 };
    guint64 given = 0;

    setlocale(LC_ALL, "");
    signal(SIGPIPE, SIG_IGN);
    int status = options_parse(argc, argv, usage, &task, &given);
    if (status >= 0)
        return status;
    guint command = find_command(&task);
    if (command == G_N_ELEMENTS(commands)) {
        if (g_strcmp0(task.args[0], "queue") == 0)
            complain("queue has no command '%s'", task.args[1]);
        else
            complain("there is no command '%s'", task.args[0] ? task.args[0] : "");
        return options_try_help();
    }
    int n = (int) g_strv_length(task.args);
    bool fits = n >= commands[command].min && (commands[command].max < 0 || n <= commands[command].max);
    const char *misfit = options_misfit(given, commands[command].takes);
    if (misfit || !fits) {
        complain("'%s' does not take %s%s", commands[command].group, misfit ? "--" : "that number of arguments",
                 misfit ? misfit : "");
        return options_try_help();
    }
    bool by_itself = commands[command].run == check_all || commands[command].run == passwd_change;
    if (!read_paths(&task, by_itself)) /* who reads it himself says what is wrong with it */
        return EX_CONFIG;
    status = commands[command].run(&task);
    conf_clear(daemon_conf_keys, &task.conf);
    return fflush(stdout) == 0 && !ferror(stdout) ? status : EX_IOERR;
}
