/* shimta call: a call of an API that no task has. */
#include "shimta/api.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { MAX_BODY = 1024 * 1024 };

static const char *const columns[] = { "account", NULL };

/* The method's literal; NULL: it is none. */
static const char *
method_of(const char *text)
{
    static const char *const methods[] = { "GET", "POST", "PUT", "DELETE" };

    for (guint i = 0; i < G_N_ELEMENTS(methods); i++) {
        if (strcmp(text, methods[i]) == 0)
            return methods[i];
    }
    return NULL;
}

/* Caller frees; NULL complains. */
static char *
read_body(const char *name)
{
    bool input = strcmp(name, "-") == 0;
    FILE *file = input ? stdin : fopen(name, "re");
    g_autofree char *text = g_malloc(MAX_BODY + 1);
    size_t n = file ? fread(text, 1, MAX_BODY + 1, file) : 0;
    bool whole = file && !ferror(file) && n > 0 && n <= MAX_BODY;

    if (!file || ferror(file))
        complain("--body: '%s' cannot be read", name);
    else if (!whole)
        complain("--body: '%s' is %s", name, n == 0 ? "empty" : "too long");
    if (file && !input)
        fclose(file);
    if (!whole)
        return NULL;
    text[n] = '\0';
    if (strlen(text) == n && g_utf8_validate(text, -1, NULL))
        return g_steal_pointer(&text);
    complain("--body: '%s' is not UTF-8", name);
    return NULL;
}

static bool
are_utf8(char *const *args)
{
    for (; *args; args++) {
        if (!g_utf8_validate(*args, -1, NULL)) {
            complain("an argument is not UTF-8");
            return false;
        }
    }
    return true;
}

int
api_call(Task *task)
{
    const char *method = method_of(task->args[0]);
    QueryDirect direct = { .method = method ? method : "GET" };
    Api api = { .task = task, .query = { .task = QUERY_DIRECT, .direct = &direct }, .columns = columns, .as_is = true };
    g_autofree char *body = NULL, *question = g_strdup_printf("Send %s", direct.method);

    task->args += method != NULL;
    if (!task->account || !task->args[0]) {
        complain(task->account ? "call what? Say a path" : "which account? Say --account");
        return EX_USAGE;
    }
    if (!are_utf8(task->args))
        return EX_USAGE;
    direct.path = *task->args++;
    direct.pairs = (const char *const *) task->args;
    task->args += g_strv_length(task->args);
    if (task->body && !(body = read_body(task->body)))
        return EX_NOINPUT;
    direct.body = body;
    api.question = strcmp(direct.method, "GET") != 0 ? question : NULL;
    return api_run(&api);
}
