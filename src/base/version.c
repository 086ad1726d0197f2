/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

#include "carom.h"

const char *carom_version(void)
{
    return CAROM_VERSION;
}
