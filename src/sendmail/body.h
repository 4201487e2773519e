/* Standard input as callers write it -> the bytes between DATA and the final dot. Line ends become
 * CRLF, leading dots are doubled for the wire, an mbox `From ` line before the header goes. Where a
 * lone dot ends the message (no -i), callers double the dots of their own lines; that is undone. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef enum {
    BODY_MBOX,      /* at the very start: so far like "From " */
    BODY_MBOX_SKIP, /* inside that line */
    BODY_START,     /* at the start of a line */
    BODY_DOT,       /* after a dot there, and a lone dot would be the end */
    BODY_DOT_CR,    /* … and a CR */
    BODY_LINE,      /* inside a line */
    BODY_CR,        /* after a CR */
    BODY_END,       /* a lone dot was met: the message is over */
} BodyState;

typedef struct {
    bool dots_are_data; /* -i */
    BodyState state;
    size_t matched;     /* of "From " */
} Body;

/* Room that n bytes may need at their destination. */
#define BODY_ROOM(n) (2 * (n) + 16)

/* Converts n bytes into out, which has BODY_ROOM(n); gives the number of bytes put there. Once the state is
 * BODY_END the rest of the input means nothing. */
size_t body_convert(Body *self, const char *in, size_t n, char *out);

/* The input is over: ends an open line. Puts no final dot. out has BODY_ROOM(0). */
size_t body_finish(Body *self, char *out);
