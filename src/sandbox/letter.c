#include "sandbox/letter.h"

#include <string.h>

#include "sandbox/json.h"

enum { BODY_BYTES = LETTER_BODY_CHARS * 4 + 1, SMALL = 64 * 1024, LIST = 16 * 1024 * 1024 };

static const FormField send_fields[] = {
    { "api_user", SMALL }, { "api_key", SMALL }, { "to", LIST }, { "cc", LIST }, { "bcc", LIST },
    { "from", SMALL }, { "envfrom", SMALL }, { "replyto", SMALL }, { "headers", LIST }, { "charset", SMALL },
    { "subject", SMALL }, { "text", BODY_BYTES }, { "html", BODY_BYTES }, { "attachments", SMALL }, { NULL },
};

static const FormField bulk_fields[] = {
    { "api_user", SMALL }, { "api_key", SMALL }, { "to", 2 * LIST },
    { "from", SMALL }, { "envfrom", SMALL }, { "replyto", SMALL }, { "headers", LIST }, { "charset", SMALL },
    { "subject", SMALL }, { "text", BODY_BYTES }, { "html", BODY_BYTES }, { "attachments", SMALL }, { NULL },
};

/* Header fields that the service writes itself. */
static const char *const own_headers[] = {
    "From", "Sender", "To", "Cc", "Bcc", "Reply-To", "Subject", "Date", "Message-ID", "Return-Path",
    "Received", "MIME-Version", "Content-Type", "Content-Transfer-Encoding", "Content-Disposition",
    "Content-ID", "DKIM-Signature", "Authentication-Results", "ARC-Seal", "ARC-Message-Signature",
    "ARC-Authentication-Results",
};

const FormField *
letter_fields(bool bulk)
{
    return bulk ? bulk_fields : send_fields;
}

static void
letter_header_free(void *data)
{
    LetterHeader *self = data;

    g_free(self->name);
    g_free(self->value);
    g_free(self);
}

void
letter_free(Letter *self)
{
    if (!self)
        return;
    g_clear_pointer(&self->to, g_ptr_array_unref);
    g_clear_pointer(&self->cc, g_ptr_array_unref);
    g_clear_pointer(&self->bcc, g_ptr_array_unref);
    g_clear_pointer(&self->headers, g_ptr_array_unref);
    mailbox_free(self->from);
    mailbox_free(self->replyto);
    g_free(self);
}

/* The field's value, a problem when it is missing or empty. */
static const GString *
need(const Form *form, const char *field, Problems *problems)
{
    const GString *value = form_value(form, field);

    if (value && value->len > 0)
        return value;
    problems_add(problems, "11-009", field, NULL);
    return NULL;
}

static GPtrArray *
read_addresses(Letter *self, const char *field, const GString *value, Problems *problems)
{
    unsigned types = self->bulk ? MAILBOX_LIST | MAILBOX_MERGE : MAILBOX_BARE | MAILBOX_OBJECT | MAILBOX_LIST;
    unsigned limit = self->bulk ? LETTER_BULK_ADDRESSES : LETTER_SEND_ADDRESSES;

    if (!value)
        return g_ptr_array_new();
    GPtrArray *list = mailbox_read(value, types, field, problems);
    if (list->len > limit)
        problems_add(problems, "11-004", field, NULL);
    return list;
}

/* from and replyto: one object. */
static Mailbox *
read_one(const char *field, const GString *value, Problems *problems)
{
    if (!value)
        return NULL;
    g_autoptr(GPtrArray) list = mailbox_read(value, MAILBOX_OBJECT, field, problems);
    return list->len > 0 ? g_ptr_array_steal_index(list, 0) : NULL;
}

static void
read_parties(Letter *self, Problems *problems)
{
    const Form *form = self->form;
    const GString *envfrom = form_value(form, "envfrom");

    self->to = read_addresses(self, "to", need(form, "to", problems), problems);
    if (self->to->len == 0 && !problems_any(problems))
        problems_add(problems, "11-009", "to", NULL);
    self->cc = read_addresses(self, "cc", form_value(form, "cc"), problems);
    self->bcc = read_addresses(self, "bcc", form_value(form, "bcc"), problems);
    self->from = read_one("from", need(form, "from", problems), problems);
    self->replyto = read_one("replyto", form_value(form, "replyto"), problems);
    if (envfrom)
        self->envelope_from = envfrom->str;
    else if (self->from)
        self->envelope_from = self->from->address;
    /* send finds a wrong one when it speaks SMTP, see emails.c */
    if (envfrom && self->bulk && !mailbox_is_address(envfrom->str))
        problems_add(problems, "11-005", "envfrom", envfrom->str);
}

static bool
is_header_name(const char *name)
{
    for (const char *p = name; *p; p++)
        if (*p <= ' ' || *p > '~' || *p == ':')
            return false;
    for (size_t i = 0; i < G_N_ELEMENTS(own_headers); i++)
        if (g_ascii_strcasecmp(name, own_headers[i]) == 0)
            return false;
    return *name != '\0';
}

static void
read_header(Letter *self, const cJSON *item, Problems *problems)
{
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(item, "name");
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(item, "value");

    if (!cJSON_IsObject(item) || (name && !cJSON_IsString(name)) || (value && !cJSON_IsString(value))
        || cJSON_GetArraySize(item) > 2) {
        problems_add(problems, "11-006", "headers", NULL);
    } else if (!name || !value) {
        problems_add(problems, "11-009", "headers", name ? "value" : "name");
    } else if (!is_header_name(name->valuestring)) {
        problems_add(problems, "11-013", NULL, NULL);
    } else if (strlen(name->valuestring) + 2 + strlen(value->valuestring) > LETTER_HEADER_BYTES) {
        problems_add(problems, "11-014", NULL, NULL);
    } else if (strpbrk(value->valuestring, "\r\n")) {
        problems_add(problems, "11-006", "headers", NULL);
    } else {
        LetterHeader *header = g_new0(LetterHeader, 1);
        header->name = g_strdup(name->valuestring);
        header->value = g_strdup(value->valuestring);
        g_ptr_array_add(self->headers, header);
    }
}

static void
read_headers(Letter *self, Problems *problems)
{
    const GString *value = form_value(self->form, "headers");
    g_autoptr(cJSON) json = NULL;
    const cJSON *item;

    self->headers = g_ptr_array_new_with_free_func(letter_header_free);
    if (!value)
        return;
    if (g_utf8_validate(value->str, (gssize) value->len, NULL))
        json = cJSON_ParseWithOpts(value->str, NULL, true);
    if (!cJSON_IsArray(json)) {
        problems_add(problems, "11-006", "headers", NULL);
        return;
    }
    cJSON_ArrayForEach(item, json)
        read_header(self, item, problems);
}

static void
read_charset(Letter *self, Problems *problems)
{
    const GString *value = form_value(self->form, "charset");

    self->iso_2022_jp = value && g_ascii_strcasecmp(value->str, "ISO-2022-JP") == 0;
    if (value && !self->iso_2022_jp && g_ascii_strcasecmp(value->str, "UTF-8") != 0)
        problems_add(problems, "11-011", NULL, NULL);
}

/* Texts must be UTF-8 and within their limit of characters. */
static void
check_text(const Form *form, const char *field, glong limit, const char *code, Problems *problems)
{
    const GString *value = form_value(form, field);

    if (!value)
        return;
    if (form_is_cut(form, field)) {
        problems_add(problems, code, field, NULL);
    } else if (!g_utf8_validate(value->str, (gssize) value->len, NULL)) {
        problems_add(problems, "11-011", field, NULL);
    } else if (value->len > (size_t) limit && g_utf8_strlen(value->str, (gssize) value->len) > limit) {
        problems_add(problems, code, field, NULL);
    }
}

static void
read_texts(Letter *self, Problems *problems)
{
    const Form *form = self->form;

    self->subject = need(form, "subject", problems);
    self->text = need(form, "text", problems);
    self->html = form_value(form, "html");
    if (self->html && self->html->len == 0)
        self->html = NULL;
    check_text(form, "subject", LETTER_SUBJECT_CHARS, "11-016", problems);
    check_text(form, "text", LETTER_BODY_CHARS, "11-008", problems);
    check_text(form, "html", LETTER_BODY_CHARS, "11-008", problems);
    if (self->subject && strpbrk(self->subject->str, "\r\n"))
        problems_add(problems, "11-006", "subject", NULL);
}

/* "0" to "10"; -1 for anything else. */
static int
attachment_count(const char *text)
{
    for (int n = 0; n <= FORM_ATTACHMENTS; n++) {
        char want[8];
        g_snprintf(want, sizeof want, "%d", n);
        if (strcmp(text, want) == 0)
            return n;
    }
    return -1;
}

static void
read_attachments(Letter *self, Problems *problems)
{
    const GString *value = form_value(self->form, "attachments");
    int count = value ? attachment_count(value->str) : 0;
    bool match = true;

    if (count < 0) {
        problems_add(problems, "11-017", NULL, NULL);
        return;
    }
    for (unsigned n = 1; n <= FORM_ATTACHMENTS; n++) {
        const Attachment *attachment = form_attachment(self->form, n);
        match = match && attachment->present == (n <= (unsigned) count);
        if (attachment->present && !attachment->is_file) {
            g_autofree char *field = g_strdup_printf("attachment%u", n);
            problems_add(problems, "11-012", field, NULL);
        }
    }
    if (!match)
        problems_add(problems, "11-010", NULL, NULL);
    self->attachment_count = (unsigned) count;
}

Letter *
letter_read(const Form *form, bool bulk, Problems *problems)
{
    g_autoptr(Letter) self = g_new0(Letter, 1);

    self->bulk = bulk;
    self->form = form;
    if (form_stranger(form))
        problems_add(problems, "11-018", NULL, NULL);
    need(form, "api_user", problems);
    need(form, "api_key", problems);
    read_parties(self, problems);
    read_headers(self, problems);
    read_charset(self, problems);
    read_texts(self, problems);
    read_attachments(self, problems);
    return problems_any(problems) ? NULL : g_steal_pointer(&self);
}
