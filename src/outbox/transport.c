/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* libcurl costs 6 ms at start, so that nothing but a delivery pays for it. */

#include "outbox/transport.h"

#include "base/module.h"

const struct carom_transport_ops *carom_transport_load(struct carom_error *err)
{
    return carom_module_load("carom-http.so", CAROM_TRANSPORT_SYMBOL, "HTTP", err);
}
