/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Messages to the service manager, here a socket of the test that is as slow as it likes. */

#undef NDEBUG

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "../temporary.h"
#include "io/notify.h"

typedef struct Fixture {
        Temporary temporary;
        int manager_fd; /* what PID 1 reads from */
        sd_event *event;
        Notify *notify;
} Fixture;

static int manager_bind(const struct sockaddr_un *address, size_t size)
{
        int fd;

        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert(fd >= 0);
        assert(bind(fd, (const struct sockaddr *) address, (socklen_t) size) == 0);
        return fd;
}

static void fixture_init(Fixture *f)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        temporary_init(&f->temporary);
        (void) snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", f->temporary.path);
        f->manager_fd = manager_bind(&address, sizeof(address));
        assert(setenv("NOTIFY_SOCKET", address.sun_path, 1) == 0);
        assert(sd_event_new(&f->event) >= 0);
        assert(notify_new(&f->notify, f->event) == 0);
}

static void fixture_done(Fixture *f)
{
        f->notify = notify_free(f->notify);
        sd_event_unref(f->event);
        base_close(f->manager_fd);
        temporary_done(&f->temporary);
}

/* The next message and the fds that came with it; false when there is none now. */
static bool receive(Fixture *f, char *ret_text, size_t size, int *ret_fds, size_t *ret_n_fds)
{
        char control[CMSG_SPACE(sizeof(int) * 16)];
        struct iovec iov = { ret_text, size - 1 };
        struct msghdr message = { .msg_iov = &iov,
                                  .msg_iovlen = 1,
                                  .msg_control = control,
                                  .msg_controllen = sizeof(control) };
        struct cmsghdr *c;
        ssize_t n;

        n = recvmsg(f->manager_fd, &message, MSG_CMSG_CLOEXEC);
        if (n < 0) {
                assert(errno == EAGAIN);
                return false;
        }
        ret_text[n] = '\0';
        *ret_n_fds = 0;
        c = CMSG_FIRSTHDR(&message);
        if (c) {
                assert(c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS);
                *ret_n_fds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
                memcpy(ret_fds, CMSG_DATA(c), *ret_n_fds * sizeof(int));
                assert(!CMSG_NXTHDR(&message, c));
        }
        return true;
}

static ino_t get_inode(int fd)
{
        struct stat st;

        assert(fstat(fd, &st) == 0);
        return st.st_ino;
}

/* The next message is this one, with copies of these fds. */
static void expect(Fixture *f, const char *text, const ino_t *inodes, size_t n)
{
        char found[512];
        int fds[16];
        size_t n_fds;

        assert(receive(f, found, sizeof(found), fds, &n_fds));
        assert(strcmp(found, text) == 0);
        assert(n_fds == n);
        for (size_t i = 0; i < n; i++) {
                assert(get_inode(fds[i]) == inodes[i]);
                base_close(fds[i]);
        }
}

static void expect_nothing(Fixture *f)
{
        char found[512];
        int fds[16];
        size_t n_fds;

        assert(!receive(f, found, sizeof(found), fds, &n_fds));
}

static void test_messages(void)
{
        Fixture f;
        int fds[3];
        ino_t inodes[3];

        fixture_init(&f);
        assert(notify_send(f.notify, "READY=1") == 0);
        expect(&f, "READY=1", NULL, 0);

        for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
                char name[8];

                (void) snprintf(name, sizeof(name), "%zu", i);
                temporary_write(&f.temporary, name, "");
                fds[i] = openat(f.temporary.fd, name, O_RDONLY | O_CLOEXEC);
                inodes[i] = get_inode(fds[i]);
        }
        assert(notify_store_fds(f.notify, "123456789abc", fds, 3) == 0);
        expect(&f, "FDSTORE=1\nFDPOLL=0\nFDNAME=123456789abc", inodes, 3);
        assert(notify_store_fds(f.notify, "1", fds + 1, 1) == 0);
        expect(&f, "FDSTORE=1\nFDPOLL=0\nFDNAME=1", inodes + 1, 1);
        assert(notify_remove_fds(f.notify, "123456789abc") == 0);
        expect(&f, "FDSTOREREMOVE=1\nFDNAME=123456789abc", NULL, 0);

        /* Sent is sent: nothing is left to do in the loop. */
        assert(sd_event_run(f.event, 0) == 0);
        for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
                base_close(fds[i]);
        fixture_done(&f);
        puts("ok: messages");
}

/* What one sender can get into the socket. */
static unsigned fill_by_one(Fixture *f)
{
        struct sockaddr_un address;
        socklen_t size = sizeof(address);
        _cleanup_close_ int fd = -1;
        unsigned n = 0;

        assert(getsockname(f->manager_fd, (struct sockaddr *) &address, &size) == 0);
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert(fd >= 0);
        while (sendto(fd, "x", 1, 0, (struct sockaddr *) &address, size) == 1)
                n++;
        assert(errno == EAGAIN);
        return n;
}

/* Fills the socket. Returns how many messages fit. A sender stops at its own send buffer, too, and
 * where systemd is PID 1 the socket takes more than that (net.unix.max_dgram_qlen). */
static unsigned fill(Fixture *f)
{
        unsigned n = 0, k;

        while ((k = fill_by_one(f)) > 0)
                n += k;
        assert(n > 0);
        return n;
}

static void on_ready(void *userdata)
{
        (*(unsigned *) userdata)++;
}

/* A manager that does not read: nobody waits for it, and it gets everything in order in the end. */
static void test_slow_manager(void)
{
        Fixture f;
        unsigned n, n_ready = 0, n_open, n_fds = temporary_count_fds();

        fixture_init(&f);
        n = fill(&f);

        /* No fd is queued: who wants to store it is told when to try again. */
        notify_set_ready(f.notify, on_ready, &n_ready);
        n_open = temporary_count_fds();
        assert(notify_store_fds(f.notify, "a", &f.temporary.fd, 1) == -EAGAIN);
        assert(temporary_count_fds() == n_open);
        assert(notify_send(f.notify, "WATCHDOG=1") == 0);
        assert(notify_remove_fds(f.notify, "a") == 0);
        assert(sd_event_run(f.event, 0) == 0);

        for (unsigned i = 0; i < n; i++)
                expect(&f, "x", NULL, 0);
        /* Room now, but what waits goes first, one message a turn. */
        assert(notify_send(f.notify, "STATUS=last") == 0);
        assert(notify_store_fds(f.notify, "a", &f.temporary.fd, 1) == -EAGAIN);
        expect_nothing(&f);
        assert(sd_event_run(f.event, 0) > 0);
        expect(&f, "WATCHDOG=1", NULL, 0);
        expect_nothing(&f);
        assert(sd_event_run(f.event, 0) > 0);
        expect(&f, "FDSTOREREMOVE=1\nFDNAME=a", NULL, 0);
        assert(sd_event_run(f.event, 0) > 0);
        expect(&f, "STATUS=last", NULL, 0);
        expect_nothing(&f);
        /* Told once, however often it asked. */
        assert(n_ready == 0);
        assert(sd_event_run(f.event, 0) > 0 && n_ready == 1);
        assert(sd_event_run(f.event, 0) == 0);

        assert(notify_send(f.notify, "STATUS=direct") == 0);
        expect(&f, "STATUS=direct", NULL, 0);
        fixture_done(&f);
        assert(temporary_count_fds() == n_fds);
        puts("ok: a slow manager");
}

/* Many messages to a manager that reads one now and then. */
static void test_trickle(void)
{
        char text[32], found[512];
        unsigned n_sent = 0, n_seen = 0;
        size_t n_fds;
        int fds[16];
        Fixture f;

        fixture_init(&f);
        for (; n_seen < 2000; n_sent++) {
                if (n_sent < 2000) {
                        (void) snprintf(text, sizeof(text), "STATUS=%u", n_sent);
                        assert(notify_send(f.notify, text) == 0);
                }
                assert(sd_event_run(f.event, 0) >= 0);
                if (n_sent % 3 != 0 && receive(&f, found, sizeof(found), fds, &n_fds)) {
                        (void) snprintf(text, sizeof(text), "STATUS=%u", n_seen++);
                        assert(strcmp(found, text) == 0);
                }
                assert(n_sent < 10000);
        }
        expect_nothing(&f);
        fixture_done(&f);
        puts("ok: order");
}

/* A manager that is gone: what waited is lost, the loop does not spin, nothing leaks. */
static void test_lost_manager(void)
{
        unsigned n_fds = temporary_count_fds();
        unsigned n_ready = 0;
        Fixture f;

        fixture_init(&f);
        (void) fill(&f);
        for (unsigned i = 0; i < 5; i++)
                assert(notify_send(f.notify, "STATUS=lost") == 0);
        notify_set_ready(f.notify, on_ready, &n_ready);
        assert(notify_store_fds(f.notify, "a", &f.temporary.fd, 1) == -EAGAIN);
        f.manager_fd = base_close(f.manager_fd);
        for (unsigned i = 0; sd_event_run(f.event, 0) > 0; i++)
                assert(i < 20);
        assert(notify_send(f.notify, "READY=1") < 0);
        assert(n_ready == 1);
        assert(notify_store_fds(f.notify, "a", &f.temporary.fd, 1) != -EAGAIN);
        fixture_done(&f);
        assert(temporary_count_fds() == n_fds);

        /* So it is when we are the first to go. */
        fixture_init(&f);
        (void) fill(&f);
        for (unsigned i = 0; i < 5; i++)
                assert(notify_send(f.notify, "STATUS=lost") == 0);
        fixture_done(&f);
        assert(temporary_count_fds() == n_fds);
        puts("ok: a lost manager");
}

/* The next sends that fail, in front of the C library's. */
static unsigned n_failing;

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
        if (n_failing > 0) {
                n_failing--;
                errno = ENOBUFS;
                return -1;
        }
        return syscall(SYS_sendmsg, fd, message, flags);
}

/* A kernel without memory: nothing is lost, all of it goes out in order, and nobody spins. */
static void test_no_memory(void)
{
        unsigned n_ready = 0;
        Fixture f;

        fixture_init(&f);
        notify_set_ready(f.notify, on_ready, &n_ready);
        n_failing = 2;
        assert(notify_remove_fds(f.notify, "a") == 0);
        assert(notify_send(f.notify, "STATUS=x") == 0);
        assert(notify_store_fds(f.notify, "c", &f.temporary.fd, 1) == -EAGAIN);
        for (unsigned i = 0; n_failing > 0; i++) {
                assert(i < 5);
                assert(sd_event_run(f.event, 1000000) > 0);
        }
        expect_nothing(&f);
        assert(sd_event_run(f.event, 1000000) > 0 && sd_event_run(f.event, 1000000) > 0);
        expect(&f, "FDSTOREREMOVE=1\nFDNAME=a", NULL, 0);
        assert(sd_event_run(f.event, 1000000) > 0);
        expect(&f, "STATUS=x", NULL, 0);
        assert(sd_event_run(f.event, 1000000) > 0 && n_ready == 1);
        assert(notify_store_fds(f.notify, "c", &f.temporary.fd, 1) == 0);
        expect(&f, "FDSTORE=1\nFDPOLL=0\nFDNAME=c", (ino_t[]){ get_inode(f.temporary.fd) }, 1);

        /* Fds alone, too. */
        n_failing = 1;
        assert(notify_store_fds(f.notify, "d", &f.temporary.fd, 1) == -EAGAIN);
        for (unsigned i = 0; n_ready == 1; i++) {
                assert(i < 5);
                assert(sd_event_run(f.event, 1000000) > 0);
        }
        expect_nothing(&f);
        assert(sd_event_run(f.event, 0) == 0);
        fixture_done(&f);
        puts("ok: no memory");
}

static void test_no_manager(void)
{
        char path[200] = "/";
        sd_event *event;
        Notify *notify = NULL;

        assert(sd_event_new(&event) >= 0);
        for (unsigned i = 0; i < 2; i++) {
                if (i == 0)
                        assert(unsetenv("NOTIFY_SOCKET") == 0);
                else
                        assert(setenv("NOTIFY_SOCKET", "", 1) == 0);
                assert(notify_new(&notify, event) == 0);
                assert(notify_send(notify, "READY=1") == 0);
                assert(notify_store_fds(notify, "a", &(int){ 0 }, 1) == 0);
                assert(sd_event_run(event, 0) == 0);
                notify = notify_free(notify);
        }

        /* One that is named but not there is another matter. */
        assert(setenv("NOTIFY_SOCKET", "/nowhere/notify", 1) == 0);
        assert(notify_new(&notify, event) == -ENOENT && !notify);
        memset(path + 1, 'x', sizeof(path) - 2);
        assert(setenv("NOTIFY_SOCKET", path, 1) == 0);
        assert(notify_new(&notify, event) == -ENAMETOOLONG && !notify);
        sd_event_unref(event);
        puts("ok: no manager");
}

static void test_abstract(void)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        char name[64];
        Fixture f = {};

        temporary_init(&f.temporary);
        (void) snprintf(name, sizeof(name), "@conlog-test-%i", (int) getpid());
        strcpy(address.sun_path, name);
        address.sun_path[0] = '\0';
        f.manager_fd =
                manager_bind(&address, offsetof(struct sockaddr_un, sun_path) + strlen(name));
        assert(setenv("NOTIFY_SOCKET", name, 1) == 0);
        assert(sd_event_new(&f.event) >= 0);
        assert(notify_new(&f.notify, f.event) == 0);
        assert(notify_send(f.notify, "READY=1") == 0);
        expect(&f, "READY=1", NULL, 0);
        fixture_done(&f);
        puts("ok: abstract socket");
}

int main(void)
{
        (void) alarm(30); /* nothing here may block */
        test_messages();
        test_slow_manager();
        test_trickle();
        test_lost_manager();
        test_no_memory();
        test_no_manager();
        test_abstract();
        return 0;
}
