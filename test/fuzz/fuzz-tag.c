/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tag templates, against an expansion by regcomp(3). */

#include "fuzz.h"

#include <regex.h>
#include <stdio.h>

#include "record/tag.h"

#define HEX_64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const Pair labels[] = { { "a", "label a" }, { "b}}", "label b" }, { "", "no key" } };
static const Pair env[] = { { "A", "variable A" } };
static const Facts facts = {
        .id = HEX_64,
        .name = "name",
        .image = "image",
        .image_id = "sha256:" HEX_64,
        .hostname = "host",
        .labels = labels,
        .n_labels = ARRAY_SIZE(labels),
        .env = env,
        .n_env = ARRAY_SIZE(env),
};

static const Pair fields[] = {
        { ".ID", "0123456789ab" },
        { ".FullID", HEX_64 },
        { ".Name", "name" },
        { ".ImageID", "0123456789ab" },
        { ".ImageFullID", "sha256:" HEX_64 },
        { ".ImageName", "image" },
        { ".Hostname", "host" },
        { ".DaemonName", "conlogd" },
};

static Span group(Span in, regmatch_t match)
{
        return (Span){ in.data + match.rm_so, (size_t) (match.rm_eo - match.rm_so) };
}

static const char *find(const Pair *pairs, size_t n_pairs, Span key)
{
        for (size_t i = 0; i < n_pairs; i++)
                if (span_equal_string(key, pairs[i].key))
                        return pairs[i].value;
        return NULL;
}

/* Whether template is right; its expansion is appended to ret. */
static bool reference_expand(Span template, Buffer *ret)
{
        static const char space[] = "[ \t\r\n]";
        regmatch_t m[5];
        char pattern[256];
        bool is_good = template.size > 0;
        regex_t regex;
        Span in = template;

        (void) snprintf(pattern, sizeof(pattern),
                        "^\\{\\{%s*((\\.[A-Za-z]+)|index%s+\\.Container(Labels|Env)%s+"
                        "\"([^\"\\]*)\")%s*}}",
                        space, space, space, space);
        assert(regcomp(&regex, pattern, REG_EXTENDED) == 0);

        while (is_good && in.size > 0) {
                const char *value;

                if (!span_starts_with(in, SPAN_LITERAL("{{"))) {
                        assert(buffer_append(ret, in.data, 1) == 0);
                        in = span_skip(in, 1);
                        continue;
                }
                m[0] = (regmatch_t){ 0, (regoff_t) in.size };
                is_good = regexec(&regex, in.data, ARRAY_SIZE(m), m, REG_STARTEND) == 0;
                if (!is_good)
                        break;
                if (m[2].rm_so >= 0) {
                        value = find(fields, ARRAY_SIZE(fields), group(in, m[2]));
                        is_good = value;
                } else if (span_equal_string(group(in, m[3]), "Labels"))
                        value = find(labels, ARRAY_SIZE(labels), group(in, m[4]));
                else
                        value = find(env, ARRAY_SIZE(env), group(in, m[4]));
                assert(buffer_append_string(ret, value ?: "") == 0);
                in = span_skip(in, (size_t) m[0].rm_eo);
        }
        regfree(&regex);
        return is_good && ret->size <= TAG_MAX_BYTES;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Span template = { (const char *) data, size };
        char reason[REASON_MAX_BYTES] = "";
        _cleanup_buffer_ Buffer got = {}, expected = {}, copy = {};
        int r;

        /* regexec(3) may look for a NUL behind the text; the program may not. */
        assert(buffer_append_span(&copy, template) == 0 && buffer_append(&copy, "", 1) == 0);

        r = tag_expand(template, &facts, &got, reason);
        if (reference_expand((Span){ copy.data, size }, &expected)) {
                assert(r == 0 && reason[0] == '\0');
                assert(span_equal(buffer_span(&got), buffer_span(&expected)));
        } else
                assert(r == -EINVAL && reason[0] != '\0' && got.size == 0);
        return 0;
}

bool fuzz_accepts(const uint8_t *data, size_t size)
{
        char reason[REASON_MAX_BYTES];

        return tag_expand((Span){ (const char *) data, size }, NULL, NULL, reason) == 0;
}
