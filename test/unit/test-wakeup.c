/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Wake-ups of a container with two drivers that a system call, or what happens between two of them,
 * may take away: what is in the FIFO is logged, and a stream that is to end does. */

#include "../split-fixture.h"

#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

/* What happens to the next calls. */
static struct {
        int fill_fails; /* so many times */
} trouble;

/* In front of the C library's. */
int ioctl(int fd, unsigned long request, ...)
{
        va_list ap;
        void *p;

        va_start(ap, request);
        p = va_arg(ap, void *);
        va_end(ap);
        if (request == FIONREAD && trouble.fill_fails > 0) {
                trouble.fill_fails--;
                errno = EIO;
                return -1;
        }
        return (int) syscall(SYS_ioctl, fd, request, p);
}

/* How much there is cannot be told now. */
static void test_unknown(void)
{
        _cleanup_close_ int fd = -1;
        size_t at[2] = {};
        Container *c;
        Fixture f;

        fixture_init(&f);
        c = create(&f, "");
        fd = fixture_open(&f, "web", "init-stdout");
        (void) pump(&f);
        put(fd, "line 000001\n");
        trouble.fill_fails = 1;
        (void) pump(&f);
        assert(trouble.fill_fails == 0);
        for (unsigned i = 0; i < 2; i++)
                expect_lines(&f, get_feed(c, i), &at[i], 1, 1);
        fixture_done(&f);
        puts("ok: unknown");
}

int main(void)
{
        test_unknown();
        return 0;
}
