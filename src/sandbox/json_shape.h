/* Checks JSON objects against tables of the members they may and must have. Used by
 * arara_letter.c. Pure. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "sandbox/json.h"

typedef enum { SHAPE_STRING, SHAPE_NUMBER, SHAPE_BOOLEAN, SHAPE_OBJECT, SHAPE_ARRAY } ShapeType;

/* A member; a table of them ends with a NULL name. min and max are of whole numbers. */
typedef struct {
    const char *name;
    ShapeType type;
    bool required;
    gint64 min;
    gint64 max;
} ShapeMember;

/* True if object is one and has what the table asks for, nothing twice and nothing else. If not,
 * why says what is wrong; path is the object's name in it. */
bool shape_check(const cJSON *object, const ShapeMember *members, const char *path, GString *why);

/* A member, NULL if it isn't there. */
const cJSON *shape_get(const cJSON *object, const char *name);

/* A member's string, NULL if it isn't there. */
const char *shape_string(const cJSON *object, const char *name);
