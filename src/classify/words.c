/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The words of kinds, reasons, faults, confidences and authenticities, both ways, out of the lists of carom.h. */

#include "base/str.h"
#include "classify/fact.h"

#define WORD(name, word) #word,
#define REASON_WORD(name, word, fault) #word,
#define REASON_FAULT(name, word, fault) CAROM_FAULT_##fault,

static const char *const kinds[] = {CAROM_KINDS(WORD)};
static const char *const faults[] = {NULL, CAROM_FAULTS(WORD)};
static const char *const reasons[] = {NULL, CAROM_REASONS(REASON_WORD)};
static const char *const confidences[] = {NULL, CAROM_CONFIDENCES(WORD)};
static const char *const authenticities[] = {CAROM_AUTHENTICITIES(WORD)};
static const enum carom_fault reason_faults[] = {CAROM_FAULT_NONE, CAROM_REASONS(REASON_FAULT)};

static const char *word_of(const char *const *words, size_t n, unsigned value)
{
    return value < n ? words[value] : NULL;
}

/* The place of a word, or -1. */
static int find(const char *const *words, size_t n, struct carom_str word)
{
    for (size_t i = 0; i < n; i++) {
        if (words[i] && carom_str_eq(carom_str(words[i]), word))
            return (int)i;
    }
    return -1;
}

#define COUNT(array) (sizeof(array) / sizeof *(array))

const char *carom_kind_name(enum carom_kind kind) { return word_of(kinds, COUNT(kinds), kind); }
const char *carom_fault_name(enum carom_fault fault) { return word_of(faults, COUNT(faults), fault); }
const char *carom_reason_name(enum carom_reason reason) { return word_of(reasons, COUNT(reasons), reason); }
const char *carom_confidence_name(enum carom_confidence confidence)
{
    return word_of(confidences, COUNT(confidences), confidence);
}
const char *carom_authenticity_name(enum carom_authenticity authenticity)
{
    return word_of(authenticities, COUNT(authenticities), authenticity);
}
enum carom_fault carom_reason_fault(enum carom_reason reason)
{
    return (size_t)reason < COUNT(reason_faults) ? reason_faults[reason] : CAROM_FAULT_NONE;
}

bool carom_kind_parse(struct carom_str word, enum carom_kind *kind_r)
{
    int i = find(kinds, COUNT(kinds), word);

    if (i < 0)
        return false;
    *kind_r = (enum carom_kind)i;
    return true;
}

bool carom_reason_parse(struct carom_str word, enum carom_reason *reason_r)
{
    int i = find(reasons, COUNT(reasons), word);

    if (i < 0)
        return false;
    *reason_r = (enum carom_reason)i;
    return true;
}

bool carom_fault_parse(struct carom_str word, enum carom_fault *fault_r)
{
    int i = find(faults, COUNT(faults), word);

    if (i < 0)
        return false;
    *fault_r = (enum carom_fault)i;
    return true;
}

bool carom_authenticity_parse(struct carom_str word, enum carom_authenticity *authenticity_r)
{
    int i = find(authenticities, COUNT(authenticities), word);

    if (i < 0)
        return false;
    *authenticity_r = (enum carom_authenticity)i;
    return true;
}

bool carom_confidence_parse(struct carom_str word, enum carom_confidence *confidence_r)
{
    int i = find(confidences, COUNT(confidences), word);

    if (i < 0)
        return false;
    *confidence_r = (enum carom_confidence)i;
    return true;
}
