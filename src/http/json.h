/* JSON bodies: a small cJSON tree with holes that Sources fill while the body is sent, so that an
 * attachment is never in memory; and look-ups in answers. Used by drivers. Pure.
 *
 * A hole is a raw item whose text is its number between two control characters 1. cJSON escapes
 * control characters in strings and keys, so the printed text holds that byte only where it was put
 * here: no text of a mail can forge a hole. */
#pragma once

#include "base/source.h"

#include <cjson/cJSON.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(cJSON, cJSON_Delete)

typedef struct JsonBody JsonBody;

JsonBody *json_body_new(void);
void json_body_free(JsonBody *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(JsonBody, json_body_free)

/* The object that everything is put into. */
cJSON *json_body_root(JsonBody *self);

/* The body, whose tree it frees; clears the pointer. */
Source *json_body_source(JsonBody **self);

/* A new object in the array `name` of parent, which is made when it is missing. */
cJSON *json_put_item(cJSON *parent, const char *name);

cJSON *json_put_object(cJSON *parent, const char *name);
void json_put_number(cJSON *parent, const char *name, int value);

/* value is valid UTF-8 and may hold any character. */
void json_put_string(cJSON *parent, const char *name, const char *value);

/* A string whose characters source yields; none of them may need escaping in JSON. Takes source. */
void json_put_source(JsonBody *body, cJSON *parent, const char *name, Source *source);

/* A value that is JSON text already, shared by as many places as hold it. */
void json_put_bytes(JsonBody *body, cJSON *parent, const char *name, GBytes *json);

/* The text of a tree, as one line. */
GBytes *json_print(const cJSON *tree);

/* The tree as an indented outline for people, `name: value` on a line each. Caller frees. */
char *json_outline(const cJSON *tree);

/* The tree of an answer; NULL unless all of text is one JSON value. Caller frees. */
cJSON *json_parse(const char *text, size_t n);

/* The string at name, or NULL. */
const char *json_string(const cJSON *object, const char *name);

/* The string or whole number at name as text, or NULL. Caller frees. */
char *json_text(const cJSON *object, const char *name);
