#include "sandbox/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What GOption writes into before it is checked. */
typedef struct {
    char *key_file;
    char *dkim;
    char *size_limit;
    char *tls_cert_file;
    char *tls_key_file;
    int latency_ms;
    int connections;
    int error_status;
    gboolean no_store;
    gboolean quiet;
    gboolean exit_with_parent;
    gboolean version;
} RawOptions;

void
options_free(Options *self)
{
    if (!self)
        return;
    g_free(self->listen);
    g_free(self->folder);
    g_free(self->user);
    g_free(self->key);
    g_strfreev(self->dkim);
    g_strfreev(self->faults);
    g_free(self->tls_cert);
    g_free(self->tls_key);
    g_free(self);
}

static void
raw_clear(RawOptions *raw)
{
    g_free(raw->key_file);
    g_free(raw->dkim);
    g_free(raw->size_limit);
    g_free(raw->tls_cert_file);
    g_free(raw->tls_key_file);
}

static bool
parse(Options *self, RawOptions *raw, int *argc, char ***argv, GError **error)
{
    const GOptionEntry entries[] = {
        { "listen", 'l', 0, G_OPTION_ARG_STRING, &self->listen, "Listen there (127.0.0.1:8025)",
          "ADDRESS:PORT" },
        { "folder", 'd', 0, G_OPTION_ARG_FILENAME, &self->folder, "Keep messages there (a new one)", "DIR" },
        { "user", 'u', 0, G_OPTION_ARG_STRING, &self->user, "The only api_user (any)", "NAME" },
        { "key", 0, 0, G_OPTION_ARG_STRING, &self->key, "The only api_key (any)", "KEY" },
        { "key-file", 0, 0, G_OPTION_ARG_FILENAME, &raw->key_file, "The same from a file", "FILE" },
        { "dkim", 0, 0, G_OPTION_ARG_STRING, &raw->dkim, "The only domains of from (any)", "DOMAIN,..." },
        { "latency", 0, 0, G_OPTION_ARG_INT, &raw->latency_ms, "Time before each answer (0)", "MS" },
        { "connections", 0, 0, G_OPTION_ARG_INT, &raw->connections, "Requests at a time (10)", "N" },
        { "size-limit", 0, 0, G_OPTION_ARG_STRING, &raw->size_limit, "Largest message (20M)", "BYTES" },
        { "error-status", 0, 0, G_OPTION_ARG_INT, &raw->error_status, "Status of errors (400)", "NNN" },
        { "fault", 0, 0, G_OPTION_ARG_STRING_ARRAY, &self->faults, "Misbehave", "KIND[:N|:every N]" },
        { "no-store", 0, 0, G_OPTION_ARG_NONE, &raw->no_store, "Check and count, keep nothing", NULL },
        { "quiet", 'q', 0, G_OPTION_ARG_NONE, &raw->quiet, "No line per request", NULL },
        { "tls-cert", 0, 0, G_OPTION_ARG_FILENAME, &raw->tls_cert_file, "Certificate", "FILE" },
        { "tls-key", 0, 0, G_OPTION_ARG_FILENAME, &raw->tls_key_file, "Its key", "FILE" },
        { "exit-with-parent", 0, 0, G_OPTION_ARG_NONE, &raw->exit_with_parent, "End as it does", NULL },
        { "version", 'V', 0, G_OPTION_ARG_NONE, &raw->version, "Print the version", NULL },
        { NULL },
    };
    g_autoptr(GOptionContext) context = g_option_context_new("- a stand-in for Customers Mail Cloud");

    g_option_context_add_main_entries(context, entries, NULL);
    return g_option_context_parse(context, argc, argv, error);
}

static bool
bad(GError **error, const char *text)
{
    g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, text);
    return false;
}

/* "1000", "64k", "20M". */
static bool
read_size(const char *text, guint64 *size, GError **error)
{
    char *end;
    guint64 n = g_ascii_strtoull(text, &end, 10);
    unsigned shift = *end == 'k' ? 10 : *end == 'M' ? 20 : 0;

    if (end == text || strcmp(shift ? end + 1 : end, "") != 0 || !g_ascii_isdigit(*text) || n == 0
        || n > G_GUINT64_CONSTANT(1) << 40)
        return bad(error, "--size-limit needs a number, with k or M after it or not");
    *size = n << shift;
    return true;
}

static bool
read_files(Options *self, const RawOptions *raw, GError **error)
{
    if (raw->key_file) {
        if (self->key)
            return bad(error, "--key and --key-file exclude each other");
        if (!g_file_get_contents(raw->key_file, &self->key, NULL, error))
            return false;
        self->key[strcspn(self->key, "\r\n")] = '\0';
        if (!*self->key)
            return bad(error, "--key-file: the file's first line is empty");
    }
    if (!raw->tls_cert_file != !raw->tls_key_file)
        return bad(error, "--tls-cert and --tls-key need each other");
    if (!raw->tls_cert_file)
        return true;
    return g_file_get_contents(raw->tls_cert_file, &self->tls_cert, NULL, error)
           && g_file_get_contents(raw->tls_key_file, &self->tls_key, NULL, error);
}

static bool
take_numbers(Options *self, const RawOptions *raw, GError **error)
{
    if (raw->latency_ms < 0)
        return bad(error, "--latency needs milliseconds");
    if (raw->connections < 1)
        return bad(error, "--connections needs a number above 0");
    if (raw->error_status < 200 || raw->error_status > 599)
        return bad(error, "--error-status needs an HTTP status from 200 to 599");
    self->latency_ms = (unsigned) raw->latency_ms;
    self->connections = (unsigned) raw->connections;
    self->error_status = (unsigned) raw->error_status;
    self->size_limit_bytes = 20 * 1024 * 1024;
    return !raw->size_limit || read_size(raw->size_limit, &self->size_limit_bytes, error);
}

Options *
options_read(int *argc, char ***argv, GError **error)
{
    g_autoptr(Options) self = g_new0(Options, 1);
    RawOptions raw = { .connections = 10, .error_status = 400 };

    bool done = parse(self, &raw, argc, argv, error);
    if (done && raw.version) {
        puts(PACKAGE_STRING);
        exit(EXIT_SUCCESS);
    }
    if (done && *argc > 1)
        done = bad(error, "there are no arguments beside options");
    done = done && take_numbers(self, &raw, error) && read_files(self, &raw, error);
    if (done && raw.no_store && self->folder)
        done = bad(error, "--no-store and --folder exclude each other");
    self->no_store = raw.no_store;
    self->quiet = raw.quiet;
    self->exit_with_parent = raw.exit_with_parent;
    if (raw.dkim)
        self->dkim = g_strsplit(raw.dkim, ",", -1);
    for (char **domain = self->dkim; domain && *domain; domain++)
        g_strstrip(*domain);
    if (!self->listen)
        self->listen = g_strdup("127.0.0.1:8025");
    raw_clear(&raw);
    return done ? g_steal_pointer(&self) : NULL;
}
