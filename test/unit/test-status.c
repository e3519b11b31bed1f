/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What systemctl status and the log say of how things go. Standard error is a socket here, so a
 * wrong text is shown on standard output. */

#include "../daemon-fixture.h"
#include "../journal-receiver.h"

#include <sys/socket.h>

#include "base/log.h"

typedef struct StatusFixture {
        Fixture f;
        Receiver receiver;
        char path[128];   /* of a journald that is not there yet */
        int notify_fd;    /* the service manager's end */
        int messages_fd;  /* what comes out of standard error */
        char before[512]; /* STATUS= as it was */
} StatusFixture;

static void status_fixture_init(StatusFixture *s)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fds[2];

        fixture_init(&s->f);
        (void) snprintf(s->path, sizeof(s->path), "%.80s/socket", s->f.temporary.path);
        (void) snprintf(address.sun_path, sizeof(address.sun_path), "%.80s/notify",
                        s->f.temporary.path);
        s->notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert(bind(s->notify_fd, (struct sockaddr *) &address, sizeof(address)) == 0);
        assert(setenv("NOTIFY_SOCKET", address.sun_path, true) == 0);
        notify_free(s->f.daemon->notify);
        assert(notify_new(&s->f.daemon->notify, s->f.daemon->event) == 0);
        store_init(&s->f.daemon->store, s->f.daemon->notify);

        assert(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
        assert(dup2(fds[1], STDERR_FILENO) == STDERR_FILENO);
        (void) close(fds[1]);
        s->messages_fd = fds[0];
}

static void status_fixture_done(StatusFixture *s)
{
        fixture_done(&s->f);
        base_close(s->receiver.fd);
        base_close(s->notify_fd);
        base_close(s->messages_fd);
}

/* The next text, or false. A number of seconds in it becomes N. */
static bool read_text(int fd, char *text, size_t size)
{
        ssize_t n = read(fd, text, size - 1);
        char *from, *to;

        if (n < 0) {
                assert(errno == EAGAIN);
                return false;
        }
        text[n] = '\0';
        from = strstr(text, "for ") ?: strstr(text, "after ");
        to = from ? strstr(from, " s") : NULL;
        if (to) {
                from = strchr(from, ' ') + 1;
                assert(strtod(from, NULL) > 0.9 && strtod(from, NULL) < 60);
                *from = 'N';
                memmove(from + 1, to, strlen(to) + 1);
        }
        return true;
}

/* The next text from there that is not the one before again is this. */
static void expect(StatusFixture *s, int fd, const char *expected)
{
        char text[512] = "";

        for (unsigned i = 0;; i++) {
                if (!read_text(fd, text, sizeof(text))) {
                        if (i == 200)
                                break;
                        pump_for(&s->f, 50000);
                } else if (strncmp(text, "FDSTORE=", 8) != 0 && strcmp(text, s->before) != 0)
                        break;
                else
                        text[0] = '\0';
        }
        if (strcmp(text, expected) != 0) {
                printf("got: %s\nexpected: %s\n", text, expected);
                exit(EXIT_FAILURE);
        }
        if (fd == s->notify_fd)
                (void) snprintf(s->before, sizeof(s->before), "%s", text);
}

static void test_figures(void)
{
        StatusFixture s = { .receiver.fd = -1 };
        int fd;

        status_fixture_init(&s);
        (void) fixture_create(&s.f, "web", "");
        fd = fixture_open(&s.f, "web", "init-stdout");
        put(fd, "a\nb\n");
        expect(&s, s.notify_fd, "STATUS=1 container, 2 lines");
        put(fd, "c\n");
        (void) fixture_create(&s.f, "db", "");
        s.f.daemon->config = config_free(s.f.daemon->config);
        expect(&s, s.notify_fd,
               "STATUS=2 containers, 3 lines, configuration refused: no new containers");
        pump_for(&s.f, 1200000);
        assert(read(s.notify_fd, &fd, sizeof(fd)) < 0 && errno == EAGAIN);
        (void) close(fd);
        status_fixture_done(&s);
        puts("ok: figures");
}

static void test_outage(void)
{
        StatusFixture *s = calloc(1, sizeof(*s));
        JournalSocket *first, *second;
        JournalSockets *journals;

        s->receiver.fd = -1;
        status_fixture_init(s);
        journals = &s->f.daemon->host.journals;
        assert(journal_sockets_get(journals, s->f.daemon->event, s->path, "journald@web", &first) ==
               0);
        expect(s, s->messages_fd,
               "journald@web has taken nothing for N s, No such file or directory: lines wait in "
               "their FIFOs.\n");
        expect(s, s->notify_fd,
               "STATUS=0 containers, 0 lines; journald@web has taken nothing for N s: lines wait "
               "in their FIFOs");

        assert(journal_sockets_get(journals, s->f.daemon->event, "/nowhere/else", "journald",
                                   &second) == 0);
        expect(s, s->messages_fd,
               "journald has taken nothing for N s, No such file or directory: lines wait in "
               "their FIFOs.\n");
        expect(s, s->notify_fd,
               "STATUS=0 containers, 0 lines; journald@web and others have taken nothing for N s: "
               "lines wait in their FIFOs");

        receiver_open(&s->receiver, s->path);
        expect(s, s->messages_fd, "journald@web takes entries again, after N s.\n");
        status_fixture_done(s);
        free(s);
        puts("ok: outage");
}

int main(void)
{
        test_figures();
        test_outage();
        return 0;
}
