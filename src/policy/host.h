/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What the files of this folder that know mail share: the loaded policy, and the hook under way. */

#ifndef CAROM_POLICY_HOST_H
#define CAROM_POLICY_HOST_H

#include <lauxlib.h>
#include <nettle/sha2.h>

#include "classify/rules.h"
#include "policy/policy.h"
#include "policy/sandbox.h"

struct carom_hook_call;   /* one run of a hook */
struct carom_policy_rule; /* rule.c */
struct carom_testing;     /* testing_host.h */
struct carom_coverage;    /* coverage.h */

struct carom_policy {
    struct carom_sandbox *box;
    struct carom_arena *arena;   /* configuration and names; lives as long as the policy */
    struct carom_arena *scratch; /* emptied by whoever used it */
    struct carom_config config;
    const struct carom_log *log;
    struct carom_str directory, file; /* "/etc/carom/", "policy.lua" */
    struct carom_policy_file *files, **files_end;
    struct carom_policy_hook *hooks, **hooks_end, *functions, **functions_end;
    bool loading, configured;
    bool has_message_hook; /* else on_message need not be asked for */
    bool calls[CAROM_ACTION_COUNT]; /* which actions its files call */
    struct {
        struct carom_policy_rule *first, **end; /* in order of coming */
        struct carom_matcher *matcher;
        struct carom_own_rules own;
        struct carom_judging judging;
    } rules;
    struct sha256_ctx hash; /* of all files */
    struct carom_testing *testing;   /* its files are tests of a policy, not one; NULL */
    struct carom_coverage *coverage; /* what it runs is noted here; NULL */
    struct carom_hook_call *call; /* NULL: none under way */
    struct carom_verp *verp;      /* its keys, once they were asked for */
};

enum { CAROM_HOOK_ACTIONS = 100, CAROM_HOOK_LINES = 100, CAROM_LOAD_TIME_MS = 1000 };

struct carom_hook_call {
    struct carom_str name; /* of the hook */
    const struct carom_subject *subject;   /* NULL in hooks that get no bounce */
    const struct carom_incoming *incoming; /* on_message */
    const struct carom_trouble *incident;  /* on_incident */
    int64_t now;                           /* ms; 0: the hook has no time */
    struct carom_arena *arena; /* of the decision */
    struct carom_decision *decision;
    int actions, lines;
    double points; /* scored so far in this hook */
    const struct carom_job *job;   /* on_dead_letter */
    const struct carom_fact *fact; /* the job's */
};

static inline struct carom_policy *carom_host_policy(lua_State *L) { return carom_sandbox_host(L); }

/* policy.c: loading, with what tests need beside it. Members may be NULL; before and after run inside the gate. */
struct carom_policy_extra {
    struct carom_testing *testing;
    struct carom_coverage *coverage;
    void (*before)(lua_State *L), (*after)(lua_State *L);
};
struct carom_policy *carom_policy_load_extra(const char *path, const struct carom_log *log,
                                             const struct carom_policy_extra *extra, const struct carom_limits *limits,
                                             struct carom_error *err);

/* coverage.c: the lines of the function on top, which was compiled from text; a hook that is defined; one that ran; a
   line hook. */
void carom_coverage_add(lua_State *L, struct carom_coverage *coverage, const char *name, struct carom_str text);
void carom_coverage_add_hook(lua_State *L, struct carom_coverage *coverage, const char *name);
void carom_coverage_ran(struct carom_coverage *coverage, const char *name);
void carom_coverage_line(lua_State *L, lua_Debug *ar);

/* lib.c: the table `carom`, set in the globals. */
void carom_lib_open(lua_State *L);
/* configure.c */
int carom_configure(lua_State *L);
/* logging.c */
struct carom_args;
void carom_configure_log(const struct carom_args *args, struct carom_log_settings *log);
struct carom_limits carom_config_limits(const struct carom_config *config);

/* trust.c: verp, trusted_authserv, fbl of carom.configure; carom.verp{} */
struct carom_args;
void carom_trust_configure(const struct carom_args *args, struct carom_config *config);
int carom_trust_verp(lua_State *L);

/* rule.c: carom.rule{}, and all of them made one matcher when the file is loaded. */
int carom_rule_add(lua_State *L);
int carom_rules_compile(struct carom_policy *policy, struct carom_error *err);

/* sinks.c, sink_http.c, sink_command.c, sink_smtp.c: carom.webhook, carom.http …, carom.file, carom.env. */
int carom_sink_webhook(lua_State *L);
int carom_sink_http(lua_State *L);
int carom_sink_command(lua_State *L);
int carom_sink_smtp(lua_State *L);
int carom_sink_file(lua_State *L);
int carom_sink_env(lua_State *L);
/* The sink at index, or NULL when it is none. */
const struct carom_sink *carom_sink_get(lua_State *L, int index);

/* bounce.c: pushes the object for the hook under way. */
void carom_bounce_push(lua_State *L);
/* The same fields of the fact of a job, which is past: it has no actions and no history. */
void carom_bounce_push_past(lua_State *L);
/* Pushes a table of all fields of the fact that are known. */
void carom_bounce_push_fields(lua_State *L, const struct carom_fact *fact);
/* The subject, after a check that argument 1 is the bounce, as in bounce:what(). */
const struct carom_subject *carom_bounce_check(lua_State *L, const char *what);
/* past.c: bounce.history and bounce:count{}, first{}, last{}. */
void carom_past_push(lua_State *L);
extern const luaL_Reg carom_past_methods[];
/* actions.c: bounce:unsubscribe{} and so on. */
extern const luaL_Reg carom_action_methods[];

/* job.c: pushes the job of on_dead_letter. */
void carom_dead_letter_push(lua_State *L);

/* incident.c: pushes the incident of on_incident; is argument index it? Raises when the hook is over. */
void carom_incident_push(lua_State *L);
bool carom_incident_is(lua_State *L, int index);
extern const luaL_Reg carom_incident_methods[]; /* actions.c */

/* incoming.c: pushes the message of on_message. */
void carom_incoming_push(lua_State *L);

/* Sets the metatable of the userdata on top: name, __index; protected and read-only. */
void carom_object_set(lua_State *L, const char *name, lua_CFunction index);
/* Argument 2 of an __index, the name of a field that the table of the API has of that owner; else raises, naming the
   nearest one there, and in more where it is not NULL. */
struct carom_str carom_object_key(lua_State *L, const char *of);
struct carom_str carom_object_name(lua_State *L); /* of any field, but a text */
_Noreturn void carom_object_refuse(lua_State *L, struct carom_str key, const char *of, const char *more);
/* Pushes the function of that name in the list, when there is one. */
bool carom_object_method(lua_State *L, const luaL_Reg *methods, struct carom_str name);
void carom_object_push_time(lua_State *L, int64_t seconds); /* nil when not known */
void carom_object_push_str(lua_State *L, struct carom_str text);
/* The header that argument 2 names, as people read it, or nil. headers may be NULL. */
int carom_object_push_header(lua_State *L, const struct carom_headers *headers);

#endif
