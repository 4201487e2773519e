/* shimta-sandbox: takes mail as Customers Mail Cloud and Arara would, and keeps it. */
#include <glib-unix.h>
#include <glib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sysexits.h>
#include <unistd.h>

#include "sandbox/arara.h"
#include "sandbox/blast.h"
#include "sandbox/fill.h"
#include "sandbox/options.h"
#include "sandbox/server.h"

static gboolean
on_signal(void *user)
{
    g_main_loop_quit(user);
    return G_SOURCE_CONTINUE;
}

static int
fail(const GError *error, int status)
{
    fprintf(stderr, "shimta-sandbox: %s\n", error->message);
    return status;
}

/* True if the parent is already gone. */
static bool
bind_to_parent(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    return getppid() != parent;
}

/* Opens what the options name; the folder is made up if they name none. */
static bool
sandbox_open(Sandbox *self, const Options *options, GError **error)
{
    g_autofree char *folder = g_strdup(options->folder);

    self->options = options;
    self->faults = faults_new();
    self->crowd = crowd_new(options->connections);
    self->daily = daily_new(options->daily_lists);
    self->arara = arara_new(options);
    self->blast = blast_new(options);
    self->ledger = ledger_new(options->ledger_rows);
    Timing timing = { options->event_delay_ms * G_TIME_SPAN_MILLISECOND, options->slow_ms * G_TIME_SPAN_MILLISECOND };
    self->feedback = feedback_new(self->ledger, &timing);
    fill(self, options->fill);
    for (char **order = options->faults; order && *order; order++)
        if (!faults_add(self->faults, *order, error))
            return false;
    if (!folder && !options->no_store && !(folder = g_dir_make_tmp("shimta-sandbox-XXXXXX", error)))
        return false;
    self->box = box_new(folder, error);
    return self->box != NULL;
}

static void
sandbox_close(Sandbox *self)
{
    faults_free(self->faults);
    crowd_free(self->crowd);
    daily_free(self->daily);
    arara_free(self->arara);
    blast_free(self->blast);
    feedback_free(self->feedback);
    ledger_free(self->ledger);
    box_free(self->box);
}

/* One write: who reads only the first line and closes the pipe does no harm. */
static void
announce(const Server *server, const Sandbox *sandbox)
{
    g_autofree char *url = server_url(server);
    const char *folder = box_folder(sandbox->box);

    printf("listening %s\n", url);
    if (folder)
        printf("folder %s\n", folder);
    fflush(stdout);
}

static int
serve(Sandbox *sandbox)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);

    sandbox->webhook = webhook_start(sandbox->options, sandbox->ledger, feedback_timing(sandbox->feedback));
    Server *server = server_start(sandbox, &error);
    if (!server) {
        webhook_stop(sandbox->webhook);
        return fail(error, EX_UNAVAILABLE);
    }
    guint on_term = g_unix_signal_add(SIGTERM, on_signal, loop);
    guint on_int = g_unix_signal_add(SIGINT, on_signal, loop);
    announce(server, sandbox);
    g_main_loop_run(loop);
    server_stop(server);
    webhook_stop(sandbox->webhook);
    g_source_remove(on_term);
    g_source_remove(on_int);
    return EXIT_SUCCESS;
}

int
main(int argc, char **argv)
{
    pid_t parent = getppid();
    g_autoptr(GError) error = NULL;
    g_autoptr(Options) options = options_read(&argc, &argv, &error);
    Sandbox sandbox = { 0 };

    if (!options)
        return fail(error, EX_USAGE);
    if (options->exit_with_parent && bind_to_parent(parent))
        return EXIT_SUCCESS;
    signal(SIGPIPE, SIG_IGN);
    int status = sandbox_open(&sandbox, options, &error) ? serve(&sandbox) : fail(error, EX_CANTCREAT);
    sandbox_close(&sandbox);
    return status;
}
