/* The decoder of what follows DATA: finds the end, takes the dots away, in runs as long as they come. Only
 * CRLF.CRLF ends the data; a bare CR or LF is a byte like any other. Used by the session. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef enum {
    DOT_LINE_START, /* after CRLF, or at the beginning */
    DOT_TEXT,
    DOT_TEXT_CR,
    DOT_DOT,    /* a dot at the start of a line: not passed on */
    DOT_DOT_CR, /* and a CR after it: passed on if it turns out to be text */
    DOT_END,
} DotState;

/* Zero is the beginning. */
typedef struct {
    DotState state;
    bool odd; /* a dot at the start of a line stood before a CR or LF that is not CRLF */
} DotDecoder;

/* Reads up to n bytes and points *run at the next *run_length decoded ones, inside bytes or constant; there
 * may be none. Returns how many bytes were read, perhaps none. Call again for the rest, until all are read or
 * dot_ended(). */
size_t dot_decode(DotDecoder *self, const char *bytes, size_t n, const char **run, size_t *run_length);

static inline bool
dot_ended(const DotDecoder *self)
{
    return self->state == DOT_END;
}
