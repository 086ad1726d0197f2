/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Facts of each kind, reason, confidence and authenticity, with and without what a hook may rely on, for addresses without
   a past and with a bad one. It looks at what comes out; what that means is judge.c's business. */

#include "cli/lint/trial.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/hash.h"
#include "classify/made.h"
#include "mail/header.h"

enum { FIELDS_MAX = 24, PAST = 12, NEARLY = 60, SECONDS_MAX = 2 };
static const int64_t day = INT64_C(86400000);

struct hook {
    struct carom_str name;
    bool reached;
    bool told;      /* that it fails, or nearly */
    double seconds; /* that it has taken */
    bool slow;      /* too many: it is tried no more */
};

struct trial {
    struct carom_policy *policy;
    struct carom_findings *findings;
    struct carom_arena *arena; /* of one fact and its decisions */
    int64_t now;
    const struct carom_headers *headers;
    struct hook hooks[CAROM_KIND_COUNT + CAROM_REASON_COUNT + 8];
    size_t hooks_n;
    bool keyless; /* the secrets of verp cannot be read here, so that carom.verp fails, which is not the policy's fault */
    struct { /* where a removal was asked for, and how sure its facts were */
        struct carom_str at;
        unsigned confidences;
        bool force;
    } removals[64];
    size_t removals_n;
};

/* ---- Pasts ---- */

enum past { FRESH, MANY, SETTLED, PASTS };

static struct carom_past past_of(const struct carom_fact *fact, int64_t time, double points)
{
    return (struct carom_past){.id = 1 + time / day, .kind = fact->kind, .reason = fact->reason,
                               .authenticity = fact->authenticity, .hard = fact->hard, .time = time, .received = time,
                               .delivery = (uint64_t)time, .list = fact->list, .points = points};
}

/* MANY: twelve like it, one every five days, each with the points that the first had. SETTLED: beside that suppressed and
   tagged, and delivered to in between. */
static struct carom_history history_of(const struct trial *trial, const struct carom_fact *fact, enum past past, double points)
{
    static struct carom_tag tag = {.key = {"left", 4}, .value = {"yes", 3}};
    static struct carom_suppression suppression = {.list = {"", 0}, .since = 1, .reason = {"", 0}};
    const struct carom_config *config = carom_policy_config(trial->policy);
    struct carom_history history = {.now = trial->now * 1000, .half_life_ms = config->half_life_ms,
                                    .present = past_of(fact, trial->now * 1000, 0)};

    if (past == FRESH)
        return history;
    history.n = PAST;
    history.list = carom_arena_array(trial->arena, struct carom_past, PAST);
    for (int i = 0; i < PAST; i++)
        history.list[i] = past_of(fact, history.now - (i + 1) * 5 * day, points);
    if (past == SETTLED) {
        history.list[0].kind = CAROM_KIND_DELIVERED;
        history.tags = &tag;
        history.suppressions = &suppression;
    }
    return history;
}

/* ---- One run ---- */

/* "policy.lua:12: on_x: what" is that place and the rest. */
static void add_failure(struct trial *trial, const char *words, const struct carom_error *err)
{
    struct carom_str text = carom_str(err->text), at = carom_str("");
    size_t colon = carom_str_find(text, CAROM_STR(": "));

    if (trial->keyless && strstr(err->text, ": carom.verp: "))
        return;
    if (colon != SIZE_MAX) {
        at = carom_str_head(text, colon);
        text = carom_str_from(text, colon + 2);
    }
    carom_findings_add(trial->findings, CAROM_ERROR_FOUND, at, words,
                       "the message of such a fact waits in the spool until the policy is mended", CAROM_STR_FMT,
                       CAROM_STR_ARG(text));
}

/* The hook that the fact runs, as policy/hooks.c chooses it; NULL: none. */
static struct hook *hook_of(struct trial *trial, const struct carom_fact *fact)
{
    bool failed = fact->kind == CAROM_KIND_PERMANENT || fact->kind == CAROM_KIND_TRANSIENT;
    const char *words[] = {failed ? carom_reason_name(fact->reason) : NULL, carom_kind_name(fact->kind),
                           failed || fact->kind == CAROM_KIND_DELAYED ? "bounce" : NULL};

    for (size_t k = 0; k < 3; k++)
        for (size_t i = 0; words[k] && i < trial->hooks_n; i++)
            if (carom_str_eq(carom_str_from(trial->hooks[i].name, 3), carom_str(words[k])))
                return &trial->hooks[i];
    return NULL;
}

static double clock_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* True: there is something to tell. */
static bool look_at_use(struct trial *trial, struct carom_str hook, const char *words)
{
    struct carom_policy_use use = carom_policy_use(trial->policy);
    const char *what = use.instructions * 100 > NEARLY ? "instructions" : use.memory * 100 > NEARLY ? "memory" : NULL;

    for (const struct carom_policy_hook *one = carom_policy_hooks(trial->policy); what && one; one = one->next)
        if (carom_str_eq(one->name, hook))
            carom_findings_add(trial->findings, CAROM_WARNING, one->at, words,
                               "raise it, or do less: a hook that exceeds a limit decides nothing",
                               CAROM_STR_FMT " needs more than %d %% of limits.%s", CAROM_STR_ARG(hook), NEARLY, what);
    return what != NULL;
}


static void note_removals(struct trial *trial, const struct carom_fact *fact, const struct carom_decision *decision)
{
    for (const struct carom_decided *action = decision->first; action; action = action->next) {
        size_t i = 0;
        if (action->type != CAROM_ACTION_UNSUBSCRIBE && action->type != CAROM_ACTION_SUPPRESS)
            continue;
        while (i < trial->removals_n && !carom_str_eq(trial->removals[i].at, action->at))
            i++;
        if (i == sizeof trial->removals / sizeof *trial->removals)
            continue;
        if (i == trial->removals_n) {
            trial->removals_n++;
            trial->removals[i].at = carom_arena_str(trial->findings->arena, action->at);
        }
        trial->removals[i].confidences |= 1u << fact->confidence;
        trial->removals[i].force = trial->removals[i].force || action->force;
    }
}

/* Returns the points that it gave. */
static double run(struct trial *trial, const struct carom_fact *fact, enum past past, double points, const char *words,
                  bool whole)
{
    struct carom_history history = history_of(trial, fact, past, points);
    struct carom_headers none = {.block = CAROM_STR_EMPTY};
    struct carom_subject subject = {.fact = fact, .history = &history, .headers = whole ? trial->headers : &none,
                                    .returned_headers = whole ? trial->headers : NULL,
                                    .text = whole ? CAROM_STR("Your message could not be delivered.") : CAROM_STR_EMPTY,
                                    .now = trial->now * 1000};
    struct carom_lint_case with = {.fact = fact, .fresh = past == FRESH, .words = words};
    struct hook *hook = hook_of(trial, fact);
    struct carom_decision decision;
    struct carom_error err = {0};
    double given = 0, started = clock_seconds();

    if (!hook || hook->slow)
        return 0;
    int result = carom_policy_decide(trial->policy, trial->arena, &subject, &decision, &err);
    if (result == 0 && carom_policy_use(trial->policy).memory * 100 > NEARLY) { /* of which some may be of the ones before */
        carom_policy_tidy(trial->policy);
        result = carom_policy_decide(trial->policy, trial->arena, &subject, &decision, &err);
    }
    hook->reached = true;
    hook->seconds += clock_seconds() - started;
    hook->slow = hook->seconds > SECONDS_MAX;
    hook->told = hook->told || result != 0 || look_at_use(trial, hook->name, words);
    if (result != 0)
        return add_failure(trial, words, &err), 0;
    for (const struct carom_decided *action = decision.first; action; action = action->next)
        given += action->type == CAROM_ACTION_SCORE ? action->points : 0;
    if (whole) {
        note_removals(trial, fact, &decision);
        carom_lint_judge(trial->findings, carom_policy_config(trial->policy), &with, &decision);
    }
    return given;
}

/* ---- Facts ---- */

/* What a fact has beside kind and reason; without: the index of one that is left out, -1 all are there, -2 all are out. */
static const struct carom_made_field parts[] = {
    {{"recipient", 9}, {"ann@gmail.com", 13}},
    {{"list", 4}, {NULL, 0}}, /* one of the policy's */
    {{"diagnostic", 10}, {"550 5.0.0 no", 12}},
    {{"status", 6}, {"5.0.0", 5}},
    {{"reply_code", 10}, {"550", 3}},
    {{"remote_mta", 10}, {"mx.google.com", 13}},
    {{"reporting_mta", 13}, {"mail.example.org", 16}},
    {{"envelope_to", 11}, {"bounces@example.org", 19}},
    {{"delivery", 8}, {"4711", 4}},
    {{"original.message_id", 19}, {"<4711@example.org>", 18}},
    {{"original.subject", 16}, {"News", 4}},
    {{"subject", 7}, {"Undelivered mail", 16}},
    {{"from", 4}, {"mailer-daemon@mx.google.com", 27}},
};
enum { PARTS = sizeof parts / sizeof *parts, ALL = -1, NONE = -2 };

struct variant {
    enum carom_kind kind;
    enum carom_reason reason;
    enum carom_confidence confidence;
    enum carom_authenticity authenticity;
    const char *autoreply;
    int without;
};

static struct carom_str list_of(const struct trial *trial)
{
    const struct carom_list_entry *list = carom_policy_config(trial->policy)->lists;
    return list ? list->id : CAROM_STR("news.lists.example.org");
}

static int make(const struct trial *trial, const struct variant *variant, struct carom_fact *fact_r, struct carom_error *err)
{
    struct carom_made_field fields[FIELDS_MAX];
    const char *reason = carom_reason_name(variant->reason);
    size_t n = 0;

#define STATE(name, value) fields[n++] = (struct carom_made_field){carom_str(name), carom_str(value)}
    STATE("kind", carom_kind_name(variant->kind));
    if (reason)
        STATE("reason", reason);
    STATE("confidence", carom_confidence_name(variant->confidence));
    STATE("authenticity", carom_authenticity_name(variant->authenticity));
    if (variant->kind == CAROM_KIND_COMPLAINT && variant->without == ALL)
        STATE("feedback.type", "abuse");
    if (variant->autoreply && variant->without == ALL)
        STATE("autoreply.type", variant->autoreply);
#undef STATE
    for (int i = 0; i < PARTS; i++) {
        if (variant->without == NONE || variant->without == i)
            continue;
        if (i >= 2 && i <= 5 && !reason) /* of failures */
            continue;
        fields[n] = parts[i];
        if (!fields[n].value.ptr)
            fields[n].value = list_of(trial);
        n++;
    }
    return carom_fact_made(trial->arena, fields, n, 1, NULL, trial->now, fact_r, err);
}

static void describe(const struct variant *variant, char words_r[160])
{
    const char *reason = carom_reason_name(variant->reason);
    int n = snprintf(words_r, 160, "%s%s%s", carom_kind_name(variant->kind), reason ? " " : "", reason ? reason : "");

    if (variant->without == NONE)
        snprintf(words_r + n, 160 - (size_t)n, " that states nothing else");
    else if (variant->without != ALL)
        snprintf(words_r + n, 160 - (size_t)n, " without " CAROM_STR_FMT, CAROM_STR_ARG(parts[variant->without].name));
}

static int try(struct trial *trial, const struct variant *variant, struct carom_error *err)
{
    struct carom_fact fact;
    char words[160];
    bool whole = variant->without == ALL;

    if (make(trial, variant, &fact, err) != 0)
        return -1;
    describe(variant, words);
    double points = run(trial, &fact, FRESH, 0, words, whole);
    run(trial, &fact, MANY, points, words, whole);
    if (variant->confidence == CAROM_CONFIDENCE_HIGH && variant->authenticity == CAROM_AUTHENTICITY_DIRECT)
        run(trial, &fact, SETTLED, points, words, false);
    carom_arena_reset(trial->arena);
    return 0;
}

/* That variant of each kind and reason. */
static int try_kinds(struct trial *trial, struct variant variant, struct carom_error *err)
{
    static const char *const replies[] = {"vacation", "left", "moved", "ticket"};
    int result = 0;

    for (int kind = 0; kind < CAROM_KIND_COUNT && result == 0; kind++) {
        int n = kind <= CAROM_KIND_DELAYED ? CAROM_REASON_COUNT - 1 : kind == CAROM_KIND_AUTOREPLY ? 4 : 1;
        variant.kind = (enum carom_kind)kind;
        for (int i = 0; i < n && result == 0; i++) {
            variant.reason = kind <= CAROM_KIND_DELAYED ? (enum carom_reason)(i + 1) : CAROM_REASON_NONE;
            variant.autoreply = kind == CAROM_KIND_AUTOREPLY ? replies[i] : NULL;
            result = try(trial, &variant, err);
        }
    }
    return result;
}

/* The surest with something missing comes last: of a slow hook then at least each kind is seen. */
static int try_facts(struct trial *trial, struct carom_error *err)
{
    struct variant variant = {.without = ALL};
    int result = 0;

    for (int confidence = CAROM_CONFIDENCE_HIGH; confidence > CAROM_CONFIDENCE_NONE && result == 0; confidence--)
        for (int proof = CAROM_AUTHENTICITY_DIRECT; proof >= CAROM_AUTHENTICITY_UNPROVEN && result == 0; proof--) {
            variant.confidence = (enum carom_confidence)confidence;
            variant.authenticity = (enum carom_authenticity)proof;
            result = try_kinds(trial, variant, err);
        }
    variant.confidence = CAROM_CONFIDENCE_HIGH;
    variant.authenticity = CAROM_AUTHENTICITY_DIRECT;
    for (variant.without = NONE; variant.without < PARTS && result == 0; variant.without++)
        if (variant.without != ALL)
            result = try_kinds(trial, variant, err);
    return result;
}

/* ---- The other hooks ---- */

static void try_messages(struct trial *trial)
{
    static const char *const addresses[] = {NULL, "", "ann@example.org"};
    struct carom_headers none = {.block = CAROM_STR_EMPTY};
    struct carom_error err = {0};
    bool wanted;

    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < 3; k += 2)
            for (int bare = 0; bare < 2; bare++) {
                struct carom_incoming incoming = {.headers = bare ? &none : trial->headers, .sender = addresses[i],
                                                  .recipient = addresses[k], .source = "-", .size = 1000,
                                                  .now = trial->now * 1000};
                if (carom_policy_message(trial->policy, &incoming, &wanted, &err) != 0)
                    add_failure(trial, bare ? "a message without header" : "a message", &err);
            }
}

static void try_incidents(struct trial *trial)
{
    static const struct carom_str samples[] = {{"550 5.1.1 no such user", 22}, {"550 no", 6}};
    struct carom_error err = {0};
    struct carom_decision decision;
    struct carom_fact fact = {.id = CAROM_STR("1"), .recipient = CAROM_STR("ann@gmail.com"), .list = list_of(trial)};

    for (int bare = 0; bare < 2; bare++) {
        struct carom_incident incident = {.id = 1, .provider = bare ? CAROM_STR("example.com") : CAROM_STR("google"),
                                          .reason = CAROM_STR("user_unknown"), .since = trial->now * 1000, .count = 200,
                                          .usual = bare ? 0 : 4};
        struct carom_trouble trouble = {.incident = &incident, .samples = samples, .n = bare ? 0 : 2};
        if (carom_policy_incident(trial->policy, trial->arena, &trouble, &fact, trial->now * 1000, &decision, &err) != 0)
            add_failure(trial, bare ? "an incident without samples" : "an incident", &err);
        else
            carom_lint_judge_sinks(trial->findings, carom_policy_config(trial->policy), &decision);
        carom_arena_reset(trial->arena);
    }
}

static int try_dead_letters(struct trial *trial, struct carom_error *err)
{
    struct variant variant = {.kind = CAROM_KIND_PERMANENT, .reason = CAROM_REASON_USER_UNKNOWN,
                              .confidence = CAROM_CONFIDENCE_HIGH, .authenticity = CAROM_AUTHENTICITY_DIRECT};
    struct carom_error failed = {0};
    struct carom_fact fact;

    for (int i = 0; i < 2 * CAROM_ACTION_COUNT; i++) {
        struct carom_buf buf = CAROM_BUF_INIT(64 << 10);
        struct carom_json json = carom_json_to(&buf);
        const char *action = carom_action_name((enum carom_action_type)(i / 2));
        variant.without = i % 2 ? NONE : ALL;
        if (make(trial, &variant, &fact, err) != 0)
            return -1;
        carom_json_object(&json);
        carom_json_key(&json, CAROM_STR("fact"));
        carom_fact_write(&fact, &json);
        carom_json_object_end(&json);
        struct carom_job job = {.id = i + 1, .action = carom_str(action), .attempts = 10, .data = carom_buf_str(&buf),
                                .last_answer = i % 2 ? CAROM_STR_EMPTY : CAROM_STR("404 Not Found")};
        if (carom_policy_dead_letter(trial->policy, trial->arena, &job, &failed) != 0)
            add_failure(trial, action, &failed);
        carom_buf_deinit(&buf);
        carom_arena_reset(trial->arena);
    }
    return 0;
}

/* ---- What is left to say at the end ---- */

static void tell_removals(struct trial *trial)
{
    for (size_t i = 0; i < trial->removals_n; i++)
        if (trial->removals[i].confidences == 1u << CAROM_CONFIDENCE_LOW && !trial->removals[i].force)
            carom_findings_add(trial->findings, CAROM_WARNING, trial->removals[i].at, NULL,
                               "carom refuses to take anybody off on a guess: leave it out, or say force = true",
                               "is only asked for where confidence is low, and so never happens");
}

static void tell_hooks(struct trial *trial)
{
    const struct carom_policy_hook *hook = carom_policy_hooks(trial->policy);
    bool complaint = false;

    for (size_t i = 0; hook; hook = hook->next, i++) {
        complaint = complaint || carom_str_eq(hook->name, CAROM_STR("on_complaint"));
        if (trial->hooks[i].slow && !trial->hooks[i].told)
            carom_findings_add(trial->findings, CAROM_ADVICE, hook->at, NULL, "make it faster",
                               CAROM_STR_FMT " is so slow that not all facts were tried within %d seconds",
                               CAROM_STR_ARG(hook->name), SECONDS_MAX);
        if (!trial->hooks[i].reached)
            carom_findings_add(trial->findings, CAROM_WARNING, hook->at, NULL,
                               "take it away, or one of those: for each fact only the most specific hook runs",
                               CAROM_STR_FMT " never runs: more specific hooks take all its facts", CAROM_STR_ARG(hook->name));
    }
    if (!carom_policy_decides(trial->policy))
        carom_findings_add(trial->findings, CAROM_WARNING, CAROM_STR_EMPTY, NULL,
                           "name a function after what happened, such as on_permanent",
                           "defines no hook that a bounce runs: nothing is ever decided");
    else if (!complaint)
        carom_findings_add(trial->findings, CAROM_ADVICE, CAROM_STR_EMPTY, NULL,
                           "define it: who complains and is mailed again harms your reputation",
                           "there is no on_complaint, so that complaints are only recorded");
}

static void tell_slips(struct trial *trial)
{
    const struct carom_policy_hook *function = carom_policy_functions(trial->policy);

    for (; function; function = function->next) {
        struct carom_str meant = carom_policy_slip(trial->findings->arena, trial->policy, function);
        if (meant.len)
            carom_findings_add(trial->findings, CAROM_WARNING, function->at, NULL,
                               "call it that, or, where your hooks call it, by a name that is less like it",
                               CAROM_STR_FMT " is no hook; did you mean \"" CAROM_STR_FMT "\"?", CAROM_STR_ARG(function->name),
                               CAROM_STR_ARG(meant));
    }
}

static void tell_sinks(struct trial *trial)
{
    const struct carom_config *config = carom_policy_config(trial->policy);

    if (!config->sinks && !config->endpoints)
        carom_findings_add(trial->findings, CAROM_ADVICE, CAROM_STR_EMPTY, NULL,
                           "name some as soon as decisions are to be carried out; until then ask the ledger (carom check)",
                           "there are no sinks: decisions are only kept in the ledger");
}

/* In continuous integration, for example. */
static void look_for_keys(struct trial *trial)
{
    const struct carom_verp *verp;
    struct carom_error err = {0};

    trial->keyless = carom_policy_verp(trial->policy, &verp, &err) != 0;
    if (trial->keyless)
        carom_findings_add(trial->findings, CAROM_ADVICE, CAROM_STR_EMPTY, NULL,
                           "run it where they are, too: what comes behind carom.verp in a hook was not tried",
                           "the keys of verp cannot be read here: %s", err.text);
}

/* Hooks that no fact runs have their own turn, and are not among those to be reached by one. */
static void list_hooks(struct trial *trial)
{
    for (const struct carom_policy_hook *hook = carom_policy_hooks(trial->policy); hook; hook = hook->next) {
        struct hook *one = &trial->hooks[trial->hooks_n++];
        one->name = hook->name;
        one->reached = !hook->decides;
    }
}

int carom_lint_try(struct carom_policy *policy, struct carom_findings *findings, int64_t now, struct carom_error *err)
{
    struct trial trial = {.policy = policy, .findings = findings, .arena = carom_arena_new(), .now = now};
    struct carom_headers headers;
    struct carom_str body;

    if (!trial.arena || carom_arena_guard(trial.arena)) {
        carom_arena_free(trial.arena);
        return carom_error_memory(err);
    }
    headers = carom_headers_parse(findings->arena,
                                  CAROM_STR("From: mailer-daemon@mx.google.com\nTo: bounces@example.org\n"
                                            "Subject: Undelivered mail\nMessage-ID: <1@mx.google.com>\n\n"), &body);
    trial.headers = &headers;
    list_hooks(&trial);
    look_for_keys(&trial);
    int result = try_facts(&trial, err);
    try_messages(&trial);
    try_incidents(&trial);
    if (result == 0)
        result = try_dead_letters(&trial, err);
    tell_removals(&trial);
    tell_hooks(&trial);
    tell_slips(&trial);
    tell_sinks(&trial);
    carom_arena_free(trial.arena);
    return result;
}
