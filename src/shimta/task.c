#include "shimta/shimta.h"

#include "shimta/output.h"
#include "shimta/progress.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sysexits.h>

void
complain(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_autofree char *clean = output_clean(text);
    output_progress_end();
    progress_hide();
    fprintf(stderr, "shimta: %s\n", clean);
}

Link *
task_link(const Task *task)
{
    g_autoptr(GError) error = NULL;
    Link *link = link_open(task->conf.control_socket, &error);

    if (link)
        return link;
    if (g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_ACCES))
        complain("%s: only root and the user of shimtad may ask", error->message);
    else
        complain("no shimtad answers (%s): start it, or say with --config which file it was started with",
                 error->message);
    return NULL;
}

cJSON *
request_new(const char *kind)
{
    cJSON *request = cJSON_CreateObject();

    cJSON_AddStringToObject(request, "do", kind);
    return request;
}

cJSON *
request_filtered(const char *kind, const Task *task)
{
    cJSON *request = request_new(kind);

    if (task->sender)
        cJSON_AddStringToObject(request, "sender", task->sender);
    if (task->recipient)
        cJSON_AddStringToObject(request, "recipient", task->recipient);
    if (task->held)
        cJSON_AddTrueToObject(request, "held");
    return request;
}

int
task_ask(Link *link, cJSON *request, const LinkReader *reader, cJSON **last)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(cJSON) done = link_ask(link, request, reader, &error);

    cJSON_Delete(request);
    if (done && last)
        *last = g_steal_pointer(&done);
    if (!error)
        return EX_OK;
    complain("%s", error->message);
    return g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_PIPE) ? EX_TEMPFAIL : 1;
}
