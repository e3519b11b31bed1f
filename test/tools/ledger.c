/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * ledger: reads a container's entries back from the journal and says, line by line, what became of
 * what `writer` wrote. Succeeds only if every line is there once, equal and in its place.
 */

#include <getopt.h>
#include <stdio.h>

#include <systemd/sd-journal.h>

#include "../slow.h"
#include "base/parse.h"
#include "tally.h"

static Lines arg_lines = { .seed = 1, .max = 400, .n_streams = LINES_STREAMS };
static const char *arg_id, *arg_directory, *arg_namespace, *arg_missing;
static bool arg_allow_repeats, arg_self_test, arg_level_prefix = true;

/* An entry's fields, as far as they matter here. */
typedef enum Field {
        FIELD_MESSAGE,
        FIELD_PRIORITY,
        FIELD_STREAM,
        FIELD_EPOCH,
        FIELD_ORDINAL,
        FIELD_PART,
        FIELD_PART_ID,
        FIELD_PART_LAST,
        FIELD_EXEC,
        FIELD_UID,
        FIELD_UNIT,
        FIELDS,
} Field;

static const Span field_prefixes[FIELDS] = {
        [FIELD_MESSAGE] = SPAN_LITERAL("MESSAGE="),
        [FIELD_PRIORITY] = SPAN_LITERAL("PRIORITY="),
        [FIELD_STREAM] = SPAN_LITERAL("CONTAINER_STREAM="),
        [FIELD_EPOCH] = SPAN_LITERAL("CONTAINER_LOG_EPOCH="),
        [FIELD_ORDINAL] = SPAN_LITERAL("CONTAINER_LOG_ORDINAL="),
        [FIELD_PART] = SPAN_LITERAL("CONTAINER_PARTIAL_ORDINAL="),
        [FIELD_PART_ID] = SPAN_LITERAL("CONTAINER_PARTIAL_ID="),
        [FIELD_PART_LAST] = SPAN_LITERAL("CONTAINER_PARTIAL_LAST="),
        [FIELD_EXEC] = SPAN_LITERAL("CONTAINER_EXEC_ID="),
        [FIELD_UID] = SPAN_LITERAL("_UID="),
        [FIELD_UNIT] = SPAN_LITERAL("_SYSTEMD_UNIT="),
};

/* What is not a line of the container's own streams. */
typedef struct Others {
        char epoch[64];
        uint64_t n_notes;   /* of the daemon about the container: the end of its streams */
        uint64_t n_foreign; /* of another sender, another life of the container, or an exec */
        uint64_t n_unowned; /* journald found the sender dead, so it knows no unit */
} Others;

/* Collects the fields; each value is copied, as journald's memory may move with the next call. */
static int entry_read(sd_journal *j, char *buffer, size_t size, Span fields[FIELDS])
{
        const void *data;
        size_t length, used = 0;
        int r;

        memset(fields, 0, FIELDS * sizeof(*fields));
        sd_journal_restart_data(j);
        while ((r = sd_journal_enumerate_data(j, &data, &length)) > 0) {
                Span field = { .data = data, .size = length };

                for (size_t i = 0; i < FIELDS; i++) {
                        if (fields[i].data || !span_starts_with(field, field_prefixes[i]))
                                continue;
                        field = span_skip(field, field_prefixes[i].size);
                        if (used + field.size + 1 > size)
                                return -EMSGSIZE;
                        memcpy(buffer + used, field.data, field.size);
                        fields[i] = (Span){ buffer + used, field.size };
                        used += field.size;
                        buffer[used++] = '\0';
                        break;
                }
        }
        return r;
}

static bool entry_is_ours(Others *others, const Span fields[FIELDS])
{
        if (fields[FIELD_EXEC].data || !span_equal_string(fields[FIELD_UID], "0") ||
            (fields[FIELD_UNIT].data &&
             !span_equal_string(fields[FIELD_UNIT], "conlogd.service"))) {
                others->n_foreign++;
                return false;
        }
        if (!fields[FIELD_ORDINAL].data) {
                others->n_notes++;
                return false;
        }
        if (others->epoch[0] == '\0')
                snprintf(others->epoch, sizeof(others->epoch), "%s",
                         fields[FIELD_EPOCH].data ?: "absent");
        if (!span_equal_string(fields[FIELD_EPOCH], others->epoch)) {
                others->n_foreign++;
                return false;
        }
        if (!fields[FIELD_UNIT].data)
                others->n_unowned++;
        return true;
}

static uint64_t field_to_number(Span field)
{
        uint64_t n;

        return field.data && parse_unsigned(field.data, 0, UINT64_MAX, &n) >= 0 ? n : 0;
}

static Record entry_to_record(const Span fields[FIELDS])
{
        return (Record){
                .ordinal = field_to_number(fields[FIELD_ORDINAL]),
                .stream = span_equal_string(fields[FIELD_STREAM], "stdout")   ? 0
                          : span_equal_string(fields[FIELD_STREAM], "stderr") ? 1
                                                                              : LINES_STREAMS,
                .priority = fields[FIELD_PRIORITY].data
                                    ? (int) field_to_number(fields[FIELD_PRIORITY])
                                    : -1,
                .text = fields[FIELD_MESSAGE],
                .part = field_to_number(fields[FIELD_PART]),
                .part_id = fields[FIELD_PART_ID],
                .part_is_last = span_equal_string(fields[FIELD_PART_LAST], "true"),
        };
}

static int journal_open(sd_journal **ret)
{
        _cleanup_free_ char *match = NULL;
        sd_journal *j;
        int r;

        if (asprintf(&match, "CONTAINER_ID_FULL=%s", arg_id) < 0)
                return -ENOMEM;
        r = arg_directory   ? sd_journal_open_directory(&j, arg_directory, 0)
            : arg_namespace ? sd_journal_open_namespace(&j, arg_namespace, SD_JOURNAL_LOCAL_ONLY)
                            : sd_journal_open(&j, SD_JOURNAL_LOCAL_ONLY);
        if (r < 0)
                return r;
        r = sd_journal_set_data_threshold(j, 0);
        if (r >= 0)
                r = sd_journal_add_match(j, match, 0);
        if (r < 0) {
                sd_journal_close(j);
                return r;
        }
        *ret = j;
        return 0;
}

static int journal_tally(sd_journal *j, Tally *t, Others *others)
{
        _cleanup_free_ char *buffer = malloc(LINES_LENGTH_MAX);
        Span fields[FIELDS];
        int r;

        if (!buffer)
                return -ENOMEM;
        while ((r = sd_journal_next(j)) > 0) {
                Record record;

                r = entry_read(j, buffer, LINES_LENGTH_MAX, fields);
                if (r < 0)
                        return r;
                if (!entry_is_ours(others, fields))
                        continue;
                record = entry_to_record(fields);
                r = tally_take(t, &record);
                if (r < 0)
                        return r;
        }
        return r;
}

/* One ordinal a line: each that no entry has. */
static int write_missing(const Tally *t)
{
        FILE *f;

        if (!arg_missing)
                return 0;
        f = fopen(arg_missing, "we");
        if (!f)
                return -errno;
        for (uint64_t n = 1; n <= MAX(t->last_ordinal, t->lines->n_lines); n++)
                if (n >= t->n_ordinals || t->ordinals[n] == 0)
                        fprintf(f, "%llu\n", (unsigned long long) n);
        return fclose(f) == 0 ? 0 : -errno;
}

static int run_ledger(void)
{
        Others others = {};
        sd_journal *j = NULL;
        bool is_even;
        Tally t;
        int r;

        r = tally_init(&t, &arg_lines, arg_level_prefix, false);
        if (r >= 0)
                r = journal_open(&j);
        if (r >= 0)
                r = journal_tally(j, &t, &others);
        sd_journal_close(j);
        if (r >= 0)
                r = write_missing(&t);
        if (r < 0) {
                fprintf(stderr, "ledger: cannot read the journal, or write what is missing: %s\n",
                        strerror(-r));
                tally_done(&t);
                return 2;
        }

        tally_finish(&t);
        printf("lines=%llu lost=%llu repeated=%llu doubled=%llu reordered=%llu altered=%llu "
               "foreign=%llu gaps=%llu entries=%llu notes=%llu unowned=%llu\n",
               (unsigned long long) t.n_found, (unsigned long long) t.n_lost,
               (unsigned long long) t.n_repeated, (unsigned long long) t.n_doubled,
               (unsigned long long) t.n_reordered, (unsigned long long) t.n_altered,
               (unsigned long long) others.n_foreign, (unsigned long long) t.n_gaps,
               (unsigned long long) t.n_entries, (unsigned long long) others.n_notes,
               (unsigned long long) others.n_unowned);

        is_even = tally_is_even(&t) && others.n_foreign == 0 &&
                  (t.n_repeated == 0 || arg_allow_repeats);
        tally_done(&t);
        return is_even ? 0 : 1;
}

/* One fault done to a sequence that is otherwise as it should be. */
typedef enum Fault {
        FAULT_NONE,
        FAULT_LOSE,        /* the line goes; the ordinals close up */
        FAULT_LOSE_ENTRY,  /* the line goes with its ordinal */
        FAULT_REPEAT,      /* as a kill may do it */
        FAULT_REPEAT_TORN, /* the same ordinal with other bytes */
        FAULT_DOUBLE,      /* the line again with an ordinal of its own */
        FAULT_ALTER,       /* one byte */
        FAULT_SHORTEN,     /* the last byte goes */
        FAULT_PRIORITY,
        FAULT_SWAP,         /* two neighbours of a stream change places */
        FAULT_SWAP_ENTRIES, /* the same, with their ordinals */
        FAULT_TAIL,         /* nothing after this line */
        FAULTS,
} Fault;

/* Takes line n as the entry of that ordinal. */
static void fake_entry(Tally *t, uint64_t n, uint64_t ordinal, Fault fault)
{
        char buffer[512];
        Expected line = lines_expect(t->lines, n, t->level_prefix, buffer);
        Record record = {
                .ordinal = ordinal,
                .stream = lines_stream(t->lines, n),
                .priority = line.priority,
                .text = line.text,
        };
        size_t at = (size_t) (line.text.data - buffer) + line.text.size / 2;

        if (fault == FAULT_ALTER || fault == FAULT_REPEAT_TORN)
                buffer[at] = (char) (buffer[at] + 1);
        if (fault == FAULT_SHORTEN)
                record.text.size--;
        if (fault == FAULT_PRIORITY)
                record.priority ^= 1;
        assert(tally_take(t, &record) >= 0);
}

/* Takes all lines, with one fault at line `at`, whose text must not be empty. */
static Tally fake_sequence(const Lines *lines, Fault fault, uint64_t at)
{
        uint64_t n, other = at, ordinal = 1;
        Tally t;

        assert(tally_init(&t, lines, true, true) >= 0);
        while (lines_stream(lines, ++other) != lines_stream(lines, at))
                ;

        for (n = 1; n <= lines->n_lines && !(fault == FAULT_TAIL && n > at); n++) {
                if (fault == FAULT_SWAP && (n == at || n == other)) {
                        fake_entry(&t, n == at ? other : at, ordinal++, FAULT_NONE);
                        continue;
                }
                if (fault == FAULT_SWAP_ENTRIES && (n == at || n == other)) {
                        fake_entry(&t, n == at ? other : at, n == at ? other : at, FAULT_NONE);
                        ordinal++;
                        continue;
                }
                if (n == at && (fault == FAULT_LOSE || fault == FAULT_LOSE_ENTRY)) {
                        ordinal += fault == FAULT_LOSE_ENTRY;
                        continue;
                }

                fake_entry(&t, n, ordinal++,
                           n == at && (fault == FAULT_ALTER || fault == FAULT_SHORTEN ||
                                       fault == FAULT_PRIORITY)
                                   ? fault
                                   : FAULT_NONE);
                if (n == at && (fault == FAULT_REPEAT || fault == FAULT_REPEAT_TORN))
                        fake_entry(&t, n, ordinal - 1, fault);
                if (n == at && fault == FAULT_DOUBLE)
                        fake_entry(&t, n, ordinal++, FAULT_NONE);
        }
        tally_finish(&t);
        return t;
}

static void test_fault(const Lines *lines, Fault fault, uint64_t at)
{
        Tally t = fake_sequence(lines, fault, at);
        char buffer[512];
        bool has_number = lines_number(lines_expect(lines, at, true, buffer).text) > 0;

        assert(tally_is_even(&t) == (fault == FAULT_NONE || fault == FAULT_REPEAT));
        assert((t.n_repeated > 0) == (fault == FAULT_REPEAT));
        assert((t.n_gaps > 0) == (fault == FAULT_LOSE_ENTRY));
        if (has_number) {
                uint64_t n_altered = fault == FAULT_ALTER || fault == FAULT_SHORTEN ||
                                     fault == FAULT_REPEAT_TORN || fault == FAULT_PRIORITY;

                assert(t.n_doubled == (fault == FAULT_DOUBLE));
                assert(t.n_altered == n_altered);
                assert((t.n_reordered > 0) == (fault == FAULT_SWAP || fault == FAULT_SWAP_ENTRIES));
        }
        if (has_number && (fault == FAULT_LOSE || fault == FAULT_LOSE_ENTRY))
                assert(t.n_lost == 1);
        if (fault == FAULT_TAIL)
                assert(t.n_lost == lines->n_lines - at);
        tally_done(&t);
}

/* A line in three parts, then the same with the second one missing. */
static void test_parts(void)
{
        const Lines lines = { .seed = 7, .n_lines = 1, .min = 300, .max = 300, .n_streams = 1 };
        char buffer[300];
        Expected line = lines_expect(&lines, 1, true, buffer);

        for (unsigned lost = 0; lost <= 3; lost++) {
                Tally t;

                assert(tally_init(&t, &lines, true, true) >= 0);
                for (unsigned part = 1; part <= 3; part++) {
                        Record record = {
                                .ordinal = part,
                                .priority = line.priority,
                                .text = { line.text.data + (part - 1) * 100, 100 },
                                .part = part,
                                .part_is_last = part == 3,
                        };

                        if (part == 3)
                                record.text.size = line.text.size - 200;
                        if (part != lost)
                                assert(tally_take(&t, &record) >= 0);
                }
                tally_finish(&t);
                assert(tally_is_even(&t) == (lost == 0));
                assert(t.n_found == (lost == 0));
                tally_done(&t);
        }
}

/* Each fault, at each of a few hundred lines of every shape and length, must show. */
static int self_test(void)
{
        const Lines lines = { .seed = 42,
                              .n_lines = test_is_slow() ? 150 : 600,
                              .max = 60,
                              .n_streams = LINES_STREAMS };
        char buffer[512];
        unsigned n_cases = 0;

        for (uint64_t at = 1; at < lines.n_lines - 40; at++) {
                Span text = lines_expect(&lines, at, true, buffer).text;

                /* What is too short to be told from its neighbours could not be missed either. */
                if (text.size < 4 || text.data[0] == '\0')
                        continue;
                for (Fault fault = FAULT_NONE; fault < FAULTS; fault++, n_cases++)
                        test_fault(&lines, fault, at);
        }
        test_parts();
        printf("ok: %u faults, each one told\n", n_cases);
        return 0;
}

static void help(void)
{
        puts("ledger [OPTION...]\n\n"
             "Tells what became of the lines of `writer`: give it the same options.\n\n"
             "     --seed, --lines, --min, --max, --streams, --text   as given to writer\n"
             "     --cut, --rate      taken, and not looked at: they must not matter\n"
             "     --id ID            the container's id\n"
             "     --no-level-prefix  the container was created with level-prefix=no\n"
             "     --allow-repeats    an ordinal may come again with the same bytes\n"
             "     --missing FILE     write each ordinal that is missing into it, one a line\n"
             "     --directory DIR    read the journal files there\n"
             "     --namespace NS     read that journal namespace\n"
             "     --self-test        do things to a sequence that must be noticed\n\n"
             "Exit status: 0 if each line is there once, equal and in its place; else 1.");
}

static int parse_argv(int argc, char *argv[])
{
        static const struct option options[] = {
                { "help", no_argument, NULL, 'h' },
                { "seed", required_argument, NULL, 's' },
                { "lines", required_argument, NULL, 'n' },
                { "min", required_argument, NULL, 'm' },
                { "max", required_argument, NULL, 'M' },
                { "streams", required_argument, NULL, 'S' },
                { "text", no_argument, NULL, 't' },
                { "cut", required_argument, NULL, 'c' },
                { "rate", required_argument, NULL, 'c' },
                { "id", required_argument, NULL, 'i' },
                { "no-level-prefix", no_argument, NULL, 'l' },
                { "allow-repeats", no_argument, NULL, 'a' },
                { "missing", required_argument, NULL, 'g' },
                { "directory", required_argument, NULL, 'D' },
                { "namespace", required_argument, NULL, 'N' },
                { "self-test", no_argument, NULL, 'T' },
                {},
        };
        int c, r = 0;

        while (r >= 0 && (c = getopt_long(argc, argv, "h", options, NULL)) >= 0)
                switch (c) {
                case 'h':
                        help();
                        return 0;
                case 's':
                        r = parse_unsigned(optarg, 0, UINT64_MAX, &arg_lines.seed);
                        break;
                case 'n':
                        r = parse_unsigned(optarg, 0, UINT32_MAX, &arg_lines.n_lines);
                        break;
                case 'm':
                        r = parse_unsigned(optarg, 0, LINES_LENGTH_MAX - 1, &arg_lines.min);
                        break;
                case 'M':
                        r = parse_unsigned(optarg, 0, LINES_LENGTH_MAX - 1, &arg_lines.max);
                        break;
                case 'S':
                        r = parse_unsigned(optarg, 1, LINES_STREAMS, &arg_lines.n_streams);
                        break;
                case 't':
                        arg_lines.is_text = true;
                        break;
                case 'c':
                        break;
                case 'i':
                        arg_id = optarg;
                        break;
                case 'l':
                        arg_level_prefix = false;
                        break;
                case 'a':
                        arg_allow_repeats = true;
                        break;
                case 'g':
                        arg_missing = optarg;
                        break;
                case 'D':
                        arg_directory = optarg;
                        break;
                case 'N':
                        arg_namespace = optarg;
                        break;
                case 'T':
                        arg_self_test = true;
                        break;
                default:
                        return -EINVAL;
                }

        if (r < 0 || arg_lines.max < arg_lines.min || optind < argc || (!arg_id && !arg_self_test))
                return -EINVAL;
        return 1;
}

int main(int argc, char *argv[])
{
        int r;

        r = parse_argv(argc, argv);
        if (r < 0)
                fputs("ledger: bad arguments; see --help.\n", stderr);
        if (r <= 0)
                return r < 0 ? 2 : 0;
        return arg_self_test ? self_test() : run_ledger();
}
