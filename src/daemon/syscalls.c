#include "daemon/syscalls.h"

#include <errno.h>
#include <glib.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/socket.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) && !defined(SANITIZED)
#define SANITIZED 1
#endif

/* By name: which of them there are differs between machines and versions of the library. */
static const char *const allowed[] = {
    /* memory, threads, time, who we are */
    "brk", "mmap", "mmap2", "munmap", "mremap", "mprotect", "madvise", "membarrier", "mlock", "mlock2", "munlock",
    "futex", "futex_time64", "futex_waitv", "set_robust_list", "get_robust_list", "rseq", "set_tid_address", "gettid",
    "sched_yield", "sched_getaffinity", "sched_getparam", "sched_getscheduler", "getcpu", "arch_prctl", "prctl", "exit",
    "exit_group", "restart_syscall", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait", "sigreturn",
    "sigaltstack", "tgkill", "clock_gettime", "clock_gettime64", "clock_getres", "clock_nanosleep",
    "clock_nanosleep_time64", "nanosleep", "gettimeofday", "time", "getpid", "getppid", "getuid", "geteuid", "getgid",
    "getegid", "getuid32", "geteuid32", "getgid32", "getegid32", "getresuid", "getresgid", "getgroups", "getrandom",
    "getrlimit", "ugetrlimit", "prlimit64", "getrusage", "sysinfo", "times", "uname", "umask",
    /* waiting */
    "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "poll", "ppoll",
    "ppoll_time64", "select", "_newselect", "pselect6", "eventfd", "eventfd2", "pipe", "pipe2", "inotify_init1",
    "inotify_add_watch", "inotify_rm_watch", "timerfd_create", "timerfd_settime", "signalfd4",
    /* descriptors and files */
    "read", "readv", "pread64", "preadv", "preadv2", "write", "writev", "pwrite64", "pwritev", "pwritev2", "close",
    "close_range", "dup", "dup2", "dup3", "fcntl", "fcntl64", "flock", "ioctl", "lseek", "_llseek", "open", "openat",
    "openat2", "access", "faccessat", "faccessat2", "stat", "stat64", "lstat", "lstat64", "fstat", "fstat64",
    "newfstatat", "fstatat64", "statx", "statfs", "statfs64", "fstatfs", "fstatfs64", "getcwd", "readlink",
    "readlinkat", "getdents", "getdents64", "fsync", "fdatasync", "sync_file_range", "fadvise64", "fadvise64_64",
    "readahead", "fallocate", "ftruncate", "ftruncate64", "truncate", "rename", "renameat", "renameat2", "link",
    "linkat", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir", "chmod", "fchmod", "fchmodat", "fchown", "fchownat",
    "utimensat", "sendfile", "sendfile64", "copy_file_range",
    /* sockets */
    "bind", "listen", "accept", "accept4", "connect", "getsockname", "getpeername", "getsockopt", "setsockopt",
    "shutdown", "send", "sendto", "sendmsg", "sendmmsg", "recv", "recvfrom", "recvmsg", "recvmmsg", "socketpair",
};

static bool
allow_all(scmp_filter_ctx filter)
{
    for (guint i = 0; i < G_N_ELEMENTS(allowed); i++) {
        int number = seccomp_syscall_resolve_name(allowed[i]);
        if (number != __NR_SCMP_ERROR && seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0) < 0)
            return false;
    }
    return true;
}

/* Networks, unix sockets, and what getaddrinfo(3) asks of the kernel: no raw packets. */
static bool
allow_sockets(scmp_filter_ctx filter)
{
    static const int families[] = { AF_UNIX, AF_INET, AF_INET6, AF_NETLINK };

    for (guint i = 0; i < G_N_ELEMENTS(families); i++) {
        if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
                             SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t) families[i])) < 0)
            return false;
    }
    return true;
}

/* Threads are made, processes are not. What clone3() is asked for no filter can see; without it libc uses clone(). */
static bool
allow_threads(scmp_filter_ctx filter)
{
    return seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0 &&
           seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                            SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD)) == 0;
}

static bool
allow_own_signals(scmp_filter_ctx filter)
{
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(kill), 1,
                            SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t) getpid())) == 0;
}

bool
syscalls_confine(const char **why)
{
#ifdef SANITIZED
    *why = "system calls are left alone: the sanitizers need more of them";
    return false;
#endif
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));

    *why = "the kernel has no filter for system calls, or refuses it";
    if (!filter)
        return false;
    /* All threads or none: some have begun. */
    bool done = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) == 0 && allow_all(filter) && allow_sockets(filter) &&
                allow_threads(filter) && allow_own_signals(filter);
    seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);      /* an old kernel has no such log */
    seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a search, not a walk, for each call */
    done = done && seccomp_load(filter) == 0;
    seccomp_release(filter);
    return done;
}
