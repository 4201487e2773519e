#include "http/request.h"

#include "base/id.h"

#include <string.h>

static void
http_field_free(HttpField *field)
{
    g_free(field->name);
    g_free(field->value);
    g_free(field->filename);
    g_free(field->type);
    source_free(field->source);
    g_free(field);
}

HttpRequest *
http_request_new(const char *method, const char *url)
{
    HttpRequest *self = g_new0(HttpRequest, 1);

    self->method = method;
    self->url = g_strdup(url);
    self->headers = g_ptr_array_new_with_free_func(g_free);
    self->fields = g_ptr_array_new_with_free_func((GDestroyNotify) http_field_free);
    return self;
}

void
http_request_header(HttpRequest *self, const char *name, const char *value)
{
    char *line = g_strconcat(name, ": ", value, NULL);

    if (strpbrk(line, "\r\n"))
        g_strdelimit(line, "\r\n", ' ');
    g_ptr_array_add(self->headers, line);
}

void
http_request_field(HttpRequest *self, const char *name, const char *value)
{
    HttpField *field = g_new0(HttpField, 1);

    field->name = g_strdup(name);
    field->value = g_strdup(value);
    g_ptr_array_add(self->fields, field);
}

void
http_request_take_file(HttpRequest *self, const char *name, const char *filename, const char *type,
                       Source *source)
{
    HttpField *field = g_new0(HttpField, 1);

    field->name = g_strdup(name);
    field->filename = g_strdup(filename);
    field->type = g_strdup(type);
    field->source = source;
    g_ptr_array_add(self->fields, field);
}

void
http_request_take_body(HttpRequest *self, const char *type, Source *body)
{
    source_free(self->body);
    self->body = body;
    http_request_header(self, "Content-Type", type);
}

char *
http_request_shown(const HttpRequest *self)
{
    const char *query = self->secret_url ? strchr(self->url, '?') : NULL;
    size_t n = query ? (size_t) (query - self->url) : strlen(self->url);

    return g_strdup_printf("%s %.*s%s", self->method, (int) n, self->url, query ? "?..." : "");
}

/* Quoted as browsers do (WHATWG HTML, "multipart form data"), which is what servers understand. */
static void
form_put_quoted(GString *out, const char *name, const char *value)
{
    g_string_append(out, "; ");
    g_string_append(out, name);
    g_string_append(out, "=\"");
    for (;;) {
        size_t plain = strcspn(value, "\"\r\n");
        g_string_append_len(out, value, (gssize) plain);
        value += plain;
        if (!*value)
            break;
        g_string_append(out, *value == '"' ? "%22" : *value == '\r' ? "%0D" : "%0A");
        value++;
    }
    g_string_append_c(out, '"');
}

static void
form_put_head(GString *out, const char *boundary, const HttpField *field)
{
    g_string_append(out, "--");
    g_string_append(out, boundary);
    g_string_append(out, "\r\nContent-Disposition: form-data");
    form_put_quoted(out, "name", field->name);
    if (field->filename)
        form_put_quoted(out, "filename", field->filename);
    g_string_append(out, "\r\n");
    if (field->type) {
        g_autofree char *type = g_strdelimit(g_strdup(field->type), "\r\n", ' ');
        g_string_append_printf(out, "Content-Type: %s\r\n", type);
    }
    g_string_append(out, "\r\n");
}

/* Moves the text so far to the chain. */
static void
form_flush(GPtrArray *chain, GString **text)
{
    g_autoptr(GBytes) bytes = g_string_free_to_bytes(*text);

    g_ptr_array_add(chain, source_new_bytes(bytes));
    *text = g_string_new(NULL);
}

static Source *
form_new(GPtrArray *fields, const char *boundary)
{
    GPtrArray *chain = g_ptr_array_new();
    GString *text = g_string_sized_new(2048);

    for (guint i = 0; i < fields->len; i++) {
        HttpField *field = fields->pdata[i];

        form_put_head(text, boundary, field);
        if (field->source) {
            form_flush(chain, &text);
            g_ptr_array_add(chain, g_steal_pointer(&field->source));
        } else {
            g_string_append(text, field->value);
        }
        g_string_append(text, "\r\n");
    }
    g_string_append_printf(text, "--%s--\r\n", boundary);
    form_flush(chain, &text);
    g_string_free(text, TRUE);
    return source_new_chain(chain);
}

Source *
http_request_encode(HttpRequest *self)
{
    if (self->body || self->fields->len == 0)
        return self->body;

    /* Whoever writes the mail must not be able to guess it and add fields of his own. */
    g_autofree char *first = id_queue();
    g_autofree char *second = id_queue();
    g_autofree char *boundary = g_strconcat("--------", first, second, NULL);
    g_autofree char *type = g_strconcat("multipart/form-data; boundary=", boundary, NULL);
    http_request_take_body(self, type, form_new(self->fields, boundary));
    return self->body;
}

void
http_request_free(HttpRequest *self)
{
    if (!self)
        return;
    g_free(self->url);
    g_ptr_array_unref(self->headers);
    g_ptr_array_unref(self->fields);
    source_free(self->body);
    g_free(self);
}

void
http_response_free(HttpResponse *self)
{
    if (!self)
        return;
    g_free(self->body);
    g_free(self->content_type);
    g_free(self->error);
    g_free(self);
}
