/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The trace of forwarding in a returned message: whom the sender wrote to, where another address failed. */

#ifndef CAROM_CLASSIFY_TRACE_H
#define CAROM_CLASSIFY_TRACE_H

#include "mail/header.h"

/* The address from which the returned message was forwarded to `failed`, by X-Original-To, Delivered-To, Envelope-To
   or by a Received … for of the host that reports the failure; empty when the trace names no other one. Never an
   address of the mailing list itself, nor `ours`, the address that the bounce was sent to. */
struct carom_str carom_trace_recipient(struct carom_arena *arena, const struct carom_headers *returned,
                                       struct carom_str failed, struct carom_str ours,
                                       struct carom_str reporting_mta);

#endif
