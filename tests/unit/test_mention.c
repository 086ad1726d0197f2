/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* An address is found as it is written, whoever wrote it, and nobody else's with it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ledger/mention.h"

static const struct carom_mention mentions[] = {{{"ann", 3}, {"example.com", 11}}, {{"b.c", 3}, {"xn--bcher-kva.example", 21}},
                                               {{"d+e", 3}, {"example.com", 11}}, {{"ann", 3}, {"a-b", 3}},
                                               {{"b", 1}, {"a-b", 3}}};

static void test_blots(void **state)
{
    static const struct {
        const char *text, *want; /* NULL: none */
    } cases[] = {
        {"ann@example.com", "[erased]"},
        {"<Ann@Example.COM>: unknown", "<[erased]>: unknown"},
        {"ann@example.com, ann@example.com.", "[erased], [erased]."},
        {"{\"to\":\"ann@example.com\"}", "{\"to\":\"[erased]\"}"},
        {"said:\\nann@example.com\\r\\n", "said:\\n[erased]\\r\\n"},
        {"\\u000bann@example.com", "\\u000b[erased]"},
        {"bounces+ann=example.com@lists.example.org", "bounces+[erased]@lists.example.org"},
        {"bubuf-7=.ann==example.com@b.example.org", "bubuf-7=.[erased]@b.example.org"},
        {"bubuf-7=.joann==example.com@b.example.org", NULL},
        {"https://x.example/?e=ann%40example.com&x", "https://x.example/?e=[erased]&x"},
        {"To: ann=40example.com", "To: [erased]"},
        {"*ann@example.com* |ann@example.com| `ann@example.com`", "*[erased]* |[erased]| `[erased]`"},
        {"=?utf-8?Q?ann=40example.com?=", "=?utf-8?Q?[erased]?="},
        {"?to=%3Cann%40example.com%3E", "?to=%3C[erased]%3E"},
        {"e=d%2Be%40example.com d=2be=40example.com", "e=[erased] [erased]"},
        {"bubuf-7=.d=2be==example.com@b.example.org", "bubuf-7=.[erased]@b.example.org"},
        {"jo%61ann@example.com", NULL},
        {"jo+ann@example.com jo_ann@example.com jo-ann@example.com", NULL},
        {"ann@a-b=a-b", "[erased]=a-b"}, /* not b=a-b as well, which begins within the other */
        {"b.c@xn--bcher-kva.example", "[erased]"},
        {"joann@example.com", NULL},
        {"jo.ann@example.com", NULL},
        {"ann@example.com.au", NULL},
        {"ann@example.community", NULL},
        {"ann@example.co", NULL},
        {"ann at example.com", NULL},
        {"@example.com", NULL},
        {"ann@", NULL},
        {"", NULL},
    };
    struct carom_buf out = CAROM_BUF_INIT(4096);

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool found = carom_mention_blot(mentions, sizeof(mentions) / sizeof(mentions[0]), carom_str(cases[i].text), &out);
        if (found != (cases[i].want != NULL) || (found && strcmp(carom_buf_str(&out).ptr, cases[i].want)))
            fail_msg("%s: got %s, want %s", cases[i].text, found ? carom_buf_str(&out).ptr : "none",
                     cases[i].want ? cases[i].want : "none");
    }
    const struct carom_str zero = CAROM_STR("\0ann@example.com\0");
    assert_true(carom_mention_blot(mentions, sizeof(mentions) / sizeof(mentions[0]), zero, &out));
    carom_buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_blots)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
