#include "sandbox/json_shape.h"

#include <string.h>

enum { NAME_CHARS = 40 };

static const ShapeMember *
find_member(const ShapeMember *members, const char *name)
{
    for (; members->name; members++)
        if (strcmp(members->name, name) == 0)
            return members;
    return NULL;
}

static bool
has_type(const cJSON *value, ShapeType type)
{
    switch (type) {
    case SHAPE_STRING:
        return cJSON_IsString(value);
    case SHAPE_NUMBER:
        return cJSON_IsNumber(value);
    case SHAPE_BOOLEAN:
        return cJSON_IsBool(value);
    case SHAPE_OBJECT:
        return cJSON_IsObject(value);
    case SHAPE_ARRAY:
        return cJSON_IsArray(value);
    }
    return false;
}

static bool
is_in_range(const cJSON *value, const ShapeMember *member)
{
    double number = value->valuedouble;

    return number >= (double) member->min && number <= (double) member->max
           && number == (double) (gint64) number;
}

/* How much of a client's name to tell, in whole characters. */
static int
name_bytes(const char *name)
{
    const char *end = name;

    for (int i = 0; i < NAME_CHARS && *end; i++)
        end = g_utf8_next_char(end);
    return (int) (end - name);
}

static bool
check_value(const cJSON *value, const ShapeMember *members, const char *path, GString *why)
{
    const ShapeMember *member = find_member(members, value->string);

    if (!member)
        g_string_printf(why, "%s has a member that is unknown: %.*s", path, name_bytes(value->string),
                        value->string);
    else if (!has_type(value, member->type))
        g_string_printf(why, "%s.%s has the wrong type", path, value->string);
    else if (member->type == SHAPE_NUMBER && !is_in_range(value, member))
        g_string_printf(why, "%s.%s is out of range", path, value->string);
    else
        return true;
    return false;
}

bool
shape_check(const cJSON *object, const ShapeMember *members, const char *path, GString *why)
{
    const cJSON *value;

    if (!cJSON_IsObject(object)) {
        g_string_printf(why, "%s is not an object", path);
        return false;
    }
    cJSON_ArrayForEach(value, object) {
        if (!check_value(value, members, path, why))
            return false;
        if (cJSON_GetObjectItemCaseSensitive(object, value->string) != value) {
            g_string_printf(why, "%s.%s is there twice", path, value->string);
            return false;
        }
    }
    for (; members->name; members++)
        if (members->required && !shape_get(object, members->name)) {
            g_string_printf(why, "%s.%s is required", path, members->name);
            return false;
        }
    return true;
}

const cJSON *
shape_get(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

const char *
shape_string(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(shape_get(object, name));
}
