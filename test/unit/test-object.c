/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* JSON lines, beside jansson: what that refuses is kept whole, and where it is taken, the fields
 * are what jansson sees. */

#undef NDEBUG

#include <jansson.h>
#include <stdio.h>
#include <syslog.h>

#include "../object-reference.h"
#include "../slow.h"

static char scratch[OBJECT_SCRATCH_BYTES];

/* The fields as "NAME=value|…", with the message and the priority in front. */
static const char *say(Span line)
{
        static char said[8192];
        Object object;
        char *p = said;

        if (!object_parse(line, scratch, &object))
                return NULL;
        if (object.message.data)
                p += sprintf(p, "[%.*s]", (int) object.message.size, object.message.data);
        if (object.priority >= 0)
                p += sprintf(p, "<%d>", object.priority);
        for (size_t i = 0; i < object.n_fields; i++)
                p += sprintf(p, "|%.*s=%.*s", (int) object.fields[i].name.size,
                             object.fields[i].name.data, (int) object.fields[i].value.size,
                             object.fields[i].value.data);
        *p = '\0';
        return said;
}

static void expect(const char *line, const char *expected)
{
        const char *said = say(span_from_string(line));

        if (said ? expected && strcmp(said, expected) == 0 : !expected)
                return;
        printf("%s\n    gives %s\n    not %s\n", line, said ?: "nothing", expected ?: "nothing");
        abort();
}

static void test_fields(void)
{
        expect("{}", "");
        expect(" { } ", "");
        expect("{\"a\":1}", "|JSON_A=1");
        expect("{\"msg\":\"hello\",\"level\":\"warn\",\"n\":-1.5e3}",
               "[hello]<4>|JSON_N=-1.5e3|JSON_LEVEL=warn");
        expect("{\"a\":{\"b\":{\"c\":true},\"d\":null}}", "|JSON_A_B_C=true|JSON_A_D=null");
        expect("{\"a\":[1, {\"b\":[]}],\"e\":{ },\"f\":[]}",
               "|JSON_A=[1, {\"b\":[]}]|JSON_E={ }|JSON_F=[]");
        expect("{\"user-id\":\"x\",\"http.status\":2}", "|JSON_USER_ID=x|JSON_HTTP_STATUS=2");
        expect("{\"a_b\":1,\"a\":{\"c\":2}}", "|JSON_A_B=1|JSON_A_C=2");
        expect("{\"a_b\":1,\"a\":{\"b\":{\"c\":2}}}", "|JSON_A_B=1|JSON_A_B_C=2");
        expect("{\"\":1,\"9\":2,\"_x\":3}", "|JSON_=1|JSON_9=2|JSON__X=3");
        expect("{\"gr\xc3\xb6\xc3\x9f\x65\":\"\xc3\xa4\"}", "|JSON_GR____E=\xc3\xa4");
        expect("{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}", "|JSON_A=\"\\/\b\f\n\r\t");
        expect("{\"a\":\"\\u0041\\u00e4\\u20ac\\ud83d\\ude00!\"}",
               "|JSON_A=A\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80!");
        expect("{\"\\u0061\\n\":\"\"}", "|JSON_A_=");
        /* What another library, or nobody, would write; all of it stays a field. */
        expect("{\"MESSAGE\":\"m\",\"PRIORITY\":\"0\",\"_UID\":0}",
               "[m]|JSON__UID=0|JSON_PRIORITY=0");
        puts("ok: fields");
}

static void test_message(void)
{
        expect("{\"log\":\"a\",\"msg\":\"b\",\"message\":\"c\"}", "[c]|JSON_LOG=a|JSON_MSG=b");
        expect("{\"log\":\"a\",\"msg\":\"b\"}", "[b]|JSON_LOG=a");
        expect("{\"Log\":\"a\"}", "[a]");
        expect("{\"msg\":\"\"}", "[]");
        expect("{\"msg\":1}", "|JSON_MSG=1");
        expect("{\"msg\":[\"a\"]}", "|JSON_MSG=[\"a\"]");
        expect("{\"msg\":{\"a\":1}}", "|JSON_MSG_A=1");
        expect("{\"a\":{\"msg\":\"x\"}}", "|JSON_A_MSG=x");
        puts("ok: message");
}

static void test_priority(void)
{
        static const struct {
                const char *level;
                int priority;
        } levels[] = {
                { "\"emerg\"", 0 },
                { "\"ALERT\"", 1 },
                { "\"Panic\"", 1 },
                { "\"fatal\"", 2 },
                { "\"CRITICAL\"", 2 },
                { "\"error\"", 3 },
                { "\"err\"", 3 },
                { "\"Warning\"", 4 },
                { "\"notice\"", 5 },
                { "\"INFO\"", 6 },
                { "\"Information\"", 6 },
                { "\"debug\"", 7 },
                { "\"trace\"", 7 },
                { "0", 0 },
                { "7", 7 },
                { "\"4\"", 4 },
                { "10", 7 },
                { "20", 7 },
                { "30", 6 },
                { "35", 6 },
                { "40", 4 },
                { "50", 3 },
                { "60", 2 },
                { "\"50\"", 3 },
                { "8", -1 },
                { "70", -1 },
                { "100", -1 },
                { "-1", -1 },
                { "1.0", -1 },
                { "\"\"", -1 },
                { "\"loud\"", -1 },
                { "\"warn \"", -1 },
                { "[3]", -1 },
                { "null", -1 },
        };
        Object object;
        char line[128];

        for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
                (void) snprintf(line, sizeof(line), "{\"level\":%s}", levels[i].level);
                assert(object_parse(span_from_string(line), scratch, &object));
                assert(object.priority == levels[i].priority);
                assert(object.n_fields == 1);
        }
        expect("{\"lvl\":1,\"severity\":2,\"level\":3}",
               "<3>|JSON_LVL=1|JSON_SEVERITY=2|JSON_LEVEL=3");
        expect("{\"lvl\":1,\"SEVERITY\":2}", "<2>|JSON_LVL=1|JSON_SEVERITY=2");
        expect("{\"a\":{\"level\":3}}", "|JSON_A_LEVEL=3");
        puts("ok: priority");
}

static void test_kept_whole(void)
{
        static const Span lines[] = {
                SPAN_LITERAL(""),
                SPAN_LITERAL(" "),
                SPAN_LITERAL("hello"),
                SPAN_LITERAL("[1]"),
                SPAN_LITERAL("\"a\""),
                SPAN_LITERAL("1"),
                SPAN_LITERAL("null"),
                SPAN_LITERAL("{"),
                SPAN_LITERAL("{\"a\""),
                SPAN_LITERAL("{\"a\":"),
                SPAN_LITERAL("{\"a\":1"),
                SPAN_LITERAL("{\"a\":1,"),
                SPAN_LITERAL("{\"a\":1,}"),
                SPAN_LITERAL("{,}"),
                SPAN_LITERAL("{\"a\":1}x"),
                SPAN_LITERAL("{\"a\":1}{}"),
                SPAN_LITERAL("x{\"a\":1}"),
                SPAN_LITERAL("{a:1}"),
                SPAN_LITERAL("{'a':1}"),
                SPAN_LITERAL("{\"a\" 1}"),
                SPAN_LITERAL("{\"a\":1 \"b\":2}"),
                SPAN_LITERAL("{\"a\":01}"),
                SPAN_LITERAL("{\"a\":-}"),
                SPAN_LITERAL("{\"a\":1.}"),
                SPAN_LITERAL("{\"a\":.1}"),
                SPAN_LITERAL("{\"a\":1e}"),
                SPAN_LITERAL("{\"a\":+1}"),
                SPAN_LITERAL("{\"a\":NaN}"),
                SPAN_LITERAL("{\"a\":True}"),
                SPAN_LITERAL("{\"a\":truex}"),
                SPAN_LITERAL("{\"a\":nul}"),
                SPAN_LITERAL("{\"a\":[1,]}"),
                SPAN_LITERAL("{\"a\":[1}"),
                SPAN_LITERAL("{\"a\":[}]"),
                SPAN_LITERAL("{\"a\":\"}"),
                SPAN_LITERAL("{\"a\":\"\\x\"}"),
                SPAN_LITERAL("{\"a\":\"\\u12\"}"),
                SPAN_LITERAL("{\"a\":\"\\u12g4\"}"),
                SPAN_LITERAL("{\"a\":\"\\u0000\"}"),
                SPAN_LITERAL("{\"a\":\"\\ud800\"}"),
                SPAN_LITERAL("{\"a\":\"\\udc00\"}"),
                SPAN_LITERAL("{\"a\":\"\\ud800\\u0041\"}"),
                SPAN_LITERAL("{\"a\":\"\t\"}"),
                SPAN_LITERAL("{\"a\":\"\n\"}"),
                SPAN_LITERAL("{\"a\":\"\0\"}"),
                SPAN_LITERAL("{}\0"),
                SPAN_LITERAL("{\"a\":\"\xff\"}"),
                SPAN_LITERAL("{\"a\":\"\xc0\xaf\"}"),
                SPAN_LITERAL("{\"a\":\"\xed\xa0\x80\"}"),
                SPAN_LITERAL("{\"a\":\"\xf4\x90\x80\x80\"}"),
                SPAN_LITERAL("{\"a\":\"\xe2\x82\"}"),
                SPAN_LITERAL("{\"\xff\":1}"),
                SPAN_LITERAL("\xef\xbb\xbf{}"),
                SPAN_LITERAL("{/**/}"),
                SPAN_LITERAL("{\"a\":{\"b\":1},\"a\":{\"c\":1}}"),
                SPAN_LITERAL("{\"a\":{},\"a\":{\"c\":1}}"),
                SPAN_LITERAL("{\"a\":{\"c\":1},\"a\":1}"),
                /* JSON, but two would be one field. */
                SPAN_LITERAL("{\"a\":1,\"a\":2}"),
                SPAN_LITERAL("{\"a-b\":1,\"a_b\":2}"),
                SPAN_LITERAL("{\"a\":{\"b\":1},\"a_b\":2}"),
                SPAN_LITERAL("{\"a\":1,\"A\":2}"),
        };

        for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
                _cleanup_free_ char *exact = malloc(lines[i].size);

                memcpy(exact, lines[i].data, lines[i].size);
                assert(!say((Span){ exact, lines[i].size }));
        }
        puts("ok: kept whole");
}

/* The most of each, and one more. */
static void test_caps(void)
{
        static char line[LINE_MAX_BYTES + 16];
        Object object;

        for (size_t more = 0; more < 2; more++) {
                char *p = line;

                *p++ = '{';
                for (size_t i = 0; i < OBJECT_FIELDS_MAX + more; i++)
                        p += sprintf(p, "%s\"k%zu\":\"\\u00e4\"", i > 0 ? "," : "", i);
                *p++ = '}';
                assert(object_parse((Span){ line, (size_t) (p - line) }, scratch, &object) ==
                       !more);

                /* "JSON_" and the key. */
                p = line + sprintf(line, "{\"%0*d\":1}", FIELD_NAME_MAX_BYTES - 5 + (int) more, 0);
                assert(object_parse((Span){ line, (size_t) (p - line) }, scratch, &object) ==
                       !more);

                p = line;
                for (size_t i = 0; i < OBJECT_DEPTH_MAX + more; i++)
                        p += sprintf(p, "{\"a\":");
                p += sprintf(p, "1");
                for (size_t i = 0; i < OBJECT_DEPTH_MAX + more; i++)
                        *p++ = '}';
                assert(object_parse((Span){ line, (size_t) (p - line) }, scratch, &object) ==
                       !more);

                p = line + sprintf(line, "{\"a\":");
                memset(p, '[', OBJECT_DEPTH_MAX - 1 + more);
                memset(p + OBJECT_DEPTH_MAX - 1 + more, ']', OBJECT_DEPTH_MAX - 1 + more);
                p += 2 * (OBJECT_DEPTH_MAX - 1 + more);
                *p++ = '}';
                assert(object_parse((Span){ line, (size_t) (p - line) }, scratch, &object) ==
                       !more);

                /* The longest line, of nothing but escapes. */
                p = line + sprintf(line, "{\"a\":\"");
                while (p < line + LINE_MAX_BYTES - 2 + more * 2)
                        p += sprintf(p, "\\n");
                p += sprintf(p, "\"}");
                assert(object_parse((Span){ line, (size_t) (p - line) }, scratch, &object) ==
                       !more);
        }
        puts("ok: caps");
}

/* What a generator and a spoiler make of it is seen as jansson sees it, and nothing
 * else is refused. */
static void test_random(void)
{
        static const char *const parts[] = {
                "{",           "}",       "{}",
                "[",           "]",       ",",
                ":",           "\"a\":",  "\"b\":",
                "\"msg\":",    "\"x\"",   "\"\\n\"",
                "\"\\u00e4\"", "1",       "-0.5e1",
                "true",        "null",    " ",
                "\"",          "\\",      "\xc3\xa4",
                "\xff",        "\n",      "[1,2]",
                "{\"c\":1}",   "\"d\":{", "\"\\ud83d\\ude00\"",
        };
        unsigned rounds = test_is_slow() ? 5000 : 1000000, n = 0;
        uint32_t state = 3;

        for (unsigned i = 0; i < rounds; i++) {
                char line[256] = "{";
                size_t size;

                state = state * 1103515245 + 12345;
                for (unsigned k = (state >> 16) % 12; k > 0; k--) {
                        state = state * 1103515245 + 12345;
                        (void) strcat(line, parts[(state >> 16) % ARRAY_SIZE(parts)]);
                }
                (void) strcat(line, "}");
                size = strlen(line);
                if (check_object((Span){ line, size }))
                        n++;
                else
                        assert(!json_loadb(line, size,
                                           JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, NULL));
        }
        assert(n > rounds / 1000);
        printf("ok: random, %u objects\n", n);
}

int main(void)
{
        test_fields();
        test_message();
        test_priority();
        test_kept_whole();
        test_caps();
        test_random();
        return 0;
}
