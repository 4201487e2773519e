/* -bs: standard input and output joined with a connection to shimtad, both ways at once. One thread. */
#pragma once

/* Copies until the other side has closed and all is written. A caller that ends its input still gets the replies.
 * EX_OK, or EX_IOERR when standard output fails. */
int bridge_run(int fd);
