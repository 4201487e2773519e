#include "sandbox/emails.h"

#include <string.h>

#include "sandbox/emails_address.h"
#include "sandbox/emails_letter.h"
#include "sandbox/eml.h"
#include "sandbox/form.h"
#include "sandbox/problem.h"

typedef enum { ACTION_UNKNOWN, ACTION_SEND, ACTION_BULK } EmailsAction;

typedef struct {
    EmailsAction action;
    bool has_format;            /* the URL ended in .json or .xml */
    BodyFormat format;
    Form *form;                 /* NULL: not multipart/form-data */
    char *user;                 /* counted in */
    bool crowded;
} EmailsCall;

static void
emails_open(Exchange *exchange)
{
    EmailsCall *call = g_new0(EmailsCall, 1);
    const Options *options = exchange->sandbox->options;
    const char *dot = strrchr(exchange->rest, '.');
    g_autofree char *action = dot ? g_strndup(exchange->rest, (size_t) (dot - exchange->rest)) : NULL;

    exchange->state = call;
    call->format = g_strcmp0(dot, ".xml") == 0 ? BODY_XML : BODY_JSON;
    call->has_format = call->format == BODY_XML || g_strcmp0(dot, ".json") == 0;
    if (g_strcmp0(action, "send") == 0)
        call->action = ACTION_SEND;
    else if (g_strcmp0(action, "bulk") == 0)
        call->action = ACTION_BULK;
    FormSettings settings = {
        .fields = emails_fields(call->action == ACTION_BULK),
        .folder = box_folder(exchange->sandbox->box),
        .attachment_limit_bytes = options->size_limit_bytes,
    };
    call->form = form_new(exchange->content_type, &settings);
}

/* The limit counts a user's requests from the moment they say whose they are. */
static void
enter(Exchange *exchange, EmailsCall *call)
{
    const GString *user = form_value(call->form, "api_user");

    if (crowd_enter(exchange->sandbox->crowd, user->str))
        call->user = g_strdup(user->str);
    else
        call->crowded = true;
}

static void
emails_feed(Exchange *exchange, const char *bytes, size_t n)
{
    EmailsCall *call = exchange->state;

    if (!call->form)
        return;
    form_feed(call->form, bytes, n);
    if (!call->user && !call->crowded && form_has(call->form, "api_user"))
        enter(exchange, call);
}

static guint64
base64_bytes(guint64 n)
{
    return (n + 2) / 3 * 4;
}

/* Whether the message would be too large for the service as a whole. */
static bool
is_oversized(const EmailsCall *call, guint64 limit)
{
    static const char *const texts[] = { "subject", "headers", "text", "html" };
    guint64 size = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        const GString *value = form_value(call->form, texts[i]);
        size += value ? value->len : 0;
    }
    for (unsigned n = 1; n <= FORM_ATTACHMENTS; n++) {
        const Attachment *attachment = form_attachment(call->form, n);
        size += attachment ? base64_bytes(attachment->size_bytes) : 0;
    }
    return size > limit;
}

/* What the service learns when it hands the mail to its own SMTP server. */
static void
check_smtp_stage(const Exchange *exchange, const EmailsCall *call, const Letter *letter, Problems *problems)
{
    const Options *options = exchange->sandbox->options;
    const char *domain = strrchr(letter->from->address, '@') + 1;
    bool signed_domain = !options->dkim;

    for (char **own = options->dkim; own && *own; own++)
        signed_domain = signed_domain || g_ascii_strcasecmp(*own, domain) == 0;
    if ((options->user && strcmp(options->user, form_value(call->form, "api_user")->str) != 0)
        || (options->key && strcmp(options->key, form_value(call->form, "api_key")->str) != 0))
        problems_add(problems, "13-004", NULL, NULL);
    else if (!emails_is_address(letter->envelope_from))
        problems_add(problems, "13-003", NULL, NULL);
    else if (!signed_domain)
        problems_add(problems, "13-006", NULL, NULL);
}

/* Values of 5 KB can make any text too large. */
static void
check_expanded(const Exchange *exchange, const Letter *letter, Problems *problems)
{
    guint64 limit = exchange->sandbox->options->size_limit_bytes;

    for (guint i = 0; i < letter->to->len; i++) {
        const Mailbox *recipient = letter->to->pdata[i];
        if (eml_text_bytes(letter, recipient) > limit) {
            problems_add(problems, "11-008", NULL, NULL);
            return;
        }
    }
}

/* Everything between the request and its acceptance; the Message-ID of what was put. */
static char *
accept_call(Exchange *exchange, EmailsCall *call, Problems *problems)
{
    Sandbox *sandbox = exchange->sandbox;
    bool bulk = call->action == ACTION_BULK;
    const char *kept = NULL;

    if (is_oversized(call, sandbox->options->size_limit_bytes)) {
        problems_add(problems, "01-001", NULL, NULL);
        return NULL;
    }
    g_autoptr(Letter) letter = emails_letter_read(call->form, bulk, problems);
    if (letter)
        check_smtp_stage(exchange, call, letter, problems);
    if (letter && bulk)
        check_expanded(exchange, letter, problems);
    if (!letter || problems_any(problems))
        return NULL;
    g_autofree char *id = box_message_id();
    BoxLabel label = { .call = exchange->call, .message_id = bulk ? NULL : id };
    g_autoptr(GError) error = NULL;
    if (!letter_is_kept(letter, &kept)
        || !box_put(sandbox->box, letter, &label, &error)) {
        g_string_append_printf(exchange->note, " failed=\"%s\"", kept ? kept : error->message);
        problems_add(problems, "13-008", NULL, NULL);
        return NULL;
    }
    feedback_admit(sandbox->feedback, ledger_add(sandbox->ledger, letter, exchange->call, bulk ? NULL : id, NULL), 0);
    g_string_append_printf(exchange->note, " messages=%u", letter_recipients(letter));
    return g_steal_pointer(&id);
}

static GString *
success_body(const EmailsCall *call, const char *id)
{
    static const char accepted[] = "Your email sending request was accepted.";
    bool xml = call->format == BODY_XML;
    GString *out = g_string_new(xml ? body_xml_head : NULL);

    if (call->action == ACTION_BULK) {
        g_string_append_printf(out, xml ? "<bulk><message>%s</message></bulk>\n" : "{\"message\":\"%s\"}",
                               accepted);
    } else if (xml) {
        g_string_append(out, "<email><id>");
        body_xml_text(out, id);
        g_string_append(out, "</id></email>\n");
    } else {
        g_string_append(out, "{\"id\":");
        body_json_string(out, id);
        g_string_append_c(out, '}');
    }
    return out;
}

static void
find_problems(Exchange *exchange, EmailsCall *call, Problems *problems)
{
    if (exchange->fault.kind == FAULT_ERROR)
        problems_add(problems, exchange->fault.error, NULL, NULL);
    else if (call->action == ACTION_UNKNOWN)
        problems_add(problems, "11-019", NULL, NULL);
    else if (!call->form)
        problems_add(problems, "11-015", NULL, NULL);
    else if (call->crowded)
        problems_add(problems, "11-007", NULL, NULL);
    else if (!form_is_complete(call->form))
        problems_add(problems, "11-015", NULL, NULL);
}

static void
emails_answer(Exchange *exchange)
{
    EmailsCall *call = exchange->state;
    Sandbox *sandbox = exchange->sandbox;
    const char *type = call->format == BODY_XML ? "application/xml" : "application/json";
    g_autoptr(Problems) problems = problems_new();
    g_autofree char *id = NULL;

    if (!call->has_format) {
        answer_text(&exchange->answer, 404, "text/plain", "The format is json or xml.\n");
        return;
    }
    find_problems(exchange, call, problems);
    if (!problems_any(problems))
        id = accept_call(exchange, call, problems);
    if (id) {
        sandbox->accepted++;
        exchange->answer.accepted = true;
        answer_take(&exchange->answer, 200, type, success_body(call, id));
        return;
    }
    g_autofree char *codes = problems_codes(problems);
    g_string_append_printf(exchange->note, " error=%s", codes);
    sandbox->refused++;
    exchange->answer.prompt = call->crowded;
    answer_take(&exchange->answer, problems_status(problems, sandbox->options->error_status), type,
                problems_body(problems, call->format));
}

static void
emails_close(Exchange *exchange)
{
    EmailsCall *call = exchange->state;

    if (call->user)
        crowd_leave(exchange->sandbox->crowd, call->user);
    form_free(call->form);
    g_free(call->user);
    g_free(call);
}

const Endpoint emails_endpoints[] = {
    { "POST", "/api/v2/emails/*", API_EMAILS, emails_open, emails_feed, emails_answer, emails_close },
    { NULL },
};
