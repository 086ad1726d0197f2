/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The words of kinds, reasons, faults, confidences and authenticities, both ways, out of the lists of carom.h. */

#include "base/str.h"
#include "classify/fact.h"

#define WORD(name, word) CAROM_STR_INIT(#word),
#define REASON_WORD(name, word, fault) CAROM_STR_INIT(#word),
#define REASON_FAULT(name, word, fault) CAROM_FAULT_##fault,
#define NONE CAROM_STR_INIT("")
#define WORDS(list) {list, sizeof(list) / sizeof *(list)}

static const struct carom_str kinds[] = {CAROM_KINDS(WORD)};
static const struct carom_str faults[] = {NONE, CAROM_FAULTS(WORD)};
static const struct carom_str reasons[] = {NONE, CAROM_REASONS(REASON_WORD)};
static const struct carom_str confidences[] = {NONE, CAROM_CONFIDENCES(WORD)};
static const struct carom_str authenticities[] = {CAROM_AUTHENTICITIES(WORD)};
static const enum carom_fault reason_faults[] = {CAROM_FAULT_NONE, CAROM_REASONS(REASON_FAULT)};

static const struct {
    const struct carom_str *list;
    size_t n;
} words[] = {[CAROM_FIELD_KIND] = WORDS(kinds),
             [CAROM_FIELD_REASON] = WORDS(reasons),
             [CAROM_FIELD_FAULT] = WORDS(faults),
             [CAROM_FIELD_CONFIDENCE] = WORDS(confidences),
             [CAROM_FIELD_AUTHENTICITY] = WORDS(authenticities)};

struct carom_str carom_field_word(enum carom_field_type type, unsigned value)
{
    return value < words[type].n ? words[type].list[value] : CAROM_STR_EMPTY;
}

static const char *name_of(enum carom_field_type type, unsigned value)
{
    struct carom_str word = carom_field_word(type, value);

    return word.len > 0 ? word.ptr : NULL;
}

const char *carom_kind_name(enum carom_kind kind) { return name_of(CAROM_FIELD_KIND, kind); }
const char *carom_fault_name(enum carom_fault fault) { return name_of(CAROM_FIELD_FAULT, fault); }
const char *carom_reason_name(enum carom_reason reason) { return name_of(CAROM_FIELD_REASON, reason); }
const char *carom_confidence_name(enum carom_confidence confidence) { return name_of(CAROM_FIELD_CONFIDENCE, confidence); }
const char *carom_authenticity_name(enum carom_authenticity authenticity)
{
    return name_of(CAROM_FIELD_AUTHENTICITY, authenticity);
}

enum carom_fault carom_reason_fault(enum carom_reason reason)
{
    return (size_t)reason < sizeof reason_faults / sizeof *reason_faults ? reason_faults[reason] : CAROM_FAULT_NONE;
}

/* The place of a word, or -1. */
static int find(enum carom_field_type type, struct carom_str word)
{
    for (size_t i = 0; word.len > 0 && i < words[type].n; i++) {
        if (carom_str_eq(words[type].list[i], word))
            return (int)i;
    }
    return -1;
}

bool carom_kind_parse(struct carom_str word, enum carom_kind *kind_r)
{
    int i = find(CAROM_FIELD_KIND, word);

    if (i < 0)
        return false;
    *kind_r = (enum carom_kind)i;
    return true;
}

bool carom_reason_parse(struct carom_str word, enum carom_reason *reason_r)
{
    int i = find(CAROM_FIELD_REASON, word);

    if (i < 0)
        return false;
    *reason_r = (enum carom_reason)i;
    return true;
}

bool carom_fault_parse(struct carom_str word, enum carom_fault *fault_r)
{
    int i = find(CAROM_FIELD_FAULT, word);

    if (i < 0)
        return false;
    *fault_r = (enum carom_fault)i;
    return true;
}

bool carom_authenticity_parse(struct carom_str word, enum carom_authenticity *authenticity_r)
{
    int i = find(CAROM_FIELD_AUTHENTICITY, word);

    if (i < 0)
        return false;
    *authenticity_r = (enum carom_authenticity)i;
    return true;
}

bool carom_confidence_parse(struct carom_str word, enum carom_confidence *confidence_r)
{
    int i = find(CAROM_FIELD_CONFIDENCE, word);

    if (i < 0)
        return false;
    *confidence_r = (enum carom_confidence)i;
    return true;
}
