/* HTML cut into text and tags, for html_text.c. A tokenizer of our own and not libxml2's parser, which
 * compares each attribute of a tag with all before it and looks through all open elements at each end tag:
 * a small mail could keep it busy for minutes. Linear time, no depth. Pure; any thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef enum { HTML_TEXT, HTML_OPEN, HTML_CLOSE } HtmlKind;

typedef struct {
    HtmlKind kind;
    const char *start, *end; /* text as written; or a tag's attributes */
    char name[16];           /* of a tag, lower case; cut, which no name we know is */
} HtmlToken;

typedef struct {
    const char *next, *end;
    bool no_quotes, no_tags; /* no more of them are closed */
} HtmlTokens;

/* The next token; false at the end. Comments, declarations and the insides of script, style and title are
 * passed over. */
bool html_token_next(HtmlTokens *self, HtmlToken *token);

/* The value of an attribute of a tag, character references decoded; NULL if it is not there. Caller frees. */
char *html_token_attribute(const HtmlToken *token, const char *name);

/* Reads the character reference at *p (an '&'), leaves *p behind it. 0 if it is none: a plain ampersand. */
gunichar html_reference(const char **p, const char *end);
