/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The module of the ledger where half an installation is newer than the rest: which module there is, this file says. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/module.h"
#include "carom.h"
#include "ledger/store.h"

static const struct carom_store_module *installed;

void *__wrap_carom_module_load(const char *file, const char *symbol, const char *what, struct carom_error *err);
void *__wrap_carom_module_load(const char *file, const char *symbol, const char *what, struct carom_error *err)
{
    (void)what, (void)err;
    assert_string_equal(file, "carom-sqlite.so");
    assert_string_equal(symbol, "carom_sqlite_store");
    return (void *)(uintptr_t)installed;
}

static void test_another_version(void **state)
{
    const struct carom_store_module older = {.version = "0.0.9"}, same = {.version = carom_version()};
    char want[200];
    (void)state;
    installed = &older;
    for (int i = 0; i < 2; i++) { /* it is not remembered */
        struct carom_error err = {0};
        assert_null(carom_store_load(&err));
        snprintf(want, sizeof want, "carom-sqlite.so is of version 0.0.9, carom of version %s: install both from one package",
                 carom_version());
        assert_string_equal(err.text, want);
    }
    installed = &same;
    assert_ptr_equal(carom_store_load(NULL), &same);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_another_version)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
