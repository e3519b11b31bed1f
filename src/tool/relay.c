/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A command on FIFOs, with us between; see the header. */

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "base/log.h"
#include "tool/relay.h"

/* One direction. Our own ends are blocking ones, shared with others: they are read and written only
 * when poll(2) says so, and PIPE_BUF bytes always fit a pipe that is writable. */
typedef struct Channel {
        int from_fd;
        int to_fd;
        size_t begin;
        size_t end;
        char bytes[PIPE_BUF];
} Channel;

enum {
        CHANNEL_STDIN,
        CHANNEL_STDOUT,
        CHANNEL_STDERR,
        CHANNELS,
};

typedef struct Relay {
        Channel channels[CHANNELS];
        int signal_fd;
        sigset_t old_mask;
        struct sigaction old_child;
        struct sigaction old_pipe;
        pid_t pid; /* 0: has ended */
        int status;
        bool is_told_to_end;
} Relay;

/* The ends of the FIFOs that the command gets. */
typedef struct Ends {
        int fds[CHANNELS];
} Ends;

static void channel_close(Channel *c)
{
        c->from_fd = base_close(c->from_fd);
        c->to_fd = base_close(c->to_fd);
}

static bool channel_is_open(const Channel *c)
{
        return c->from_fd >= 0;
}

static struct pollfd channel_poll(const Channel *c)
{
        if (!channel_is_open(c))
                return (struct pollfd){ .fd = -1 };
        if (c->begin < c->end)
                return (struct pollfd){ .fd = c->to_fd, .events = POLLOUT };
        return (struct pollfd){ .fd = c->from_fd, .events = POLLIN };
}

/* Does what the channel was polled for. */
static void channel_step(Channel *c)
{
        bool is_writing = c->begin < c->end;
        ssize_t n;

        if (is_writing)
                n = write(c->to_fd, c->bytes + c->begin, c->end - c->begin);
        else
                n = read(c->from_fd, c->bytes, sizeof(c->bytes));

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n < 0 && is_writing && errno != EPIPE)
                (void) log_error_errno(errno, "Failed to pass on what the command wrote: %m");
        if (n <= 0)
                channel_close(c);
        else if (is_writing)
                c->begin += (size_t) n;
        else {
                c->begin = 0;
                c->end = (size_t) n;
        }
}

static int open_fifo(const char *path, int flags, int *ret)
{
        int fd;

        fd = open(path, flags | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW);
        if (fd < 0)
                return log_error_errno(errno, "Failed to open %s: %m", path);
        *ret = fd;
        return 0;
}

/* Both ends of each FIFO: the reading one first and without waiting, then a writing one opens. */
static int relay_open(Relay *relay, const RelayPaths *paths, Ends *ends)
{
        Channel *c = relay->channels;
        int r;

        r = open_fifo(paths->stdin_path, O_RDONLY | O_NONBLOCK, &ends->fds[CHANNEL_STDIN]);
        if (r < 0)
                return r;
        r = open_fifo(paths->stdin_path, O_WRONLY | O_NONBLOCK, &c[CHANNEL_STDIN].to_fd);
        if (r < 0)
                return r;
        if (fcntl(ends->fds[CHANNEL_STDIN], F_SETFL, 0) < 0)
                return log_error_errno(errno, "Failed to set up standard input: %m");

        r = open_fifo(paths->stdout_path, O_RDONLY | O_NONBLOCK, &c[CHANNEL_STDOUT].from_fd);
        if (r < 0)
                return r;
        r = open_fifo(paths->stdout_path, O_WRONLY, &ends->fds[CHANNEL_STDOUT]);
        if (r < 0)
                return r;
        r = open_fifo(paths->stderr_path, O_RDONLY | O_NONBLOCK, &c[CHANNEL_STDERR].from_fd);
        if (r < 0)
                return r;
        return open_fifo(paths->stderr_path, O_WRONLY, &ends->fds[CHANNEL_STDERR]);
}

static void relay_restore_signals(const Relay *relay)
{
        (void) sigaction(SIGCHLD, &relay->old_child, NULL);
        (void) sigaction(SIGPIPE, &relay->old_pipe, NULL);
        (void) sigprocmask(SIG_SETMASK, &relay->old_mask, NULL);
}

static int relay_take_signals(Relay *relay)
{
        static const int signals[] = { SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM };
        sigset_t mask;

        sigemptyset(&mask);
        for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
                sigaddset(&mask, signals[i]);
        (void) sigprocmask(SIG_BLOCK, &mask, &relay->old_mask);
        /* Whoever ignored SIGCHLD has its children reaped by the kernel, status and all. */
        (void) sigaction(SIGCHLD, &(struct sigaction){ .sa_handler = SIG_DFL }, &relay->old_child);
        /* That our reader is gone is found out by writing. */
        (void) sigaction(SIGPIPE, &(struct sigaction){ .sa_handler = SIG_IGN }, &relay->old_pipe);

        relay->signal_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
        if (relay->signal_fd < 0)
                return log_error_errno(errno, "Failed to receive signals: %m");
        return 0;
}

static void relay_become_command(const Relay *relay, char **command, const Ends *ends)
{
        int r;

        for (int i = 0; i < CHANNELS; i++)
                if (dup2(ends->fds[i], i) < 0)
                        _exit(126);
        relay_restore_signals(relay);

        (void) execvp(command[0], command);
        r = log_error_errno(errno, "Failed to execute %s: %m", command[0]);
        _exit(r == -ENOENT ? 127 : 126);
}

static int relay_start(Relay *relay, char **command, const RelayPaths *paths)
{
        Ends ends = { .fds = { -1, -1, -1 } };
        int r;

        r = relay_open(relay, paths, &ends);
        if (r >= 0) {
                relay->pid = fork();
                if (relay->pid < 0)
                        r = log_error_errno(errno, "Failed to fork: %m");
                else if (relay->pid == 0)
                        relay_become_command(relay, command, &ends);
        }

        for (size_t i = 0; i < CHANNELS; i++)
                (void) base_close(ends.fds[i]);
        return r;
}

static void relay_reap(Relay *relay)
{
        int status;

        if (relay->pid == 0 || waitpid(relay->pid, &status, WNOHANG) <= 0)
                return;
        relay->pid = 0;
        relay->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        channel_close(&relay->channels[CHANNEL_STDIN]);
}

static void relay_take_signal(Relay *relay)
{
        struct signalfd_siginfo signal;

        if (read(relay->signal_fd, &signal, sizeof(signal)) != sizeof(signal))
                return;
        if (signal.ssi_signo == SIGCHLD)
                relay_reap(relay);
        else if (relay->pid == 0)
                relay->is_told_to_end = true;
        /* The terminal has sent its own to the command already. */
        else if (signal.ssi_code != SI_KERNEL)
                (void) kill(relay->pid, (int) signal.ssi_signo);
}

static int relay_carry(Relay *relay)
{
        Channel *c = relay->channels;

        while (!relay->is_told_to_end && (relay->pid != 0 || channel_is_open(&c[CHANNEL_STDOUT]) ||
                                          channel_is_open(&c[CHANNEL_STDERR]))) {
                struct pollfd fds[CHANNELS + 1];

                for (size_t i = 0; i < CHANNELS; i++)
                        fds[i] = channel_poll(&c[i]);
                fds[CHANNELS] = (struct pollfd){ .fd = relay->signal_fd, .events = POLLIN };
                if (poll(fds, ARRAY_SIZE(fds), -1) < 0) {
                        if (errno == EINTR)
                                continue;
                        return log_error_errno(errno, "Failed to wait for the command: %m");
                }

                for (size_t i = 0; i < CHANNELS; i++)
                        if (fds[i].revents != 0)
                                channel_step(&c[i]);
                if (fds[CHANNELS].revents != 0)
                        relay_take_signal(relay);
        }
        return relay->status;
}

/* Takes over our own streams, to close them when the command closes its side. Standard error stays
 * where it is as well: messages may follow. */
static int relay_take_own(Relay *relay)
{
        _cleanup_close_ int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        Channel *c = relay->channels;

        c[CHANNEL_STDIN].from_fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
        c[CHANNEL_STDOUT].to_fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
        c[CHANNEL_STDERR].to_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
        if (null_fd < 0 || c[CHANNEL_STDIN].from_fd < 0 || c[CHANNEL_STDOUT].to_fd < 0 ||
            c[CHANNEL_STDERR].to_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0 ||
            dup2(null_fd, STDOUT_FILENO) < 0)
                return log_error_errno(errno, "Failed to take over the standard streams: %m");
        return 0;
}

static void relay_done(Relay *relay)
{
        for (size_t i = 0; i < CHANNELS; i++)
                channel_close(&relay->channels[i]);
        relay->signal_fd = base_close(relay->signal_fd);
        relay_restore_signals(relay);
}

int relay_run(char **command, const RelayPaths *paths)
{
        _cleanup_(relay_done) Relay relay = { .signal_fd = -1 };
        int r;

        for (size_t i = 0; i < CHANNELS; i++)
                relay.channels[i] = (Channel){ .from_fd = -1, .to_fd = -1 };

        r = relay_take_signals(&relay);
        if (r < 0)
                return r;
        r = relay_take_own(&relay);
        if (r < 0)
                return r;
        r = relay_start(&relay, command, paths);
        if (r < 0)
                return r;
        return relay_carry(&relay);
}
