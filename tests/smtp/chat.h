/* Conversations for the session, in *.chat files. Lines, after an optional first block of settings:
 *   set KEY VALUE   a member of SmtpSettings ("max-bytes 1000", "sendmail 1"; "users plain" and "users scram": AUTH
 *                   for ann)
 *   only written    the point is in how bytes are cut; see the modes of chat_test.c
 *   C: text         the client sends text and CRLF; \r \n \t \0 \\ \xHH and \{600:text} (repeated) work
 *   B: text         the same without CRLF
 *   S: text         what the server says: exactly this line
 *   H: event        what the handler sees; "H: event -> 550 5.1.1 text" makes it answer so; LMTP's answers to the
 *                   end of a message have " | " between them
 *   A: action       shut-down, abort, secured
 *   # comment */
#pragma once

#include "smtp/session.h"

typedef struct {
    char kind; /* 'C' (and B), 'S', 'H', 'A' */
    int line;
    GString *text;
    char *answer; /* of an H, or NULL */
} ChatStep;

typedef struct {
    char *name;
    SmtpSettings settings;
    bool trusted; /* "set trusted 1" */
    bool only_written;
    bool has_actions;
    GPtrArray *steps;
} Chat;

/* Ends the program with a message if the file is not a conversation. */
Chat *chat_load(const char *path);
void chat_free(Chat *self);

/* What an H says of them; the caller frees it. Times are told as from now_ms on. */
char *chat_mail_text(const SmtpMail *mail, gint64 now_ms);
char *chat_origin_text(const SmtpOrigin *origin);
