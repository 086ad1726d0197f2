/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The SQLite store, which is the module carom-sqlite. */

#ifndef CAROM_LEDGER_SQLITE_H
#define CAROM_LEDGER_SQLITE_H

#include <nettle/hmac.h>

#include "ledger/care.h"
#include "ledger/crowd.h"
#include "ledger/db.h"
#include "ledger/hashes.h"
#include "ledger/recent.h"
#include "ledger/store.h"

enum { CAROM_MAC_SIZE = 32 };

struct carom_store {
    struct carom_db db;
    struct carom_arena *scratch; /* for what no caller's arena is at hand */
    struct carom_str raw;        /* the message recorded last, by place; row 0: none */
    int64_t raw_row;
    struct carom_buf asked;      /* the address that was looked for last, */
    uint64_t asked_in;           /* in which transaction: what it says is true until that ends */
    int64_t asked_row;           /* and its row; 0: it has none */
    struct carom_recent recent;
    uint8_t erasure_key[32];
    struct hmac_sha256_ctx erasure; /* keyed with it */
    bool has_key;
    bool prepared;               /* the sets hold who may be refused */
    bool sifts;                  /* and all that is needed to look into them is there */
    struct carom_hashes blocked, erased;
    struct carom_crowds crowds;  /* of the groups that the breaker asked for; what this store changes is changed in them */
    struct carom_db_mark crowds_of;
};

extern CAROM_API const struct carom_store_module carom_sqlite_store;
/* In inspect.c and backup.c. */
int carom_sqlite_inspect(const char *path, void (*finding)(void *user, const char *text), void *user,
                         struct carom_inspection *inspection_r, struct carom_error *err);
int carom_sqlite_backup(const char *path, const char *spool, const char *to, struct carom_backup *backup_r,
                        struct carom_error *err);

/* past(); before: as it was then (ms), 0 now. */
int carom_sqlite_past(struct carom_store *store, struct carom_arena *arena, struct carom_str address, int64_t before,
                      struct carom_history *history, struct carom_error *err);
/* Row of an address, 0 where there is none. */
int carom_sqlite_address(struct carom_store *store, struct carom_str key, int64_t *row_r, struct carom_error *err);
/* Of an address that has none. */
int carom_sqlite_address_new(struct carom_store *store, struct carom_str key, struct carom_str spelling, int64_t now,
                             int64_t *row_r, struct carom_error *err);
/* references(), teach() and taught() in reference.c. */
int carom_sqlite_references(struct carom_store *store, uint64_t hash,
                            int (*each)(void *user, const struct carom_reference *reference), void *user,
                            struct carom_error *err);
int carom_sqlite_teach(struct carom_store *store, const struct carom_reference *reference, int64_t now,
                       struct carom_error *err);
int carom_sqlite_taught(struct carom_store *store, struct carom_str key,
                        int (*each)(void *user, const struct carom_reference *reference), void *user,
                        struct carom_error *err);
/* record() in record.c. */
int carom_sqlite_record(struct carom_store *store, struct carom_arena *arena, const struct carom_entry *entry,
                        struct carom_error *err);

/* mail(), mailed(), alert(), pause() and pauses() in outgoing.c. */
int carom_sqlite_raise(struct carom_store *store, int64_t job, const struct carom_decided *alert,
                       const struct carom_config *config, int64_t now, struct carom_error *err);
int carom_sqlite_mailed(struct carom_store *store, struct carom_str sink, int64_t since, int64_t *n_r, struct carom_error *err);
int carom_sqlite_mail(struct carom_store *store, struct carom_arena *arena, int64_t job, struct carom_job_mail *mail_r,
                      struct carom_error *err);
int carom_sqlite_pause(struct carom_store *store, const struct carom_pause *pause, struct carom_error *err);
int carom_sqlite_pauses(struct carom_store *store, int (*each)(void *user, const struct carom_pause *pause), void *user,
                        struct carom_error *err);
/* check(), prepare() and sift() in check.c. */
int carom_sqlite_check(struct carom_store *store, struct carom_str key, struct carom_str list, bool held, int64_t now,
                       struct carom_refusal *refusal, struct carom_error *err);
int carom_sqlite_prepare(struct carom_store *store, struct carom_error *err);
void carom_sqlite_sift(const struct carom_store *store, const struct carom_str *keys, size_t n, bool *doubtful_r);
void carom_sqlite_unprepare(struct carom_store *store);
/* The keyed hash under which an erased address is remembered; make: the key, if there is none. */
int carom_sqlite_mac(struct carom_store *store, struct carom_str key, bool make, uint8_t mac_r[CAROM_MAC_SIZE],
                     struct carom_error *err);
int64_t carom_sqlite_mac_hash(const uint8_t mac[CAROM_MAC_SIZE]);
/* journal() in journal.c. */
int carom_sqlite_journal(struct carom_store *store, int64_t after, size_t max,
                         int (*row)(void *user, const struct carom_kept *kept), void *user, struct carom_error *err);
int64_t carom_sqlite_journal_before(int64_t time);
int carom_sqlite_view(struct carom_store *store, struct carom_error *err);
int carom_sqlite_removals_before(struct carom_store *store, int64_t time,
                                 int (*row)(void *user, uint64_t group, int64_t received, int64_t address, bool done),
                                 void *user, struct carom_error *err);
/* In forget.c. */
int carom_sqlite_forget(struct carom_store *store, const struct carom_str *keys, size_t n, bool keep_hash, int64_t now,
                        int (*told)(void *user, struct carom_str sink), void *user, struct carom_forgotten *forgotten_r,
                        struct carom_error *err);
int carom_sqlite_messages(struct carom_store *store, struct carom_str key,
                          int (*row)(void *user, struct carom_str message), void *user, struct carom_error *err);
int carom_sqlite_told(struct carom_store *store, struct carom_str key, int (*row)(void *user, struct carom_str json),
                      void *user, struct carom_error *err);
/* In standing.c. */
int carom_sqlite_note(struct carom_store *store, enum carom_note what, int64_t now, struct carom_error *err);
int carom_sqlite_standing(struct carom_store *store, int64_t now, struct carom_standing *standing_r,
                          struct carom_error *err);
int carom_sqlite_waits(struct carom_store *store, int64_t now, int (*each)(void *user, const struct carom_wait *wait),
                       void *user, struct carom_error *err);
/* In prune.c. */
int carom_sqlite_prune(struct carom_store *store, const struct carom_config *config, int64_t now, struct carom_pruned *pruned,
                       struct carom_error *err);
int carom_sqlite_prune_anew(struct carom_store *store, struct carom_error *err);
extern const struct carom_care_ops carom_sqlite_care;

#endif
