/* The client's end of an SMTP connection over a stream socket: commands out, whole replies in. Used by dialogue.c;
 * one thread, and every wait ends after silence_ms without a sign of life from the other side. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef enum {
    LINK_OK,
    LINK_LOST,      /* the other side closed, or said nothing for too long */
    LINK_NONSENSE,  /* what came is not SMTP */
    LINK_ANSWERED,  /* link_send(): not everything was sent, because an answer has come first */
} LinkResult;

/* code 0: no reply. dsn is "" where the reply has none. text: lines without codes, separated by LF; the
 * end of a very long one is left out. */
typedef struct {
    int code;
    char dsn[12];
    char text[2048];
} Reply;

typedef struct {
    int fd;
    int silence_ms;
    bool trace;         /* -d: repeat the dialogue on standard error */
    size_t start, end;  /* what has been read and not used */
    char in[8192];
} Link;

/* How long a command may take, and what the API or a disk may have to do with. */
#define LINK_COMMAND_MS (60 * 1000)
#define LINK_ANSWER_MS (10 * 60 * 1000)

void link_init(Link *self, int fd);

/* Sends all bytes. With early, stops as soon as the other side has said something (LINK_ANSWERED). */
LinkResult link_send(Link *self, const char *bytes, size_t n, bool early);

/* Waits for the next reply. */
LinkResult link_reply(Link *self, Reply *reply);

/* The same for a reply of any length: of one that is 2xx every line but the last goes to line, without codes and line
 * end. */
LinkResult link_reply_each(Link *self, Reply *reply, void (*line)(const char *text, size_t n, void *user), void *user);

/* Waits until fd can be read, or the other side says something or closes: LINK_ANSWERED. */
LinkResult link_wait_input(Link *self, int fd);
