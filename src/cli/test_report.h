/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What tests of a policy gave, for people, for TAP (version 13) and as a JUnit file. */

#ifndef CAROM_CLI_TEST_REPORT_H
#define CAROM_CLI_TEST_REPORT_H

#include <stdio.h>

#include "policy/coverage.h"
#include "policy/testing.h"

struct carom_test_file {
    const char *path;
    struct carom_testing *testing;
};

struct carom_test_tally {
    size_t run, failed, left_out;
};
struct carom_test_tally carom_test_count(const struct carom_test_file *files, size_t n);

/* Each test that ran, and of those that failed why. */
void carom_test_print(const struct carom_test_file *files, size_t n);
void carom_test_print_tap(const struct carom_test_file *files, size_t n);
/* How many passed, what no test reached; with lines: each of the lines too. tap: as remarks. */
void carom_test_print_reach(const struct carom_coverage *coverage, bool lines, bool tap);
/* -1: the file cannot be written. */
int carom_test_write_junit(const char *path, const struct carom_test_file *files, size_t n, struct carom_error *err);

#endif
