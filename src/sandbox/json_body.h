/* A JSON request read piece by piece: the text stays in memory, but the base64 of attachments
 * ("data" in the elements of an "attachments-list") is decoded as it comes into Attachments.
 * Stricter than cJSON alone: control characters in strings, U+0000 and texts that are not UTF-8
 * make it no JSON. Used by arara.c and arara_letter.c. Blocking where attachments become files. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "sandbox/attachment.h"
#include "sandbox/json.h"

typedef struct JsonBody JsonBody;

typedef struct {
    const char *folder;         /* where attachments become files; NULL: only checked */
    guint64 limit_bytes;        /* of all */
    guint64 text_limit_bytes;   /* without attachments */
} JsonBodySettings;

JsonBody *json_body_new(const JsonBodySettings *settings);
void json_body_free(JsonBody *self);

void json_body_feed(JsonBody *self, const char *bytes, size_t n);

/* What it says, once; NULL with why (static) set. The caller frees it. */
cJSON *json_body_parse(JsonBody *self, const char **why);

/* The content of an attachment's "data"; NULL if that was no base64. The caller may name it;
 * it lives as long as the body. */
Attachment *json_body_attachment(JsonBody *self, const cJSON *data);
