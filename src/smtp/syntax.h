/* What stands in SMTP command lines: paths, parameters and their values. The session's verbs are the
 * user. Everything works in place, on a line that the caller owns and may see changed. Pure; any thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Takes the path at the start of *text, which is "<address>", "<@route:address>" or, as some clients write, a
 * bare address, and moves *text behind it. Returns the address (not judged; "" for "<>"), or NULL if nothing
 * that begins and ends like a path is there. */
char *syntax_path(char **text);

typedef struct {
    char *key;
    char *value; /* NULL without "=" */
} SyntaxParam;

typedef enum { SYNTAX_PARAM, SYNTAX_PARAM_END, SYNTAX_PARAM_BAD } SyntaxNext;

/* Takes the next ESMTP parameter (RFC 5321 section 4.1.2) off *text. */
SyntaxNext syntax_param(char **text, SyntaxParam *param);

/* Decodes xtext (RFC 3461 section 4). False if it is not, or stands for control characters or invalid UTF-8;
 * text may then be half decoded. */
bool syntax_xtext(char *text);

/* SIZE's value (RFC 1870): 1 to 20 digits. A number too large becomes G_MAXINT64. */
bool syntax_size(const char *text, gint64 *size);

/* BDAT's arguments (RFC 3030). Too large a number becomes G_MAXINT64. */
bool syntax_chunk(char *text, gint64 *size, bool *last);

/* RFC 3461: NOTIFY's value, which becomes upper case; ORCPT's, ENVID's, which are decoded. */
bool syntax_notify(char *value);
bool syntax_orcpt(char *value);
bool syntax_envid(char *value);

/* EHLO's and HELO's argument: letters of a domain, an address literal, or what hosts call themselves. */
bool syntax_name(const char *name);

/* Makes such a name of any other text: what may not stand in one becomes '_', what is too long is cut. Returns name,
 * or "unknown" if nothing of it says anything. */
const char *syntax_clean_name(char *name);

/* "FROM : <address>" with its colon behind the word: returns where in args that begins. Anything else is args. */
char *syntax_join_colon(char *args, const char *word);
