/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Records of local: ours to the byte, read forwards and backwards, and what is torn or foreign. */

#undef NDEBUG

#include <stdio.h>

#include "../stored-reader.h"
#include "record/local-frame.h"
#include "record/put.h"

/* 1795312221120000000 as a varint. */
#define TIME "\x10\x80\xe0\x99\x86\xc0\xde\x8e\xf5\x18"
#define OUT "\x0a\x06stdout" TIME
#define ERR "\x0a\x06stderr" TIME
#define ID TEST_EPOCH "0000000000000005"

static size_t encode(const Entry *e, Span attributes, char **ret)
{
        size_t size, bound = local_frame_bound(e, attributes);

        *ret = malloc(bound);
        size = local_frame_encode(*ret, e, TEST_EPOCH, attributes);
        assert(size <= bound);
        return size;
}

static void check(const Entry *e, Span attributes, Span message)
{
        _cleanup_free_ char *out = NULL;
        size_t size = encode(e, attributes, &out);
        const char ends[4] = { 0, 0, (char) (message.size >> 8), (char) message.size };

        assert(size == message.size + 8);
        assert(memcmp(out, ends, 4) == 0);
        assert(span_equal((Span){ out + 4, message.size }, message));
        assert(memcmp(out + 4 + message.size, ends, 4) == 0);
}

static void test_encode(void)
{
        Entry e = test_line(ENTRY_STDOUT, SPAN_LITERAL("hello\0\xff"));

        check(&e, (Span){}, SPAN_LITERAL(OUT "\x1a\x07hello\0\xff"));
        check(&e, SPAN_LITERAL("\x32\x00"), SPAN_LITERAL(OUT "\x1a\x07hello\0\xff\x32\x00"));
        e = test_line(ENTRY_STDERR, (Span){});
        check(&e, (Span){}, SPAN_LITERAL(ERR));
        e = test_part(SPAN_LITERAL("a"), 1, false);
        check(&e, (Span){},
              SPAN_LITERAL(OUT "\x1a\x01"
                               "a\x20\x01\x2a\x34\x12\x30" ID "\x18\x01"));
        e = test_part(SPAN_LITERAL("b"), 300, true);
        check(&e, (Span){},
              SPAN_LITERAL(OUT "\x1a\x01"
                               "b\x20\x01\x2a\x37\x08\x01\x12\x30" ID "\x18\xac\x02"));
        e = test_loss();
        check(&e, (Span){}, SPAN_LITERAL(ERR "\x1a\x38" TEST_LOSS_TEXT));
        e.kind = ENTRY_END;
        assert(local_frame_encode(NULL, &e, TEST_EPOCH, (Span){}) == 0);
        puts("ok: encode");
}

static void test_decode(void)
{
        Entry entries[] = {
                test_line(ENTRY_STDOUT, SPAN_LITERAL("hello\n\0\xff")),
                test_line(ENTRY_STDERR, (Span){}),
                test_part(SPAN_LITERAL("a"), 1, false),
                test_part(SPAN_LITERAL("b"), UINT32_MAX, true),
        };

        for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
                const Entry *e = &entries[i];
                _cleanup_reading_ Reading d = {};
                _cleanup_free_ char *out = NULL;
                size_t size = encode(e, (Span){}, &out);
                const Stored *s = &d.stored;

                assert(reading_begin(&d, &local_frame_format, (Span){ out, size }) == 0);
                assert(s->stream == e->stream && s->realtime_nsec == e->realtime_nsec);
                assert(span_equal(s->text, e->text));
                assert(s->goes_on == (e->partial_first > 0 && !e->partial_is_last));
                assert(s->partial_ordinal == e->partial_ordinal);
                assert(span_equal_string(s->partial_id, e->partial_first > 0 ? ID : ""));
        }
        puts("ok: decode");
}

static void test_attributes(void)
{
        static const Pair pairs[] = {
                { "zone", "a" }, { "b", "" }, { "zone", "c" }, { "", "d" }, { "tag", "web" },
        };
        static const char *const expected[][2] = {
                { "b", "" },
                { "zone", "c" },
                { "", "d" },
                { "tag", "web" },
        };
        Entry e = test_line(ENTRY_STDOUT, SPAN_LITERAL("hello"));
        _cleanup_buffer_ Buffer b = {};
        _cleanup_reading_ Reading d = {};
        _cleanup_free_ char *out = NULL;
        Span key, value;
        size_t size;

        assert(local_frame_append_attributes(&b, pairs, ARRAY_SIZE(pairs)) == 0);
        assert(span_equal(buffer_span(&b), SPAN_LITERAL("\x32\x03\x0a\x01"
                                                        "b\x32\x09\x0a\x04zone\x12\x01"
                                                        "c"
                                                        "\x32\x03\x12\x01"
                                                        "d\x32\x0a\x0a\x03tag\x12\x03web")));

        size = encode(&e, buffer_span(&b), &out);
        assert(reading_begin(&d, &local_frame_format, (Span){ out, size }) == 0);
        for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
                assert(local_frame_format.next_attribute(&d.stored, d.buffer, &key, &value) == 1);
                assert(span_equal_string(key, expected[i][0]));
                assert(span_equal_string(value, expected[i][1]));
        }
        assert(local_frame_format.next_attribute(&d.stored, d.buffer, &key, &value) == 0);
        puts("ok: attributes");
}

static int decode_message(Span message, Stored *ret)
{
        char frame[256] = { 0, 0, 0, (char) message.size };
        _cleanup_reading_ Reading d = {};
        int r;

        memcpy(frame + 4, message.data, message.size);
        memcpy(frame + 4 + message.size, frame, 4);
        r = reading_begin(&d, &local_frame_format, (Span){ frame, message.size + 8 });
        *ret = d.stored;
        return r;
}

static void test_foreign(void)
{
        static const Span bad[] = {
                SPAN_LITERAL("\x0a\x05stdin" TIME),
                SPAN_LITERAL(TIME),
                SPAN_LITERAL("\x0a\x07stdout" TIME "\x1a\x07hello"),
                SPAN_LITERAL(OUT "\x1a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"),
                SPAN_LITERAL(OUT "\x1a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
                SPAN_LITERAL(OUT "\x20"),
                SPAN_LITERAL(OUT "\x20\x80"),
                SPAN_LITERAL(OUT "\x03"),
                SPAN_LITERAL(OUT "\x07"),
                SPAN_LITERAL(OUT "\x02\x00"),
                SPAN_LITERAL(OUT "\x2a\x02\x08\x80"),
                SPAN_LITERAL(OUT "\x31"
                                 "1234567"),
                SPAN_LITERAL(OUT "\x35"
                                 "123"),
        };
        Stored s;

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert(decode_message(bad[i], &s) == -EBADMSG);

        /* Fields of another kind or number are for readers to come. */
        assert(decode_message(SPAN_LITERAL(OUT "\x39"
                                               "12345678\x3d"
                                               "1234\x42\x01x\x18\x01"),
                              &s) == 0);
        assert(s.text.size == 0 && s.realtime_nsec == TEST_NSEC && !s.goes_on);
        /* Without data of the part, as dockers before 19.03 wrote it. */
        assert(decode_message(SPAN_LITERAL(OUT "\x20\x01"), &s) == 0);
        assert(s.goes_on && s.partial_ordinal == 0);
        puts("ok: foreign");
}

/* Frames of three lines, with what is torn before, between and behind them. */
static void check_walk(Span junk, const Span lines[3])
{
        _cleanup_free_ char *file = malloc(4 * junk.size + 512);
        char *end = file;
        Span frames[3], input, record;
        size_t n = 0;

        for (size_t i = 0; i < 3; i++) {
                Entry e = test_line(ENTRY_STDOUT, lines[i]);

                end = put_span(end, junk);
                frames[i] = (Span){ end, local_frame_encode(end, &e, TEST_EPOCH, (Span){}) };
                end += frames[i].size;
        }
        end = put_span(end, junk);

        input = (Span){ file, (size_t) (end - file) };
        while (local_frame_format.next(input, true, &record) > 0) {
                assert(record.data == frames[n].data && record.size == frames[n].size);
                input = span_skip(input, (size_t) (record.data - input.data) + record.size);
                n++;
        }
        assert(n == 3);

        input = (Span){ file, (size_t) (end - file) };
        while (local_frame_format.previous(input, true, &record) > 0) {
                n--;
                assert(record.data == frames[n].data && record.size == frames[n].size);
                input.size = (size_t) (record.data - input.data);
        }
        assert(n == 0);
}

static void test_walk(void)
{
        static const Span lines[3] = { SPAN_LITERAL("one"), {}, SPAN_LITERAL("three") };
        static const Span junk[] = {
                SPAN_LITERAL(""),
                SPAN_LITERAL("\0"),
                SPAN_LITERAL("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
                SPAN_LITERAL("\xff\xff\xff\xff\xff"),
                SPAN_LITERAL("\0\0\0\x17\x0a\x06std"),
                SPAN_LITERAL("hello\n"),
                SPAN_LITERAL("\0\x0f\0\0"),
        };

        for (size_t i = 0; i < ARRAY_SIZE(junk); i++)
                check_walk(junk[i], lines);
        puts("ok: walk");
}

/* A record that is still being written, or whose beginning has not been read, is waited for. */
static void test_incomplete(void)
{
        Entry e = test_line(ENTRY_STDOUT, SPAN_LITERAL("hello"));
        _cleanup_free_ char *out = NULL;
        size_t size = encode(&e, (Span){}, &out);
        Span record;

        for (size_t n = 0; n < size; n++) {
                Span front = { out, n }, back = { out + size - n, n };

                assert(local_frame_format.next(front, false, &record) == 0);
                assert(local_frame_format.next(front, true, &record) == 0);
                assert(local_frame_format.previous(back, false, &record) == 0);
                assert(local_frame_format.previous(back, true, &record) == 0);
        }
        assert(local_frame_format.next((Span){ out, size }, false, &record) == 1);
        assert(record.size == size);
        assert(local_frame_format.previous((Span){ out, size }, false, &record) == 1);
        assert(record.size == size);
        puts("ok: incomplete");
}

int main(void)
{
        test_encode();
        test_decode();
        test_attributes();
        test_foreign();
        test_walk();
        test_incomplete();
        return EXIT_SUCCESS;
}
