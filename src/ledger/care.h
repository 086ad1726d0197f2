/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What people do with a ledger, beside what mail does to it: suppressions by hand, erasure and access, retention, and a
   look at how it goes. Times are milliseconds since 1970. None of it tells a sink. */

#ifndef CAROM_LEDGER_CARE_H
#define CAROM_LEDGER_CARE_H

#include "ledger/ledger.h"
#include "ledger/story.h"
#include "ledger/tally.h"

/* A suppression by hand, or one that stands. */
struct carom_ban {
    struct carom_str key, spelling; /* of the address */
    struct carom_str list;          /* empty: everywhere */
    int64_t since, until;           /* until 0: for good */
    struct carom_str reason;
    int64_t batch;                  /* 0: none */
};

/* An import of which something stands. source: its first file. */
struct carom_batch {
    int64_t id, time, standing;
    struct carom_str source;
};

/* What an erasure found. */
struct carom_forgotten {
    int64_t facts, messages, standing, jobs;
    int64_t waiting;  /* of the jobs: not yet delivered */
    int64_t mentions; /* rows about others in which it was blotted out */
};

/* What retention removed; others: what stood once and ended, and addresses of which nothing is left. */
struct carom_pruned {
    int64_t messages, jobs, facts, others;
};

/* What was done last when; the numbers are stored. */
enum carom_note { CAROM_NOTE_DELIVERY = 1 }; /* a run of the outbox came to its end */

/* How it goes. Counts of kinds are of the facts recorded in the hour and the day before, whatever their own time. */
struct carom_standing {
    int64_t last_fact; /* when one was recorded last; 0: never */
    int64_t hour[CAROM_KIND_COUNT], day[CAROM_KIND_COUNT];
    int64_t unmatched; /* actions of that day that lacked a list, a recipient or a sink */
    int64_t waiting, pending, dead; /* jobs */
    int64_t due;       /* of those waiting: may be tried now */
    int64_t oldest;    /* when the oldest of those waiting was to go, if that is past; 0: none is late */
    int64_t oldest_job;
    char oldest_sink[128], oldest_answer[256]; /* why it waits; may be empty */
    int64_t suppressions; /* that stand */
    int64_t held; /* actions that wait for a person */
    int64_t held_gate, held_observe, held_breaker; /* of them, by cause */
    int64_t incidents; /* that have not ended */
    int64_t incident_since; /* the oldest of them, by receipt; 0 none */
    char incident_provider[128], incident_reason[64];
    int64_t delivered; /* the last run of the outbox; 0: none */
    bool keyless;      /* it has hashes of erased addresses, and their key is not there or damaged: check() fails */
    int64_t bytes;     /* on disk, with its log */
    int version;
};

/* For what a sink's jobs wait. Texts are borrowed for the call. */
struct carom_wait {
    struct carom_str sink, answer; /* answer: the last one of that job, or what the sink lacks */
    int64_t job, since;            /* the oldest of them: which, and when it was to go */
    bool untried;                  /* it was not even tried, for its sink's sake; else it was, or is yet to be */
};

/* Which decisions a person means; what is empty or 0 means any. */
struct carom_selection {
    int64_t since, until;    /* when it was decided: from, and before */
    struct carom_str reason; /* or a kind */
    struct carom_str provider, rule, list, policy; /* policy: the beginning of its version */
    struct carom_str key;                          /* of the address */
    struct carom_str cause;                        /* of what is held: gate, observe, breaker */
    int64_t incident, fact;
    int64_t window; /* of the breaker, with incident, of what is not held */
};

struct carom_selection carom_selection_any(void);

/* An action that waits. Texts are borrowed for the call. */
struct carom_held {
    int64_t fact, since, incident;
    struct carom_str spelling, action, list, cause, kind, reason, provider, authenticity, diagnostic;
};
/* A fact as it is kept. Borrowed for the call. */
struct carom_kept {
    int64_t id;
    struct carom_str fact;                       /* JSON */
    struct carom_str headers, returned, message; /* header blocks of the bounce and of what came back, and the whole bounce
                                                    where it is kept; packed (carom_ledger_unpack) */
    struct carom_str policy;                     /* the version that decided */
    struct carom_str decision;                   /* JSON */
    int64_t decided, undone;                     /* when; the operation that took it back, 0 none */
    bool waits;                                  /* some of it is held */
};

enum carom_settling { CAROM_SETTLE_RELEASE, CAROM_SETTLE_DISCARD, CAROM_SETTLE_EXPIRE };

/* What became of a selection. */
struct carom_settled {
    int64_t operation; /* its number; 0: nothing was concerned */
    int64_t facts;     /* decisions concerned */
    int64_t standing;  /* suppressions, departures and tags that ended or stand again */
    int64_t recalled;  /* jobs that had not been tried, and never are now */
    int64_t told;      /* jobs that take back what had been told */
};

/* Decisions that others replace, as one operation. Zero-initialise. */
struct carom_revision {
    bool dry;                  /* only see what would become of it */
    int64_t operation;         /* made with the first that is replaced */
    int64_t first, last;       /* facts that were */
    int64_t superseded;        /* actions not carried out: what came later stands against it */
    struct carom_settled settled;
};

/* What a person did. */
struct carom_operation {
    int64_t id, time, facts, reversed; /* reversed: the operation that took it back */
    struct carom_str action, selection; /* selection: JSON */
};

struct carom_care_ops {
    /* A new batch: what is imported with its id can be taken back together. */
    int (*batch)(struct carom_store *store, struct carom_str source, int64_t now, int64_t *id_r,
                 struct carom_error *err);
    /* Those of which something stands, oldest first. */
    int (*batches)(struct carom_store *store, int64_t now, int (*row)(void *user, const struct carom_batch *batch), void *user,
                   struct carom_error *err);
    /* 1: written; 0: one that lasts as long stands already; -1. */
    int (*ban)(struct carom_store *store, const struct carom_ban *ban, int64_t now, struct carom_error *err);
    /* Ends what stands of that address (list empty: everywhere), a kept hash included, or of that batch. A job that was
       to tell the end at its time tells it now. *n_r: how many ended. */
    int (*unban)(struct carom_store *store, struct carom_str key, struct carom_str list, int64_t batch, int64_t now,
                 int64_t *n_r, struct carom_error *err);
    /* All that stand, oldest first, and who left all lists. *hashes_r: erased addresses, of which only a hash is kept. */
    int (*bans)(struct carom_store *store, int64_t now, int (*row)(void *user, const struct carom_ban *ban), void *user,
                int64_t *hashes_r, struct carom_error *err);
    /* What waits, oldest first. */
    int (*held)(struct carom_store *store, const struct carom_selection *selection,
                int (*row)(void *user, const struct carom_held *held), void *user, struct carom_error *err);
    /* Carries it out now, or gives it up; recorded as one operation. In a transaction of its own, or the caller's. */
    int (*settle_held)(struct carom_store *store, const struct carom_selection *selection,
                       const struct carom_config *config, enum carom_settling what, int64_t now,
                       struct carom_settled *settled_r, struct carom_error *err);
    /* Takes decisions back: suppressions and departures end, scores and counts go, sinks are told. */
    int (*undo)(struct carom_store *store, const struct carom_selection *selection, const struct carom_config *config,
                int64_t now, struct carom_settled *settled_r, struct carom_error *err);
    /* Which of the options of a selection names a provider, rule, list, version or incident of which the ledger never had
       anything; NULL: none does. */
    int (*unknown)(struct carom_store *store, const struct carom_selection *selection, const char **option_r,
                   struct carom_error *err);
    /* Takes an undo back. */
    int (*redo)(struct carom_store *store, int64_t operation, const struct carom_config *config, int64_t now,
                struct carom_settled *settled_r, struct carom_error *err);
    int (*operations)(struct carom_store *store, int (*row)(void *user, const struct carom_operation *operation),
                      void *user, struct carom_error *err);
    /* The next facts after that one, at most max, in the order in which they were recorded; row: -1 for want of memory. */
    int (*journal)(struct carom_store *store, int64_t after, size_t max,
                   int (*row)(void *user, const struct carom_kept *kept), void *user, struct carom_error *err);
    /* The number from which on that gives what was decided since then. */
    int64_t (*journal_before)(int64_t time);
    /* Of a ledger open for reading: from now on until rollback, what others write is not seen. Nobody waits for that. */
    int (*view)(struct carom_store *store, struct carom_error *err);
    /* Replaces the decision on a fact: what both take stays as it was done, what only the old one took is taken back, what
       only the new one takes is carried out now, unless a later delivery, decision or person stands against it, its time is
       over, or it was of that moment (retry, probe, alert, forward). old_r, new_r: both as they are compared, in the arena.
       1: it was, or would be, replaced; 0: it stays; -1. In the caller's transaction. */
    int (*revise)(struct carom_store *store, struct carom_arena *arena, struct carom_revision *revision, int64_t fact,
                  const struct carom_decision *decision, const struct carom_config *config, int64_t now,
                  struct carom_decision *old_r, struct carom_decision *new_r, struct carom_error *err);
    /* Writes the operation down, where something was replaced. selection: what was asked for. */
    int (*revised)(struct carom_store *store, struct carom_revision *revision, const struct carom_selection *selection,
                   int64_t now, struct carom_error *err);
    /* What the breaker knows of before a time: removals, as crowd() counts them. */
    int (*removals_before)(struct carom_store *store, int64_t time,
                           int (*row)(void *user, uint64_t group, int64_t received, int64_t address, bool done), void *user,
                           struct carom_error *err);
    /* The past of an address as it was at that time. */
    int (*past_before)(struct carom_store *store, struct carom_arena *arena, struct carom_str address, int64_t time,
                       struct carom_history *history, struct carom_error *err);
    /* Bad days, oldest first; n: how many actions of it still wait. */
    int (*incidents)(struct carom_store *store, int (*row)(void *user, const struct carom_incident *incident, int64_t n),
                     void *user, struct carom_error *err);
    /* Erases all of these addresses, in no transaction of the caller's. keep_hash: check() goes on to say no. told:
       called with each sink that was told of one. */
    int (*forget)(struct carom_store *store, const struct carom_str *keys, size_t n, bool keep_hash, int64_t now,
                  int (*told)(void *user, struct carom_str sink), void *user, struct carom_forgotten *forgotten_r,
                  struct carom_error *err);
    /* For reports: ledger/tally.h. */
    int (*tally)(struct carom_store *store, const struct carom_selection *selection, int64_t worded,
                 int (*row)(void *user, const struct carom_tally *tally), void *user, struct carom_error *err);
    int (*deeds)(struct carom_store *store, const struct carom_selection *selection, struct carom_deeds *deeds_r,
                 struct carom_error *err);
    int (*beginning)(struct carom_store *store, int64_t *time_r, struct carom_error *err);
    /* For people who ask why: ledger/story.h. */
    int (*story)(struct carom_store *store, struct carom_arena *arena, struct carom_str key, struct carom_story *story_r,
                 struct carom_error *err);
    int (*message)(struct carom_store *store, struct carom_arena *arena, int64_t raw, struct carom_str *bytes_r,
                   struct carom_error *err);
    int (*finals)(struct carom_store *store,
                  int (*row)(void *user, struct carom_str key, struct carom_str final_recipient), void *user,
                  struct carom_error *err);
    int (*tagged)(struct carom_store *store, struct carom_str tag, struct carom_str value,
                  int (*row)(void *user, struct carom_str key), void *user, struct carom_error *err);
    /* The messages that are kept of an address, oldest first. */
    int (*messages)(struct carom_store *store, struct carom_str key, int (*row)(void *user, struct carom_str message),
                    void *user, struct carom_error *err);
    /* One step of retention, in a short transaction of its own, or the caller's: 1 there may be more to do, 0 nothing for
       now, -1. What it removed is added to pruned. What has to stay is looked at again after a day, or after prune_anew(). */
    int (*prune)(struct carom_store *store, const struct carom_config *config, int64_t now, struct carom_pruned *pruned,
                 struct carom_error *err);
    int (*prune_anew)(struct carom_store *store, struct carom_error *err);
    /* Remembers whom a hash or an id means. 1: new, or an id that was another's; 0: known; -1. */
    int (*teach)(struct carom_store *store, const struct carom_reference *reference, int64_t now,
                 struct carom_error *err);
    /* What was taught of an address. */
    int (*taught)(struct carom_store *store, struct carom_str key,
                  int (*each)(void *user, const struct carom_reference *reference), void *user, struct carom_error *err);
    /* Its jobs as JSON objects, oldest first. */
    int (*told)(struct carom_store *store, struct carom_str key, int (*row)(void *user, struct carom_str json),
                void *user, struct carom_error *err);
    /* Notes that it was done now; in a transaction of its own, or the caller's. */
    int (*note)(struct carom_store *store, enum carom_note what, int64_t now, struct carom_error *err);
    /* Counts in indexes, never through the rows. */
    int (*standing)(struct carom_store *store, int64_t now, struct carom_standing *standing_r, struct carom_error *err);
    /* Of the 10,000 jobs that come next, those that are late: the oldest of each sink, both among those that were not tried
       and among the rest; a sink's follow one another. */
    int (*waits)(struct carom_store *store, int64_t now, int (*row)(void *user, const struct carom_wait *wait), void *user,
                 struct carom_error *err);
};

#endif
