/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Loading a policy and asking it about a fact. Between two hooks nothing is left of the first: a decision follows from
   the fact and its history alone. It carries nothing out and writes nothing down. */

#include "policy/policy.h"

#include <stdlib.h>

#include "base/matcher.h"
#include "base/error.h"
#include "base/hash.h"
#include "decision/trust.h"
#include "policy/environment.h"
#include "policy/freeze.h"
#include "policy/hooks.h"
#include "policy/host.h"
#include "policy/chunk.h"

/* ---- Loading ---- */

static struct carom_policy *policy_new(const struct carom_log *log)
{
    struct carom_policy *policy = calloc(1, sizeof(*policy));
    if (!policy)
        return NULL;
    policy->log = log;
    policy->rules.end = &policy->rules.first;
    policy->files_end = &policy->files;
    policy->hooks_end = &policy->hooks;
    policy->functions_end = &policy->functions;
    policy->arena = carom_arena_new();
    policy->scratch = carom_arena_new();
    policy->box = carom_sandbox_new(policy);
    carom_config_default(&policy->config);
    sha256_init(&policy->hash);
    if (policy->arena && policy->scratch && policy->box)
        return policy;
    carom_policy_free(policy);
    return NULL;
}

void carom_policy_free(struct carom_policy *policy)
{
    if (!policy)
        return;
    carom_sandbox_free(policy->box);
    carom_matcher_free(policy->rules.matcher);
    carom_arena_free(policy->scratch);
    carom_arena_free(policy->arena);
    free(policy);
}

const struct carom_config *carom_policy_config(const struct carom_policy *policy)
{
    return policy ? &policy->config : NULL;
}

bool carom_policy_calls(const struct carom_policy *policy, enum carom_action_type type)
{
    return policy->calls[type];
}

const struct carom_judging *carom_policy_judging(const struct carom_policy *policy)
{
    return &policy->rules.judging;
}

const struct carom_policy_file *carom_policy_files(const struct carom_policy *policy)
{
    return policy->files;
}

const struct carom_policy_hook *carom_policy_hooks(const struct carom_policy *policy)
{
    return policy->hooks;
}

const struct carom_policy_hook *carom_policy_functions(const struct carom_policy *policy)
{
    return policy->functions;
}

bool carom_policy_decides(const struct carom_policy *policy)
{
    const struct carom_policy_hook *hook = policy->hooks;
    while (hook && !hook->decides)
        hook = hook->next;
    return hook != NULL;
}

struct carom_policy_use carom_policy_use(const struct carom_policy *policy)
{
    struct carom_limits used = carom_sandbox_used(policy->box);
    return (struct carom_policy_use){
        .instructions = (double)used.instructions / (double)policy->config.limit_instructions,
        .memory = (double)used.memory / (double)policy->config.limit_memory,
    };
}

void carom_policy_tidy(struct carom_policy *policy)
{
    lua_gc(carom_sandbox_state(policy->box), LUA_GCCOLLECT);
}

static int set_path(struct carom_policy *policy, const char *path, struct carom_error *err)
{
    struct carom_str whole = carom_str(path);
    size_t slash = carom_str_rchr(whole, '/');
    size_t split = slash == SIZE_MAX ? 0 : slash + 1;
    if (carom_arena_guard(policy->arena))
        return carom_error_memory(err);
    policy->directory = carom_arena_str(policy->arena, carom_str_head(whole, split));
    policy->file = carom_arena_str(policy->arena, carom_str_from(whole, split));
    carom_arena_unguard(policy->arena);
    carom_sandbox_set_name(policy->box, policy->file.ptr);
    return 0;
}

static int set_version(struct carom_policy *policy, struct carom_error *err)
{
    static const char hex[] = "0123456789abcdef";
    uint8_t digest[SHA256_DIGEST_SIZE];
    char *text = carom_arena_try(policy->arena, 2 * sizeof(digest) + 1);
    if (!text)
        return carom_error_memory(err);
    sha256_digest(&policy->hash, sizeof(digest), digest);
    for (size_t i = 0; i < sizeof(digest); i++) {
        text[2 * i] = hex[digest[i] >> 4];
        text[2 * i + 1] = hex[digest[i] & 15];
    }
    policy->config.version = carom_str_n(text, 2 * sizeof(digest));
    return 0;
}

struct loading {
    struct carom_buf text; /* of the main file */
    const struct carom_policy_extra *extra;
};

/* Inside the gate. */
static int load(lua_State *L)
{
    struct loading *loading = lua_touserdata(L, 1);
    const struct carom_policy_extra *extra = loading->extra;
    carom_environment_open(L);
    carom_lib_open(L);
    carom_chunk_open(L);
    if (extra->before)
        extra->before(L);
    carom_chunk_run(L, carom_buf_str(&loading->text), carom_host_policy(L)->file.ptr);
    lua_settop(L, 0);
    if (!extra->testing) {
        carom_hooks_collect(L);
        carom_host_policy(L)->has_message_hook = carom_hooks_push_named(L, "on_message");
        lua_settop(L, 0);
    }
    if (extra->after)
        extra->after(L);
    lua_pushglobaltable(L);
    carom_freeze_reachable(L, -1);
    carom_chunk_push_modules(L);
    carom_freeze_reachable(L, -1);
    return 0;
}

static int load_file(struct carom_policy *policy, const char *path, struct loading *loading,
                     const struct carom_limits *limits, struct carom_error *err)
{
    if (set_path(policy, path, err) != 0 || carom_chunk_read(path, &loading->text, err) != 0)
        return -1;
    policy->testing = loading->extra->testing;
    policy->coverage = loading->extra->coverage;
    if (policy->coverage)
        carom_sandbox_watch(policy->box, carom_coverage_line);
    policy->loading = true;
    carom_sandbox_seed(policy->box, 0);
    int result = carom_sandbox_run(policy->box, load, loading, limits, NULL, CAROM_ERROR_CONFIG, err);
    policy->loading = false;
    return result == 0 && carom_rules_compile(policy, err) == 0 ? set_version(policy, err) : -1;
}

struct carom_policy *carom_policy_load_extra(const char *path, const struct carom_log *log,
                                             const struct carom_policy_extra *extra, const struct carom_limits *limits,
                                             struct carom_error *err)
{
    struct carom_policy *policy = policy_new(log);
    struct loading loading = {.text = CAROM_BUF_INIT(CAROM_CHUNK_MAX), .extra = extra};
    if (!policy) {
        carom_error_memory(err);
        return NULL;
    }
    struct carom_limits usual = carom_config_limits(&policy->config);
    usual.time_ms = CAROM_LOAD_TIME_MS;
    if (load_file(policy, path, &loading, limits ? limits : &usual, err) != 0) {
        carom_policy_free(policy);
        policy = NULL;
    }
    carom_buf_deinit(&loading.text);
    return policy;
}

struct carom_policy *carom_policy_load(const char *path, const struct carom_log *log, struct carom_error *err)
{
    return carom_policy_load_covered(path, log, NULL, err);
}

struct carom_policy *carom_policy_load_covered(const char *path, const struct carom_log *log,
                                               struct carom_coverage *coverage, struct carom_error *err)
{
    const struct carom_policy_extra extra = {.coverage = coverage};
    return carom_policy_load_extra(path, log, &extra, NULL, err);
}

int carom_policy_verp(struct carom_policy *policy, const struct carom_verp **verp_r, struct carom_error *err)
{
    int result = 0;

    *verp_r = NULL;
    if (!policy->config.verp)
        return 0;
    if (!policy->verp) {
        if (carom_arena_guard(policy->arena))
            return carom_error_memory(err);
        result = carom_trust_keys(policy->arena, &policy->config, &policy->verp, err);
        carom_arena_unguard(policy->arena);
    }
    *verp_r = policy->verp;
    return result;
}

/* ---- Hooks ---- */

/* What the gate hands to the functions below. */
struct run {
    struct carom_hook_call call;
    bool wanted; /* what on_message said */
    char hook[CAROM_HOOK_NAME];
};

static int run_bounce_hook(lua_State *L)
{
    struct run *run = lua_touserdata(L, 1);
    if (!carom_hooks_push(L, run->call.subject->fact, run->hook))
        return 0;
    run->call.name = carom_str(run->hook);
    carom_bounce_push(L);
    lua_call(L, 1, 0);
    return 0;
}

static int run_message_hook(lua_State *L)
{
    struct run *run = lua_touserdata(L, 1);
    carom_hooks_push_named(L, run->hook);
    carom_incoming_push(L);
    lua_call(L, 1, 1);
    if (!lua_isnil(L, -1) && !lua_isboolean(L, -1))
        return luaL_error(L, "returned a %s: false skips the message, true or nothing has it read",
                          luaL_typename(L, -1));
    run->wanted = lua_isnil(L, -1) || lua_toboolean(L, -1);
    return 0;
}

static int run_incident_hook(lua_State *L)
{
    struct run *run = lua_touserdata(L, 1);
    if (!carom_hooks_push_named(L, run->hook))
        return 0;
    carom_incident_push(L);
    lua_call(L, 1, 0);
    return 0;
}

static int run_dead_letter_hook(lua_State *L)
{
    struct run *run = lua_touserdata(L, 1);
    if (!carom_hooks_push_named(L, run->hook))
        return 0;
    carom_dead_letter_push(L);
    lua_call(L, 1, 0);
    return 0;
}

static int run_hook(struct carom_policy *policy, lua_CFunction function, struct run *run, uint64_t seed,
                    struct carom_error *err)
{
    struct carom_limits limits = carom_config_limits(&policy->config);
    policy->call = &run->call;
    carom_sandbox_seed(policy->box, seed);
    int result = carom_sandbox_run(policy->box, function, run, &limits, run->hook, CAROM_ERROR_SCRIPT, err);
    const char *changed = carom_freeze_restore(carom_sandbox_state(policy->box));
    policy->call = NULL;
    carom_arena_reset(policy->scratch);
    if (policy->coverage)
        carom_coverage_ran(policy->coverage, run->hook);
    if (result == 0 && changed)
        return carom_error_set(err, CAROM_ERROR_SCRIPT,
                               "%s: %s: changed the variable \"%s\", which was made at load: the next decision would "
                               "depend on this one; what must be remembered belongs into the ledger (bounce:tag, "
                               "bounce:score)",
                               policy->file.ptr, run->hook, changed);
    return result;
}

int carom_policy_decide(struct carom_policy *policy, struct carom_arena *arena, const struct carom_subject *subject,
                        struct carom_decision *decision_r, struct carom_error *err)
{
    struct run run = {.call = {.name = CAROM_STR_EMPTY, .subject = subject, .now = subject->now, .arena = arena,
                               .decision = decision_r}};
    carom_decision_init(decision_r);
    if (run_hook(policy, run_bounce_hook, &run, carom_hash(subject->fact->id), err) != 0) {
        carom_decision_init(decision_r);
        return -1;
    }
    size_t len = strlen(run.hook);
    char *name = carom_arena_try(arena, len + 1);
    if (!name) {
        carom_decision_init(decision_r);
        return carom_error_memory(err);
    }
    memcpy(name, run.hook, len);
    decision_r->hook = carom_str_n(name, len);
    carom_decision_settle(decision_r, subject->fact, &policy->config);
    return 0;
}

bool carom_policy_wants_messages(const struct carom_policy *policy)
{
    return policy->has_message_hook;
}

int carom_policy_message(struct carom_policy *policy, const struct carom_incoming *incoming, bool *wanted_r,
                         struct carom_error *err)
{
    struct run run = {.call = {.name = CAROM_STR("on_message"), .incoming = incoming, .now = incoming->now},
                      .wanted = true, .hook = "on_message"};
    if (!policy->has_message_hook)
        return *wanted_r = true, 0;
    int result = run_hook(policy, run_message_hook, &run, carom_hash(incoming->headers->block), err);
    *wanted_r = run.wanted;
    return result;
}

int carom_policy_incident(struct carom_policy *policy, struct carom_arena *arena, const struct carom_trouble *trouble,
                          const struct carom_fact *fact, int64_t now, struct carom_decision *decision_r,
                          struct carom_error *err)
{
    struct run run = {.call = {.name = CAROM_STR("on_incident"), .incident = trouble, .now = now, .arena = arena,
                               .decision = decision_r},
                      .hook = "on_incident"};
    carom_decision_init(decision_r);
    if (run_hook(policy, run_incident_hook, &run, (uint64_t)trouble->incident->id, err) != 0) {
        carom_decision_init(decision_r);
        return -1;
    }
    if (decision_r->first)
        carom_decision_settle(decision_r, fact, &policy->config);
    return 0;
}

int carom_policy_dead_letter(struct carom_policy *policy, struct carom_arena *arena, const struct carom_job *job,
                             struct carom_error *err)
{
    struct carom_fact fact;
    struct run run = {.call = {.name = CAROM_STR("on_dead_letter"), .arena = arena}, .hook = "on_dead_letter"};
    if (carom_fact_read(arena, job->data, "fact", &fact, err) != 0)
        return -1;
    run.call.job = job;
    run.call.fact = &fact;
    return run_hook(policy, run_dead_letter_hook, &run, (uint64_t)job->id, err);
}
