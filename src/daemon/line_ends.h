/* What a listener with bare-lf = refuse or refuse-terminators looks for in a message: line ends that are not CRLF, and
 * lines of a single dot between such, which other servers have taken for the end of a message. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    bool bare;       /* a CR or LF stood alone */
    bool terminator; /* and a dot alone on a line beside one */

    bool cr, inside, dot, bare_before; /* where it is; zero is the beginning */
} LineEnds;

void line_ends_push(LineEnds *self, const char *bytes, size_t n);

/* No more comes. */
void line_ends_finish(LineEnds *self);
