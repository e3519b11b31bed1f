/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Records of the local driver; see the header. */

#include <endian.h>

#include "record/local-frame.h"
#include "record/put.h"

#define EPOCH_BYTES 32U
#define SIZE_BYTES 4U

/* How protobuf stores a value. */
typedef enum Wire {
        WIRE_VARINT = 0,
        WIRE_FIXED64 = 1,
        WIRE_BYTES = 2,
        WIRE_FIXED32 = 5,
} Wire;

#define TAG(field, wire) ((char) ((field) << 3 | (wire)))

static char *put_varint(char *p, uint64_t n)
{
        for (; n >= 0x80; n >>= 7)
                *p++ = (char) (n | 0x80);
        *p++ = (char) n;
        return p;
}

/* As proto3 has it: what is empty is not there. */
static char *put_bytes(char *p, unsigned field, Span bytes)
{
        if (bytes.size == 0)
                return p;
        *p++ = TAG(field, WIRE_BYTES);
        p = put_varint(p, bytes.size);
        return put_span(p, bytes);
}

static char *put_size(char *p, size_t size)
{
        uint32_t n = htobe32((uint32_t) size);

        memcpy(p, &n, sizeof(n));
        return p + sizeof(n);
}

static char *put_partial(char *p, const Entry *e, const char *epoch)
{
        char part[64], id[EPOCH_BYTES + 16], *q = part;

        memcpy(id, epoch, EPOCH_BYTES);
        for (unsigned i = 0; i < 16; i++)
                id[EPOCH_BYTES + i] = "0123456789abcdef"[e->partial_first >> (60 - 4 * i) & 0xf];

        if (e->partial_is_last)
                q = PUT_LITERAL(q, "\x08\x01");
        q = put_bytes(q, 2, (Span){ id, sizeof(id) });
        *q++ = TAG(3, WIRE_VARINT);
        q = put_varint(q, e->partial_ordinal);

        p = PUT_LITERAL(p, "\x20\x01");
        return put_bytes(p, 5, (Span){ part, (size_t) (q - part) });
}

/* Bytes of a field that put_bytes() writes. */
static size_t measure_bytes(Span bytes)
{
        char varint[10];

        if (bytes.size == 0)
                return 0;
        return 1 + (size_t) (put_varint(varint, bytes.size) - varint) + bytes.size;
}

int local_frame_append_attributes(Buffer *b, const Pair *pairs, size_t n_pairs)
{
        for (size_t i = 0; i < n_pairs; i++) {
                Span key = span_from_string(pairs[i].key);
                Span value = span_from_string(pairs[i].value);
                size_t size = measure_bytes(key) + measure_bytes(value);
                char *p;
                int r;

                if (pairs_find(pairs + i + 1, n_pairs - i - 1, pairs[i].key))
                        continue;
                r = buffer_reserve(b, size + 16);
                if (r < 0)
                        return r;
                p = b->data + b->size;
                *p++ = TAG(6, WIRE_BYTES);
                p = put_varint(p, size);
                p = put_bytes(p, 1, key);
                p = put_bytes(p, 2, value);
                b->size = (size_t) (p - b->data);
        }
        return 0;
}

size_t local_frame_encode(char *p, const Entry *e, const char *epoch, Span attributes)
{
        bool is_line = e->kind == ENTRY_LINE;
        char loss[LOSS_TEXT_MAX_BYTES], *begin = p;
        Span text = e->text;
        size_t size;

        if (e->kind == ENTRY_END)
                return 0;
        if (e->kind == ENTRY_DROPPED)
                text = (Span){ loss, loss_put_text(&e->loss, loss) };

        p += SIZE_BYTES;
        p = !is_line || e->stream == ENTRY_STDERR ? PUT_LITERAL(p, "\x0a\x06stderr")
                                                  : PUT_LITERAL(p, "\x0a\x06stdout");
        *p++ = TAG(2, WIRE_VARINT);
        p = put_varint(p, e->realtime_nsec);
        p = put_bytes(p, 3, text);
        if (is_line && e->partial_first > 0)
                p = put_partial(p, e, epoch);
        p = put_span(p, attributes);

        size = (size_t) (p - begin) - SIZE_BYTES;
        (void) put_size(begin, size);
        return (size_t) (put_size(p, size) - begin);
}

static size_t get_size(const char *p)
{
        uint32_t n;

        memcpy(&n, p, sizeof(n));
        return be32toh(n);
}

/*
 * Whether a frame begins at input. Returns 1 with its size, 0 when its end is not there yet, or
 * -EBADMSG. A block of zeros, which a power cut leaves, is no row of empty frames.
 */
static int frame_begins(Span input, size_t *ret_size)
{
        size_t size;

        if (input.size < SIZE_BYTES)
                return 0;
        size = get_size(input.data);
        if (size == 0 || size > LOCAL_FRAME_MAX_BYTES)
                return -EBADMSG;
        if (input.size < size + 2 * SIZE_BYTES)
                return 0;
        if (get_size(input.data + SIZE_BYTES + size) != size)
                return -EBADMSG;
        *ret_size = size + 2 * SIZE_BYTES;
        return 1;
}

static int local_frame_next(Span input, bool flush, Span *ret)
{
        for (size_t i = 0; i < input.size; i++) {
                size_t size;
                int r;

                r = frame_begins(span_skip(input, i), &size);
                if (r == 0 && !flush)
                        return 0;
                if (r > 0) {
                        *ret = (Span){ input.data + i, size };
                        return 1;
                }
        }
        return 0;
}

static int local_frame_previous(Span input, bool flush, Span *ret)
{
        for (; input.size >= 2 * SIZE_BYTES; input.size--) {
                size_t size = get_size(input.data + input.size - SIZE_BYTES);

                if (size == 0 || size > LOCAL_FRAME_MAX_BYTES)
                        continue;
                size += 2 * SIZE_BYTES;
                if (size > input.size) {
                        if (!flush)
                                return 0;
                        continue;
                }
                if (get_size(input.data + input.size - size) != size - 2 * SIZE_BYTES)
                        continue;
                *ret = (Span){ input.data + input.size - size, size };
                return 1;
        }
        return 0;
}

/* One field of a message: a number, or bytes. */
typedef struct Field {
        unsigned number;
        Wire wire;
        uint64_t value;
        Span bytes;
} Field;

static int take_varint(Span *input, uint64_t *ret)
{
        uint64_t value = 0;

        for (unsigned i = 0; i < 10 && i < input->size; i++) {
                unsigned char c = (unsigned char) input->data[i];

                value |= (uint64_t) (c & 0x7f) << (7 * i);
                if (c < 0x80) {
                        *input = span_skip(*input, i + 1);
                        *ret = value;
                        return 0;
                }
        }
        return -EBADMSG;
}

/* Returns 1 and a field, 0 at the end, or -EBADMSG. */
static int take_field(Span *input, Field *ret)
{
        uint64_t tag, size;
        int r;

        if (input->size == 0)
                return 0;
        r = take_varint(input, &tag);
        if (r < 0 || tag >> 3 == 0 || tag > UINT32_MAX)
                return -EBADMSG;
        *ret = (Field){ .number = (unsigned) (tag >> 3), .wire = (Wire) (tag & 7) };

        switch (ret->wire) {
        case WIRE_VARINT:
                r = take_varint(input, &ret->value);
                return r < 0 ? r : 1;
        case WIRE_FIXED64:
                size = 8;
                break;
        case WIRE_FIXED32:
                size = 4;
                break;
        case WIRE_BYTES:
                r = take_varint(input, &size);
                if (r < 0)
                        return r;
                break;
        default:
                return -EBADMSG;
        }
        if (size > input->size)
                return -EBADMSG;
        ret->bytes = (Span){ input->data, (size_t) size };
        *input = span_skip(*input, (size_t) size);
        return 1;
}

static int decode_partial(Span message, bool *ret_is_last, Stored *s)
{
        Field f;
        int r;

        while ((r = take_field(&message, &f)) > 0)
                if (f.number == 1 && f.wire == WIRE_VARINT)
                        *ret_is_last = f.value != 0;
                else if (f.number == 2 && f.wire == WIRE_BYTES)
                        s->partial_id = f.bytes;
                else if (f.number == 3 && f.wire == WIRE_VARINT)
                        s->partial_ordinal = (uint32_t) f.value;
        return r;
}

static int local_frame_decode(Span record, char *buffer, Stored *ret)
{
        bool has_stream = false, is_partial = false, is_last = false;
        Stored s = {};
        size_t size;
        Span rest;
        Field f;
        int r;

        if (frame_begins(record, &size) <= 0 || size != record.size)
                return -EBADMSG;
        s.attributes = rest = (Span){ record.data + SIZE_BYTES, record.size - 2 * SIZE_BYTES };

        while ((r = take_field(&rest, &f)) > 0)
                if (f.number == 1 && f.wire == WIRE_BYTES)
                        has_stream = stored_parse_stream(f.bytes, &s.stream) >= 0;
                else if (f.number == 2 && f.wire == WIRE_VARINT)
                        s.realtime_nsec = f.value;
                else if (f.number == 3 && f.wire == WIRE_BYTES)
                        s.text = f.bytes;
                else if (f.number == 4 && f.wire == WIRE_VARINT)
                        is_partial = f.value != 0;
                else if (f.number == 5 && f.wire == WIRE_BYTES) {
                        r = decode_partial(f.bytes, &is_last, &s);
                        if (r < 0)
                                return r;
                }
        if (r < 0 || !has_stream)
                return -EBADMSG;
        s.goes_on = is_partial && !is_last;
        *ret = s;
        return 0;
}

/* They are fields of the message as any other. */
static int local_frame_next_attribute(Stored *s, char *buffer, Span *ret_key, Span *ret_value)
{
        Field f, part;

        while (take_field(&s->attributes, &f) > 0) {
                if (f.number != 6 || f.wire != WIRE_BYTES)
                        continue;
                *ret_key = *ret_value = (Span){};
                while (take_field(&f.bytes, &part) > 0)
                        if (part.wire == WIRE_BYTES && part.number <= 2)
                                *(part.number == 1 ? ret_key : ret_value) = part.bytes;
                return 1;
        }
        return 0;
}

const StoredFormat local_frame_format = {
        .next = local_frame_next,
        .previous = local_frame_previous,
        .decode = local_frame_decode,
        .next_attribute = local_frame_next_attribute,
};
