/* shimta passwd: the users of a password file. */
#include "shimta/shimta.h"

#include "shimta/ask.h"
#include "shimta/locked_file.h"
#include "shimta/output.h"
#include "smtp/password.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define USUAL_USER "shimta" /* of the daemon, where the configuration names none */

/* --- which file, and whose ------------------------------------------------------------------------ */

/* NULL and complains where the configuration does not name exactly one. */
static char *
find_file(ConfFile *conf)
{
    g_auto(GStrv) names = conf_names(conf, "listen");
    g_autofree char *found = NULL;

    for (guint i = 0; names[i]; i++) {
        g_autoptr(GError) error = NULL;
        SecureConf one = { 0 };
        bool is_read = conf_read(conf, "listen", names[i], secure_conf_keys, &one, &error);
        bool differs = is_read && one.password_file && found && strcmp(found, one.password_file) != 0;

        if (is_read && one.password_file && !found)
            found = g_strdup(one.password_file);
        conf_clear(secure_conf_keys, &one);
        if (!is_read)
            complain("%s", error->message);
        else if (differs)
            complain("the listeners have several password files: choose one with --file");
        if (!is_read || differs)
            return NULL;
    }
    if (!found)
        complain("no listener has a password-file: name one with --file");
    return g_steal_pointer(&found);
}

static char *
file_of(const Task *task)
{
    g_autoptr(GError) error = NULL;

    if (task->file)
        return g_strdup(task->file);
    g_autoptr(ConfFile) conf = conf_open(task->config, &error);
    if (!conf)
        complain("%s; a file is named with --file", error->message);
    return conf ? find_file(conf) : NULL;
}

/* A new file must be readable to the daemon, which is not root. -1: to whoever makes it. */
static uid_t
daemon_user(const Task *task)
{
    g_autoptr(ConfFile) file = conf_open(task->config, NULL);
    DaemonConf conf = { 0 };

    if (geteuid() != 0)
        return (uid_t) -1;
    bool is_read = file && conf_read(file, "shimta", "", daemon_conf_keys, &conf, NULL);
    const struct passwd *user = getpwnam(is_read && conf.user ? conf.user : USUAL_USER);
    conf_clear(daemon_conf_keys, &conf);
    return user ? user->pw_uid : (uid_t) -1;
}

/* --- its lines --------------------------------------------------------------------------------------- */

/* Whether a line is about somebody; *n: how long his name is. */
static bool
is_entry(const char *line, gsize *n)
{
    *n = strcspn(line, ":");
    return *line && *line != '#' && line[*n] == ':';
}

/* The text with the user's line changed, or without it (line NULL); the others stay as they are. *found: it was there.
 * *left: somebody is. Caller frees. */
static char *
change_text(const char *text, const char *user, const char *line, bool *found, bool *left)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    GString *out = g_string_new(NULL);

    *found = *left = false;
    for (guint i = 0; lines[i]; i++) {
        gsize n;
        bool entry = is_entry(lines[i], &n), his = entry && n == strlen(user) && strncmp(lines[i], user, n) == 0;

        if (his && line && !*found)
            g_string_append_printf(out, "%s\n", line);
        else if (!his && (*lines[i] || lines[i + 1]))
            g_string_append_printf(out, "%s\n", lines[i]);
        *found |= his;
        *left |= entry && !his;
    }
    if (line && !*found)
        g_string_append_printf(out, "%s\n", line);
    *left |= line != NULL;
    return g_string_free(out, FALSE);
}

/* --- what is asked for ------------------------------------------------------------------------------- */

static void
print_user(const Task *task, const char *line, gsize n)
{
    g_autofree char *user = g_strndup(line, n), *clean = output_clean(user);
    const char *hash = line + n + 1, *verifier = strchr(hash, ':');

    if (!task->json) {
        puts(clean);
        return;
    }
    g_autoptr(cJSON) row = cJSON_CreateObject();
    cJSON_AddStringToObject(row, "user", clean);
    cJSON_AddBoolToObject(row, "hash", *hash && *hash != ':' && *hash != '*');
    cJSON_AddBoolToObject(row, "scram", verifier && verifier[1] > ' ');
    output_json(row);
}

static int
list_users(const Task *task, const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;

    if (!g_file_get_contents(path, &text, NULL, &error)) {
        complain("%s", error->message);
        return g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT) ? EX_NOINPUT : EX_NOPERM;
    }
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i]; i++) {
        gsize n;
        if (is_entry(lines[i], &n))
            print_user(task, lines[i], n);
    }
    return EX_OK;
}

/* What shimtad would not read is not written. */
static int
write_checked(LockedFile *table, const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Passwords) users = passwords_parse(table->path, text, &error);

    if (users)
        return locked_file_write(table, text);
    complain("%s: nothing was changed", error->message);
    return EX_DATAERR;
}

/* line NULL: without the user. */
static int
change_user(const Task *task, const char *path, const char *user, const char *line)
{
    LockedFile table;
    int status = locked_file_open(&table, path, line != NULL, daemon_user(task));

    if (status == EX_OK) {
        bool found, left;
        g_autofree char *text = change_text(table.text, user, line, &found, &left);

        if (!line && !found) {
            complain("there is no user '%s' in %s", user, path);
            status = 1;
        } else
            status = write_checked(&table, text);
        if (status == EX_OK)
            fprintf(stderr, "%s: %s; shimtad takes it over when it reloads\n", user,
                    !line ? "removed" : found ? "changed" : "added");
        if (status == EX_OK && !left)
            complain("%s has no users any more: nobody can log in", path);
    }
    locked_file_close(&table, status != EX_OK);
    return status;
}

/* The slow part comes before the lock. */
static int
set_password(const Task *task, const char *path, const char *user)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Secret) password = ask_secret("Password: ", "Once more: ", PASSWORD_BYTES, &error);
    g_autofree char *line = password ? password_line(user, secret_reveal(password), &error) : NULL;

    if (line)
        return change_user(task, path, user, line);
    complain("%s: nothing was changed", error->message);
    return EX_DATAERR;
}

int
passwd_change(Task *task)
{
    const char *user = task->args[0];

    if ((user != NULL) == task->list || (task->list && task->remove)) {
        complain("passwd takes a user's name, or --list");
        return EX_USAGE;
    }
    if (user && (!password_user_is_clean(user) || strchr(user, ':') || *user == '#')) {
        complain("'%s' cannot be a user's name", user);
        return EX_USAGE;
    }
    g_autofree char *path = file_of(task);
    if (!path)
        return EX_CONFIG;
    if (task->list)
        return list_users(task, path);
    return task->remove ? change_user(task, path, user, NULL) : set_password(task, path, user);
}
