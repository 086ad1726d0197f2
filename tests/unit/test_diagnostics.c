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
#include "base/phrase.h"
#include "classify/fact.h"
#include "classify/rules.h"
#include "smtp/reply.h"

/* In tenths of a percent. Raise them with the rules. */
enum { KIND_LEAST = 998, REASON_LEAST = 984 };

struct row {
    char *reply, *host;
    struct carom_str kind, reason;
};
/* How many rules no row of the table meets: this may only fall. */
enum { NEVER_MET_MOST = 1786 };

struct figures {
    size_t rows, kind, reason, high, high_wrong, unsafe;
    bool *met; /* per rule */
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

static void begin(void *user) { (void)user; }

static void saw(void *user, const struct carom_rule *rule, struct carom_str text, struct carom_str where, bool holds)
{
    struct figures *figures = user;

    (void)text;
    (void)where;
    figures->met[rule->place] |= holds;
}

static void judge(struct carom_arena *arena, const struct row *row, struct figures *figures)
{
    const struct carom_reply_input input = {.reply = row->reply, .remote_mta = strcmp(row->host, "-") ? row->host : NULL};
    const struct carom_rules_watch watch = {begin, saw, figures};
    const struct carom_judging judging = {.watch = &watch};
    struct carom_fact fact = carom_facts_reply(arena, &input, &judging, 1700000000).list[0];
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
    struct figures figures = {.met = calloc(carom_rules_n, sizeof(bool))};
    struct carom_arena *arena = carom_arena_new();
    FILE *file = fopen(CAROM_DIAGNOSTICS, "r");
    char line[4096];
    bool title = true;

    assert_non_null(file);
    assert_non_null(figures.met);
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
    free(got.met);
}

static void meets_every_rule(void **state)
{
    struct figures got = read_all();
    size_t never = 0;

    (void)state;
    for (size_t i = 0; i < carom_rules_n; i++)
        if (!got.met[i] && ++never > NEVER_MET_MOST)
            print_message("no row meets %s (%s)\n", carom_cell_str(carom_rules[i].id).ptr, carom_cell_str(carom_rules[i].text).ptr);
    free(got.met);
    if (never > NEVER_MET_MOST)
        fail_msg("got %zu rules that no row of the table meets, want at most %d: add rows for the new ones", never,
                 NEVER_MET_MOST);
    if (never < NEVER_MET_MOST)
        fail_msg("got only %zu rules that no row meets: lower NEVER_MET_MOST to it", never);
}

/* ---- Rules that can never win ---- */

/* What the rule looks for, as a server would say it: the last word of a class, "x" for a run. */
static struct carom_str say(struct carom_arena *arena, const struct carom_rule *rule)
{
    struct carom_str unknown, rest = carom_phrase_ready(arena, rule->text, carom_word_rows, carom_word_rows_n, &unknown);
    char *out = carom_arena_alloc(arena, rest.len + 3);
    size_t n = 0, class = 0;
    bool inside = false;

    for (size_t i = 0; i < rest.len; i++) {
        char c = rest.ptr[i];
        if (c == '\\' && i + 1 < rest.len && strchr("|*~{},", rest.ptr[i + 1]))
            out[n++] = rest.ptr[++i];
        else if (c == '{' || c == '}')
            inside = c == '{', class = n;
        else if (c == ',' && inside)
            n = class;
        else if (c != '|')
            out[n++] = c == '*' ? 'x' : c == '~' ? ' ' : c;
    }
    memcpy(out + n, " x", 2);
    return carom_str_n(out, n + 2);
}

static struct carom_case case_for(struct carom_arena *arena, const struct carom_rule *rule)
{
    struct carom_str providers = rule->provider, provider = CAROM_STR_EMPTY;
    size_t n = rule->status.len;
    char *status = carom_arena_alloc(arena, n + 1);

    for (size_t i = 0; i < n; i++)
        status[i] = rule->status.ptr[i] == '*' ? '0' : rule->status.ptr[i];
    carom_str_word(&providers, &provider);
    return (struct carom_case){.reply_code = rule->code_min, .status = carom_str_n(status, n), .provider = provider,
                               .command = CAROM_STR_EMPTY, .diagnostic = say(arena, rule), .where = CAROM_STR("said"),
                               .text = CAROM_STR_EMPTY, .machine = true};
}

/* A rule that loses against another reason in its own words, at its own provider, with its own codes, can never win. */
static void every_rule_can_win(void **state)
{
    struct carom_arena *arena = carom_arena_new();
    size_t lost = 0;

    (void)state;
    for (size_t i = 0; i < carom_rules_n; i++) {
        carom_arena_reset(arena);
        assert_false(carom_arena_guard(arena));
        struct carom_rule rule = carom_rule_built_in(i);
        struct carom_case what = case_for(arena, &rule);
        struct carom_verdict got = carom_rules_judge(arena, &what, NULL);
        if (got.reason != rule.reason) {
            print_message("%s (%s, %s): %s wins for %s\n", rule.id.ptr, rule.text.ptr, carom_reason_name(rule.reason),
                          got.rule.ptr, carom_reason_name(got.reason));
            lost++;
        }
        carom_arena_unguard(arena);
    }
    carom_arena_free(arena);
    if (lost > 0)
        fail_msg("got %zu rules that can never win, want none", lost);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_servers_say),
        cmocka_unit_test(meets_every_rule),
        cmocka_unit_test(every_rule_can_win),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
