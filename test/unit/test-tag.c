/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tag templates. */

#undef NDEBUG

#include <stdio.h>

#include "record/tag.h"

#define HEX_64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const Pair labels[] = {
        { "app", "shop" },
        { "a}}b", "braces" },
        { "empty", "" },
        { "app", "second" },
};
static const Pair env[] = { { "TZ", "UTC" }, { "LINES", "a\nb" } };

static const Facts facts = {
        .id = HEX_64,
        .name = "web",
        .image = "docker.io/library/nginx:1",
        .image_id = "sha256:" HEX_64,
        .hostname = "host",
        .labels = labels,
        .n_labels = ARRAY_SIZE(labels),
        .env = env,
        .n_env = ARRAY_SIZE(env),
};

static void check_of(const Facts *f, const char *template, const char *expected)
{
        _cleanup_buffer_ Buffer b = {};
        char reason[REASON_MAX_BYTES];

        assert(tag_expand(span_from_string(template), f, &b, reason) == 0);
        assert(span_equal_string(buffer_span(&b), expected));
}

static void check(const char *template, const char *expected)
{
        check_of(&facts, template, expected);
}

static void test_fields(void)
{
        check("{{.ID}}", "0123456789ab");
        check("{{.FullID}}", HEX_64);
        check("{{.Name}}", "web");
        check("{{.ImageID}}", "0123456789ab");
        check("{{.ImageFullID}}", "sha256:" HEX_64);
        check("{{.ImageName}}", "docker.io/library/nginx:1");
        check("{{.Hostname}}", "host");
        check("{{.DaemonName}}", "conlogd");
        check("{{.ImageName}}/{{.Name}}/{{.ID}}", "docker.io/library/nginx:1/web/0123456789ab");
        puts("ok: fields");
}

static void test_indexed(void)
{
        check("{{index .ContainerLabels \"app\"}}", "shop");
        check("{{index .ContainerLabels \"empty\"}}", "");
        check("{{index .ContainerLabels \"no such\"}}", "");
        check("{{index .ContainerLabels \"\"}}", "");
        check("{{index .ContainerLabels \"a}}b\"}}", "braces");
        check("{{index .ContainerEnv \"TZ\"}}", "UTC");
        check("{{index .ContainerEnv \"app\"}}", "");
        check("{{index .ContainerEnv \"LINES\"}}", "a\nb");
        puts("ok: indexed");
}

static void test_text(void)
{
        check("nginx", "nginx");
        check("a{b}c}}d", "a{b}c}}d");
        check("}}{{.Name}}{", "}}web{");
        check("{ {{.Name}} }", "{ web }");
        check("{a{{.Name}}", "{aweb");
        check("\x01\t\xff", "\x01\t\xff");
        puts("ok: text");
}

static void test_white_space(void)
{
        check("{{ .ID }}", "0123456789ab");
        check("{{\t\r\n.Name \n}}", "web");
        check("{{  index \t .ContainerEnv\n\"TZ\"  }}", "UTC");
        check(" {{.Name}} ", " web ");
        puts("ok: white space");
}

static void test_absent(void)
{
        static const Facts nothing = {};

        check_of(&nothing, "<{{.ID}}{{.FullID}}{{.Name}}{{.ImageID}}{{.ImageName}}>", "<>");
        check_of(&nothing, "{{index .ContainerLabels \"app\"}}", "");
        puts("ok: absent");
}

/* Short forms are for digests only: an id that someone chose is shown whole. */
static void test_short_ids(void)
{
        check_of(&(Facts){ .id = "web-1" }, "{{.ID}}", "web-1");
        check_of(&(Facts){ .image_id = HEX_64 }, "{{.ImageID}}", "0123456789ab");
        check_of(&(Facts){ .image_id = "sha256:" }, "{{.ImageID}}", "");
        puts("ok: short ids");
}

/* Each is refused with a sentence that lists what is known, and leaves the buffer as it was. */
static void test_refused(void)
{
        static const Span refused[] = {
                SPAN_LITERAL(""),
                SPAN_LITERAL("{{"),
                SPAN_LITERAL("{{}}"),
                SPAN_LITERAL("{{.ID"),
                SPAN_LITERAL("{{.ID}"),
                SPAN_LITERAL("{{.ID} }"),
                SPAN_LITERAL("{{.ID .Name}}"),
                SPAN_LITERAL("{{{.ID}}"),
                SPAN_LITERAL("{{ID}}"),
                SPAN_LITERAL("{{.id}}"),
                SPAN_LITERAL("{{.IDs}}"),
                SPAN_LITERAL("{{.ID\0}}"),
                SPAN_LITERAL("{{. ID}}"),
                SPAN_LITERAL("{{.Command}}"),
                SPAN_LITERAL("{{- .ID -}}"),
                SPAN_LITERAL("{{.ID | upper}}"),
                SPAN_LITERAL("{{index}}"),
                SPAN_LITERAL("{{index .ContainerLabels}}"),
                SPAN_LITERAL("{{index .ContainerLabels \"}}"),
                SPAN_LITERAL("{{index .ContainerLabels app}}"),
                SPAN_LITERAL("{{index .ContainerLabels \"a\\\"b\"}}"),
                SPAN_LITERAL("{{index .ContainerLabels \"a\\n\"}}"),
                SPAN_LITERAL("{{index .ContainerLabels\"app\"}}"),
                SPAN_LITERAL("{{index.ContainerLabels \"app\"}}"),
                SPAN_LITERAL("{{index .Labels \"app\"}}"),
                SPAN_LITERAL("{{index .ContainerLabels \"app\" \"app\"}}"),
                SPAN_LITERAL("{{.Name}} and {{.Nam}}"),
        };

        for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
                _cleanup_buffer_ Buffer b = {};
                char reason[REASON_MAX_BYTES] = "";

                assert(buffer_append_string(&b, "kept") == 0);
                assert(tag_expand(refused[i], &facts, &b, reason) == -EINVAL);
                assert(strstr(reason, "{{.ImageFullID}}"));
                assert(strstr(reason, "bytes when expanded"));
                assert(span_equal_string(buffer_span(&b), "kept"));

                assert(tag_expand(refused[i], NULL, NULL, reason) == -EINVAL);
        }
        puts("ok: refused");
}

/* A template can be checked before there is a container. */
static void test_check_only(void)
{
        char reason[REASON_MAX_BYTES];

        assert(tag_expand(SPAN_LITERAL("{{.ID}}"), NULL, NULL, reason) == 0);
        assert(tag_expand(SPAN_LITERAL("{{index .ContainerEnv \"A\"}}"), NULL, NULL, reason) == 0);
        puts("ok: check only");
}

static void test_appends(void)
{
        _cleanup_buffer_ Buffer b = {};
        char reason[REASON_MAX_BYTES];

        assert(buffer_append_string(&b, "CONTAINER_TAG=") == 0);
        assert(tag_expand(SPAN_LITERAL("{{.Name}}"), &facts, &b, reason) == 0);
        assert(span_equal_string(buffer_span(&b), "CONTAINER_TAG=web"));
        puts("ok: appends");
}

static void test_limit(void)
{
        char text[TAG_MAX_BYTES + 2], reason[REASON_MAX_BYTES];
        const Facts long_name = { .name = text };
        _cleanup_buffer_ Buffer b = {};

        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        assert(tag_expand((Span){ text, TAG_MAX_BYTES }, &facts, &b, reason) == 0);
        assert(b.size == TAG_MAX_BYTES);
        assert(tag_expand((Span){ text, TAG_MAX_BYTES + 1 }, &facts, &b, reason) == -EINVAL);

        assert(tag_expand(SPAN_LITERAL("{{.Name}}"), &long_name, &b, reason) == -EINVAL);
        text[TAG_MAX_BYTES] = '\0';
        assert(tag_expand(SPAN_LITERAL("-{{.Name}}"), &long_name, &b, reason) == -EINVAL);
        assert(tag_expand(SPAN_LITERAL("{{.Name}}"), &long_name, &b, reason) == 0);
        puts("ok: limit");
}

int main(void)
{
        test_fields();
        test_indexed();
        test_text();
        test_white_space();
        test_absent();
        test_short_ids();
        test_refused();
        test_check_only();
        test_appends();
        test_limit();
        return 0;
}
