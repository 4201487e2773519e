#include "http/json.h"

#include <string.h>

#define MARK '\x01'
#define JSON_WHOLE 9007199254740992.0 /* 2^53 */

struct JsonBody {
    cJSON *root;
    GPtrArray *holes; /* of Source; NULL once it is in a chain */
};

JsonBody *
json_body_new(void)
{
    JsonBody *self = g_new0(JsonBody, 1);

    self->root = cJSON_CreateObject();
    self->holes = g_ptr_array_new_with_free_func((GDestroyNotify) source_free);
    return self;
}

void
json_body_free(JsonBody *self)
{
    if (!self)
        return;
    cJSON_Delete(self->root);
    g_ptr_array_unref(self->holes);
    g_free(self);
}

cJSON *
json_body_root(JsonBody *self)
{
    return self->root;
}

static void
put(cJSON *parent, const char *name, cJSON *item)
{
    bool done = item && cJSON_AddItemToObject(parent, name, item);

    g_assert(done);
}

cJSON *
json_put_object(cJSON *parent, const char *name)
{
    cJSON *object = cJSON_CreateObject();

    put(parent, name, object);
    return object;
}

cJSON *
json_put_item(cJSON *parent, const char *name)
{
    cJSON *array = cJSON_GetObjectItemCaseSensitive(parent, name);
    cJSON *item = cJSON_CreateObject();

    if (!array) {
        array = cJSON_CreateArray();
        put(parent, name, array);
    }
    bool done = cJSON_AddItemToArray(array, item);
    g_assert(done);
    return item;
}

void
json_put_number(cJSON *parent, const char *name, int value)
{
    put(parent, name, cJSON_CreateNumber(value));
}

void
json_put_string(cJSON *parent, const char *name, const char *value)
{
    put(parent, name, cJSON_CreateString(value));
}

static void
put_hole(JsonBody *body, cJSON *parent, const char *name, const char *quote, Source *source)
{
    g_autofree char *mark = g_strdup_printf("%s%c%u%c%s", quote, MARK, body->holes->len, MARK, quote);

    put(parent, name, cJSON_CreateRaw(mark));
    g_ptr_array_add(body->holes, source);
}

void
json_put_source(JsonBody *body, cJSON *parent, const char *name, Source *source)
{
    put_hole(body, parent, name, "\"", source);
}

void
json_put_bytes(JsonBody *body, cJSON *parent, const char *name, GBytes *json)
{
    put_hole(body, parent, name, "", source_new_bytes(json));
}

static void
free_printed(gpointer text)
{
    cJSON_free(text);
}

GBytes *
json_print(const cJSON *tree)
{
    char *text = cJSON_PrintUnformatted(tree);

    g_assert(text);
    return g_bytes_new_with_free_func(text, strlen(text), free_printed, text);
}

static void
add_piece(GPtrArray *chain, GBytes *text, const char *from, const char *to)
{
    const char *start = g_bytes_get_data(text, NULL);
    g_autoptr(GBytes) piece = g_bytes_new_from_bytes(text, (gsize) (from - start), (gsize) (to - from));

    g_ptr_array_add(chain, source_new_bytes(piece));
}

Source *
json_body_source(JsonBody **self)
{
    g_autoptr(JsonBody) body = g_steal_pointer(self);
    g_autoptr(GBytes) text = json_print(body->root);
    gsize n;
    const char *at = g_bytes_get_data(text, &n);
    const char *end = at + n;
    const char *mark;
    GPtrArray *chain = g_ptr_array_new();

    while ((mark = memchr(at, MARK, (size_t) (end - at)))) {
        char *after;
        guint64 number = g_ascii_strtoull(mark + 1, &after, 10);
        g_assert(*after == MARK && number < body->holes->len);
        add_piece(chain, text, at, mark);
        g_ptr_array_add(chain, g_steal_pointer(&body->holes->pdata[number]));
        at = after + 1;
    }
    add_piece(chain, text, at, end);
    return source_new_chain(chain);
}

cJSON *
json_parse(const char *text, size_t n)
{
    const char *end = NULL;
    g_autoptr(cJSON) tree = cJSON_ParseWithLengthOpts(text, n, &end, 0);

    while (tree && end < text + n && g_ascii_isspace(*end))
        end++;
    return tree && end == text + n ? g_steal_pointer(&tree) : NULL;
}

const char *
json_string(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

char *
json_text(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

    if (cJSON_IsString(item))
        return g_strdup(item->valuestring);
    /* Beyond 2^53 digits are lost: better no number than a wrong one. */
    if (!cJSON_IsNumber(item) || item->valuedouble < -JSON_WHOLE || item->valuedouble > JSON_WHOLE ||
        item->valuedouble != (double) (gint64) item->valuedouble)
        return NULL;
    return g_strdup_printf("%" G_GINT64_FORMAT, (gint64) item->valuedouble);
}

/* Line breaks would end the line; the rest is for a terminal to show. */
static void
outline_value(GString *out, const cJSON *item)
{
    if (cJSON_IsNumber(item)) {
        g_string_append_printf(out, "%.0f", item->valuedouble);
        return;
    }
    for (const char *p = cJSON_IsString(item) ? item->valuestring : ""; *p; p++) {
        if (*p == '\n')
            g_string_append(out, "\\n");
        else if ((unsigned char) *p < ' ' || *p == 0x7f)
            g_string_append_printf(out, "\\x%02x", (unsigned char) *p);
        else
            g_string_append_c(out, *p);
    }
}

static void
outline_item(GString *out, const cJSON *item, int depth)
{
    if (item->string)
        g_string_append_printf(out, "%*s%s:", depth * 2, "", item->string);
    else
        g_string_append_printf(out, "%*s-", depth * 2, "");
    if (!cJSON_IsObject(item) && !cJSON_IsArray(item)) {
        g_string_append_c(out, ' ');
        outline_value(out, item);
    }
    g_string_append_c(out, '\n');
    const cJSON *child;
    cJSON_ArrayForEach(child, item) outline_item(out, child, depth + 1);
}

char *
json_outline(const cJSON *tree)
{
    GString *out = g_string_new(NULL);
    const cJSON *child;

    cJSON_ArrayForEach(child, tree) outline_item(out, child, 0);
    return g_string_free(out, FALSE);
}
