/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Why a request is refused; see the header. */

#include <stdarg.h>
#include <stdio.h>

#include "base/limits.h"
#include "daemon/refusal.h"

int refuse(Refusal *refusal, const char *error, const char *format, ...)
{
        va_list ap;

        refusal_done(refusal);
        refusal->error = error;
        va_start(ap, format);
        refusal->parameters = json_vpack_ex(NULL, 0, format, ap);
        va_end(ap);
        return -EINVAL;
}

char *refusal_clean(char *text)
{
        json_auto_t *string = json_string(text);

        for (char *p = text; !string && *p; p++)
                if ((unsigned char) *p >= 0x80)
                        *p = '?';
        return text;
}

int refuse_option(Refusal *refusal, const char *driver, const char *key, char *rule)
{
        return refuse(refusal, "io.conlogd.InvalidOption", "{s:s, s:s, s:s}", "driver", driver,
                      "key", key, "rule", refusal_clean(rule));
}

int refuse_value(Refusal *refusal, const char *parameter, const char *rule, ...)
{
        char text[REASON_MAX_BYTES];
        va_list ap;

        va_start(ap, rule);
        (void) vsnprintf(text, sizeof(text), rule, ap);
        va_end(ap);
        return refuse(refusal, "io.conlogd.InvalidValue", "{s:s, s:s}", "parameter", parameter,
                      "rule", refusal_clean(text));
}

void refusal_done(Refusal *refusal)
{
        json_decref(refusal->parameters);
        *refusal = (Refusal){};
}
