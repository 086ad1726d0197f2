/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Root never works on the ledger as root: a lock, a write-ahead log or a ledger that belongs to root shuts out the user
   as whom the mail server runs carom. */

#ifndef CAROM_CLI_OWNER_H
#define CAROM_CLI_OWNER_H

#include <sys/stat.h>

#include "cli/ledger.h"

/* To be called before anything is opened. For root: becomes, for good, who owns the directory in which the ledger of
   place lies, or will lie; where that is root, who owns the ledger. For anybody else nothing. 0 or -1. */
int carom_cli_become_owner(const struct carom_cli_place *place, struct carom_error *err);
/* For root, until carom_cli_act_as_self: acts as that owner, who is found without asking the policy; it is what may be
   broken. For anybody else nothing. */
int carom_cli_act_as_owner(const struct carom_cli_place *place, struct carom_error *err);
void carom_cli_act_as_self(void);

struct carom_owner {
    uid_t user;
    gid_t group;
};
struct carom_owner carom_cli_owner_of(struct carom_arena *arena, struct carom_str url);
/* What the two above share: for root, as is called with where the ledger lies by place alone; for anybody else nothing. */
int carom_cli_as_owner(const struct carom_cli_place *place,
                       int (*as)(struct carom_arena *arena, const struct carom_cli_place *place, struct carom_str url,
                                 struct carom_error *err),
                       struct carom_error *err);

/* Becomes that user for good: groups, group, user. where: for the error, what he owns; NULL: nothing. */
int carom_cli_become(uid_t user, gid_t group, const char *where, struct carom_error *err);
/* The files of a ledger: itself, its log, its lock, its key. */
enum { CAROM_STORE_FILES = 5 };
struct carom_store_file {
    struct carom_str path; /* NUL-terminated, in the arena */
    struct stat info;
    bool usable; /* by who owns the directory */
};
/* Those that are there; returns their number. *directory_r: of the directory in which they lie. */
size_t carom_cli_store_files(struct carom_arena *arena, struct carom_str url, struct stat *directory_r,
                             struct carom_store_file files_r[CAROM_STORE_FILES]);

/* "carom", or "uid 997" where the number has no name; in the arena. */
struct carom_str carom_cli_user_name(struct carom_arena *arena, uid_t user);

#endif
