/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The messages of a varlink peer: whatever is taken says the same when it is written and read
 * again, and one byte less is not yet a message.
 */

#include "fuzz.h"

#include "io/varlink-message.h"

static int next(const uint8_t *data, size_t size, json_t **ret, size_t *ret_used)
{
        return varlink_message_next((Span){ (const char *) data, size }, ret, ret_used);
}

bool fuzz_accepts(const uint8_t *data, size_t size)
{
        json_auto_t *message = NULL;
        VarlinkRequest request;
        size_t used;

        return next(data, size, &message, &used) > 0 && used == size &&
               varlink_message_to_request(message, &request) >= 0;
}

static void check_reply(json_t *message)
{
        _cleanup_buffer_ Buffer b = {};
        json_auto_t *again = NULL;
        size_t used;

        assert(varlink_message_from_reply(&b, 1, NULL, message) < 0 && b.size == 0);
        /* The reply is one level deeper. */
        if (varlink_message_from_reply(&b, SIZE_MAX, NULL, message) < 0 ||
            varlink_message_next(buffer_span(&b), &again, &used) <= 0)
                return;
        assert(used == b.size && json_equal(json_object_get(again, "parameters"), message));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        size_t used = 0;

        for (int r = 1; r > 0; data += used, size -= used) {
                json_auto_t *message = NULL, *cut = NULL;
                VarlinkRequest request;
                size_t ignored;

                r = next(data, size, &message, &used);
                if (r <= 0)
                        break;
                assert(used > 0 && used <= size && data[used - 1] == 0);
                assert(json_is_object(message));
                assert(next(data, used - 1, &cut, &ignored) == 0 && !cut);
                if (varlink_message_to_request(message, &request) >= 0)
                        assert(request.method &&
                               (!request.parameters || json_is_object(request.parameters)));
                check_reply(message);
        }
        return 0;
}
