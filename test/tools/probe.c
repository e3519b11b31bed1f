/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * probe: what could an attacker do who runs code in conlogd? It is started with the settings of
 * conlogd.service, tries one thing after the other, each in a child that has first entered the
 * daemon's own filter, and tells how each one ended:
 *
 *     NAME killed        by the filter
 *     NAME EPERM         or another error
 *     NAME allowed
 *
 * No probe does harm where it is allowed: what would is tried with arguments that the kernel turns
 * down, after it has looked whether we may.
 */

#include <dirent.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "daemon/sandbox.h"

/* The one place where conlogd may write. */
#define RUN_PROBE "/run/conlogd/probe"

/* Takes a path or a number from the table. Returns a negative value and errno when refused. */
typedef long (*Attempt)(const char *path, long number);

typedef struct Probe {
        const char *name;
        Attempt attempt;
        const char *path;
        long number;
} Probe;

static long try_connect(const char *path, long number)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        (void) snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        return fd < 0 ? -1 : connect(fd, (struct sockaddr *) &address, sizeof(address));
}

static long try_open(const char *path, long number)
{
        return open(path, (int) number | O_CLOEXEC | O_NONBLOCK);
}

/* In a directory, under a name that cannot be in use; it goes again. */
static long try_create(const char *path, long number)
{
        char name[128];
        int fd;

        (void) snprintf(name, sizeof(name), "%s/conlogd-probe", path);
        fd = openat(AT_FDCWD, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, (mode_t) number);
        if (fd >= 0)
                (void) unlinkat(AT_FDCWD, name, 0);
        return fd;
}

static long try_mknod(const char *path, long number)
{
        long r = mknodat(AT_FDCWD, path, (mode_t) number | 0600, 0x0103);

        if (r >= 0)
                (void) unlinkat(AT_FDCWD, path, 0);
        return r;
}

static long try_socket(const char *path, long number)
{
        return socket((int) number, (number == AF_NETLINK ? SOCK_RAW : SOCK_STREAM), 0);
}

static long try_socketpair(const char *path, long number)
{
        int fds[2];

        return socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
}

static long try_bind(const char *path, long number)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "\0conlogd-probe" };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        return fd < 0 ? -1 : bind(fd, (struct sockaddr *) &address, sizeof(address));
}

static long try_exec(const char *path, long number)
{
        static char *const argv[] = { (char *) "true", NULL };

        /* Only comes back when it was refused; "true" itself says 0, which counts as allowed. */
        return execve(path, argv, NULL);
}

static long try_fork(const char *path, long number)
{
        long pid = syscall(number);

        if (pid == 0)
                _exit(0);
        return pid;
}

static long try_clone(const char *path, long number)
{
        long pid = syscall(SYS_clone, number | SIGCHLD, 0, 0, 0, 0);

        if (pid == 0)
                _exit(0);
        return pid;
}

static long try_mmap(const char *path, long number)
{
        return mmap(NULL, 4096, (int) number, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1
                                                                                                : 0;
}

static long try_mprotect(const char *path, long number)
{
        void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        return mprotect(p, 4096, PROT_READ | PROT_EXEC);
}

static long try_ptrace(const char *path, long number)
{
        return ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static long try_process_vm(const char *path, long number)
{
        char byte = 0;
        struct iovec iov = { &byte, 1 };

        return syscall(number, getpid(), &iov, 1L, &iov, 1L, 0L);
}

/* Signal 0 reaches nobody; it tells whether another one would. */
static long try_kill(const char *path, long number)
{
        return kill((pid_t) number, 0);
}

static long try_tgkill(const char *path, long number)
{
        return syscall(SYS_tgkill, number, number, 0);
}

static long try_scheduler(const char *path, long number)
{
        struct sched_param param = { .sched_priority = 1 };

        return sched_setscheduler(0, (int) number, &param);
}

static long try_nice(const char *path, long number)
{
        return setpriority(PRIO_PROCESS, 0, (int) number);
}

static long try_rlimit(const char *path, long number)
{
        struct rlimit limit = { 100, 100 };

        return setrlimit((__rlimit_resource_t) number, &limit);
}

static long try_fcntl(const char *path, long number)
{
        int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

        return fcntl(fd, (int) number, getpid());
}

static long try_ioctl(const char *path, long number)
{
        char c = 'x';

        return ioctl(STDIN_FILENO, (unsigned long) number, &c);
}

/* No call takes these arguments: EFAULT, EINVAL or EBADF mean that the kernel would have listened.
 * Whoever must not do a thing at all hears EPERM, EACCES or ENOSYS. */
static long try_call(const char *path, long number)
{
        long r = syscall(number, -1L, -1L, -1L, -1L, -1L, -1L);

        if (r < 0 && (errno == EFAULT || errno == EINVAL || errno == EBADF || errno == ENOENT))
                return 0;
        return r;
}

static long try_unshare(const char *path, long number)
{
        return unshare((int) number);
}

static long try_setuid(const char *path, long number)
{
        return syscall(SYS_setresuid, number, number, number);
}

static long try_chroot(const char *path, long number)
{
        return chroot(path);
}

static long try_keyring(const char *path, long number)
{
        return syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 1);
}

/* Another ABI of the same processor, where a filter may have a hole. */
static long try_x32(const char *path, long number)
{
        return syscall(0x40000000L + number);
}

static const Probe probes[] = {
        /* Who would do our work for us. */
        { "manager", try_connect, "/run/systemd/private", 0 },
        { "bus", try_connect, "/run/dbus/system_bus_socket", 0 },
        { "other-service", try_connect, "/run/conlogd-probe.socket", 0 },
        { "userdb", try_connect, "/run/systemd/userdb/io.systemd.DynamicUser", 0 },

        /* What is secret. */
        { "shadow", try_open, "/etc/shadow", O_RDONLY },
        { "gshadow", try_open, "/etc/gshadow", O_RDONLY },
        { "shadow-backup", try_open, "/etc/shadow-", O_RDONLY },
        { "root-home", try_open, "/root", O_RDONLY },
        { "home", try_open, "/home", O_RDONLY },
        { "manager-root", try_open, "/proc/1/root", O_RDONLY },
        { "manager-environment", try_open, "/proc/1/environ", O_RDONLY },
        { "manager-memory", try_open, "/proc/1/mem", O_RDONLY },
        { "kernel-log", try_open, "/dev/kmsg", O_RDONLY },
        { "memory", try_open, "/dev/mem", O_RDONLY },
        { "journal-files", try_open, "/run/log/journal", O_RDONLY },

        /* Where nothing may be written. */
        { "write-root", try_create, "/", 0600 },
        { "write-etc", try_create, "/etc", 0600 },
        { "write-usr", try_create, "/usr", 0600 },
        { "write-var", try_create, "/var", 0600 },
        { "write-var-lib", try_create, "/var/lib", 0600 },
        { "write-var-log", try_create, "/var/log", 0600 },
        { "write-var-tmp", try_create, "/var/tmp", 0600 },
        { "write-tmp", try_create, "/tmp", 0600 },
        { "write-run", try_create, "/run", 0600 },
        { "write-run-systemd", try_create, "/run/systemd", 0600 },
        { "write-run-journal", try_create, "/run/systemd/journal", 0600 },
        { "write-dev", try_create, "/dev", 0600 },
        { "write-dev-shm", try_create, "/dev/shm", 0600 },
        { "write-proc-sys", try_open, "/proc/sys/kernel/core_pattern", O_WRONLY },
        { "write-sysrq", try_open, "/proc/sysrq-trigger", O_WRONLY },
        { "write-cgroup", try_open, "/sys/fs/cgroup/cgroup.procs", O_WRONLY },

        /* Run something else. */
        { "exec", try_exec, "/bin/true", 0 },
        { "fork", try_fork, NULL, SYS_fork },
        { "vfork", try_fork, NULL, SYS_vfork },
        { "clone", try_clone, NULL, 0 },
        { "clone-user-namespace", try_clone, NULL, CLONE_NEWUSER },
        { "map-executable", try_mmap, NULL, PROT_READ | PROT_EXEC },
        { "map-writable-executable", try_mmap, NULL, PROT_READ | PROT_WRITE | PROT_EXEC },
        { "protect-executable", try_mprotect, NULL, 0 },
        { "personality", try_call, NULL, SYS_personality },

        /* The network. */
        { "inet", try_socket, NULL, AF_INET },
        { "inet6", try_socket, NULL, AF_INET6 },
        { "netlink", try_socket, NULL, AF_NETLINK },
        { "packet", try_socket, NULL, AF_PACKET },
        { "vsock", try_socket, NULL, AF_VSOCK },
        { "alg", try_socket, NULL, AF_ALG },
        { "bind", try_bind, NULL, 0 },
        { "socketpair", try_socketpair, NULL, 0 },

        /* Files that are more than files. */
        { "device", try_mknod, RUN_PROBE, S_IFCHR },
        { "block-device", try_mknod, RUN_PROBE, S_IFBLK },
        { "file-by-mknod", try_mknod, RUN_PROBE, S_IFREG },
        { "socket-by-mknod", try_mknod, RUN_PROBE, S_IFSOCK },
        { "setuid-file", try_create, "/run/conlogd", 04755 },
        { "open-by-handle", try_call, NULL, SYS_open_by_handle_at },

        /* Other processes. */
        { "ptrace", try_ptrace, NULL, 0 },
        { "process-read", try_process_vm, NULL, SYS_process_vm_readv },
        { "process-write", try_process_vm, NULL, SYS_process_vm_writev },
        { "signal-manager", try_kill, NULL, 1 },
        { "signal-all", try_kill, NULL, -1 },
        { "signal-manager-thread", try_tgkill, NULL, 1 },
        { "signal-by-pidfd", try_call, NULL, SYS_pidfd_send_signal },
        { "signal-by-owner", try_fcntl, NULL, F_SETOWN },

        /* Other rights, other places. */
        { "setuid", try_setuid, NULL, 65534 },
        { "setgroups", try_call, NULL, SYS_setgroups },
        { "capset", try_call, NULL, SYS_capset },
        { "mount", try_call, NULL, SYS_mount },
        { "umount", try_call, NULL, SYS_umount2 },
        { "open-tree", try_call, NULL, SYS_open_tree },
        { "fsopen", try_call, NULL, SYS_fsopen },
        { "pivot-root", try_call, NULL, SYS_pivot_root },
        { "chroot", try_chroot, "/", 0 },
        { "setns", try_call, NULL, SYS_setns },
        { "unshare-user", try_unshare, NULL, CLONE_NEWUSER },
        { "unshare-mounts", try_unshare, NULL, CLONE_NEWNS },

        /* The kernel's back rooms. */
        { "bpf", try_call, NULL, SYS_bpf },
        { "perf", try_call, NULL, SYS_perf_event_open },
        { "io-uring", try_call, NULL, SYS_io_uring_setup },
        { "userfaultfd", try_call, NULL, SYS_userfaultfd },
        { "keyring", try_keyring, NULL, 0 },
        { "add-key", try_call, NULL, SYS_add_key },
        { "init-module", try_call, NULL, SYS_init_module },
        { "delete-module", try_call, NULL, SYS_delete_module },
        { "kexec", try_call, NULL, SYS_kexec_load },
        { "reboot", try_call, NULL, SYS_reboot },
        { "swapon", try_call, NULL, SYS_swapon },
        { "clock", try_call, NULL, SYS_clock_settime },
        { "hostname", try_call, NULL, SYS_sethostname },
        { "kernel-log-call", try_call, NULL, SYS_syslog },
        { "realtime", try_scheduler, NULL, SCHED_FIFO },
        { "nice", try_nice, NULL, -20 },
        { "rlimit", try_rlimit, NULL, RLIMIT_NOFILE },
        { "terminal-input", try_ioctl, NULL, TIOCSTI },
        { "x32", try_x32, NULL, SYS_getpid },
};

/* In the child. Its exit status is the errno, 0 when the probe was allowed. */
static int probe_run(const Probe *probe, bool with_filter)
{
        if (with_filter && sandbox_enter() < 0)
                return 255;
        errno = 0;
        return probe->attempt(probe->path, probe->number) < 0 ? errno : 0;
}

static int probe_try(const Probe *probe, bool with_filter)
{
        pid_t pid;
        int status;

        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0)
                _exit(probe_run(probe, with_filter));
        if (waitpid(pid, &status, 0) < 0)
                return -errno;

        if (WIFSIGNALED(status))
                printf("%s %s\n", probe->name, WTERMSIG(status) == SIGSYS ? "killed" : "crashed");
        else if (WEXITSTATUS(status) == 255)
                printf("%s no-filter\n", probe->name);
        else
                printf("%s %s\n", probe->name,
                       WEXITSTATUS(status) == 0 ? "allowed" : strerrorname_np(WEXITSTATUS(status)));
        return 0;
}

int main(int argc, char *argv[])
{
        static const struct option options[] = {
                { "with-filter", no_argument, NULL, 'f' },
                {},
        };
        bool with_filter = false;
        int c, r;

        while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                if (c != 'f') {
                        fputs("probe [--with-filter] [NAME...]\n", stderr);
                        return 2;
                }
                with_filter = true;
        }

        (void) setvbuf(stdout, NULL, _IOLBF, 0);
        for (size_t i = 0; i < ARRAY_SIZE(probes); i++) {
                bool is_chosen = optind == argc;

                for (int k = optind; k < argc; k++)
                        is_chosen = is_chosen || strcmp(argv[k], probes[i].name) == 0;
                if (!is_chosen)
                        continue;
                r = probe_try(&probes[i], with_filter);
                if (r < 0) {
                        fprintf(stderr, "probe: %s\n", strerror(-r));
                        return 1;
                }
        }
        return 0;
}
