/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* File systems on which SQLite's write-ahead log is not safe: its index is shared memory, and theirs is not shared
   between hosts. */

#ifndef CAROM_LEDGER_NETFS_H
#define CAROM_LEDGER_NETFS_H

#include "base/error.h"

/* The network file system that the magic number of statfs(2) stands for; NULL: a local one, or FUSE. */
const char *carom_netfs_name(uint32_t magic);
/* 0, or -1 when the file's directory lies on one. */
int carom_netfs_check(const char *path, struct carom_error *err);

#endif
