/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* carom rules: lists the rules by which diagnostics are read, and tries them on a text. */

#include <stdio.h>
#include <time.h>

#include "base/str.h"
#include "base/utf8.h"
#include "classify/fact.h"
#include "classify/provider.h"
#include "classify/rules.h"
#include "cli/candidates.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "policy/policy.h"

struct asked {
    const char *reason, *kind, *provider, *text, *policy, *host;
    int64_t code;
    bool json;
    enum carom_reason reason_value;
    enum carom_kind kind_value;
};

/* ---- What is asked ---- */

static const char *nearest_reason(const char *word)
{
    const char *names[CAROM_REASON_COUNT + 1] = {NULL};

    for (int i = 1; i < CAROM_REASON_COUNT; i++)
        names[i - 1] = carom_reason_name((enum carom_reason)i);
    return carom_cli_nearest(word, names);
}

static const char *nearest_kind(const char *word)
{
    const char *names[CAROM_KIND_COUNT + 1] = {NULL};

    for (int i = 0; i < CAROM_KIND_COUNT; i++)
        names[i] = carom_kind_name((enum carom_kind)i);
    return carom_cli_nearest(word, names);
}

static bool is_provider(const char *id)
{
    for (size_t i = 0; i < carom_providers_n; i++)
        if (!strcmp(id, carom_providers[i].id))
            return true;
    return false;
}

static int refuse(const char *option, const char *word, const char *nearest, const char *list)
{
    return carom_cli_usage("rules", "--%s: '%s' is none%s%s%s; %s lists them", option, word,
                           nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "", list);
}

/* EX_OK, or what the mistake costs. */
static int check(struct asked *asked)
{
    if (asked->reason && !carom_reason_parse(carom_str(asked->reason), &asked->reason_value))
        return refuse("reason", asked->reason, nearest_reason(asked->reason), "carom codes --reasons");
    if (asked->kind && !carom_kind_parse(carom_str(asked->kind), &asked->kind_value))
        return refuse("kind", asked->kind, nearest_kind(asked->kind), "carom-fact(5)");
    if (asked->provider && !is_provider(asked->provider))
        return refuse("provider", asked->provider, NULL, "carom codes --providers");
    if (asked->code && (asked->code < 200 || asked->code > 599))
        return carom_cli_usage("rules", "--code: %lld is no reply code (200 to 599)", (long long)asked->code);
    return EX_OK;
}

/* ---- Listing ---- */

static bool has_word(struct carom_str words, const char *word)
{
    struct carom_str one;

    while (carom_str_word(&words, &one))
        if (carom_str_eq(one, carom_str(word)))
            return true;
    return false;
}

static bool is_asked_for(struct carom_arena *arena, const struct asked *asked, const struct carom_rule *rule)
{
    if (asked->reason && rule->reason != asked->reason_value)
        return false;
    if (asked->kind && rule->kind != (int)asked->kind_value)
        return false;
    if (asked->provider && !has_word(rule->provider, asked->provider))
        return false;
    if (asked->code && (!rule->code_min || asked->code < rule->code_min || asked->code > rule->code_max))
        return false;
    return !asked->text || carom_str_find(carom_utf8_normalise(arena, rule->text).folded,
                                          carom_utf8_normalise(arena, carom_str(asked->text)).folded) != SIZE_MAX;
}

static struct carom_str codes_of(struct carom_arena *arena, const struct carom_rule *rule)
{
    if (!rule->code_min)
        return CAROM_STR_EMPTY;
    return carom_arena_printf(arena, rule->code_min == rule->code_max ? "%d" : "%d-%d", rule->code_min, rule->code_max);
}

static const char *kind_of(const struct carom_rule *rule)
{
    return rule->kind >= 0 ? carom_kind_name((enum carom_kind)rule->kind) : "";
}

static void write_rule(struct carom_arena *arena, const struct carom_rule *rule, struct carom_json *json)
{
    carom_json_object(json);
    carom_json_field_str(json, "rule", rule->id);
    carom_json_field_str(json, "text", rule->text);
    carom_json_field_str(json, "provider", rule->provider);
    carom_json_field_str(json, "code", codes_of(arena, rule));
    carom_json_field_str(json, "status", rule->status);
    carom_json_field_str(json, "reason", carom_str(carom_reason_name(rule->reason)));
    carom_json_field_str(json, "kind", carom_str(kind_of(rule)));
    carom_json_key(json, CAROM_STR("weight"));
    carom_json_int(json, rule->weight);
    carom_json_field_str(json, "seen", rule->seen);
    carom_json_object_end(json);
}

static void print_rule(struct carom_arena *arena, const struct carom_rule *rule)
{
    const char *reason = carom_reason_name(rule->reason);

    printf(CAROM_STR_FMT "\t", CAROM_STR_ARG(rule->id));
    carom_print_cell(stdout, rule->text, 0);
    printf("\t" CAROM_STR_FMT "\t" CAROM_STR_FMT "\t" CAROM_STR_FMT "\t%s\t%s\t%d\t" CAROM_STR_FMT "\n",
           CAROM_STR_ARG(rule->provider), CAROM_STR_ARG(codes_of(arena, rule)), CAROM_STR_ARG(rule->status),
           reason ? reason : "", kind_of(rule), rule->weight, CAROM_STR_ARG(rule->seen));
}

static void list_rule(struct carom_arena *arena, const struct asked *asked, const struct carom_rule *rule,
                      struct carom_print *print)
{
    if (!is_asked_for(arena, asked, rule))
        return;
    if (asked->json) {
        struct carom_json json = carom_print_json(print);
        write_rule(arena, rule, &json);
        carom_print_line(print);
    } else {
        print_rule(arena, rule);
    }
}

/* The policy's go first, as they do in judging. */
static int list(struct carom_arena *arena, const struct asked *asked, const struct carom_judging *judging)
{
    struct carom_print print = carom_print_begin(stdout);

    if (!asked->json)
        printf("rule\ttext\tprovider\tcode\tstatus\treason\tkind\tweight\tseen\n");
    for (size_t i = 0; judging && judging->own && i < judging->own->n; i++)
        list_rule(arena, asked, &judging->own->list[i], &print);
    for (size_t i = 0; i < carom_rules_n; i++) {
        struct carom_rule rule = carom_rule_built_in(i);
        list_rule(arena, asked, &rule, &print);
    }
    return carom_print_end(&print) == 0 ? EX_OK : carom_cli_output_failed("rules");
}

/* ---- Trying ---- */

static void print_verdict(const struct carom_fact *fact)
{
    const char *reason = carom_reason_name(fact->reason), *confidence = carom_confidence_name(fact->confidence);

    printf("\n  %s, %s%s; confidence %s; decided by ", carom_kind_name(fact->kind), reason ? reason : "no failure",
           fact->hard ? ", hard" : "", confidence ? confidence : "none");
    carom_print_cell(stdout, fact->evidence.rule, 0);
    putchar('\n');
}

static int try_text(struct carom_arena *arena, const struct asked *asked, struct carom_str text,
                    const struct carom_judging *rules)
{
    const struct carom_reply_input input = {.reply = text.ptr, .remote_mta = asked->host};
    struct carom_candidates candidates;

    carom_candidates_begin(&candidates, arena);
    struct carom_judging judging = {.own = rules ? rules->own : NULL, .watch = &candidates.watch};
    const struct carom_fact *fact = &carom_facts_reply(arena, &input, &judging, (int64_t)time(NULL)).list[0];
    if (!asked->json) {
        carom_candidates_print(&candidates, 1, fact);
        print_verdict(fact);
        return EX_OK;
    }
    struct carom_print print = carom_print_begin(stdout);
    struct carom_json json = carom_print_json(&print);
    carom_json_object(&json);
    carom_json_key(&json, CAROM_STR("candidates"));
    carom_candidates_write(&candidates, 1, fact, &json);
    carom_json_key(&json, CAROM_STR("fact"));
    carom_fact_write(fact, &json);
    carom_json_object_end(&json);
    carom_print_line(&print);
    return carom_print_end(&print) == 0 ? EX_OK : carom_cli_output_failed("rules");
}

/* ---- The command ---- */

static int answer(struct carom_arena *arena, const struct asked *asked, char **operands, int n)
{
    struct carom_policy *policy = NULL;
    struct carom_error err = {0};
    int code;

    if (asked->policy && !(policy = carom_policy_load(asked->policy, &carom_log_stderr, &err)))
        return carom_cli_fail(&err);
    const struct carom_judging *judging = policy ? carom_policy_judging(policy) : NULL;
    if (n == 0) {
        code = list(arena, asked, judging);
    } else {
        struct carom_str text = carom_str(operands[1]);
        for (int i = 2; i < n; i++) /* unquoted words are taken as one text */
            text = carom_arena_printf(arena, CAROM_STR_FMT " %s", CAROM_STR_ARG(text), operands[i]);
        code = try_text(arena, asked, carom_arena_str(arena, text), judging);
    }
    carom_policy_free(policy);
    return code;
}

int cmd_rules(int argc, char **argv)
{
    struct asked asked = {.code = 0};
    const struct carom_option options[] = {
        {"reason", CAROM_OPTION_TEXT, &asked.reason, "REASON", "only rules that give this reason"},
        {"kind", CAROM_OPTION_TEXT, &asked.kind, "KIND", "only rules that state this kind, whatever the codes say"},
        {"provider", CAROM_OPTION_TEXT, &asked.provider, "PROVIDER", "only rules that hold at this provider alone"},
        {"code", CAROM_OPTION_NUMBER, &asked.code, "CODE", "only rules that ask for this reply code"},
        {"text", CAROM_OPTION_TEXT, &asked.text, "WORDS", "only rules whose text has these words"},
        {"policy", CAROM_OPTION_TEXT, &asked.policy, "FILE", "with the rules of this policy, which win"},
        {"host", CAROM_OPTION_TEXT, &asked.host, "NAME", "rules test: the server that said it"},
        {"json", CAROM_OPTION_FLAG, &asked.json, NULL, "JSON, one object a line"},
        {NULL, 0, NULL, NULL, NULL}};
    char **operands;
    int n = carom_cli_options(argc, argv, options, "[OPTIONS] [test 'TEXT']",
                              "Lists the rules that read diagnostics, tab-separated; with test, shows which of them the\n"
                              "words of TEXT meet, and which wins.",
                              &operands);

    if (n < 0)
        return carom_cli_options_exit(n);
    if (n > 0 && strcmp(operands[0], "test"))
        return carom_cli_usage("rules", "'%s' is no operand; write carom rules test 'TEXT'", operands[0]);
    if (n > 0 && (n == 1 || carom_str_blank(carom_str(operands[1]))))
        return carom_cli_usage("rules", "test: no TEXT given");
    if (n > 0 && (asked.reason || asked.kind || asked.provider || asked.code || asked.text))
        return carom_cli_usage("rules", "test looks at all rules: --reason, --kind, --provider, --code and --text are for the list");
    if (n == 0 && asked.host)
        return carom_cli_usage("rules", "--host is for carom rules test 'TEXT'; --provider lists rules of a provider");
    int code = check(&asked);
    if (code != EX_OK)
        return code;
    struct carom_arena *arena = carom_arena_new();
    if (!arena || carom_arena_guard(arena))
        return carom_cli_no_memory(arena);
    code = answer(arena, &asked, operands, n);
    carom_arena_unguard(arena);
    carom_arena_free(arena);
    return code;
}
