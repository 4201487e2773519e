#include "sandbox/problem.h"

#include <string.h>

const char body_xml_head[] = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";

static const ProblemKind kinds[] = {
    { "11-004", "to", "You have exceeded the maximum numbers of address.", 0 },
    { "11-005", "to", "{0} is invalid mail address.", 0 },
    { "11-006", "to", "Specified value has invalid (Invalid JSON format).", 0 },
    { "11-007", "api_key", "You have exceeded the maximum numbers of connection.", 0 },
    { "11-008", "text", "Mail size was unable to send because it is too large.", 0 },
    { "11-009", "headers", "{0} is required.", 0 },
    { "11-010", "attachments", "The value of {0} and the number of actual attachments doesn't match.", 0 },
    { "11-011", "charset", "Specified value has invalid (Invalid charset format).", 0 },
    { "11-012", "attachment1", "Specified attachment has invalid.", 0 },
    { "11-013", "headers", "Specified value has invalid (Invalid header name format).", 0 },
    { "11-014", "headers", "Header length exceeds limit (998 bytes).", 0 },
    { "11-015", "", "The Content-Type is invalid. Please request using multipart/form-data format.", 0 },
    { "11-016", "subject", "Subject length exceeds limit. (512 letters)", 0 },
    { "11-017", "attachments", "Specified value has invalid. (Invalid attachment value).", 0 },
    { "11-018", "", "Specified value has invalid. (Invalid parameter name).", 0 },
    { "11-019", "", "The action is invalid.", 0 },
    { "13-001", "", "Unexcepted Exception has occurred.", 0 },
    { "13-002", "", "Can not connect to MTA", 0 },
    { "13-003", "", "Bad address syntax.", 0 },
    { "13-004", "", "User authentication failed.", 0 },
    { "13-005", "", "It has exceeded the number of connections that are limited by group.", 0 },
    { "13-006", "", "Can not send email with specified from address. Please set up DKIM.", 0 },
    { "13-007", "", "Message size has exceeded the limit", 0 },
    { "13-008", "", "It has exceeded the threshold of disk usage.", 0 },
    { "13-009", "", "S/MIME certificate is expired.", 0 },
    { "01-001", "", "System error was occurred. Please contact system administrator.", 500 },
};

typedef struct {
    const ProblemKind *kind;
    char *field;
    char *message;
} Problem;

struct Problems {
    GPtrArray *list;
};

const ProblemKind *
problem_kind(const char *code)
{
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
        if (strcmp(kinds[i].code, code) == 0)
            return &kinds[i];
    return NULL;
}

static void
problem_free(void *data)
{
    Problem *self = data;

    g_free(self->field);
    g_free(self->message);
    g_free(self);
}

Problems *
problems_new(void)
{
    Problems *self = g_new0(Problems, 1);

    self->list = g_ptr_array_new_with_free_func(problem_free);
    return self;
}

void
problems_free(Problems *self)
{
    if (!self)
        return;
    g_ptr_array_unref(self->list);
    g_free(self);
}

void
problems_add(Problems *self, const char *code, const char *field, const char *value)
{
    Problem *problem = g_new0(Problem, 1);

    problem->kind = problem_kind(code);
    g_assert(problem->kind);
    problem->field = g_strdup(field ? field : problem->kind->field);
    const char *hole = strstr(problem->kind->text, "{0}");
    if (hole)
        problem->message = g_strdup_printf("%.*s%s%s", (int) (hole - problem->kind->text),
                                           problem->kind->text, value ? value : problem->field, hole + 3);
    else
        problem->message = g_strdup(problem->kind->text);
    g_ptr_array_add(self->list, problem);
}

bool
problems_any(const Problems *self)
{
    return self->list->len > 0;
}

unsigned
problems_status(const Problems *self, unsigned otherwise)
{
    for (guint i = 0; i < self->list->len; i++) {
        const Problem *problem = self->list->pdata[i];
        if (problem->kind->status)
            return problem->kind->status;
    }
    return otherwise;
}

void
body_json_string(GString *out, const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);

    g_string_append_c(out, '"');
    for (const char *p = valid; *p; p++) {
        if (*p == '"' || *p == '\\')
            g_string_append_printf(out, "\\%c", *p);
        else if ((unsigned char) *p < 0x20 || *p == '<' || *p == '>')
            g_string_append_printf(out, "\\u%04X", (unsigned) *p);
        else
            g_string_append_c(out, *p);
    }
    g_string_append_c(out, '"');
}

void
body_xml_text(GString *out, const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);

    for (const char *p = valid; *p; p++) {
        if (*p == '&')
            g_string_append(out, "&amp;");
        else if (*p == '<')
            g_string_append(out, "&lt;");
        else if (*p == '>')
            g_string_append(out, "&gt;");
        else if ((unsigned char) *p < 0x20 && !strchr("\t\n", *p))
            g_string_append_c(out, '?');    /* XML 1.0 has no way to write it */
        else
            g_string_append_c(out, *p);
    }
}

static void
add_json(GString *out, const Problem *problem)
{
    g_string_append_printf(out, "{\"code\":\"%s\",\"field\":", problem->kind->code);
    body_json_string(out, problem->field);
    g_string_append(out, ",\"message\":");
    body_json_string(out, problem->message);
    g_string_append_c(out, '}');
}

static void
add_xml(GString *out, const Problem *problem)
{
    g_string_append_printf(out, "<error><code>%s</code><field>", problem->kind->code);
    body_xml_text(out, problem->field);
    g_string_append(out, "</field><message>");
    body_xml_text(out, problem->message);
    g_string_append(out, "</message></error>");
}

GString *
problems_body(const Problems *self, BodyFormat format)
{
    GString *out = g_string_new(NULL);

    if (format == BODY_XML)
        g_string_append_printf(out, "%s<errors>", body_xml_head);
    else
        g_string_append(out, "{\"errors\":[");
    for (guint i = 0; i < self->list->len; i++) {
        if (format == BODY_XML) {
            add_xml(out, self->list->pdata[i]);
            continue;
        }
        if (i > 0)
            g_string_append_c(out, ',');
        add_json(out, self->list->pdata[i]);
    }
    g_string_append(out, format == BODY_XML ? "</errors>\n" : "]}");
    return out;
}

char *
problems_codes(const Problems *self)
{
    GString *out = g_string_new(NULL);

    for (guint i = 0; i < self->list->len && i < 10; i++) {
        const Problem *problem = self->list->pdata[i];
        g_string_append_printf(out, "%s%s", i > 0 ? "," : "", problem->kind->code);
    }
    return g_string_free(out, FALSE);
}
