/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Which lines of a policy were reached, and which of its hooks ran. For trying a policy; no one else pays for it. */

#ifndef CAROM_POLICY_COVERAGE_H
#define CAROM_POLICY_COVERAGE_H

#include "base/str.h"

struct carom_coverage;

struct carom_covered_hook {
    const char *name;
    bool ran;
    struct carom_covered_hook *next;
};

struct carom_covered_file {
    const char *name;           /* "policy.lua" */
    struct carom_str text;
    const unsigned char *lines; /* [1…n]: CAROM_LINE_… */
    size_t n;
    struct carom_covered_file *next;
};
enum { CAROM_LINE_EMPTY, CAROM_LINE_MISSED, CAROM_LINE_REACHED };

struct carom_coverage *carom_coverage_new(void); /* NULL: no memory; free with carom_coverage_free */
void carom_coverage_free(struct carom_coverage *coverage); /* NULL is allowed */
/* In order of loading; in order of their names. Borrowed until the next hook runs. */
const struct carom_covered_file *carom_coverage_files(const struct carom_coverage *coverage);
const struct carom_covered_hook *carom_coverage_hooks(const struct carom_coverage *coverage);

#endif
