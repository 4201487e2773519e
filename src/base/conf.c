#include "base/conf.h"

#include "base/conf_value.h"

#include <string.h>

typedef struct {
    char *key, *value;
    guint line;
} ConfItem;

typedef struct {
    char *kind, *name;
    guint line;
    GArray *items;     /* of ConfItem */
    GPtrArray *tables; /* of const ConfKey *, those it was read by */
} ConfSection;

struct ConfFile {
    char *path;
    GPtrArray *sections; /* of ConfSection */
    GPtrArray *kinds;    /* of char *, all that were asked for */
};

static void
conf_item_clear(ConfItem *item)
{
    g_free(item->key);
    g_free(item->value);
}

static void
conf_section_free(ConfSection *section)
{
    g_free(section->kind);
    g_free(section->name);
    g_array_unref(section->items);
    g_ptr_array_unref(section->tables);
    g_free(section);
}

void
conf_free(ConfFile *self)
{
    if (!self)
        return;
    g_free(self->path);
    g_ptr_array_unref(self->sections);
    g_ptr_array_unref(self->kinds);
    g_free(self);
}

static bool G_GNUC_PRINTF(4, 5)
conf_error(const ConfFile *self, guint line, GError **error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    g_autofree char *reason = g_strdup_vprintf(format, args);
    va_end(args);
    if (line > 0)
        g_set_error(error, CONF_ERROR, 0, "%s:%u: %s", self->path, line, reason);
    else
        g_set_error(error, CONF_ERROR, 0, "%s: %s", self->path, reason);
    return false;
}

static char *
conf_title(const char *kind, const char *name)
{
    return g_strdup_printf("[%s%s%s]", kind, *name ? " " : "", name);
}

static ConfSection *
conf_section(const ConfFile *self, const char *kind, const char *name)
{
    for (guint i = 0; i < self->sections->len; i++) {
        ConfSection *section = self->sections->pdata[i];

        if (strcmp(section->kind, kind) == 0 && strcmp(section->name, name) == 0)
            return section;
    }
    return NULL;
}

static const ConfItem *
conf_item(const ConfSection *section, const char *key)
{
    for (guint i = 0; section && i < section->items->len; i++) {
        const ConfItem *item = &g_array_index(section->items, ConfItem, i);

        if (strcmp(item->key, key) == 0)
            return item;
    }
    return NULL;
}

/* Replaces ${NAME}. Values from the environment are not expanded again. */
static char *
conf_expand(const ConfFile *self, guint line, const char *text, GError **error)
{
    g_autoptr(GString) out = g_string_new(NULL);
    const char *mark;

    for (; (mark = strstr(text, "${")); text = strchr(mark, '}') + 1) {
        const char *end = strchr(mark, '}');

        if (!end) {
            conf_error(self, line, error, "'${' without '}'");
            return NULL;
        }
        g_autofree char *variable = g_strndup(mark + 2, end - mark - 2);
        const char *value = g_getenv(variable);
        if (!value) {
            conf_error(self, line, error, "the environment has no variable '%s'", variable);
            return NULL;
        }
        g_string_append_len(out, text, mark - text);
        g_string_append(out, value);
    }
    g_string_append(out, text);
    return g_string_free(g_steal_pointer(&out), FALSE);
}

static bool
conf_add_section(ConfFile *self, guint line, char *text, GError **error)
{
    size_t length = strlen(text);
    if (text[length - 1] != ']')
        return conf_error(self, line, error, "']' is missing");

    text[length - 1] = '\0';
    char *kind = g_strstrip(text + 1);
    char *name = kind + strcspn(kind, " \t");
    if (*name)
        *name++ = '\0';
    name = g_strstrip(name);
    if (!*kind)
        return conf_error(self, line, error, "a section needs a name");

    const ConfSection *first = conf_section(self, kind, name);
    if (first) {
        g_autofree char *title = conf_title(kind, name);
        return conf_error(self, line, error, "%s stands already on line %u", title, first->line);
    }
    ConfSection *section = g_new0(ConfSection, 1);
    section->kind = g_strdup(kind);
    section->name = g_strdup(name);
    section->line = line;
    section->items = g_array_new(FALSE, FALSE, sizeof(ConfItem));
    g_array_set_clear_func(section->items, (GDestroyNotify) conf_item_clear);
    section->tables = g_ptr_array_new();
    g_ptr_array_add(self->sections, section);
    return true;
}

static bool
conf_add_item(ConfFile *self, guint line, char *text, GError **error)
{
    char *equals = strchr(text, '=');
    if (!equals || equals == text)
        return conf_error(self, line, error, "neither 'key = value' nor '[section]'");
    if (self->sections->len == 0)
        return conf_error(self, line, error, "a key before the first [section]");

    *equals = '\0';
    const char *key = g_strstrip(text);
    ConfSection *section = self->sections->pdata[self->sections->len - 1];
    const ConfItem *first = conf_item(section, key);
    if (first) {
        g_autofree char *title = conf_title(section->kind, section->name);
        return conf_error(self, line, error, "%s %s: set already on line %u", title, key, first->line);
    }
    char *value = conf_expand(self, line, g_strstrip(equals + 1), error);
    if (!value)
        return false;
    ConfItem item = { g_strdup(key), value, line };
    g_array_append_val(section->items, item);
    return true;
}

static void
conf_cut_comment(char *text)
{
    for (char *at = text; (at = strchr(at, '#')); at++) {
        if (at == text || at[-1] == ' ' || at[-1] == '\t') {
            *at = '\0';
            return;
        }
    }
}

static bool
conf_add_line(ConfFile *self, guint line, char *text, GError **error)
{
    if (!g_utf8_validate(text, -1, NULL))
        return conf_error(self, line, error, "not UTF-8");

    conf_cut_comment(text);
    text = g_strstrip(text);
    if (!*text)
        return true;
    return *text == '[' ? conf_add_section(self, line, text, error) : conf_add_item(self, line, text, error);
}

ConfFile *
conf_open_text(const char *name, const char *text, GError **error)
{
    static const char byte_order_mark[] = "\xef\xbb\xbf";
    g_autoptr(ConfFile) self = g_new0(ConfFile, 1);

    self->path = g_strdup(name);
    self->sections = g_ptr_array_new_with_free_func((GDestroyNotify) conf_section_free);
    self->kinds = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(self->kinds, NULL);

    g_auto(GStrv) lines = g_strsplit(g_str_has_prefix(text, byte_order_mark) ? text + 3 : text, "\n", -1);
    for (guint i = 0; lines[i]; i++)
        if (!conf_add_line(self, i + 1, lines[i], error))
            return NULL;
    return g_steal_pointer(&self);
}

ConfFile *
conf_open(const char *path, GError **error)
{
    g_autofree char *text = NULL;
    gsize length;

    if (!g_file_get_contents(path, &text, &length, error))
        return NULL;
    if (strlen(text) != length) {
        g_set_error(error, CONF_ERROR, 0, "%s: holds a NUL byte", path);
        return NULL;
    }
    return conf_open_text(path, text, error);
}

/* Notes that somebody asked for sections of this kind. */
static void
conf_note_kind(const ConfFile *self, const char *kind)
{
    const char *const *kinds = (const char *const *) self->kinds->pdata;

    if (!g_strv_contains(kinds, kind))
        g_ptr_array_insert(self->kinds, 0, g_strdup(kind));
}

char **
conf_names(const ConfFile *self, const char *kind)
{
    GPtrArray *names = g_ptr_array_new();

    conf_note_kind(self, kind);
    for (guint i = 0; i < self->sections->len; i++) {
        const ConfSection *section = self->sections->pdata[i];

        if (strcmp(section->kind, kind) == 0)
            g_ptr_array_add(names, g_strdup(section->name));
    }
    g_ptr_array_add(names, NULL);
    return (char **) g_ptr_array_free(names, FALSE);
}

static bool
conf_read_key(const ConfFile *self, const ConfSection *section, const ConfKey *key, void *field,
              GError **error)
{
    const ConfItem *item = conf_item(section, key->name);
    const char *text = item ? item->value : key->fallback;

    if (!text) {
        conf_value_absent(key, field);
        return true;
    }
    g_autoptr(GError) reason = NULL;
    if (conf_value_parse(key, text, field, &reason))
        return true;
    g_assert(item); /* a default that does not parse is a mistake of ours */

    g_autofree char *title = conf_title(section->kind, section->name);
    return conf_error(self, item->line, error, "%s %s: %s", title, key->name, reason->message);
}

bool
conf_read(ConfFile *self, const char *kind, const char *name, const ConfKey *table, void *into,
          GError **error)
{
    ConfSection *section = conf_section(self, kind, name);

    conf_note_kind(self, kind);
    if (section)
        g_ptr_array_add(section->tables, (gpointer) table);
    for (const ConfKey *key = table; key->name; key++) {
        bool missing = key->required && !conf_item(section, key->name);

        if (missing)
            conf_fail(self, kind, name, key->name, error, "is missing");
        if (missing || !conf_read_key(self, section, key, (char *) into + key->offset, error)) {
            conf_clear(table, into);
            return false;
        }
    }
    return true;
}

bool
conf_has(const ConfFile *self, const char *kind, const char *name, const char *key)
{
    return conf_item(conf_section(self, kind, name), key) != NULL;
}

bool
conf_fail(const ConfFile *self, const char *kind, const char *name, const char *key, GError **error,
          const char *format, ...)
{
    const ConfSection *section = conf_section(self, kind, name);
    const ConfItem *item = key ? conf_item(section, key) : NULL;
    va_list args;

    va_start(args, format);
    g_autofree char *reason = g_strdup_vprintf(format, args);
    va_end(args);
    g_autofree char *title = conf_title(kind, name);
    return conf_error(self, item ? item->line : section ? section->line : 0, error, "%s%s%s%s %s", title,
                      key ? " " : "", key ? key : "", key ? ":" : "", reason);
}

static bool
conf_unknown(const ConfFile *self, guint line, const char *what, const char *meant, GError **error)
{
    if (meant)
        return conf_error(self, line, error, "%s, did you mean '%s'?", what, meant);
    return conf_error(self, line, error, "%s", what);
}

static bool
conf_check_item(const ConfFile *self, const ConfSection *section, const ConfItem *item, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    for (guint i = 0; i < section->tables->len; i++) {
        for (const ConfKey *key = section->tables->pdata[i]; key->name; key++) {
            if (strcmp(key->name, item->key) == 0)
                return true;
            g_ptr_array_add(names, (gpointer) key->name);
        }
    }
    g_ptr_array_add(names, NULL);

    g_autofree char *title = conf_title(section->kind, section->name);
    g_autofree char *what = g_strdup_printf("%s unknown key '%s'", title, item->key);
    const char *meant = conf_nearest(item->key, (const char *const *) names->pdata);
    return conf_unknown(self, item->line, what, meant, error);
}

bool
conf_check_unknown(const ConfFile *self, GError **error)
{
    const char *const *kinds = (const char *const *) self->kinds->pdata;

    for (guint i = 0; i < self->sections->len; i++) {
        const ConfSection *section = self->sections->pdata[i];

        if (section->tables->len == 0) {
            g_autofree char *title = conf_title(section->kind, section->name);
            g_autofree char *what = g_strdup_printf("unknown section %s", title);
            bool kind_known = g_strv_contains(kinds, section->kind);
            const char *meant = kind_known ? NULL : conf_nearest(section->kind, kinds);
            return conf_unknown(self, section->line, what, meant, error);
        }
        for (guint j = 0; j < section->items->len; j++)
            if (!conf_check_item(self, section, &g_array_index(section->items, ConfItem, j), error))
                return false;
    }
    return true;
}

void
conf_clear(const ConfKey *table, void *into)
{
    for (const ConfKey *key = table; key->name; key++)
        conf_value_clear(key, (char *) into + key->offset);
}

void
conf_print(const ConfKey *table, const void *from, GString *out)
{
    for (const ConfKey *key = table; key->name; key++) {
        g_autofree char *text = conf_value_text(key, (const char *) from + key->offset);

        if (text)
            g_string_append_printf(out, "%s = %s\n", key->name, text);
    }
}
