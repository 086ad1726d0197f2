/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* A whole message: what is made of it is a fact at least, and JSON that another parser reads. */

#include <jansson.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const struct carom_envelope envelope = {.source = "fuzz", .recipient = "news-bounces+anna=example.com@example.org"};
    struct carom_facts *facts;

    if (carom_parse(bytes, size, &envelope, &facts, NULL) != 0)
        return 0;
    FUZZ_CHECK(carom_facts_count(facts) > 0);
    for (size_t i = 0; i < carom_facts_count(facts); i++) {
        char *json = carom_fact_json(carom_facts_get(facts, i));
        json_t *root = json ? json_loads(json, JSON_ALLOW_NUL, NULL) : NULL;
        FUZZ_CHECK(!json || root);
        json_decref(root);
        free(json);
    }
    carom_facts_free(facts);
    return 0;
}
