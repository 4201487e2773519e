#include "sandbox/emails_address.h"

#include <string.h>

#include "sandbox/json.h"

static bool
is_local_char(char c)
{
    return g_ascii_isalnum(c) || (c && strchr(".!#$%&'*+-/=?^_`{|}~", c));
}

static bool
is_domain(const char *domain)
{
    g_auto(GStrv) labels = g_strsplit(domain, ".", -1);

    if (strlen(domain) > 253)
        return false;
    for (char **label = labels; *label; label++) {
        size_t n = strlen(*label);
        if (n < 1 || n > 63 || (*label)[0] == '-' || (*label)[n - 1] == '-')
            return false;
        for (const char *p = *label; *p; p++)
            if (!g_ascii_isalnum(*p) && *p != '-')
                return false;
    }
    return labels[0] != NULL;
}

bool
emails_is_address(const char *address)
{
    const char *at = strrchr(address, '@');

    if (!at || at == address || at - address > 64)
        return false;
    for (const char *p = address; p < at; p++)
        if (!is_local_char(*p))
            return false;
    return is_domain(at + 1);
}

/* The merge properties of an object; NULL if one of its members may not be there. */
static GHashTable *
read_properties(const cJSON *object, bool merge)
{
    g_autoptr(GHashTable) properties = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    const cJSON *member;
    unsigned count = 0;

    cJSON_ArrayForEach(member, object) {
        bool own = strcmp(member->string, "name") == 0 || strcmp(member->string, "address") == 0;
        if (!cJSON_IsString(member) || (!own && !merge) || ++count > EMAILS_PROPERTIES)
            return NULL;
        if (merge && strlen(member->valuestring) > EMAILS_VALUE_BYTES)
            return NULL;
        if (strcmp(member->string, "address") != 0)
            g_hash_table_insert(properties, g_strdup(member->string), g_strdup(member->valuestring));
    }
    return g_steal_pointer(&properties);
}

/* Adds the object's mailbox to list, or what is wrong with it to problems. */
static bool
read_object(const cJSON *object, bool merge, const char *field, GPtrArray *list, Problems *problems)
{
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(object, "name");
    const cJSON *address = cJSON_GetObjectItemCaseSensitive(object, "address");

    if (!cJSON_IsObject(object) || !cJSON_IsString(name) || !cJSON_IsString(address)) {
        problems_add(problems, "11-006", field, NULL);
        return false;
    }
    g_autoptr(GHashTable) properties = read_properties(object, merge);
    if (!properties) {
        problems_add(problems, "11-006", field, NULL);
        return false;
    }
    if (!emails_is_address(address->valuestring)) {
        problems_add(problems, "11-005", field, address->valuestring);
        return false;
    }
    Mailbox *mailbox = mailbox_new(name->valuestring, address->valuestring);
    if (merge)
        mailbox->properties = g_steal_pointer(&properties);
    g_ptr_array_add(list, mailbox);
    return true;
}

void
emails_address_read(const GString *value, unsigned types, const char *field, GPtrArray *list,
                    Problems *problems)
{
    size_t blanks = strspn(value->str, " \t\r\n");
    bool merge = types & ADDRESS_MERGE;

    if ((types & ADDRESS_BARE) && !(value->str[blanks] && strchr("{[\"", value->str[blanks]))) {
        if (strlen(value->str) == value->len && emails_is_address(value->str))
            g_ptr_array_add(list, mailbox_new("", value->str));
        else
            problems_add(problems, "11-005", field, value->str);
        return;
    }
    g_autoptr(cJSON) json = NULL;
    if (g_utf8_validate(value->str, (gssize) value->len, NULL))
        json = cJSON_ParseWithOpts(value->str, NULL, true);
    if (cJSON_IsObject(json) && (types & ADDRESS_OBJECT)) {
        read_object(json, merge, field, list, problems);
    } else if (cJSON_IsArray(json) && (types & ADDRESS_LIST)) {
        const cJSON *item;
        cJSON_ArrayForEach(item, json)
            if (!read_object(item, merge, field, list, problems))
                break;
    } else {
        problems_add(problems, "11-006", field, NULL);
    }
}
