#include "sandbox/emails_letter.h"

#include <string.h>

#include "sandbox/emails_address.h"
#include "sandbox/json.h"

enum { BODY_BYTES = EMAILS_BODY_CHARS * 4 + 1, SMALL = 64 * 1024, LIST = 16 * 1024 * 1024 };

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
emails_fields(bool bulk)
{
    return bulk ? bulk_fields : send_fields;
}

static const MarkerStyle bulk_markers = { "((#", "#))", false };

/* What is read, and from where. */
typedef struct {
    Letter *letter;
    const Form *form;
    bool bulk;
} EmailsReader;

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

static void
read_addresses(const EmailsReader *self, const char *field, GPtrArray *list, Problems *problems)
{
    unsigned types = self->bulk ? ADDRESS_LIST | ADDRESS_MERGE : ADDRESS_BARE | ADDRESS_OBJECT | ADDRESS_LIST;
    unsigned limit = self->bulk ? EMAILS_BULK_ADDRESSES : EMAILS_SEND_ADDRESSES;
    const GString *value = form_value(self->form, field);

    if (!value)
        return;
    emails_address_read(value, types, field, list, problems);
    if (list->len > limit)
        problems_add(problems, "11-004", field, NULL);
}

/* from and replyto: one object. */
static Mailbox *
read_one(const char *field, const GString *value, Problems *problems)
{
    if (!value)
        return NULL;
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func((GDestroyNotify) mailbox_free);
    emails_address_read(value, ADDRESS_OBJECT, field, list, problems);
    return list->len > 0 ? g_ptr_array_steal_index(list, 0) : NULL;
}

static void
read_parties(const EmailsReader *self, Problems *problems)
{
    const Form *form = self->form;
    Letter *letter = self->letter;
    const GString *envfrom = form_value(form, "envfrom");

    if (need(form, "to", problems))
        read_addresses(self, "to", letter->to, problems);
    if (letter->to->len == 0 && !problems_any(problems))
        problems_add(problems, "11-009", "to", NULL);
    read_addresses(self, "cc", letter->cc, problems);
    read_addresses(self, "bcc", letter->bcc, problems);
    letter->from = read_one("from", need(form, "from", problems), problems);
    letter->replyto = read_one("replyto", form_value(form, "replyto"), problems);
    if (envfrom)
        letter->envelope_from = envfrom->str;
    else if (letter->from)
        letter->envelope_from = letter->from->address;
    /* send finds a wrong one when it speaks SMTP, see emails.c */
    if (envfrom && self->bulk && !emails_is_address(envfrom->str))
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
read_header(Letter *letter, const cJSON *item, Problems *problems)
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
    } else if (strlen(name->valuestring) + 2 + strlen(value->valuestring) > EMAILS_HEADER_BYTES) {
        problems_add(problems, "11-014", NULL, NULL);
    } else if (strpbrk(value->valuestring, "\r\n")) {
        problems_add(problems, "11-006", "headers", NULL);
    } else {
        letter_add_header(letter, name->valuestring, value->valuestring);
    }
}

static void
read_headers(const EmailsReader *self, Problems *problems)
{
    const GString *value = form_value(self->form, "headers");
    g_autoptr(cJSON) json = NULL;
    const cJSON *item;

    if (!value)
        return;
    if (g_utf8_validate(value->str, (gssize) value->len, NULL))
        json = cJSON_ParseWithOpts(value->str, NULL, true);
    if (!cJSON_IsArray(json)) {
        problems_add(problems, "11-006", "headers", NULL);
        return;
    }
    cJSON_ArrayForEach(item, json)
        read_header(self->letter, item, problems);
}

static void
read_charset(const EmailsReader *self, Problems *problems)
{
    const GString *value = form_value(self->form, "charset");
    bool iso_2022_jp = value && g_ascii_strcasecmp(value->str, "ISO-2022-JP") == 0;

    self->letter->iso_2022_jp = iso_2022_jp;
    if (value && !iso_2022_jp && g_ascii_strcasecmp(value->str, "UTF-8") != 0)
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
read_texts(const EmailsReader *self, Problems *problems)
{
    const Form *form = self->form;
    const GString *subject = need(form, "subject", problems);
    const GString *text = need(form, "text", problems);
    const GString *html = form_value(form, "html");

    self->letter->subject = subject ? subject->str : NULL;
    self->letter->text = text ? text->str : NULL;
    self->letter->html = html && html->len > 0 ? html->str : NULL;
    check_text(form, "subject", EMAILS_SUBJECT_CHARS, "11-016", problems);
    check_text(form, "text", EMAILS_BODY_CHARS, "11-008", problems);
    check_text(form, "html", EMAILS_BODY_CHARS, "11-008", problems);
    if (subject && strpbrk(subject->str, "\r\n"))
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
read_attachments(const EmailsReader *self, Problems *problems)
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
        match = match && (attachment != NULL) == (n <= (unsigned) count);
        if (attachment)
            g_ptr_array_add(self->letter->attachments, (void *) attachment);
        if (attachment && (!attachment->filename || !*attachment->filename)) {
            g_autofree char *field = g_strdup_printf("attachment%u", n);
            problems_add(problems, "11-012", field, NULL);
        }
    }
    if (!match)
        problems_add(problems, "11-010", NULL, NULL);
}

Letter *
emails_letter_read(const Form *form, bool bulk, Problems *problems)
{
    g_autoptr(Letter) letter = letter_new();
    EmailsReader self = { letter, form, bulk };

    letter->separate = bulk;
    letter->markers = bulk ? &bulk_markers : NULL;
    if (form_stranger(form))
        problems_add(problems, "11-018", NULL, NULL);
    need(form, "api_user", problems);
    need(form, "api_key", problems);
    read_parties(&self, problems);
    read_headers(&self, problems);
    read_charset(&self, problems);
    read_texts(&self, problems);
    read_attachments(&self, problems);
    return problems_any(problems) ? NULL : g_steal_pointer(&letter);
}
