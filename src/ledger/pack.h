/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Bytes as the ledger keeps them: zstd level 1 when that pays, else as they are, with one byte in front that says
   which. */

#ifndef CAROM_LEDGER_PACK_H
#define CAROM_LEDGER_PACK_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/spares.h"

/* The contexts that nobody uses just now; threads may share it. */
struct carom_pack {
    struct carom_spares contexts;
};
void carom_pack_init(struct carom_pack *pack);
void carom_pack_deinit(struct carom_pack *pack);

/* Fills out, which the caller reuses. Empty bytes give an empty result. */
int carom_pack(struct carom_pack *pack, struct carom_str bytes, struct carom_buf *out, struct carom_error *err);
/* The reverse, into the arena. -1: damaged, or larger than anything we packed. */
int carom_unpack(struct carom_arena *arena, struct carom_str packed, struct carom_str *bytes_r,
                 struct carom_error *err);

#endif
