/* A small text file that is replaced as a whole and by one process at a time. Blocks. What goes wrong is complained about;
 * the statuses are those of sysexits(3). */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>

typedef struct {
    char *path;
    char *text; /* what it holds */
    int fd;     /* locked; -1: not open */
    bool made;  /* by us, and empty so far */
    struct stat st;
} LockedFile;

/* Waits for who has it, and reads it. make: one that is not there is made for that owner (-1: the caller). Close it
 * whatever comes back. */
int locked_file_open(LockedFile *self, const char *path, bool make, uid_t owner);

/* Puts text in its place: durable, of the same owner, closed to all others. The lock is of no use then. */
int locked_file_write(const LockedFile *self, const char *text);

/* failed: what was made for nothing goes. Wipes the text. */
void locked_file_close(LockedFile *self, bool failed);
