/* Body text in pieces, in the order a mail program shows them, and how they join to the one text and the one
 * HTML body an API takes. Pure; any thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* One piece; never both NULL. */
typedef struct {
    char *text; /* UTF-8, LF */
    char *html;
} BodyPiece;

/* Takes text and html. */
BodyPiece *body_piece_new(char *text, char *html);
void body_piece_free(BodyPiece *self);

/* The pieces as text: the text of each, made from its HTML (up to max_bytes of it) where it has none or only
 * blanks; *made says whether that was done. "" for no pieces. Caller frees. */
char *body_join_text(GPtrArray *pieces, gsize max_bytes, bool *made);

/* The pieces as one HTML document, text where a piece has no HTML, or NULL when none has. Caller frees. */
char *body_join_html(GPtrArray *pieces);

/* Line ends to LF, in place. */
void body_unify_lines(char *text);

/* format=flowed (RFC 3676) read as fixed lines: space-stuffing undone, and with delsp, as text without
 * blanks between words needs it, soft line breaks too. In place. */
void body_unflow(char *text, bool delsp);

/* Cuts text to max characters (0: no limit) in place; returns how many it has now. */
gint64 body_cut(char *text, gint64 max);
