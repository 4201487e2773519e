/* The only walk over a MIME tree: which parts are body, in which order, and which are attachments. For
 * content.c; worker thread. */
#pragma once

#include "mail/attach.h"
#include "mail/translate.h"

typedef struct {
    Translation *translation;
    Attacher attacher;
    gsize room;     /* bytes that body parts may still have: bounds memory for any number of them */
    bool has_cut;   /* they went on behind that */
    Spool *whole_text, *whole_html; /* set: bodies go there, whole; nothing is attached */
    bool has_html;  /* the alternative being walked has its HTML side: another text/html is attached */
    GError **error; /* points to a GError * that is NULL */
} Walk;

/* Appends the body's pieces (of BodyPiece) in order, attaches the rest. False and an error when a part
 * could not be read, or MAIL_ERROR_ENCRYPTED. */
bool walk_message(Walk *self, GPtrArray *pieces);

/* The charset of the first text part that names one, or NULL. Owned by the part. */
const char *walk_charset(GMimeObject *part);
