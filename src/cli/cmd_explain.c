/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* carom explain: what a reply, a code or a reason means, which rule says so, and what a policy would do. */

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/date.h"
#include "classify/fact.h"
#include "classify/reasons.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "policy/policy.h"
#include "smtp/codes.h"
#include "smtp/reply.h"

struct question {
    struct carom_str text;
    const char *recipient, *list, *host, *policy;
    const struct carom_judging *judging; /* with the rules of that policy */
    bool made_up_recipient, made_up_list;
};

static struct carom_reply_input input_of(const struct question *question)
{
    return (struct carom_reply_input){.reply = question->text.ptr, .recipient = question->recipient, .list = question->list,
                                      .remote_mta = question->host};
}

static void item(const char *name, struct carom_str text)
{
    if (!text.len)
        return;
    printf("  %-12s", name);
    /* The first line stands beside the name. */
    struct carom_str word, rest = text;
    size_t column = 14;
    bool first = true;
    while (carom_str_word(&rest, &word)) {
        if (!first && column + 1 + word.len > 100) {
            printf("\n%14s", "");
            column = 14;
        } else if (!first) {
            putchar(' ');
            column++;
        }
        carom_print_cell(stdout, word, 0);
        column += word.len;
        first = false;
    }
    putchar('\n');
}

static void explain_code(int code)
{
    const struct carom_code_row *row = carom_code_find(code);
    static const char *const classes[] = {"", "", "success", "go on", "try again later", "refused for good"};
    char name[16];

    snprintf(name, sizeof(name), "%d", code);
    if (!row) {
        printf("  %-12snot in any RFC and not in our table; its first digit says: %s\n", name,
               code >= 200 && code < 600 ? classes[code / 100] : "nothing");
        return;
    }
    item(name, carom_str(row->meaning));
    item("fault", carom_str(row->fault));
    item("usually", carom_str(row->advice));
    item("beware", carom_str(row->notes));
    item("defined in", carom_str(row->reference));
}

static void explain_status(struct carom_str status)
{
    const struct carom_status_row *row = carom_status_find_row(status);
    char name[24];

    snprintf(name, sizeof(name), CAROM_STR_FMT, CAROM_STR_ARG(status));
    if (!row) {
        printf("  %-12snot in the registry of RFC 5248 and not in our table\n", name);
        return;
    }
    item(name, carom_str(row->meaning));
    item("beware", carom_str(row->notes));
    item("defined in", carom_str(row->reference));
}

static void explain_reason(enum carom_reason reason)
{
    for (size_t i = 0; i < carom_reason_rows_n; i++)
        if (carom_reason_rows[i].reason == reason) {
            printf("  %-12s%s: %s\n", "reason", carom_reason_name(reason), carom_reason_rows[i].meaning);
            item("to do", carom_str(carom_reason_rows[i].advice));
        }
}

static void explain_verdict(const struct carom_fact *fact)
{
    const char *reason = carom_reason_name(fact->reason);

    printf("  %-12s%s\n", "kind", carom_kind_name(fact->kind));
    explain_reason(fact->reason);
    if (fact->fault)
        printf("  %-12s%s\n", "fault", carom_fault_name(fact->fault));
    if (reason)
        printf("  %-12s%s\n", "hard",
               fact->hard ? "yes: the address itself is believed dead" : "no: the address itself is not believed dead");
    item("provider", fact->provider);
    item("rule", fact->evidence.rule);
    item("matched", fact->evidence.text);
    if (fact->confidence)
        printf("  %-12s%s\n", "confidence", carom_confidence_name(fact->confidence));
    if (reason && (fact->kind == CAROM_KIND_PERMANENT || fact->kind == CAROM_KIND_TRANSIENT))
        printf("  %-12son_%s, else on_%s, else on_bounce\n", "hooks", reason, carom_kind_name(fact->kind));
}

static void print_decision(const struct carom_decision *decision, const struct carom_fact *fact)
{
    for (const struct carom_decided *d = decision->first; d; d = d->next) {
        struct carom_buf buf = CAROM_BUF_INIT(1 << 20);
        struct carom_json json = carom_json_to(&buf);
        carom_decided_write(d, fact, &json);
        printf("  %-12s", carom_action_name(d->type));
        carom_print_cell(stdout, carom_buf_str(&buf), 0);
        printf("%s%s\n", d->note ? "  not carried out: " : "", d->note ? d->note : "");
        carom_buf_deinit(&buf);
    }
}

/* What the policy would do with it as the first bounce of this address. */
static int explain_policy(struct carom_arena *arena, const struct question *question, struct carom_policy *policy,
                          struct carom_error *err)
{
    const struct carom_reply_input input = input_of(question);
    const struct carom_fact *fact = &carom_facts_reply(arena, &input, question->judging, (int64_t)time(NULL)).list[0];
    struct carom_decision decision;
    struct carom_headers none = {0};
    int result;

    struct carom_history history = {.now = carom_date_now_ms(),
                                    .half_life_ms = carom_policy_config(policy)->half_life_ms,
                                    .present = {.kind = fact->kind,
                                                .reason = fact->reason,
                                                .hard = fact->hard,
                                                .authenticity = fact->authenticity,
                                                .time = carom_history_time(fact),
                                                .received = fact->received * 1000}};
    struct carom_subject subject = {.fact = fact,
                                    .history = &history,
                                    .headers = &none,
                                    .returned_headers = &none,
                                    .text = CAROM_STR_EMPTY,
                                    .now = history.now};
    carom_decision_init(&decision);
    result = carom_policy_decide(policy, arena, &subject, &decision, err);
    if (result == 0) {
        printf("\n%s, as the first bounce of %s%s on the list %s%s: %s%s\n", question->policy, question->recipient,
               question->made_up_recipient ? " (made up: --recipient)" : "", question->list,
               question->made_up_list ? " (taken as an example: --list)" : "",
               decision.hook.len ? "" : "no hook, recorded only", decision.hook.len ? decision.hook.ptr : "");
        print_decision(&decision, fact);
        if (decision.hook.len && !decision.first)
            puts("  left alone  recorded only");
    }
    return result;
}

/* A policy needs to know whom and which list it is about: an example does, and is named as one. */
static int ask_policy(struct carom_arena *arena, struct question *question, struct carom_policy *policy,
                      struct carom_error *err)
{
    const struct carom_list_entry *lists = carom_policy_config(policy)->lists;
    question->made_up_recipient = !question->recipient;
    question->made_up_list = !question->list;
    if (!question->recipient)
        question->recipient = "somebody@example.com";
    if (!question->list)
        question->list = lists ? lists->id.ptr : "list.example.org";
    return explain_policy(arena, question, policy, err);
}

static int print_json(const struct carom_fact *fact, struct carom_error *err)
{
    struct carom_print print = carom_print_begin(stdout);
    struct carom_json line = carom_print_json(&print);

    carom_fact_write(fact, &line);
    carom_print_line(&print);
    return carom_print_end(&print) == 0
               ? 0
               : carom_cli_output_error(err, "explain");
}

static int nothing_recognised(struct carom_str text, struct carom_error *err)
{
    const char *names[CAROM_REASON_COUNT + 1] = {NULL};
    for (size_t i = 0; i < carom_reason_rows_n && i < CAROM_REASON_COUNT; i++)
        names[i] = carom_reason_name(carom_reason_rows[i].reason);
    const char *nearest = carom_cli_nearest(text.ptr, names);
    if (nearest)
        return carom_error_set(err, CAROM_ERROR_USAGE, "explain: '%s' is no reason; did you mean %s?", text.ptr, nearest);
    return carom_error_set(err, CAROM_ERROR_USAGE, "explain: nothing is recognised in '%.100s': it holds no reply code, no "
                           "enhanced status code and no words that a rule knows; give the server's words with their code, "
                           "such as '550 5.1.1 User unknown', or a reason (carom codes --reasons prints them)", text.ptr);
}

static int explain_reply(struct carom_arena *arena, struct question *question, bool json, struct carom_policy *policy,
                         struct carom_error *err)
{
    const struct carom_reply_input input = input_of(question);
    const struct carom_fact *fact = &carom_facts_reply(arena, &input, question->judging, (int64_t)time(NULL)).list[0];

    if (question->recipient && !fact->recipient.len)
        return carom_error_set(err, CAROM_ERROR_USAGE, "explain: --recipient: '%s' is no address", question->recipient);
    if (carom_fact_says_nothing(fact))
        return nothing_recognised(question->text, err);
    if (json)
        return print_json(fact, err);
    carom_print_cell(stdout, question->text, 0);
    printf("\n\n");
    if (fact->reply_code)
        explain_code(fact->reply_code);
    if (fact->status.len)
        explain_status(fact->status);
    if (fact->reply_code || fact->status.len)
        putchar('\n');
    explain_verdict(fact);
    return policy ? ask_policy(arena, question, policy, err) : 0;
}

/* The policy comes first: its rules judge the reply too. */
static int explain_by_policy(struct carom_arena *arena, struct question *question, bool json, struct carom_error *err)
{
    struct carom_policy *policy = NULL;

    if (question->policy && !(policy = carom_policy_load(question->policy, &carom_log_stderr, err)))
        return -1;
    if (policy)
        question->judging = carom_policy_judging(policy);
    int result = explain_reply(arena, question, json, policy, err);
    carom_policy_free(policy);
    return result;
}

int cmd_explain(int argc, char **argv)
{
    struct question question = {.recipient = NULL};
    bool json = false;
    const struct carom_option options[] = {
        {"recipient", CAROM_OPTION_TEXT, &question.recipient, "ADDRESS", "whom the reply concerned; its domain tells the provider"},
        {"list", CAROM_OPTION_TEXT, &question.list, "LIST", "the list that it concerned (a List-Id)"},
        {"host", CAROM_OPTION_TEXT, &question.host, "NAME", "the server that said it"},
        {"policy", CAROM_OPTION_TEXT, &question.policy, "FILE", "say also what this policy would do"},
        {"json", CAROM_OPTION_FLAG, &json, NULL, "the fact as JSON"},
        {NULL, 0, NULL, NULL, NULL}};
    char **operands;
    int n = carom_cli_options(argc, argv, options, "[OPTIONS] 'TEXT'|CODE|STATUS|REASON",
                              "Says what an SMTP reply means, whose fault it usually is, and which rule says so.",
                              &operands);
    struct carom_error err = {0};
    enum carom_reason reason;
    int result = 0;

    if (n < 0)
        return carom_cli_options_exit(n);
    if (n == 0)
        return carom_cli_usage("explain", "nothing to explain given");
    struct carom_arena *arena = carom_arena_new();
    if (!arena || carom_arena_guard(arena))
        return carom_cli_no_memory(arena);
    struct carom_str text = carom_str(operands[0]);
    for (int i = 1; i < n; i++) /* unquoted words are taken as one text */
        text = carom_arena_printf(arena, CAROM_STR_FMT " %s", CAROM_STR_ARG(text), operands[i]);
    text = question.text = carom_arena_str(arena, carom_str_trim(text));
    if (!text.len) {
        result = -1;
        carom_error_set(&err, CAROM_ERROR_USAGE, "explain: the text is empty");
    } else if (!json && carom_reason_parse(text, &reason)) {
        explain_reason(reason);
        printf("  %-12s%s\n", "fault", carom_fault_name(carom_reason_fault(reason)));
    } else {
        result = explain_by_policy(arena, &question, json, &err);
    }
    carom_arena_free(arena);
    return result == 0 ? EX_OK : carom_cli_fail(&err);
}
