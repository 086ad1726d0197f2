/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What mail says cannot end a line of the log, begin a field, or steer a terminal; and a log that cannot be written
   keeps nobody waiting. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/logger.h"

static char directory[32], path[64];
static struct carom_logger logger;

static int setup(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/carom-log-XXXXXX");
    if (!mkdtemp(directory))
        return -1;
    snprintf(path, sizeof(path), "%s/log", directory);
    carom_logger_init(&logger, CAROM_LOG_TO_STDERR);
    logger.settings.to = CAROM_LOG_TO_FILE;
    logger.settings.path = carom_str(path);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(directory);
}

/* The file's text, and the file is gone. */
static const char *taken(void)
{
    static char text[1 << 15];
    FILE *file = fopen(path, "r");
    size_t n = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
    if (file)
        fclose(file);
    unlink(path);
    text[n] = '\0';
    return text;
}

#define T(text) {text, sizeof(text) - 1}

static void test_escapes(void **state)
{
    static const struct {
        struct carom_str text;
        bool field;
        const char *want;
    } cases[] = {
        {T("a b"), false, "a b"},
        {T("a b\\c"), true, "a\\x20b\\x5cc"},
        {T("x\r\ny\tz"), false, "x\\x0d\\x0ay\\x09z"},
        {T("\x1b[31m\x7f"), false, "\\x1b[31m\\x7f"},
        {T("gr\xc3\xbc\xc3\x9f"), true, "gr\xc3\xbc\xc3\x9f"},
        {T("\xc3(\xff"), false, "\\xc3(\\xff"},
        {T("\xc2\x9b"), false, "\\xc2\\x9b"},             /* CSI, one of the C1 */
        {T("\xe2\x80\xae"), false, "\\xe2\\x80\\xae"},    /* turns the direction of writing */
        {T("a\0b"), false, "a\\x00b"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char out[100];
        size_t n = carom_log_escape(cases[i].text, cases[i].field, out, sizeof(out));
        if (n != strlen(cases[i].want) || memcmp(out, cases[i].want, n) != 0)
            fail_msg("%zu: got %.*s, want %s", i, (int)n, out, cases[i].want);
    }
    char small[6];
    assert_int_equal(carom_log_escape(CAROM_STR("ab\n\n"), false, small, sizeof(small)), 6);
    assert_int_equal(carom_log_escape(CAROM_STR("abc\n"), false, small, sizeof(small)), 3); /* no half of an escape */
}

static void event(struct carom_str to)
{
    const struct carom_log_field fields[] = {{"kind", CAROM_STR("permanent")}, {"none", CAROM_STR_EMPTY}, {"to", to}};
    carom_logger_event(&logger, CAROM_LOG_INFO, "decision", fields, 3);
}

static void test_a_value_stays_in_its_field(void **state)
{
    (void)state;
    event(CAROM_STR("x@example.com kind=delivered\n2026-01-01T00:00:00Z carom[1] info: decision: kind=delivered"));
    const char *text = taken();
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    assert_non_null(strstr(text, " info: decision: kind=permanent to=x@example.com\\x20kind=delivered\\x0a2026"));
    assert_null(strstr(text, " kind=delivered"));
    assert_null(strstr(text, "none="));
}

static void test_values_are_capped(void **state)
{
    char large[4000];
    (void)state;
    memset(large, 'x', sizeof(large));
    event(carom_str_n(large, sizeof(large)));
    assert_in_range(strlen(taken()), 250, 400);
    memset(large, '\n', sizeof(large));
    event(carom_str_n(large, sizeof(large)));
    assert_in_range(strlen(taken()), 250, 400);
    carom_log_printf(&logger.log, CAROM_LOG_INFO, "%.*s", (int)sizeof(large), large);
    assert_in_range(strlen(taken()), 1900, 2200);
}

static void test_json(void **state)
{
    (void)state;
    logger.settings.json = true;
    event(CAROM_STR("\"},{\"kind\":\"x\xff\n"));
    json_t *object = json_loads(taken(), 0, NULL);
    assert_non_null(object);
    assert_string_equal(json_string_value(json_object_get(object, "kind")), "permanent");
    assert_string_equal(json_string_value(json_object_get(object, "event")), "decision");
    assert_string_equal(json_string_value(json_object_get(object, "to")), "\"},{\"kind\":\"x\xef\xbf\xbd\n");
    assert_non_null(json_object_get(object, "time"));
    json_decref(object);
    carom_log_printf(&logger.log, CAROM_LOG_WARNING, "a\nb");
    const char *text = taken();
    assert_non_null(strstr(text, "\"level\":\"warning\",\"event\":\"message\",\"text\":\"a\\\\x0ab\"}\n"));
}

static void test_levels(void **state)
{
    (void)state;
    carom_log_printf(&logger.log, CAROM_LOG_DEBUG, "no");
    logger.settings.level = CAROM_LOG_WARNING;
    carom_log_printf(&logger.log, CAROM_LOG_INFO, "no");
    event(CAROM_STR("no"));
    carom_log_printf(&logger.log, CAROM_LOG_ERROR, "yes");
    const char *text = taken();
    assert_null(strstr(text, "no"));
    assert_non_null(strstr(text, " error: yes\n"));
}

static void test_rotation(void **state)
{
    char old[80];
    (void)state;
    snprintf(old, sizeof(old), "%s.1", path);
    event(CAROM_STR("first"));
    assert_int_equal(rename(path, old), 0);
    event(CAROM_STR("second"));
    const char *text = taken();
    assert_null(strstr(text, "first"));
    assert_non_null(strstr(text, "second"));
    unlink(old);
}

/* A pipe that nobody reads would hold up whoever opens it. */
static void test_what_cannot_be_written(void **state)
{
    (void)state;
    assert_int_equal(mkfifo(path, 0600), 0);
    alarm(10);
    event(CAROM_STR("x"));
    assert_true(logger.failed);
    unlink(path);
    logger.failed = false;
    logger.settings.path = CAROM_STR("/nonexistent/carom.log");
    event(CAROM_STR("x"));
    assert_true(logger.failed);
    logger.failed = false;
    logger.settings.path = CAROM_STR("/dev/full");
    event(CAROM_STR("x"));
    assert_true(logger.failed);
    alarm(0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_escapes), TEST(test_a_value_stays_in_its_field), TEST(test_values_are_capped), TEST(test_json),
        TEST(test_levels),  TEST(test_rotation),                   TEST(test_what_cannot_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
