/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Bytes as the ledger keeps them: zstd level 1 when that pays, else as they are, with one byte in front that says
   which. */

#ifndef CAROM_LEDGER_PACK_H
#define CAROM_LEDGER_PACK_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

struct ZSTD_CCtx_s;

struct carom_pack {
    struct ZSTD_CCtx_s *context; /* made at first use */
};
void carom_pack_deinit(struct carom_pack *pack);

/* Fills out, which the caller reuses. Empty bytes give an empty result. */
int carom_pack(struct carom_pack *pack, struct carom_str bytes, struct carom_buf *out, struct carom_error *err);
/* The reverse, into the arena. -1: damaged, or larger than anything we packed. */
int carom_unpack(struct carom_arena *arena, struct carom_str packed, struct carom_str *bytes_r,
                 struct carom_error *err);

#endif
