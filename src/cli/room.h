/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What each message needs on its way in: the right to make a file in a directory, and room for it. It makes none. */

#ifndef CAROM_CLI_ROOM_H
#define CAROM_CLI_ROOM_H

#include "cli/owner.h"

/* 0: he may read and make files there; else an errno that says why not. By access(2) where we are he; else, as far as mode
   and owner say. */
int carom_room_denied(const char *directory, struct carom_owner owner);
/* What to do about it; in the arena. */
struct carom_str carom_room_remedy(struct carom_arena *arena, const char *directory, int denied, struct carom_owner owner);

struct carom_room {
    unsigned long long mib; /* free */
    bool files;             /* one more can be made */
};
/* false: the system does not say. */
bool carom_room_look(const char *directory, struct carom_room *room_r);

/* The directory in which path lies, "." for a mere name; in the arena. */
struct carom_str carom_room_above(struct carom_arena *arena, struct carom_str path);

#endif
