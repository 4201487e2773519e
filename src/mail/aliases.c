#include "mail/aliases.h"

#include <string.h>

#include "base/conf.h"
#include "mail/address.h"

struct Aliases {
    GHashTable *targets; /* name in lower case -> char ** */
};

static bool
fail(GError **error, const char *file, guint line, const char *what, const char *word)
{
    g_set_error(error, CONF_ERROR, 0, "%s:%u: %s '%s'", file, line, what, word);
    return false;
}

/* A comma-separated word of a target list; quotes are kept where the address needs them. */
static char *
next_target(const char **at)
{
    const char *start = *at + strspn(*at, " \t,");
    const char *p = start;
    bool quoted = false;

    for (; *p && (quoted || *p != ','); p++) {
        if (*p == '"')
            quoted = !quoted;
        else if (quoted && *p == '\\' && p[1])
            p++;
    }
    *at = p;
    return g_strchomp(g_strndup(start, (size_t)(p - start)));
}

static bool
check_target(const char *file, guint line, const char *target, GError **error)
{
    const char *bare = target + (*target == '"');

    if (*bare == '|')
        return fail(error, file, line, "programs can't be aliases' targets:", target);
    if (*bare == '/')
        return fail(error, file, line, "files can't be aliases' targets:", target);
    if (g_ascii_strncasecmp(bare, ":include:", 9) == 0)
        return fail(error, file, line, "includes are not supported:", target);

    AddressCheck check = address_check(target + (*target == '\\'));
    if (check != ADDRESS_OK && check != ADDRESS_NOT_ASCII)
        return fail(error, file, line, "not an address:", target);
    return true;
}

/* One logical line "name: target, target". */
static bool
parse_entry(Aliases *self, const char *file, guint line, const char *text, GError **error)
{
    const char *colon = *text == '"' ? strstr(text + 1, "\":") : strchr(text, ':');

    if (!colon)
        return fail(error, file, line, "expected 'name: address', got", text);

    g_autofree char *raw = g_strndup(text + (*text == '"'), (size_t)(colon - text - (*text == '"')));
    g_autofree char *name = g_ascii_strdown(g_strstrip(raw), -1);
    if (!*name || strchr(name, '@'))
        return fail(error, file, line, "an alias needs a name without domain, not", name);
    if (g_hash_table_contains(self->targets, name))
        return fail(error, file, line, "a second alias", name);

    g_autoptr(GPtrArray) targets = g_ptr_array_new_with_free_func(g_free);
    for (const char *at = strchr(colon, ':') + 1; *at;) {
        g_autofree char *target = next_target(&at);
        if (!*target)
            continue;
        if (!check_target(file, line, target, error))
            return false;
        g_ptr_array_add(targets, g_steal_pointer(&target));
    }
    if (targets->len == 0)
        return fail(error, file, line, "no target for alias", name);
    g_ptr_array_add(targets, NULL);
    g_hash_table_insert(self->targets, g_steal_pointer(&name), g_strdupv((char **)targets->pdata));
    return true;
}

Aliases *
aliases_parse(const char *name, const char *text, GError **error)
{
    g_autoptr(Aliases) self = g_new0(Aliases, 1);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    self->targets = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_strfreev);
    for (guint i = 0; lines[i];) {
        guint first = i;
        g_autoptr(GString) entry = g_string_new(g_strchomp(lines[i++]));

        if (!entry->len || entry->str[0] == '#')
            continue;
        /* lines that begin with a blank continue the entry, comments and empty lines don't end it */
        for (; lines[i] && strchr(" \t\r#", lines[i][0]); i++)
            if (lines[i][0] != '#')
                g_string_append(entry, g_strchomp(lines[i]));
        if (!parse_entry(self, name, first + 1, entry->str, error))
            return NULL;
    }
    return g_steal_pointer(&self);
}

Aliases *
aliases_load(const char *path, GError **error)
{
    g_autofree char *text = NULL;
    gsize length;

    if (!g_file_get_contents(path, &text, &length, error))
        return NULL;
    if (!g_utf8_validate(text, (gssize)length, NULL)) {
        fail(error, path, 1, "not a UTF-8 text file:", path);
        return NULL;
    }
    return aliases_parse(path, text, error);
}

void
aliases_free(Aliases *self)
{
    if (!self)
        return;
    g_hash_table_unref(self->targets);
    g_free(self);
}

typedef struct {
    const Localities *where;
    GHashTable *visited; /* names expanded so far: keys */
    GHashTable *seen;    /* address_key() of what is in result */
    GPtrArray *result;
} Expansion;

static void
add_result(Expansion *self, const char *address)
{
    g_autofree char *qualified = address_qualify(address, self->where->default_domain);

    if (g_hash_table_add(self->seen, address_key(qualified)))
        g_ptr_array_add(self->result, g_steal_pointer(&qualified));
}

/* Domains compare as address_key() makes them. */
static char *
domain_key(const char *domain)
{
    g_autofree char *address = g_strconcat("x@", domain, NULL);
    g_autofree char *key = address_key(address);

    return g_strdup(key + 2);
}

static bool
is_local(const Localities *where, const char *domain)
{
    g_autofree char *key = domain_key(domain);

    for (char *const *local = where->local_domains; local && *local; local++) {
        g_autofree char *local_key = domain_key(*local);

        if (g_str_equal(key, local_key))
            return true;
    }
    return false;
}

/* The name to look up, or NULL if the address isn't local. */
static char *
local_name(const Localities *where, const char *address)
{
    const char *domain = address_domain(address);

    if (!domain)
        return address_key(address);
    if (!is_local(where, domain))
        return NULL;

    g_autofree char *local = g_strndup(address, (size_t)(domain - 1 - address));
    return address_key(local);
}

static char **
find_targets(const Aliases *aliases, const char *name)
{
    char **targets = g_hash_table_lookup(aliases->targets, name);

    return targets ? targets : g_hash_table_lookup(aliases->targets, "default");
}

/* The depth of the recursion is bounded by the number of aliases: no name is entered twice. */
static void
expand(Expansion *self, const char *address, GPtrArray *path)
{
    const char *plain = address + (*address == '\\');
    bool may_be_alias = plain == address && self->where->aliases;
    g_autofree char *name = may_be_alias ? local_name(self->where, plain) : NULL;
    char **targets = name ? find_targets(self->where->aliases, name) : NULL;

    if (!targets || g_ptr_array_find_with_equal_func(path, name, g_str_equal, NULL)) {
        add_result(self, plain);
        return;
    }
    if (!g_hash_table_add(self->visited, g_strdup(name)))
        return;
    g_ptr_array_add(path, name);
    for (; *targets; targets++)
        expand(self, *targets, path);
    g_ptr_array_remove_index(path, path->len - 1);
}

GPtrArray *
aliases_expand(const Localities *where, const char *address)
{
    g_autoptr(GHashTable) visited = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GPtrArray) path = g_ptr_array_new();
    Expansion expansion = { where, visited, seen, g_ptr_array_new_with_free_func(g_free) };

    expand(&expansion, address, path);
    return expansion.result;
}
