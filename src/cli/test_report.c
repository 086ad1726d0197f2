/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Printing what tests gave. Names and texts come from the operator's file and from mail: what controls a terminal is
   made visible, and XML gets no byte that it does not allow. */

#include "cli/test_report.h"

#include <errno.h>

#include "base/error.h"
#include "base/utf8.h"
#include "cli/print.h"

struct carom_test_tally carom_test_count(const struct carom_test_file *files, size_t n)
{
    struct carom_test_tally tally = {0};

    for (size_t i = 0; i < n; i++)
        for (const struct carom_test *test = carom_testing_tests(files[i].testing); test; test = test->next) {
            tally.run += test->result != CAROM_TEST_LEFT_OUT;
            tally.failed += test->result == CAROM_TEST_FAILED;
            tally.left_out += test->result == CAROM_TEST_LEFT_OUT;
        }
    return tally;
}

/* Each line of the text behind the prefix. */
static void print_lines(struct carom_str text, const char *prefix)
{
    struct carom_str line;

    while (carom_str_line(&text, &line)) {
        fputs(prefix, stdout);
        carom_print_cell(stdout, line, 0);
        putchar('\n');
    }
}

void carom_test_print(const struct carom_test_file *files, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (const struct carom_test *test = carom_testing_tests(files[i].testing); test; test = test->next) {
            if (test->result == CAROM_TEST_LEFT_OUT)
                continue;
            fputs(test->result == CAROM_TEST_PASSED ? "ok      " : "FAILED  ", stdout);
            carom_print_cell(stdout, carom_str(test->name), 0);
            putchar('\n');
            print_lines(test->failure, "        ");
        }
}

/* A '#' in a name would begin a directive. */
static void print_tap_name(struct carom_str name)
{
    while (name.len) {
        size_t hash = carom_str_chr(name, '#');
        size_t n = hash == SIZE_MAX ? name.len : hash;
        carom_print_cell(stdout, carom_str_head(name, n), 0);
        if (hash != SIZE_MAX)
            fputs("\\#", stdout);
        name = carom_str_from(name, hash == SIZE_MAX ? name.len : hash + 1);
    }
}

void carom_test_print_tap(const struct carom_test_file *files, size_t n)
{
    size_t number = 0;

    printf("TAP version 13\n1..%zu\n", carom_test_count(files, n).run);
    for (size_t i = 0; i < n; i++)
        for (const struct carom_test *test = carom_testing_tests(files[i].testing); test; test = test->next) {
            if (test->result == CAROM_TEST_LEFT_OUT)
                continue;
            printf("%sok %zu - ", test->result == CAROM_TEST_PASSED ? "" : "not ", ++number);
            print_tap_name(carom_str(test->name));
            putchar('\n');
            print_lines(test->failure, "# ");
        }
}

/* ---- What no test reached ---- */

static size_t count_lines(const struct carom_covered_file *file, unsigned char what)
{
    size_t n = 0;

    for (size_t i = 1; i <= file->n; i++)
        n += file->lines[i] == what;
    return n;
}

static void print_missed(const struct carom_covered_file *file, const char *before)
{
    struct carom_str rest = file->text, line;

    for (size_t i = 1; carom_str_line(&rest, &line); i++)
        if (i <= file->n && file->lines[i] == CAROM_LINE_MISSED) {
            printf("%s  %s:%zu: ", before, file->name, i);
            carom_print_cell(stdout, carom_str_trim(line), 0);
            putchar('\n');
        }
}

static void print_hooks(const struct carom_covered_hook *hooks, const char *before)
{
    const char *between = "hooks that no test ran: ";

    for (const struct carom_covered_hook *hook = hooks; hook; hook = hook->next)
        if (!hook->ran) {
            printf("%s%s", *between == 'h' ? before : "", between);
            fputs(hook->name, stdout);
            between = ", ";
        }
    if (*between == ',')
        putchar('\n');
}

void carom_test_print_reach(const struct carom_coverage *coverage, bool lines, bool tap)
{
    const char *before = tap ? "# " : "";
    size_t reached = 0, missed = 0;

    print_hooks(carom_coverage_hooks(coverage), before);
    for (const struct carom_covered_file *file = carom_coverage_files(coverage); file; file = file->next) {
        reached += count_lines(file, CAROM_LINE_REACHED);
        missed += count_lines(file, CAROM_LINE_MISSED);
    }
    printf("%slines of the policy that a test reached: %zu of %zu%s\n", before, reached, reached + missed,
           missed && !lines ? "; --coverage prints the others" : missed ? "; not reached:" : "");
    for (const struct carom_covered_file *file = carom_coverage_files(coverage); lines && file; file = file->next)
        print_missed(file, before);
}

/* ---- JUnit ---- */

/* XML 1.0 2.2: of the controls only tab and line ends; broken UTF-8 becomes '?'. */
static void write_xml(FILE *to, struct carom_str text)
{
    while (text.len) {
        uint32_t character;
        size_t n = carom_utf8_decode(text, &character);
        bool good = n && (character >= 0x20 || character == '\t' || character == '\n') && character != 0xfffe &&
                    character != 0xffff;
        if (!good)
            fputc('?', to);
        else if (character == '<')
            fputs("&lt;", to);
        else if (character == '>')
            fputs("&gt;", to);
        else if (character == '&')
            fputs("&amp;", to);
        else if (character == '"')
            fputs("&quot;", to);
        else
            fwrite(text.ptr, 1, n, to);
        text = carom_str_from(text, n ? n : 1);
    }
}

static void write_case(FILE *to, const char *path, const struct carom_test *test)
{
    struct carom_str rest = test->failure, first = CAROM_STR_EMPTY;

    fputs("    <testcase classname=\"", to);
    write_xml(to, carom_str(path));
    fputs("\" name=\"", to);
    write_xml(to, carom_str(test->name));
    fprintf(to, "\" line=\"%d\" time=\"%.3f\"", test->line, (double)test->us / 1e6);
    if (test->result == CAROM_TEST_PASSED) {
        fputs("/>\n", to);
        return;
    }
    carom_str_line(&rest, &first);
    fputs(">\n      <failure message=\"", to);
    write_xml(to, first);
    fputs("\">", to);
    write_xml(to, test->failure);
    fputs("</failure>\n    </testcase>\n", to);
}

static void write_suite(FILE *to, const struct carom_test_file *file)
{
    struct carom_test_tally tally = carom_test_count(file, 1);

    fputs("  <testsuite name=\"", to);
    write_xml(to, carom_str(file->path));
    fprintf(to, "\" tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"0\">\n", tally.run, tally.failed);
    for (const struct carom_test *test = carom_testing_tests(file->testing); test; test = test->next)
        if (test->result != CAROM_TEST_LEFT_OUT)
            write_case(to, file->path, test);
    fputs("  </testsuite>\n", to);
}

int carom_test_write_junit(const char *path, const struct carom_test_file *files, size_t n, struct carom_error *err)
{
    struct carom_test_tally tally = carom_test_count(files, n);
    FILE *to = fopen(path, "we");

    if (!to)
        return carom_error_set(err, CAROM_ERROR_IO, "--junit: %s: cannot be written: %s", path, strerror(errno));
    fprintf(to, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"%zu\" failures=\"%zu\">\n", tally.run,
            tally.failed);
    for (size_t i = 0; i < n; i++)
        write_suite(to, &files[i]);
    fputs("</testsuites>\n", to);
    bool bad = ferror(to) != 0;
    if (fclose(to) != 0 || bad)
        return carom_error_set(err, CAROM_ERROR_IO, "--junit: %s: cannot be written: %s", path, strerror(errno));
    return 0;
}
