/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What the engine remembers. One interface (struct carom_store); SQLite is the first store behind it, the overlay of
   a dry run the second. Times are milliseconds since 1970, ids are made by us, ascending in time. */

#ifndef CAROM_LEDGER_LEDGER_H
#define CAROM_LEDGER_LEDGER_H

#include "decision/action.h"
#include "ledger/history.h"
#include "ledger/job.h"

/* The texts of a fact as they are kept. They follow from the message alone, whatever is decided. */
struct carom_written {
    struct carom_str fact;              /* JSON */
    struct carom_str headers, returned; /* of the bounce, and of what came back; packed */
};

/* Identity of a fact: a 64-bit hash (the caller's) of envelope token, list and delivery, bounce message, recipient, kind. */
struct carom_entry {
    const struct carom_fact *fact;
    const struct carom_decision *decision;
    const struct carom_config *config;
    uint64_t identity;
    struct carom_str address;   /* key, may be empty */
    uint64_t delivery;          /* hash, 0 none */
    uint64_t group;             /* hash of provider and reason, for the breaker; 0 none */
    int64_t incident;           /* the breaker's that holds the removals; 0 none */
    struct carom_str raw;       /* the whole message to keep (compressed by the store), may be empty; of facts recorded
                                   in a row with the same bytes it is kept once, seen() begins another message */
    struct carom_str headers;   /* of the bounce */
    const struct carom_written *written; /* what write() made of fact and headers; NULL: record() does it */
    struct carom_str policy;    /* version */
    int64_t now;
};

/* A subscriber as return paths name him: by the hash of list and address, or by the sender's own id. */
struct carom_reference {
    uint64_t hash;
    struct carom_str key, spelling; /* of the address */
    struct carom_str list;          /* in lower case, as tokens name it */
    struct carom_str own;           /* the sender's id, or empty */
};

/* Which removals are asked for (ledger/crowd.h). Times are those of receipt, in ms. */
struct carom_crowd;
struct carom_crowd_ask {
    uint64_t group;
    int64_t since;        /* older ones may be left out */
    int64_t after, until; /* of interest only if that many lie between these */
    size_t least;
};

/* The entry's fact as those after it will see it, by that number. */
struct carom_past carom_entry_past(const struct carom_entry *entry, int64_t id);

/* A bad day of a provider (ledger/breaker.h). Times are those of receipt. */
struct carom_incident {
    int64_t id;
    uint64_t group;
    struct carom_str provider, reason;
    int64_t since, busy; /* first and last time that there were too many */
    int64_t ended;       /* when the first passed again; 0: not yet */
    int64_t usual;       /* of the busiest window before */
    int64_t count;       /* in the window that began it; when it began */
};

/* Why somebody is not to be mailed; since and until: ms. */
void carom_refusal_set(struct carom_refusal *refusal_r, const char *cause, int64_t since, int64_t until,
                       struct carom_str reason);

struct carom_store; /* opaque state of a backend */

struct carom_store_ops {
    /* Takes the write lock (waiting at most 5 s, else CAROM_ERROR_BUSY) and opens a transaction. */
    int (*begin)(struct carom_store *store, struct carom_error *err);
    int (*commit)(struct carom_store *store, struct carom_error *err);
    void (*rollback)(struct carom_store *store);
    /* 1: a fact of this identity is stored for this address key (empty: for nobody); 0 not; -1. */
    int (*seen)(struct carom_store *store, uint64_t identity, struct carom_str address, struct carom_error *err);
    /* The decision that was taken with that fact, the JSON object that `facts` shows; empty: there is no such fact. */
    int (*decided)(struct carom_store *store, struct carom_arena *arena, uint64_t identity, struct carom_str address,
                   struct carom_str *json_r, struct carom_error *err);
    /* Fills list (the newest 1,000), suppressions in force at history->now, departures and tags for the address key. */
    int (*past)(struct carom_store *store, struct carom_arena *arena, struct carom_str address,
                struct carom_history *history, struct carom_error *err);
    /* The texts of the facts of one message, into the arena, one each. Asks for no lock and may run in any thread: what
       others need not wait for. NULL: no texts are kept. */
    int (*write)(struct carom_store *store, struct carom_arena *arena, const struct carom_fact_list *facts,
                 struct carom_str headers, struct carom_written *written_r, struct carom_error *err);
    /* Writes the fact with its decision, their effects (suppressions, departures, score, tags) and the jobs: one per
       sink, of an unsubscribe from all one per list and sink. The end of a suppression is a job `unsuppress`. */
    int (*record)(struct carom_store *store, struct carom_arena *arena, const struct carom_entry *entry,
                  struct carom_error *err);
    /* Leases up to max due jobs to this process until now + lease_ms: 1 per sink and address, oldest first; an action
       never before its counterpart decided earlier. What waits
       for its time (a retry) holds nothing up; what is tried again does. */
    int (*claim)(struct carom_store *store, struct carom_arena *arena, int64_t now, int64_t lease_ms, size_t max,
                 struct carom_job **jobs_r, size_t *n_r, struct carom_error *err);
    /* The outcome of one attempt: new state, next due time (of what is over: when that was), answer; attempts + 1 unless free_attempt.
       What is over already stays as it is, unless it is done now; a dead letter may be dropped.
       Nothing where the job was erased meanwhile, here and in mail and alert. */
    int (*settle)(struct carom_store *store, int64_t job, enum carom_job_state state, int64_t due,
                  struct carom_str answer, bool free_attempt, struct carom_error *err);
    /* By hand: it waits as if it had just been decided, whatever became of it, and keeps its place in the order. */
    int (*resend)(struct carom_store *store, int64_t job, int64_t now, struct carom_str answer, struct carom_error *err);
    /* All rows of facts (of one address key, or everybody when empty), oldest first, to `row` as a JSON object. */
    int (*facts)(struct carom_store *store, struct carom_str address,
                 int (*row)(void *user, struct carom_str json), void *user, struct carom_error *err);
    /* Jobs in a state (-1 all), oldest first. */
    int (*jobs)(struct carom_store *store, struct carom_arena *arena, int state, int (*row)(void *user, const struct carom_job *job),
                void *user, struct carom_error *err);
    /* Of one job; in one statement of its own, not for every claim. */
    int (*mail)(struct carom_store *store, struct carom_arena *arena, int64_t job, struct carom_job_mail *mail_r,
                struct carom_error *err);
    /* How many forwarded bounces and probes a sink took since then, ms. */
    int (*mailed)(struct carom_store *store, struct carom_str sink, int64_t since, int64_t *n_r, struct carom_error *err);
    /* Remembers that a sink is stopped, or is no more; all that are stopped, in the order in which they were. */
    int (*pause)(struct carom_store *store, const struct carom_pause *pause, struct carom_error *err);
    int (*pauses)(struct carom_store *store, int (*each)(void *user, const struct carom_pause *pause), void *user,
                  struct carom_error *err);
    /* Raises an alert on account of a job: told to the sink `alert`, at most once a period, as a policy's own are. */
    int (*alert)(struct carom_store *store, int64_t job, const struct carom_decided *alert, const struct carom_config *config,
                 int64_t now, struct carom_error *err);
    /* May it be mailed (by that list, where one is given)? held: a removal that waits is a no too. 1 yes; 0 no,
       *refusal_r says why; -1 not known. */
    int (*check)(struct carom_store *store, struct carom_str address, struct carom_str list, bool held, int64_t now,
                 struct carom_refusal *refusal_r, struct carom_error *err);
    /* Whom a hash means, of those that care.teach() was told: all rows to each, which returns -1 for want of memory. */
    int (*references)(struct carom_store *store, uint64_t hash,
                      int (*each)(void *user, const struct carom_reference *reference), void *user,
                      struct carom_error *err);
    /* From here on millions are asked for, as they stand now: who may be refused is read into memory. */
    int (*prepare)(struct carom_store *store, struct carom_error *err);
    /* After that, and in any thread: which of n address keys check() must be asked for. The others may be mailed, by any
       list. */
    void (*sift)(const struct carom_store *store, const struct carom_str *keys, size_t n, bool *doubtful_r);
    /* For the breaker: the removals of a group as they stand now, *crowd_r the store's until the next call. NULL: there are
       too few to be asked for. */
    int (*crowd)(struct carom_store *store, const struct carom_crowd_ask *ask, struct carom_crowd **crowd_r,
                 struct carom_error *err);
    int (*first_removal)(struct carom_store *store, int64_t *received_r, struct carom_error *err); /* 0: none */
    /* The last incident of the group that had begun by then; id 0: none. */
    int (*incident_at)(struct carom_store *store, struct carom_arena *arena, uint64_t group, int64_t time,
                       struct carom_incident *incident_r, struct carom_error *err);
    int (*incident_put)(struct carom_store *store, struct carom_incident *incident, struct carom_error *err); /* id 0: new */
    /* Holds the removals of its group received after `from` whose jobs have not been tried. *n_r: how many. */
    int (*recall)(struct carom_store *store, const struct carom_incident *incident, int64_t from,
                  const struct carom_config *config, int64_t now, int64_t *n_r, struct carom_error *err);
    /* Adds what the servers said to the newest of its group, each once: *n_r of at most max are there. */
    int (*samples)(struct carom_store *store, struct carom_arena *arena, uint64_t group, struct carom_str *samples_r,
                   size_t max, size_t *n_r, struct carom_error *err);
    void (*close)(struct carom_store *store);
};

struct carom_care_ops;
struct carom_ledger {
    const struct carom_store_ops *ops;
    const struct carom_care_ops *care; /* ledger/care.h; NULL for a dry run */
    struct carom_store *store;
};

enum carom_ledger_mode { CAROM_LEDGER_READ, CAROM_LEDGER_WRITE, CAROM_LEDGER_DRY, CAROM_LEDGER_MIGRATE, CAROM_LEDGER_MEMORY };

/* url: "sqlite:PATH". WRITE creates the file (0660) and its tables; READ fails where there is none; DRY reads what is
   there (if anything) and writes to memory; MIGRATE is WRITE that brings an older schema version up first;
   MEMORY is an empty one that is gone when it is closed, and url is not looked at. Refuses network file systems and other schema versions with a clear error. */
struct carom_str carom_ledger_path(struct carom_str url); /* the file, without the scheme */
int carom_ledger_open(const char *url, enum carom_ledger_mode mode, struct carom_ledger *ledger_r,
                      struct carom_error *err);
void carom_ledger_close(struct carom_ledger *ledger);
/* A text as the ledger keeps it, packed; into the arena. -1: damaged, or larger than anything it packed. */
int carom_ledger_unpack(struct carom_arena *arena, struct carom_str packed, struct carom_str *bytes_r,
                        struct carom_error *err);

#endif
