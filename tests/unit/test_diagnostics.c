/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* How well single replies are read: tests/diagnostics.tsv, which is written from what servers say and not from the
   rules. The figures may only rise; a living address that is called dead fails at once. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/str.h"
#include "classify/fact.h"

/* In tenths of a percent. Raise them with the rules. */
enum { KIND_LEAST = 997, REASON_LEAST = 974 };

struct row {
    char *reply, *host;
    struct carom_str kind, reason;
};
struct figures {
    size_t rows, kind, reason, high, high_wrong, unsafe;
};

/* What stands behind the bar at end. */
static struct carom_str next(struct carom_str alternatives, size_t end)
{
    return end < alternatives.len ? carom_str_from(alternatives, end + 1) : CAROM_STR_EMPTY;
}

static bool is_one_of(struct carom_str alternatives, const char *word)
{
    while (alternatives.len > 0) {
        size_t end = carom_str_chr(alternatives, '|');
        if (carom_str_eq(carom_str_head(alternatives, end), carom_str(word)))
            return true;
        alternatives = next(alternatives, end);
    }
    return false;
}

static bool is_dead(struct carom_str reason)
{
    static const char *const dead[] = {"user_unknown", "user_disabled", "user_moved", "host_unknown", "not_accepting"};

    for (size_t i = 0; i < sizeof dead / sizeof *dead; i++)
        if (carom_str_eq(carom_str(dead[i]), reason))
            return true;
    return false;
}

/* Whether one of the alternatives is (or is not) a dead address. */
static bool may_be(struct carom_str alternatives, bool dead)
{
    for (size_t end; alternatives.len > 0; alternatives = next(alternatives, end)) {
        end = carom_str_chr(alternatives, '|');
        if (is_dead(carom_str_head(alternatives, end)) == dead)
            return true;
    }
    return false;
}

static bool hard_is_right(const struct row *row, bool hard)
{
    bool permanent = is_one_of(row->kind, "permanent"), other = !carom_str_eq(row->kind, CAROM_STR("permanent"));

    return hard ? permanent && may_be(row->reason, true) : other || may_be(row->reason, false);
}

/* "\n" as written is a line end. */
static void unescape(char *text)
{
    char *to = text;

    for (; *text; text++) {
        bool end = text[0] == '\\' && text[1] == 'n';
        *to++ = end ? '\n' : *text;
        text += end;
    }
    *to = 0;
}

static char *cell(char **rest)
{
    char *start = *rest, *tab = start ? strpbrk(start, "\t\n") : NULL;

    *rest = tab ? tab + 1 : NULL;
    if (tab)
        *tab = 0;
    return start ? start : (char *)"";
}

static struct row read_row(char *line)
{
    struct row row = {.reply = cell(&line)};

    row.host = cell(&line);
    row.kind = carom_str(cell(&line));
    row.reason = carom_str(cell(&line));
    unescape(row.reply);
    return row;
}

static void judge(struct carom_arena *arena, const struct row *row, struct figures *figures)
{
    const struct carom_reply_input input = {.reply = row->reply, .remote_mta = strcmp(row->host, "-") ? row->host : NULL};
    struct carom_fact fact = carom_facts_reply(arena, &input, NULL, 1700000000).list[0];
    bool kind = is_one_of(row->kind, carom_kind_name(fact.kind));
    bool reason = is_one_of(row->reason, carom_reason_name(fact.reason));
    bool unsafe = fact.hard && !may_be(row->reason, true);

    figures->rows++;
    figures->kind += kind;
    figures->reason += reason;
    figures->unsafe += unsafe;
    if (fact.confidence == CAROM_CONFIDENCE_HIGH) {
        figures->high++;
        figures->high_wrong += !kind || !hard_is_right(row, fact.hard);
    }
    if (!kind || !reason)
        print_message("%s%s%s %s (%.*s), want %.*s %.*s: %s\n", unsafe ? "UNSAFE " : "",
                      fact.confidence == CAROM_CONFIDENCE_HIGH ? "sure of " : "", carom_kind_name(fact.kind),
                      carom_reason_name(fact.reason), CAROM_STR_ARG(fact.evidence.rule), CAROM_STR_ARG(row->kind),
                      CAROM_STR_ARG(row->reason), row->reply);
}

static struct figures read_all(void)
{
    struct figures figures = {0};
    struct carom_arena *arena = carom_arena_new();
    FILE *file = fopen(CAROM_DIAGNOSTICS, "r");
    char line[4096];
    bool title = true;

    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        if (line[0] == '#' || line[0] == '\n')
            continue;
        if (!title) {
            struct row row = read_row(line);
            carom_arena_reset(arena);
            assert_false(carom_arena_guard(arena));
            judge(arena, &row, &figures);
            carom_arena_unguard(arena);
        }
        title = false;
    }
    fclose(file);
    carom_arena_free(arena);
    return figures;
}

static void reads_what_servers_say(void **state)
{
    struct figures got = read_all();

    (void)state;
    print_message("%zu diagnostics: kind %.1f reason %.1f; %zu with confidence high, %zu of them wrong; %zu unsafe\n",
                  got.rows, 100.0 * (double)got.kind / (double)got.rows, 100.0 * (double)got.reason / (double)got.rows,
                  got.high, got.high_wrong, got.unsafe);
    assert_in_range(got.rows, 600, 100000);
    if (got.kind * 1000 < got.rows * KIND_LEAST)
        fail_msg("kind: got %zu of %zu right, want at least %d in a thousand", got.kind, got.rows, KIND_LEAST);
    if (got.reason * 1000 < got.rows * REASON_LEAST)
        fail_msg("reason: got %zu of %zu right, want at least %d in a thousand", got.reason, got.rows, REASON_LEAST);
    if (got.unsafe > 0)
        fail_msg("got %zu living addresses called dead, want none", got.unsafe);
    if (got.high_wrong * 200 > got.high)
        fail_msg("confidence high: got %zu of %zu with a wrong kind or hard, want at most one in 200", got.high_wrong,
                 got.high);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads_what_servers_say)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
