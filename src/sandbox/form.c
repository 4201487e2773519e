#include "sandbox/form.h"

#include <string.h>

#include "sandbox/multipart.h"

typedef struct {
    GString *text;
    bool ended;
    bool cut;
} FormValue;

struct Form {
    const FormField *fields;
    size_t field_count;
    FormValue *values;          /* parallel to fields */
    Attachment *attachments[FORM_ATTACHMENTS];  /* NULL: not sent */
    char *folder;
    guint64 limit_bytes;
    guint64 attached_bytes;
    char *stranger;
    Multipart *multipart;
    FormValue *value;           /* the part being read is one of these or neither */
    Attachment *attachment;
    size_t value_max_bytes;
};

static void on_begin(void *user, const PartHead *head);
static void on_data(void *user, const char *bytes, size_t n);
static void on_end(void *user);

static const MultipartHandler form_handler = { on_begin, on_data, on_end };

Form *
form_new(const char *content_type, const FormSettings *settings)
{
    g_autofree char *boundary = multipart_boundary(content_type);

    if (!boundary)
        return NULL;
    Form *self = g_new0(Form, 1);
    self->fields = settings->fields;
    while (self->fields[self->field_count].name)
        self->field_count++;
    self->values = g_new0(FormValue, self->field_count);
    self->folder = g_strdup(settings->folder);
    self->limit_bytes = settings->attachment_limit_bytes;
    self->multipart = multipart_new(boundary, &form_handler, self);
    return self;
}

void
form_free(Form *self)
{
    if (!self)
        return;
    for (size_t i = 0; i < self->field_count; i++)
        if (self->values[i].text)
            g_string_free(self->values[i].text, TRUE);
    for (size_t i = 0; i < FORM_ATTACHMENTS; i++)
        attachment_free(self->attachments[i]);
    multipart_free(self->multipart);
    g_free(self->values);
    g_free(self->folder);
    g_free(self->stranger);
    g_free(self);
}

static ssize_t
field_index(const Form *self, const char *name)
{
    for (size_t i = 0; i < self->field_count; i++)
        if (strcmp(self->fields[i].name, name) == 0)
            return (ssize_t) i;
    return -1;
}

/* attachment1 to attachment10 and nothing else; 0 for other names. */
static unsigned
attachment_number(const char *name)
{
    for (unsigned n = 1; n <= FORM_ATTACHMENTS; n++) {
        char want[16];
        g_snprintf(want, sizeof want, "attachment%u", n);
        if (strcmp(name, want) == 0)
            return n;
    }
    return 0;
}

static void
set_stranger(Form *self, const char *name)
{
    if (!self->stranger)
        self->stranger = g_strdup(name);
}

static void
begin_attachment(Form *self, const PartHead *head, unsigned number)
{
    if (self->attachments[number - 1]) {
        set_stranger(self, head->name);
        return;
    }
    self->attachment = attachment_new(self->folder);
    self->attachment->filename = g_strdup(head->filename);
    self->attachment->type = g_strdup(head->type);
    self->attachments[number - 1] = self->attachment;
}

static void
on_begin(void *user, const PartHead *head)
{
    Form *self = user;
    ssize_t index = field_index(self, head->name);

    self->value = NULL;
    self->attachment = NULL;
    if (index >= 0 && !self->values[index].text) {
        self->value = &self->values[index];
        self->value->text = g_string_new(NULL);
        self->value_max_bytes = self->fields[index].max_bytes;
    } else if (index < 0 && attachment_number(head->name) > 0) {
        begin_attachment(self, head, attachment_number(head->name));
    } else {
        set_stranger(self, head->name);
    }
}

static void
on_data(void *user, const char *bytes, size_t n)
{
    Form *self = user;

    if (self->attachment) {
        self->attached_bytes += n;
        if (self->attached_bytes <= self->limit_bytes)
            attachment_append(self->attachment, bytes, n);
        else
            self->attachment->size_bytes += n;
    } else if (self->value) {
        size_t room = self->value_max_bytes - self->value->text->len;
        self->value->cut = self->value->cut || n > room;
        g_string_append_len(self->value->text, bytes, (gssize) MIN(n, room));
    }
}

static void
on_end(void *user)
{
    Form *self = user;

    if (self->value)
        self->value->ended = true;
    self->value = NULL;
    self->attachment = NULL;
}

void
form_feed(Form *self, const char *bytes, size_t n)
{
    multipart_feed(self->multipart, bytes, n);
}

bool
form_is_complete(const Form *self)
{
    return multipart_is_complete(self->multipart);
}

const char *
form_stranger(const Form *self)
{
    return self->stranger;
}

const GString *
form_value(const Form *self, const char *name)
{
    ssize_t index = field_index(self, name);

    return index >= 0 ? self->values[index].text : NULL;
}

bool
form_is_cut(const Form *self, const char *name)
{
    ssize_t index = field_index(self, name);

    return index >= 0 && self->values[index].cut;
}

bool
form_has(const Form *self, const char *name)
{
    ssize_t index = field_index(self, name);

    return index >= 0 && self->values[index].ended;
}

const Attachment *
form_attachment(const Form *self, unsigned n)
{
    return self->attachments[n - 1];
}
