/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The configuration that a policy sets, as plain C: no Lua, no curl, no SQL. Everything lives in the arena of the
   policy that it came from and is borrowed until that policy is freed. */

#ifndef CAROM_DECISION_CONFIG_H
#define CAROM_DECISION_CONFIG_H

#include "base/logger.h"
#include "classify/trust.h"

/* A secret by reference: resolved where it is used, never stored in a job. */
struct carom_secret {
    enum { CAROM_SECRET_NONE, CAROM_SECRET_LITERAL, CAROM_SECRET_FILE, CAROM_SECRET_ENV } from;
    struct carom_str value; /* the literal, the path, the variable's name */
};

struct carom_pair { /* a list in order */
    struct carom_str name, value;
    struct carom_pair *next;
};

/* One way out. Texts may hold {placeholders} (decision/template.h). */
struct carom_sink {
    enum carom_sink_type { CAROM_SINK_WEBHOOK, CAROM_SINK_HTTP, CAROM_SINK_COMMAND, CAROM_SINK_SMTP } type;
    struct carom_str name; /* "unsubscribe", of a list "unsubscribe.2", of an endpoint "endpoint.crm" */
    struct carom_str url, method;
    struct carom_pair *headers, *form;
    struct carom_str body;       /* a JSON text whose strings hold placeholders */
    struct carom_str user;
    struct carom_secret password, token;
    struct carom_secret secrets[2]; /* webhook signing, the second while one is rotated */
    struct carom_str ca;         /* file of a private CA, or empty */
    bool allow_private;
    int done[8];                 /* answers that mean done: exact codes, or -2 for 2xx; 0 ends; all 0: the default */
    int pending[8];              /* http: answers that mean taken, not yet done */
    struct {                     /* http: looked up before; its JSON fills later placeholders */
        struct carom_str method, url;
        struct carom_pair *take; /* placeholder → member of the answer, "a.b" enters objects */
        struct carom_pair *same; /* member of the answer → what it must be */
    } first;
    struct carom_pair *argv;     /* command: the arguments in order, as values; the first an absolute path */
    struct carom_pair *verify;   /* command: a second one whose exit 0 means really done; NULL none */
    struct carom_str input;      /* command: what it reads on stdin */
    int exits_done[8], exits_retry[8]; /* command: exit codes plus 1, 0 ends; all 0: { 0 } and { 75 } */
    struct carom_str to;         /* smtp: the recipient; empty: the address concerned */
    struct carom_str sender;     /* smtp: From of what we write ourselves */
    int64_t max_age_ms;          /* smtp: older messages are not submitted again; 2 days */
    struct carom_sink *next;     /* the action's further sinks */
};

struct carom_sink_entry { /* action or endpoint name → its sinks */
    struct carom_str name;
    struct carom_sink *sinks;
    struct carom_sink_entry *next;
};

struct carom_list_entry {
    struct carom_str id; /* List-Id: name.domain */
    struct carom_str address, key;
    struct carom_list_entry *next;
};

/* How return paths are signed (bounce/verp.h), with the secrets still by reference. */
struct carom_verp_source {
    unsigned id;
    struct carom_secret secret;
    int64_t since; /* seconds since 1970 */
    struct carom_verp_source *next;
};

struct carom_verp_config {
    struct carom_str domain; /* lower case */
    struct carom_str prefix; /* of the local part; may be empty */
    struct carom_verp_source *keys; /* at least one */
    int64_t max_age_ms;             /* 30 days */
};

/* The weakest enum carom_authenticity that counts, by kind; -1: what is sensible (decision/hold.h). */
struct carom_gate {
    int failure, complaint, unsubscribe, delivered;
};

struct carom_config {
    struct carom_str store;           /* empty: the default */
    bool observe;                     /* mode */
    struct carom_gate gate;
    struct {
        int64_t window_ms, min; /* 1 hour, 50 */
        double factor;          /* 2 */
    } breaker;
    int64_t settle_ms;                /* 0: jobs of unsubscribe and suppress leave at once */
    struct {
        int64_t expire_ms; /* 30 days */
        bool deny;         /* carom check says no to who would be removed */
    } held;
    struct carom_list_entry *lists;
    struct carom_sink_entry *sinks;   /* by action; "*" for the rest */
    struct carom_sink_entry *endpoints;
    struct carom_sink_entry *commands; /* of bounce:run; their sinks are named "command.NAME" */
    struct carom_sink *smtp;          /* for probe, forward and alert by mail, named "smtp"; NULL: none */
    struct carom_verp_config *verp;   /* NULL: nothing is signed */
    struct carom_names *authserv;     /* trusted_authserv */
    struct carom_fbl *fbl;
    struct carom_return_paths *return_paths; /* NULL: all that are unmistakable */
    int64_t half_life_ms;             /* of scores; 30 days */
    int64_t keep_raw_ms, keep_facts_ms, keep_jobs_ms; /* 30, 400, 30 days */
    int64_t limit_time_ms, limit_memory, limit_instructions;
    struct carom_log_settings log;    /* of the program; who embeds the library has a log of his own */
    struct carom_str version;         /* of the policy: hex of the hash of its files */
};

/* The sinks of an action ("*" as the fallback), or of an endpoint; NULL: none. */
struct carom_sink *carom_config_sinks(const struct carom_config *config, struct carom_str action);
struct carom_sink *carom_config_endpoint(const struct carom_config *config, struct carom_str name);
struct carom_sink *carom_config_command(const struct carom_config *config, struct carom_str name);
/* Where probes go: the sinks of that name, else `smtp`, else "*"; NULL: nowhere. */
struct carom_sink *carom_config_probe(const struct carom_config *config);
/* By the full name, as a job stores it ("unsubscribe", "unsubscribe.2", "*", "endpoint.crm", "command.NAME", "smtp"). */
struct carom_sink *carom_config_sink(const struct carom_config *config, struct carom_str name);
const struct carom_list_entry *carom_config_list(const struct carom_config *config, struct carom_str id);

/* The secret's value into the arena, a file's without its last line end. -1: missing, err names it, not its content. */
int carom_secret_resolve(struct carom_arena *arena, const struct carom_secret *secret, struct carom_str *value_r,
                         struct carom_error *err);

#endif
