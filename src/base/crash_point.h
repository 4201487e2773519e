/* Places between two states of a mail where tests kill the process: SHIMTA_CRASH_AT=name[:N] in the environment at
 * start means SIGKILL when the name is reached, or reached for the Nth time. tests/crash/ takes the names from the
 * list below and goes through all of them, so each must be in use. Any thread. */
#pragma once

#include <glib.h>

/* In the order of a mail's life; the text says what is true at that moment. */
#define CRASH_POINTS(X) \
    X("spool-complete", "the last byte has come in, nothing was begun") \
    X("staged", "a large mail's file is written and synced, it has no row") \
    X("before-put", "the row is about to be written") \
    X("put-run", "the row is written, not committed") \
    X("put-done", "the row is durable, the client has no answer") \
    X("accepted", "the client has its 250") \
    X("before-call", "the request is about to go to the API") \
    X("call-answered", "the API has answered, nothing is recorded") \
    X("before-settle", "the outcome is about to be written") \
    X("settle-run", "the outcome is written, not committed") \
    X("settle-done", "the outcome is durable") \
    X("before-bounce", "a bounce is made, not written") \
    X("bounce-run", "bounce and closed recipients are written, not committed") \
    X("bounce-done", "both are durable") \
    X("before-unlink", "a large mail's row is gone, its file is not") \
    X("drop-read", "a drop file is read, nothing is stored") \
    X("drop-accepted", "what it held is accepted, the file is still there") \
    X("journal-run", "journal lines are in the table, not committed") \
    X("journal-done", "they are, and the file they came from is still there")

/* NULL in all runs but a test's. */
extern const char *crash_point_armed;

void crash_point_reached(const char *name);

/* name: of the list, literal. */
static inline void
crash_point(const char *name)
{
    if (G_UNLIKELY(crash_point_armed))
        crash_point_reached(name);
}
