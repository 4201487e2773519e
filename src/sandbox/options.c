#include "sandbox/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What GOption writes into before it is checked. */
typedef struct {
    char *key_file;
    char *client_secret_file;
    char *unknown_marker;
    char *dkim;
    char *size_limit;
    char *tls_cert_file;
    char *tls_key_file;
    char *webhook_key_file;
    int latency_ms;
    int connections;
    int error_status;
    int arara_connections;
    int arara_attachments;
    int token_lifetime_s;
    int too_many_status;
    int status_lag_ms;
    int event_delay_ms;
    int slow_ms;
    int ledger_rows;
    int fill;
    int daily_lists;
    int line_limit_bytes;
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
    g_free(self->server_composition);
    g_free(self->client_id);
    g_free(self->client_secret);
    g_strfreev(self->dkim);
    g_strfreev(self->faults);
    g_free(self->tls_cert);
    g_free(self->tls_key);
    g_free(self->webhook);
    g_free(self->webhook_key);
    g_free(self);
}

static void
raw_clear(RawOptions *raw)
{
    g_free(raw->key_file);
    g_free(raw->client_secret_file);
    g_free(raw->unknown_marker);
    g_free(raw->dkim);
    g_free(raw->size_limit);
    g_free(raw->tls_cert_file);
    g_free(raw->tls_key_file);
    g_free(raw->webhook_key_file);
}

static const char summary[] =
    "Answers, and sends nothing:\n"
    "  Customers Mail Cloud  POST /api/v2/emails/{send,bulk}.{json,xml}\n"
    "                        POST /transaction/v2/{deliveries,bounces,statistics}/list.json\n"
    "                        POST /transaction/v2/unsubscribes/{download,cancel}.json\n"
    "  Arara version 2       POST /oauth2/token   POST /send   GET, DELETE /send/ID   GET /send   GET /results[/ID]\n"
    "                        POST, PUT /errorfilter   GET /domain   POST, PUT, DELETE /domain/dkim[/DOMAIN/SELECTOR]\n"
    "                        GET /plan   GET /delivery_record   POST /unsubscribe-receivers   PUT /re-subscribers\n"
    "                        GET /unsubscribers/{auto,customer}-assigned\n"
    "  Arara version 1       POST /tm/{unsubscribe_requesters,resubscribers,unsubscribe_receivers}.php\n"
    "  BlastMail             POST /rest/1.0/authenticate/login   GET /rest/1.0/authenticate/logout\n"
    "                        GET /rest/1.0/message/{history,detail}/search   POST /rest/1.0/message/list/delete\n"
    "                        GET /rest/1.0/{history,mailopenlog}/list/export\n"
    "  its own               GET, DELETE /messages[/N]   GET, DELETE /ledger   GET /health   POST /fault";

static const char roles[] =
    "What becomes of a mail is told by its recipient's address:\n"
    "  bounce-*, bounce-CLASS-*   fails for good          mailbox-full-*   fails, may pass\n"
    "  slow-*                     deferred, delivered     unsubscribe-*    delivered, unsubscribes\n"
    "See shimta-sandbox(1).";

static bool
parse(Options *self, RawOptions *raw, int *argc, char ***argv, GError **error)
{
    const GOptionEntry entries[] = {
        { "listen", 'l', 0, G_OPTION_ARG_STRING, &self->listen, "Listen there (127.0.0.1:8025)",
          "ADDRESS:PORT" },
        { "folder", 'd', 0, G_OPTION_ARG_FILENAME, &self->folder, "Keep messages there (a new one)", "DIR" },
        { "user", 'u', 0, G_OPTION_ARG_STRING, &self->user, "The only user (any)", "NAME" },
        { "key", 0, 0, G_OPTION_ARG_STRING, &self->key, "The only api_key (any)", "KEY" },
        { "key-file", 0, 0, G_OPTION_ARG_FILENAME, &raw->key_file, "The same from a file", "FILE" },
        { "server-composition", 0, 0, G_OPTION_ARG_STRING, &self->server_composition, "The only one of lists (any)",
          "NAME" },
        { "dkim", 0, 0, G_OPTION_ARG_STRING, &raw->dkim, "The only domains of from (any)", "DOMAIN,..." },
        { "latency", 0, 0, G_OPTION_ARG_INT, &raw->latency_ms, "Time before each answer (0)", "MS" },
        { "connections", 0, 0, G_OPTION_ARG_INT, &raw->connections, "Requests at a time (10)", "N" },
        { "size-limit", 0, 0, G_OPTION_ARG_STRING, &raw->size_limit, "Largest message (20M)", "BYTES" },
        { "error-status", 0, 0, G_OPTION_ARG_INT, &raw->error_status, "Status of errors (400)", "NNN" },
        { "client-id", 0, 0, G_OPTION_ARG_STRING, &self->client_id, "The only client of Arara (any)", "ID" },
        { "client-secret", 0, 0, G_OPTION_ARG_STRING, &self->client_secret, "Its only secret (any)", "SECRET" },
        { "client-secret-file", 0, 0, G_OPTION_ARG_FILENAME, &raw->client_secret_file, "The same from a file",
          "FILE" },
        { "token-lifetime", 0, 0, G_OPTION_ARG_INT, &raw->token_lifetime_s, "How long tokens hold (3600)", "S" },
        { "arara-connections", 0, 0, G_OPTION_ARG_INT, &raw->arara_connections, "Requests at a time (1)", "N" },
        { "arara-attachments", 0, 0, G_OPTION_ARG_INT, &raw->arara_attachments, "Of one delivery (3)", "N" },
        { "line-limit", 0, 0, G_OPTION_ARG_INT, &raw->line_limit_bytes, "Longest line (1000), or 0", "BYTES" },
        { "unknown-marker", 0, 0, G_OPTION_ARG_STRING, &raw->unknown_marker, "What ##x## becomes (empty)",
          "keep|empty" },
        { "status-lag", 0, 0, G_OPTION_ARG_INT, &raw->status_lag_ms, "Time before look-ups find (0)", "MS" },
        { "event-delay", 0, 0, G_OPTION_ARG_INT, &raw->event_delay_ms, "Time before results (1000)", "MS" },
        { "slow-delay", 0, 0, G_OPTION_ARG_INT, &raw->slow_ms, "More of it for slow-* (600000)", "MS" },
        { "ledger-rows", 0, 0, G_OPTION_ARG_INT, &raw->ledger_rows, "Calls that are remembered (1000000)", "N" },
        { "fill", 0, 0, G_OPTION_ARG_INT, &raw->fill, "Begin with so many calls (0)", "N" },
        { "daily-lists", 0, 0, G_OPTION_ARG_INT, &raw->daily_lists, "Questions for a list a day (1), or 0", "N" },
        { "webhook", 0, 0, G_OPTION_ARG_STRING, &self->webhook, "Post events there (nowhere)", "URL" },
        { "webhook-key", 0, 0, G_OPTION_ARG_STRING, &self->webhook_key, "Their api_key (none)", "KEY" },
        { "webhook-key-file", 0, 0, G_OPTION_ARG_FILENAME, &raw->webhook_key_file, "The same from a file", "FILE" },
        { "too-many-status", 0, 0, G_OPTION_ARG_INT, &raw->too_many_status, "Of Too Many Requests (429)", "NNN" },
        { "fault", 0, 0, G_OPTION_ARG_STRING_ARRAY, &self->faults, "Misbehave", "KIND[@PATH][:N|:every N]" },
        { "no-store", 0, 0, G_OPTION_ARG_NONE, &raw->no_store, "Check and count, keep nothing", NULL },
        { "quiet", 'q', 0, G_OPTION_ARG_NONE, &raw->quiet, "No line per request", NULL },
        { "tls-cert", 0, 0, G_OPTION_ARG_FILENAME, &raw->tls_cert_file, "Certificate", "FILE" },
        { "tls-key", 0, 0, G_OPTION_ARG_FILENAME, &raw->tls_key_file, "Its key", "FILE" },
        { "exit-with-parent", 0, 0, G_OPTION_ARG_NONE, &raw->exit_with_parent, "End as it does", NULL },
        { "version", 'V', 0, G_OPTION_ARG_NONE, &raw->version, "Print the version", NULL },
        { NULL },
    };
    g_autoptr(GOptionContext) context = g_option_context_new("- a stand-in for Customers Mail Cloud, Arara and BlastMail");

    g_option_context_set_summary(context, summary);
    g_option_context_set_description(context, roles);
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

/* A secret given as such or as the first line of a file. */
static bool
read_secret(char **secret, const char *file, const char *option, GError **error)
{
    if (!file)
        return true;
    if (*secret) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "%s and %s-file exclude each other", option,
                    option);
        return false;
    }
    if (!g_file_get_contents(file, secret, NULL, error))
        return false;
    (*secret)[strcspn(*secret, "\r\n")] = '\0';
    if (**secret)
        return true;
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "%s-file: the file's first line is empty",
                option);
    return false;
}

static bool
read_files(Options *self, const RawOptions *raw, GError **error)
{
    if (!read_secret(&self->key, raw->key_file, "--key", error)
        || !read_secret(&self->client_secret, raw->client_secret_file, "--client-secret", error)
        || !read_secret(&self->webhook_key, raw->webhook_key_file, "--webhook-key", error))
        return false;
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
    const struct {
        const char *option;
        int value;
        int min;
        int max;
        unsigned *place;
    } rows[] = {
        { "--latency", raw->latency_ms, 0, G_MAXINT, &self->latency_ms },
        { "--connections", raw->connections, 1, G_MAXINT, &self->connections },
        { "--error-status", raw->error_status, 200, 599, &self->error_status },
        { "--arara-connections", raw->arara_connections, 1, G_MAXINT, &self->arara_connections },
        { "--arara-attachments", raw->arara_attachments, 0, G_MAXINT, &self->arara_attachments },
        { "--token-lifetime", raw->token_lifetime_s, 0, G_MAXINT, &self->token_lifetime_s },
        { "--too-many-status", raw->too_many_status, 200, 599, &self->too_many_status },
        { "--status-lag", raw->status_lag_ms, 0, G_MAXINT, &self->status_lag_ms },
        { "--event-delay", raw->event_delay_ms, 0, G_MAXINT, &self->event_delay_ms },
        { "--slow-delay", raw->slow_ms, 0, G_MAXINT, &self->slow_ms },
        { "--ledger-rows", raw->ledger_rows, 1, G_MAXINT, &self->ledger_rows },
        { "--fill", raw->fill, 0, G_MAXINT, &self->fill },
        { "--daily-lists", raw->daily_lists, 0, G_MAXINT, &self->daily_lists },
        { "--line-limit", raw->line_limit_bytes, 0, G_MAXINT, &self->line_limit_bytes },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (rows[i].value < rows[i].min || rows[i].value > rows[i].max) {
            g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "%s needs a number from %d to %d",
                        rows[i].option, rows[i].min, rows[i].max);
            return false;
        }
        *rows[i].place = (unsigned) rows[i].value;
    }
    self->size_limit_bytes = 20 * 1024 * 1024;
    return !raw->size_limit || read_size(raw->size_limit, &self->size_limit_bytes, error);
}

static bool
take_words(Options *self, const RawOptions *raw, GError **error)
{
    self->keep_unknown_markers = g_strcmp0(raw->unknown_marker, "keep") == 0;
    if (raw->unknown_marker && !self->keep_unknown_markers && strcmp(raw->unknown_marker, "empty") != 0)
        return bad(error, "--unknown-marker is keep or empty");
    if (raw->no_store && self->folder)
        return bad(error, "--no-store and --folder exclude each other");
    if (self->webhook && !g_str_has_prefix(self->webhook, "http://") && !g_str_has_prefix(self->webhook, "https://"))
        return bad(error, "--webhook needs a URL that begins with http:// or https://");
    if ((self->webhook_key || raw->webhook_key_file) && !self->webhook)
        return bad(error, "--webhook-key is of no use without --webhook");
    return true;
}

Options *
options_read(int *argc, char ***argv, GError **error)
{
    g_autoptr(Options) self = g_new0(Options, 1);
    RawOptions raw = {
        .connections = 10, .error_status = 400, .arara_connections = 1, .arara_attachments = 3,
        .token_lifetime_s = 3600, .too_many_status = 429, .line_limit_bytes = 1000,
        .event_delay_ms = 1000, .slow_ms = 600000, .ledger_rows = 1000000, .daily_lists = 1,
    };

    bool done = parse(self, &raw, argc, argv, error);
    if (done && raw.version) {
        puts(PACKAGE_STRING);
        exit(EXIT_SUCCESS);
    }
    if (done && *argc > 1)
        done = bad(error, "there are no arguments beside options");
    done = done && take_numbers(self, &raw, error) && take_words(self, &raw, error)
           && read_files(self, &raw, error);
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
