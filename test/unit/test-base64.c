/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Base64, with the examples of RFC 4648 and all sizes. */

#undef NDEBUG

#include <stdio.h>

#include "record/base64.h"

static void check(Span bytes, const char *expected)
{
        char text[16], back[16];

        assert(span_equal_string((Span){ text, (size_t) (base64_put(text, bytes) - text) },
                                 expected));
        assert(base64_decode(back, span_from_string(expected)) == (ssize_t) bytes.size);
        assert(span_equal((Span){ back, bytes.size }, bytes));
}

int main(void)
{
        static const char *const bad[] = { "=",    "Z",    "Zg",   "Zg=",   "====",    "Z===",
                                           "Zg =", "Z=g=", "Zg-_", "Zm9v=", "Zg==Zg==" };
        char bytes[300], text[404], back[303];

        check(SPAN_LITERAL(""), "");
        check(SPAN_LITERAL("f"), "Zg==");
        check(SPAN_LITERAL("fo"), "Zm8=");
        check(SPAN_LITERAL("foo"), "Zm9v");
        check(SPAN_LITERAL("foob"), "Zm9vYg==");
        check(SPAN_LITERAL("fooba"), "Zm9vYmE=");
        check(SPAN_LITERAL("foobar"), "Zm9vYmFy");
        check(SPAN_LITERAL("\0\xff\xfb"), "AP/7");
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert(base64_decode(back, span_from_string(bad[i])) == -EBADMSG);
        puts("ok: examples");

        for (size_t size = 0; size <= sizeof(bytes); size++) {
                char *end;

                for (size_t i = 0; i < size; i++)
                        bytes[i] = (char) (i * 7 + size);
                end = base64_put(text, (Span){ bytes, size });
                assert((size_t) (end - text) == (size + 2) / 3 * 4);
                assert(base64_decode(text, (Span){ text, (size_t) (end - text) }) ==
                       (ssize_t) size);
                assert(memcmp(text, bytes, size) == 0);
        }
        puts("ok: in place");
        return EXIT_SUCCESS;
}
