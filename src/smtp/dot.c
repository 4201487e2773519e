#include "smtp/dot.h"

#include <string.h>

/* Where the next line that starts with a dot begins, or the end. Dots are rarer than line ends, and in
 * base64 there are none. */
static const char *
next_dot_line(const char *bytes, const char *end, DotState before)
{
    for (const char *dot = bytes; (dot = memchr(dot, '.', (size_t)(end - dot))); dot++) {
        bool after_crlf;

        if (dot - bytes >= 2)
            after_crlf = dot[-1] == '\n' && dot[-2] == '\r';
        else if (dot - bytes == 1)
            after_crlf = dot[-1] == '\n' && before == DOT_TEXT_CR;
        else
            after_crlf = before == DOT_LINE_START;
        if (after_crlf)
            return dot;
    }
    return end;
}

/* What stands before the byte at end. */
static DotState
state_at(const char *bytes, const char *end, DotState before)
{
    if (end == bytes)
        return before;
    if (end[-1] == '\r')
        return DOT_TEXT_CR;
    if (end[-1] != '\n')
        return DOT_TEXT;
    bool cr = end - bytes >= 2 ? end[-2] == '\r' : before == DOT_TEXT_CR;
    return cr ? DOT_LINE_START : DOT_TEXT;
}

size_t
dot_decode(DotDecoder *self, const char *bytes, size_t n, const char **run, size_t *run_length)
{
    *run = bytes;
    *run_length = 0;
    if (n == 0 || self->state == DOT_END)
        return 0;

    if (self->state == DOT_DOT) {
        if (*bytes == '\r') {
            self->state = DOT_DOT_CR;
            return 1;
        }
        self->odd |= *bytes == '\n';
        self->state = DOT_TEXT;
    }
    else if (self->state == DOT_DOT_CR) {
        if (*bytes == '\n') {
            self->state = DOT_END;
            return 1;
        }
        self->odd = true;
        *run = "\r";
        *run_length = 1;
        self->state = DOT_TEXT_CR;
        return 0;
    }

    const char *dot = next_dot_line(bytes, bytes + n, self->state);
    *run_length = (size_t)(dot - bytes);
    if (dot < bytes + n) {
        self->state = DOT_DOT;
        return *run_length + 1;
    }
    self->state = state_at(bytes, dot, self->state);
    return n;
}
