#include "sendmail/body.h"

#include <string.h>

static const char mbox[] = "From ";

static char *
put(char *out, const char *text)
{
    size_t n = strlen(text);

    memcpy(out, text, n);
    return out + n;
}

/* One byte inside a line, or after a CR that may turn out to be half a line end. */
static char *
body_in_line(Body *self, char c, char *out)
{
    if (c == '\n') {
        self->state = BODY_START;
        return put(out, "\r\n");
    }
    if (self->state == BODY_CR)
        *out++ = '\r';
    if (c == '\r') {
        self->state = BODY_CR;
        return out;
    }
    self->state = BODY_LINE;
    *out++ = c;
    return out;
}

static char *
body_start(Body *self, char c, char *out)
{
    if (c != '.')
        return body_in_line(self, c, out);
    if (!self->dots_are_data) {
        self->state = BODY_DOT;
        return out;
    }
    self->state = BODY_LINE;
    return put(out, "..");
}

/* After a dot that began a line, when neither it nor its double for the wire has been put. */
static char *
body_after_dot(Body *self, char c, char *out)
{
    if (c == '\n') {
        self->state = BODY_END;
        return out;
    }
    if (c == '\r' && self->state == BODY_DOT) {
        self->state = BODY_DOT_CR;
        return out;
    }
    out = put(out, "..");
    bool doubled = c == '.' && self->state == BODY_DOT;
    self->state = self->state == BODY_DOT_CR ? BODY_CR : BODY_LINE;
    return doubled ? out : body_in_line(self, c, out);
}

static char *
body_mbox(Body *self, char c, char *out)
{
    if (c == mbox[self->matched]) {
        if (++self->matched == strlen(mbox))
            self->state = BODY_MBOX_SKIP;
        return out;
    }
    memcpy(out, mbox, self->matched);
    out += self->matched;
    self->state = BODY_LINE;
    return self->matched ? body_in_line(self, c, out) : body_start(self, c, out);
}

static char *
body_step(Body *self, char c, char *out)
{
    switch (self->state) {
    case BODY_MBOX:
        return body_mbox(self, c, out);
    case BODY_MBOX_SKIP:
        if (c == '\n')
            self->state = BODY_START;
        return out;
    case BODY_START:
        return body_start(self, c, out);
    case BODY_DOT:
    case BODY_DOT_CR:
        return body_after_dot(self, c, out);
    case BODY_LINE:
    case BODY_CR:
        return body_in_line(self, c, out);
    case BODY_END:
        break;
    }
    return out;
}

size_t
body_convert(Body *self, const char *in, size_t n, char *out)
{
    const char *end = in + n;
    char *to = out;

    while (in < end && self->state != BODY_END) {
        if (self->state == BODY_LINE) {
            const char *from = in;
            while (in < end && *in != '\n' && *in != '\r')
                in++;
            memcpy(to, from, (size_t) (in - from));
            to += in - from;
            if (in == end)
                break;
        }
        to = body_step(self, *in++, to);
    }
    return (size_t) (to - out);
}

size_t
body_finish(Body *self, char *out)
{
    char *to = out;

    if (self->state == BODY_MBOX && self->matched > 0) {
        memcpy(to, mbox, self->matched);
        to = put(to + self->matched, "\r\n");
    } else if (self->state == BODY_LINE || self->state == BODY_CR) {
        to = put(to, "\r\n"); /* a CR at the very end is half a line end */
    }
    self->state = BODY_END;
    return (size_t) (to - out);
}
