#include "shimta/api.h"

#include "shimta/output.h"

#include <string.h>

/* Values are strings, as the API has them; several of one name become a list. */
static void
put_field(cJSON *object, const QueryField *field)
{
    const char *name = strcmp(field->name, "account") == 0 ? API_ACCOUNT : field->name;
    cJSON *value = cJSON_CreateString(field->value);
    cJSON *old = cJSON_GetObjectItemCaseSensitive(object, name);

    if (!old) {
        cJSON_AddItemToObject(object, name, value);
        return;
    }
    if (!cJSON_IsArray(old)) {
        cJSON *list = cJSON_CreateArray();
        cJSON_AddItemToArray(list, cJSON_Duplicate(old, false));
        cJSON_ReplaceItemInObjectCaseSensitive(object, name, list);
        old = list;
    }
    cJSON_AddItemToArray(old, value);
}

void
api_print_json(const char *account, const QueryRow *row, bool summary)
{
    g_autoptr(cJSON) line = cJSON_CreateObject();
    cJSON *object = line;

    cJSON_AddStringToObject(line, "account", account);
    if (summary)
        object = cJSON_AddObjectToObject(line, "summary");
    for (guint i = 0; i < row->fields->len; i++)
        put_field(object, &g_array_index(row->fields, QueryField, i));
    output_json(line);
}
