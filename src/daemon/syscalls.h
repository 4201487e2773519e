/* The system calls that the process has left once it serves: those that a network server with files needs, and no
 * programs, no other processes, no debugging, no mounts, no kernel keys (seccomp, where the kernel has it). What is not
 * on the list fails with EPERM, and the kernel's audit log names it: a call that a later library tries first is no
 * reason to end with mail in hand. For all threads; it cannot be undone. */
#pragma once

#include <stdbool.h>

/* False: the kernel has not got it, or refuses; why is set to constant text. */
bool syscalls_confine(const char **why);
