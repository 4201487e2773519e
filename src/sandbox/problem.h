/* The errors that the Emails API documents: codes, texts and the body that carries them.
 * Used by letter.c and emails.c, and by fault.c to know a code. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef enum { BODY_JSON, BODY_XML } BodyFormat;

typedef struct {
    const char *code;
    const char *field;          /* the usual one; "" when none applies */
    const char *text;           /* {0} stands for the value or field complained about */
    unsigned status;            /* of HTTP; 0: the sandbox's --error-status */
} ProblemKind;

/* NULL for a code that is not documented. */
const ProblemKind *problem_kind(const char *code);

typedef struct Problems Problems;

Problems *problems_new(void);
void problems_free(Problems *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Problems, problems_free)

/* code must be a documented one. field NULL: the code's usual one. value replaces {0}; NULL: the
 * field's name does. */
void problems_add(Problems *self, const char *code, const char *field, const char *value);

bool problems_any(const Problems *self);

/* The HTTP status for them, otherwise being the one of codes that name none. */
unsigned problems_status(const Problems *self, unsigned otherwise);

/* The answer's body; the caller frees it. */
GString *problems_body(const Problems *self, BodyFormat format);

/* "11-005,11-009", for the log; the caller frees it. */
char *problems_codes(const Problems *self);

/* Appends text as a JSON string with its quotes, < and > written \u003C and \u003E. */
void body_json_string(GString *out, const char *text);

/* Appends text escaped for XML. */
void body_xml_text(GString *out, const char *text);

/* What every XML answer begins with. */
extern const char body_xml_head[];
