/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Messages that were taken and could not be decided yet: a directory with a file for each, whole and on disk before
   anybody says so, with the envelope it came in; and beside it a small file that says what became of it so far. It knows
   no ledger and no policy, and writes no more memory than it is given. */

#ifndef CAROM_INPUT_SPOOL_H
#define CAROM_INPUT_SPOOL_H

#include "base/arena.h"
#include "base/error.h"

enum { CAROM_SPOOL_NAME = 64, CAROM_SPOOL_KILLS = 3 };

/* What became of it. Lost, it is all 0: tried at once. */
struct carom_spool_marks {
    int64_t tries, kills; /* kills: how often whoever worked on it crashed, hung or was too slow */
    int64_t due;          /* ms since 1970: not tried before, but with another policy */
    uint64_t policy;      /* with which it was tried last; the caller's fingerprint */
    char why[512];        /* one line */
};

/* A message on its way in. */
struct carom_spool_draft {
    int directory, fd; /* -1: not begun */
    char name[CAROM_SPOOL_NAME];
    uint64_t message; /* where it begins in the file */
};

/* Makes the directory (not its parents) and a file in it; writes the envelope: sender, recipient, list, received. 0, or -1
   with nothing left behind. */
int carom_spool_begin(struct carom_spool_draft *draft, const char *directory, const struct carom_envelope *envelope,
                      struct carom_error *err);
int carom_spool_write(struct carom_spool_draft *draft, const void *bytes, size_t n, struct carom_error *err);
/* 0: it is on disk under its name, whatever happens next. -1: it is not. The draft is over either way. */
int carom_spool_keep(struct carom_spool_draft *draft, const struct carom_spool_marks *marks, struct carom_error *err);
void carom_spool_drop(struct carom_spool_draft *draft); /* no effect where none is begun */

struct carom_spool_entry {
    char name[CAROM_SPOOL_NAME];
    int64_t since; /* when it came, ms; 0 not known */
    struct carom_spool_marks marks;
};
static inline bool carom_spool_is_poison(const struct carom_spool_marks *marks) { return marks->kills >= CAROM_SPOOL_KILLS; }

/* All that wait, oldest first, in the arena. No directory: none. */
int carom_spool_list(struct carom_arena *arena, const char *directory, struct carom_spool_entry **entries_r, size_t *n_r,
                     struct carom_error *err);

struct carom_spool_message {
    struct carom_envelope envelope;
    struct carom_str bytes;
};
/* All in the arena. 1; 0: it is not there any more; -1. */
int carom_spool_read(struct carom_arena *arena, const char *directory, const char *name,
                     struct carom_spool_message *message_r, struct carom_error *err);
int carom_spool_mark(const char *directory, const char *name, const struct carom_spool_marks *marks, struct carom_error *err);
/* 0 also when it is not there. */
int carom_spool_remove(const char *directory, const char *name, struct carom_error *err);

/* One at a time works it off. Waits so long at most. A descriptor for carom_spool_unlock; -1: somebody else does, or err
   says more (its code is not CAROM_ERROR_BUSY). */
int carom_spool_lock(const char *directory, int64_t wait_ms, struct carom_error *err);
void carom_spool_unlock(int lock);
/* Removes what those left behind who were killed on the way in: their servers still have it. */
void carom_spool_sweep(const char *directory);

#endif
