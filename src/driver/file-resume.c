/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Going on after a kill; see the header. */

#include "driver/file-resume.h"

/* The end of the last whole record, or 0. Records are short: a little of the file does, mostly. */
static int resume_find_end(FileSink *s, uint64_t *ret)
{
        Buffer *b = &s->files->records;
        Span last;
        int r;

        for (uint64_t size = RESUME_LOOK_BYTES;; size *= 8) {
                size_t asked = (size_t) MIN(size, s->file.size);
                uint64_t offset = s->file.size - asked;
                ssize_t n;

                buffer_clear(b);
                r = buffer_reserve(b, asked);
                if (r < 0)
                        return r;
                n = logfile_read(&s->file, b->data, asked, offset);
                if (n < 0)
                        return (int) n;
                r = s->format->stored->previous((Span){ b->data, (size_t) n }, offset == 0, &last);
                if (r > 0) {
                        *ret = offset + (uint64_t) (last.data + last.size - b->data);
                        return 0;
                }
                if (offset == 0 || asked >= RESUME_MAX_BYTES) {
                        *ret = offset;
                        return 0;
                }
        }
}

int file_resume_begin(FileSink *s)
{
        uint64_t from = s->file.ino == s->mark.file ? s->mark.size : 0, end = 0;
        int r;

        if (s->file.size > 0) {
                r = resume_find_end(s, &end);
                if (r < 0)
                        return r;
        }
        /* Somebody else has truncated it. */
        if (!s->is_resuming || s->mark.file == 0 || from > s->file.size) {
                s->is_resuming = false;
                return end < s->file.size;
        }

        /* One that has been begun after the mark holds nothing that is older than it. */
        end = MAX(end, from);
        if (end < s->file.size) {
                r = logfile_cut(&s->file, end);
                if (r < 0)
                        return r;
        }
        s->skip_at = from;
        s->is_skipping = from < end;
        s->is_resuming = false;
        return 0;
}

/* Whether two records say the same, but for the time. -EBADMSG for one that is none. */
static int resume_is_same(const StoredFormat *format, Span mine, Span theirs)
{
        _cleanup_free_ char *my_text = NULL, *their_text = NULL;
        Stored m, t;
        int r;

        my_text = malloc(STORED_BUFFER_BYTES(mine.size));
        their_text = malloc(STORED_BUFFER_BYTES(theirs.size));
        if (!my_text || !their_text)
                return -ENOMEM;
        r = format->decode(mine, my_text, &m);
        if (r >= 0)
                r = format->decode(theirs, their_text, &t);
        if (r < 0)
                return r;
        return m.stream == t.stream && m.goes_on == t.goes_on && span_equal(m.text, t.text);
}

/* How many records of an entry stand at the front of *behind, which moves on. Returns 1 if all of
 * them do, else 0. */
static int resume_compare(const StoredFormat *format, Span records, Span *behind, uint32_t *ret_n)
{
        Span mine, theirs;
        int r;

        *ret_n = 0;
        while (records.size > 0 && format->next(records, true, &mine) > 0) {
                if (format->next(*behind, true, &theirs) == 0 || theirs.data != behind->data)
                        return 0;
                r = resume_is_same(format, mine, theirs);
                if (r == -ENOMEM)
                        return r;
                if (r <= 0) {
                        /* Not ours. */
                        *behind = (Span){};
                        *ret_n = 0;
                        return 0;
                }
                records = span_skip(records, mine.size);
                *behind = span_skip(*behind, theirs.size);
                ++*ret_n;
        }
        return 1;
}

int file_resume_skip(FileSink *s, const Entry *entries, size_t n, size_t *ret_taken)
{
        _cleanup_free_ char *chunk = NULL;
        Buffer *b = &s->files->records;
        size_t size = (size_t) MIN(s->file.size - s->skip_at, (uint64_t) RESUME_MAX_BYTES);
        ssize_t got;
        Span behind;
        size_t i;
        int r;

        *ret_taken = 0;
        chunk = malloc(size);
        if (!chunk)
                return -ENOMEM;
        got = logfile_read(&s->file, chunk, size, s->skip_at);
        if (got < 0)
                return (int) got;
        behind = (Span){ chunk, (size_t) got };

        for (i = 0; i < n; i++) {
                const char *from = behind.data;

                if (entries[i].ordinal != s->next_ordinal || behind.size == 0)
                        break;
                buffer_clear(b);
                r = buffer_reserve(b, s->format->bound(s, &entries[i]));
                if (r < 0)
                        return r;
                b->size = s->format->encode(s, b->data, &entries[i]);
                r = resume_compare(s->format->stored, buffer_span(b), &behind, &s->n_skipped);
                if (r < 0)
                        return r;
                if (r == 0)
                        break;
                s->skip_at += (uint64_t) (behind.data - from);
                s->next_ordinal += MAX(entries[i].loss.lines, UINT64_C(1));
                s->n_skipped = 0;
        }
        /* A part of an entry is looked at again when that is the first one. */
        if (i > 0)
                s->n_skipped = 0;
        s->is_skipping = i > 0 && s->skip_at < s->file.size;
        *ret_taken = i;
        return 0;
}
