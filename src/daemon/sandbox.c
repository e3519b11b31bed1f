/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The system call filter; see the header. */

#include <fcntl.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>

#include "daemon/sandbox.h"

typedef struct SandboxRule {
        const char *call;
        bool is_kill;
        unsigned n_conditions;
        struct scmp_arg_cmp condition;
} SandboxRule;

#include "conlogd-syscalls.h"

/* Numbers above the last one that libseccomp knows: a C library that tries a new call must be told
 * that there is none, so that it falls back. */
#define SANDBOX_FUTURE_CALLS 128

static void sandbox_release(scmp_filter_ctx *filter)
{
        if (*filter)
                seccomp_release(*filter);
}

static int sandbox_add_rules(scmp_filter_ctx filter)
{
        for (size_t i = 0; i < ARRAY_SIZE(sandbox_rules); i++) {
                const SandboxRule *rule = &sandbox_rules[i];
                uint32_t action = rule->is_kill ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ALLOW;
                int call, r;

                call = seccomp_syscall_resolve_name(rule->call);
                if (call < 0)
                        continue; /* not on this architecture */
                if (action == SANDBOX_MISS_ACTION)
                        continue; /* libseccomp takes no rule that says what the default says */
                r = seccomp_rule_add_array(filter, action, call, rule->n_conditions,
                                           &rule->condition);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int sandbox_add_future(scmp_filter_ctx filter)
{
        int last = 0, r;

        for (int call = 0; call < 1024; call++) {
                char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, call);

                if (name)
                        last = call;
                free(name);
        }
        for (int call = last + 1; call <= last + SANDBOX_FUTURE_CALLS; call++) {
                r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), call, 0);
                if (r < 0)
                        return r;
        }
        return 0;
}

int sandbox_enter(void)
{
        _cleanup_(sandbox_release) scmp_filter_ctx filter = NULL;
        int r;

        /* -Dseccomp=off: sanitizers and valgrind do what only an attack would do. */
        if (SANDBOX_MISS_ACTION == SCMP_ACT_ALLOW)
                return 0;

        filter = seccomp_init(SANDBOX_MISS_ACTION);
        if (!filter)
                return -ENOMEM;
        r = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
        if (r < 0)
                return r;
        /* A binary tree: the calls of the hot path are found in eight steps, not eighty. */
        r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
        if (r < 0)
                return r;
        r = sandbox_add_rules(filter);
        if (r < 0)
                return r;
        r = sandbox_add_future(filter);
        if (r < 0)
                return r;
        return seccomp_load(filter);
}
