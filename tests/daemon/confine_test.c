/* A process of its own for each try: it cannot be undone. */
#include "daemon/confine.h"
#include "daemon/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int
open_new(const char *folder, const char *name)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);

    return open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0 ? 0 : errno;
}

/* Kernels before 6.2 cannot forbid it. */
static bool
forbids_truncate(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, 0, 1) >= 3;
}

/* 0, or the line that is wrong. */
static int
try_all(const char *ours, const char *others)
{
    const char *const folders[] = { ours, "/nonexistent/folder", NULL };
    struct addrinfo *found = NULL;
    const char *why = NULL;
    g_autofree char *old = g_build_filename(others, "old", NULL);

    if (!g_file_set_contents(old, "old", 3, NULL))
        return __LINE__;
    if (!confine_writes(folders, &why))
        return g_str_has_prefix(why, "the kernel has no") ? 77 : __LINE__;
    if (open_new(ours, "mail") != 0)
        return __LINE__;
    if (open_new(others, "mail") != EACCES)
        return __LINE__;
    if (forbids_truncate() && (truncate(old, 0) == 0 || errno != EACCES))
        return __LINE__;
    if (open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0)
        return __LINE__;
    if (getaddrinfo("localhost", "25", NULL, &found) != 0)
        return __LINE__;
    freeaddrinfo(found);
    execl("/bin/true", "true", NULL);
    return errno == EACCES ? 0 : __LINE__;
}

/* --- system calls -------------------------------------------------------------------------------- */

typedef struct {
    int before, after; /* pipes */
    long result;
} Thread;

static void *
run_thread(void *user)
{
    Thread *self = user;
    char byte;

    if (self->before < 0 || read(self->before, &byte, 1) == 1)
        self->result = ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 ? errno : 0;
    return NULL;
}

/* What a program would do that was taken over; 0, or the line of what is not refused. */
static int
try_forbidden(void)
{
    static const int numbers[] = { SYS_bpf, SYS_keyctl, SYS_unshare, SYS_setns, SYS_process_vm_readv, SYS_setuid,
                                   SYS_init_module, SYS_perf_event_open, SYS_userfaultfd, SYS_io_uring_setup,
                                   SYS_pidfd_open, SYS_chroot, SYS_memfd_create, SYS_execveat };
    char *const argv[] = { (char *) "true", NULL };

    for (guint i = 0; i < G_N_ELEMENTS(numbers); i++) {
        if (syscall(numbers[i], 0, 0, 0, 0, 0) >= 0 || errno != EPERM)
            return 1000 + numbers[i];
    }
    if (execv("/bin/true", argv) >= 0 || errno != EPERM)
        return __LINE__;
    if (fork() >= 0 || errno != EPERM)
        return __LINE__;
    if (syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL) >= 0 || errno != EPERM)
        return __LINE__;
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) >= 0 || errno != EPERM)
        return __LINE__;
    if (mount("none", "/", NULL, MS_REMOUNT, NULL) >= 0 || errno != EPERM)
        return __LINE__;
    if (socket(AF_PACKET, SOCK_RAW, 0) >= 0 || errno != EPERM)
        return __LINE__;
    return kill(getppid(), 0) < 0 && errno == EPERM ? 0 : __LINE__;
}

/* What the daemon goes on doing. */
static int
try_needed(const char *ours)
{
    Thread late = { .before = -1 };
    struct addrinfo *found = NULL;
    pthread_t thread;

    if (open_new(ours, "mail") != 0)
        return __LINE__;
    if (getaddrinfo("localhost", "25", NULL, &found) != 0)
        return __LINE__;
    freeaddrinfo(found);
    if (pthread_create(&thread, NULL, run_thread, &late) != 0 || pthread_join(thread, NULL) != 0)
        return __LINE__;
    return late.result == EPERM ? 0 : __LINE__;
}

static int
try_calls(const char *ours, const char *others)
{
    Thread early = { 0 };
    pthread_t thread;
    int pipes[2];
    const char *why = NULL;

    if (pipe(pipes) < 0)
        return __LINE__;
    early.before = pipes[0];
    if (pthread_create(&thread, NULL, run_thread, &early) != 0)
        return __LINE__;
    if (!syscalls_confine(&why))
        return 77;
    int wrong = try_forbidden();
    if (wrong == 0)
        wrong = try_needed(ours);
    if (write(pipes[1], "", 1) != 1 || pthread_join(thread, NULL) != 0)
        return __LINE__;
    return wrong ? wrong : early.result == EPERM ? 0 : __LINE__;
}

/* --- in a process of its own --------------------------------------------------------------------- */

static void
try_in_child(int (*try)(const char *ours, const char *others), const char *without)
{
    g_autofree char *ours = g_dir_make_tmp("shimta-ours-XXXXXX", NULL);
    g_autofree char *others = g_dir_make_tmp("shimta-others-XXXXXX", NULL);
    g_autofree char *mail = g_build_filename(ours, "mail", NULL);
    g_autofree char *old = g_build_filename(others, "old", NULL);
    int told[2], line = -1;

    g_assert_cmpint(pipe(told), ==, 0);
    pid_t child = fork();
    if (child == 0) {
        line = try(ours, others);
        _exit(write(told[1], &line, sizeof line) != sizeof line);
    }
    g_assert_cmpint(waitpid(child, NULL, 0), ==, child);
    close(told[1]);
    g_assert_cmpint(read(told[0], &line, sizeof line), ==, sizeof line);
    close(told[0]);
    g_unlink(mail);
    g_unlink(old);
    g_rmdir(ours);
    g_rmdir(others);
    if (line == 77)
        g_test_skip(without);
    else
        g_assert_cmpint(line, ==, 0);
}

static void
test_writes(void)
{
    try_in_child(try_all, "the kernel has no Landlock");
}

static void
test_calls(void)
{
    try_in_child(try_calls, "no filter for system calls: an old kernel, or sanitizers");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/confine/writes", test_writes);
    g_test_add_func("/confine/calls", test_calls);
    return g_test_run();
}
