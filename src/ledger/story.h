/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* All that the ledger holds of one address, for people who ask why: its facts with what was decided, who was told, what
   stands or stood, and which other addresses are meant by a name. It tells nothing itself. */

#ifndef CAROM_LEDGER_STORY_H
#define CAROM_LEDGER_STORY_H

#include "ledger/ledger.h"

enum { CAROM_STORY_FACTS = 1000 }; /* the newest; who gets more is told by carom show */

struct carom_story_fact {
    int64_t id;
    int64_t decided; /* ms */
    int64_t undone;  /* the operation that took it back; 0: none */
    int64_t raw;     /* the message behind it (care.message); 0: not kept, or gone since */
    uint64_t delivery;
    bool held, ignored; /* it counts for nothing: below the gate, by the policy */
    struct carom_str policy, fact, decision; /* JSON objects */
    struct carom_story_fact *next;
};

struct carom_story_job {
    int64_t id, fact, created, due, attempts;
    int64_t suppression; /* whose end it tells; 0: of none */
    int64_t ended_by;    /* what dropped it */
    enum carom_job_state state;
    struct carom_str sink, action, answer;
    struct carom_story_job *next;
};

/* ended, ended_by: when, and by which fact, operation or incident; 0 and 0: it was not, or by hand. */
struct carom_story_standing {
    enum { CAROM_STORY_SUPPRESSION, CAROM_STORY_DEPARTURE, CAROM_STORY_TAG } what;
    int64_t id, since, until, ended, ended_by;
    int64_t fact;  /* 0: by hand */
    int64_t batch; /* the import it came with; 0: none */
    bool each;     /* departure from the empty list: one by one */
    struct carom_str list, reason, source; /* of a tag: key, value; source: the file of the import */
    struct carom_story_standing *next;
};

struct carom_story {
    int64_t facts_n; /* that there are; those that are told may be fewer */
    int64_t restored; /* when somebody last took the address back; ms, 0 never */
    struct carom_str spelling;
    struct carom_story_fact *facts;         /* oldest first, as all of it */
    struct carom_story_job *jobs;
    struct carom_story_standing *standings;
};

/* Into the arena, which the caller guards. An address that is not known has an empty story. */
int carom_sqlite_story(struct carom_store *store, struct carom_arena *arena, struct carom_str key,
                       struct carom_story *story_r, struct carom_error *err);
/* The bytes of a message. They are empty where it is gone. */
int carom_sqlite_message(struct carom_store *store, struct carom_arena *arena, int64_t raw, struct carom_str *bytes_r,
                         struct carom_error *err);
/* Each address of which a fact names a final recipient, with that: asks every fact. The same pair may come again. */
int carom_sqlite_finals(struct carom_store *store,
                        int (*row)(void *user, struct carom_str key, struct carom_str final_recipient), void *user,
                        struct carom_error *err);
/* Each address that carries the tag. */
int carom_sqlite_tagged(struct carom_store *store, struct carom_str tag, struct carom_str value,
                        int (*row)(void *user, struct carom_str key), void *user, struct carom_error *err);

#endif
