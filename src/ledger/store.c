/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

#include "ledger/store.h"

#include "base/module.h"

static const struct carom_store_module *load(struct carom_error *err)
{
    const struct carom_store_module *module = carom_module_load(CAROM_STORE_FILE, CAROM_STORE_SYMBOL, "the ledger", err);
    if (!module || !strcmp(module->version, carom_version()))
        return module;
    carom_error_set(err, CAROM_ERROR_IO, "%s is of version %s, carom of version %s: install both from one package",
                    CAROM_STORE_FILE, module->version, carom_version());
    return NULL;
}

const struct carom_store_module *carom_store_load(struct carom_error *err)
{
    static _Atomic(const struct carom_store_module *) loaded; /* once, whichever thread */
    const struct carom_store_module *module = loaded;
    if (!module)
        loaded = module = load(err);
    return module;
}
