/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Child processes of a test. They die with it, also when it fails.
 */

#undef NDEBUG
#include <assert.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* As fork(2). */
static inline pid_t child_fork(void)
{
        pid_t parent = getpid(), pid;

        pid = fork();
        assert(pid >= 0);
        if (pid == 0) {
                assert(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
                if (getppid() != parent)
                        _exit(1);
        }
        return pid;
}

/* Kills the child and returns its status: it may have ended by itself before. */
static inline int child_kill(pid_t pid)
{
        int status;

        assert(kill(pid, SIGKILL) == 0);
        assert(waitpid(pid, &status, 0) == pid);
        return status;
}

static inline bool child_was_killed(int status)
{
        return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}
