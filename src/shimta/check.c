/* shimta check: whether everything mail needs is there. */
#include "shimta/check.h"

#include "shimta/output.h"
#include "shimta/shimta.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <sysexits.h>
#include <unistd.h>

enum { ANSWER_S = 10 };

typedef enum { FOUND_WELL, FOUND_WRONG, FOUND_OPEN } Found;

static void
print_found(const Check *self, Found found, const char *what, const char *text, const char *advice)
{
    static const char *const words[] = { "ok", "FAIL", "--" };
    g_autofree char *clean = output_clean(text), *name = output_clean(what);

    output_wait_end();
    if (self->json) {
        g_autoptr(cJSON) row = cJSON_CreateObject();
        cJSON_AddStringToObject(row, "check", name);
        if (found == FOUND_OPEN)
            cJSON_AddNullToObject(row, "ok");
        else
            cJSON_AddBoolToObject(row, "ok", found == FOUND_WELL);
        cJSON_AddStringToObject(row, "text", clean);
        if (advice)
            cJSON_AddStringToObject(row, "advice", advice);
        output_json(row);
    } else {
        printf("%-5s %s: %s%s\n", words[found], name, found == FOUND_OPEN ? "not checked: " : "", clean);
        if (advice)
            printf("      %s\n", advice);
    }
    fflush(stdout);
}

void
check_say(Check *self, const char *what, const char *text, const char *advice)
{
    self->failed += advice != NULL;
    print_found(self, advice ? FOUND_WRONG : FOUND_WELL, what, text, advice);
}

void
check_leave_open(Check *self, const char *what, const char *text)
{
    print_found(self, FOUND_OPEN, what, text, NULL);
}

/* --- state-dir ----------------------------------------------------------------------------------- */

static const char *
folder_fault(const struct stat *st, const struct stat *top)
{
    if (S_ISLNK(st->st_mode))
        return "it is a symbolic link";
    if (!S_ISDIR(st->st_mode))
        return "it is no folder";
    if (st->st_uid != top->st_uid)
        return "it does not belong to the owner of state-dir";
    return st->st_mode & 022 ? "others may write to it" : NULL;
}

/* systemd makes state-dir itself a link where the service has DynamicUser=. */
static void
check_folders(Check *self, const char *path)
{
    static const char *const names[] = { "queue", "journal" };
    g_autofree char *what = g_strdup_printf("state-dir %s", path);
    struct stat top, st;

    if (stat(path, &top) < 0) {
        check_say(self, what, g_strerror(errno), "start shimtad, which makes it, or see its log");
        return;
    }
    const char *fault = folder_fault(&top, &top);
    for (guint i = 0; i < G_N_ELEMENTS(names) && !fault; i++) {
        g_autofree char *inner = g_build_filename(path, names[i], NULL);
        fault = lstat(inner, &st) == 0 ? folder_fault(&st, &top) : NULL;
        if (fault) {
            g_free(what);
            what = g_steal_pointer(&inner);
        }
    }
    if (!fault && geteuid() != 0 && top.st_uid != geteuid())
        fault = "it belongs to somebody else; run this as root or as the user of shimtad";
    check_say(self, what, fault ? fault : "owner and mode are safe",
              fault ? "it must be a folder of the user of shimtad that no other may write to" : NULL);
}

static void
check_space(Check *self, const DaemonConf *conf)
{
    struct statvfs fs;

    if (statvfs(conf->state_dir, &fs) < 0)
        return;
    gint64 bytes = (gint64) fs.f_bavail * (gint64) fs.f_frsize;
    g_autofree char *size = output_size(bytes);
    g_autofree char *text = g_strdup_printf("%s free, %" G_GINT64_FORMAT " inodes", size, (gint64) fs.f_favail);
    bool low = bytes < 2 * conf->queue_reserve_bytes || (fs.f_files > 0 && fs.f_favail < 1000);
    check_say(self, "space", text, low ? "mail is refused once less than queue-reserve is free: make room" : NULL);
}

/* --- drop-dir ------------------------------------------------------------------------------------ */

/* Every user's sendmail leaves mail there while the daemon is away. */
static const char *
drop_fault(const char *path)
{
    struct stat st;

    if (lstat(path, &st) < 0)
        return g_strerror(errno);
    if (!S_ISDIR(st.st_mode))
        return "it is no folder";
    if ((st.st_mode & 07777) != 01733)
        return "its mode is not 1733";
    for (g_autofree char *parent = g_path_get_dirname(path); parent[1];) {
        if (stat(parent, &st) < 0)
            return g_strerror(errno);
        if (!(st.st_mode & S_IXOTH))
            return "others cannot get there: a folder above it is not searchable for them";
        char *next = g_path_get_dirname(parent);
        bool end = g_str_equal(next, parent);
        g_free(parent);
        parent = next;
        if (end)
            break;
    }
    return NULL;
}

static void
check_drop(Check *self, const char *path)
{
    g_autofree char *what = g_strdup_printf("drop-dir %s", path);
    const char *fault = drop_fault(path);

    check_say(self, what, fault ? fault : "every user's sendmail can leave mail there",
              fault ? "start shimtad, which makes it with mode 1733; each folder above it needs mode o+x" : NULL);
}

/* --- sockets ------------------------------------------------------------------------------------- */

/* Reads what a listener says first. */
static bool
reads_banner(int fd, char *line, gsize n)
{
    struct timeval limit = { .tv_sec = ANSWER_S };
    gsize used = 0;

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    while (used < n - 1 && !memchr(line, '\n', used)) {
        ssize_t got = recv(fd, line + used, n - 1 - used, 0);
        if (got <= 0)
            break;
        used += (gsize) got;
    }
    line[used] = '\0';
    g_strchomp(line);
    return g_str_has_prefix(line, "220");
}

static void
check_listen(Check *self, const Listen *listen)
{
    g_autofree char *what = g_strdup_printf("socket %s", listen->conf.address);
    char line[512] = "no answer";
    Endpoint endpoint;

    if (!endpoint_parse(listen->conf.address, &endpoint, NULL))
        return;
    output_wait(what);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool connected = fd >= 0 && connect(fd, &endpoint.addr.any, endpoint.length) == 0;
    if (!connected)
        g_snprintf(line, sizeof line, "%s", g_strerror(errno));
    bool greets = connected && reads_banner(fd, line, sizeof line);
    check_say(self, what, line, greets ? NULL : "start shimtad, or see its log: sendmail has nobody to talk to");
    if (greets)
        send(fd, "QUIT\r\n", 6, MSG_NOSIGNAL);
    if (fd >= 0)
        close(fd);
}

static void
check_daemon(Check *self, const char *path)
{
    g_autofree char *what = g_strdup_printf("daemon at %s", path);
    g_autoptr(GError) error = NULL;
    g_autoptr(cJSON) request = request_new("stats");
    output_wait(what);
    g_autoptr(Link) link = link_open(path, &error);
    g_autoptr(cJSON) last = link ? link_ask(link, request, NULL, &error) : NULL;

    check_say(self, what, last ? "it answers" : error->message, last ? NULL : "start shimtad, or see its log");
}

/* --- all ----------------------------------------------------------------------------------------- */

/* A broken alias-file is no reason not to look at the rest, though no daemon starts with it. */
static Settings *
open_settings(Check *self, const char *path, bool *broken)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL, *rest = NULL;
    Settings *settings = settings_open(path, &error);

    if (settings)
        return settings;
    if (g_file_get_contents(path, &text, NULL, NULL)) {
        g_autoptr(GRegex) key = g_regex_new("^[ \t]*alias-file[ \t]*=.*$", G_REGEX_MULTILINE, 0, NULL);
        rest = g_regex_replace_literal(key, text, -1, 0, "", 0, NULL);
    }
    g_autoptr(ConfFile) file = rest ? conf_open_text(path, rest, NULL) : NULL;
    settings = file ? settings_parse(file, NULL) : NULL;
    check_say(self, settings ? "aliases" : "configuration", error->message, "mend the line, then check again");
    *broken = true;
    return settings;
}

static void
check_paths(Check *self, const Settings *settings)
{
    if (!settings_has_queue(settings))
        return;
    check_folders(self, settings->conf.state_dir);
    check_space(self, &settings->conf);
}

static void
check_sockets(Check *self, const Settings *settings)
{
    for (guint i = 0; i < settings->listens->len; i++) {
        const Listen *one = settings->listens->pdata[i];
        if (one->conf.sendmail)
            check_listen(self, one);
    }
    check_drop(self, settings->conf.drop_dir);
    check_daemon(self, settings->conf.control_socket);
}

int
check_all(Task *task)
{
    Check check = { .json = task->json };
    bool broken = false;
    g_autoptr(Settings) settings = open_settings(&check, task->config, &broken);

    if (!settings)
        return EX_CONFIG;
    if (!broken)
        check_say(&check, "configuration", task->config, NULL);
    if (settings->relay->conf.alias_file)
        check_say(&check, "aliases", settings->relay->conf.alias_file, NULL); /* read with the settings */
    check_accounts(&check, settings->relay);
    check_paths(&check, settings);
    if (settings->conf.submit != SUBMIT_DIRECT) /* else each sendmail is its own daemon */
        check_sockets(&check, settings);
    return broken ? EX_CONFIG : check.failed > 0 ? 1 : EX_OK;
}
