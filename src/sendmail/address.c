#include "sendmail/address.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    char *path;
    size_t n;          /* bytes seen, also those that had no room */
    size_t blanks;     /* at the end of what was seen */
    bool blank_inside, backslash;
    bool quoted, in_angle, after_angle;
    unsigned comments; /* depth */
} AddressScan;

static void
address_put(AddressScan *self, char c)
{
    if (c == ' ' && !self->quoted) {
        self->blanks += self->n > 0;
        return;
    }
    if (self->blanks > 0)
        self->blank_inside = true;
    self->blanks = 0;
    if (self->n < ADDRESS_BYTES - 1)
        self->path[self->n] = c;
    self->n++;
}

/* What stood before the bracket was a name. */
static void
address_open_angle(AddressScan *self)
{
    *self = (AddressScan) { .path = self->path, .in_angle = true };
}

/* One character outside quotes and comments; NULL or what is wrong with it. */
static const char *
address_plain(AddressScan *self, char c)
{
    if (c == '(') {
        self->comments = 1;
    } else if (self->after_angle) {
        return c == ' ' ? NULL : "text after the closing bracket";
    } else if (c == '<') {
        if (self->in_angle)
            return "a bracket inside brackets";
        address_open_angle(self);
    } else if (c == '>') {
        if (!self->in_angle)
            return "a closing bracket without an opening one";
        self->in_angle = false;
        self->after_angle = true;
    } else {
        if (c == '\\')
            self->backslash = true;
        if (c == '"')
            self->quoted = true;
        address_put(self, c);
    }
    return NULL;
}

static const char *
address_judge(const AddressScan *self)
{
    if (self->quoted)
        return "an open quote";
    if (self->comments > 0)
        return "an open comment";
    if (self->in_angle)
        return "an open bracket";
    if (self->n >= ADDRESS_BYTES)
        return "too long";
    if (self->blank_inside)
        return "a blank inside";
    if (self->backslash)
        return "a backslash outside quotes";
    if (self->path[0] == '-')
        return "a dash at the beginning";
    return NULL;
}

/* The address that begins at text, up to a comma or the end; NULL with *why set when it is bad. */
static const char *
address_scan(AddressScan *self, const char *text, const char **why)
{
    for (; *text; text++) {
        if ((unsigned char) *text < ' ' || *text == 0x7f) {
            *why = "a control character";
            return NULL;
        }
        if (self->comments > 0) {
            if (*text == '\\' && text[1])
                text++;
            else if (*text == '(')
                self->comments++;
            else if (*text == ')')
                self->comments--;
        } else if (self->quoted) {
            bool escape = *text == '\\' && (unsigned char) text[1] >= ' ' && text[1] != 0x7f;
            address_put(self, *text);
            if (escape)
                address_put(self, *++text);
            else if (*text == '"')
                self->quoted = false;
        } else if (*text == ',' && !self->in_angle) {
            break;
        } else if ((*why = address_plain(self, *text)) != NULL) {
            return NULL;
        }
    }
    return text;
}

AddressResult
address_next(const char **list, char path[ADDRESS_BYTES], const char **why)
{
    AddressScan scan = { .path = path };
    const char *text = *list;

    while (*text == ' ' || *text == ',')
        text++;
    *list = text;
    if (!*text)
        return ADDRESS_END;

    path[0] = '\0';
    const char *end = address_scan(&scan, text, why);
    if (!end)
        return ADDRESS_BAD;
    path[scan.n < ADDRESS_BYTES ? scan.n : ADDRESS_BYTES - 1] = '\0';
    *why = address_judge(&scan);
    if (!*why && scan.n == 0 && !scan.after_angle)
        *why = "no address in it";
    if (*why)
        return ADDRESS_BAD;
    *list = end;
    return ADDRESS_FOUND;
}
