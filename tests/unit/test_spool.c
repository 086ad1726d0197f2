/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The spool: what is kept comes back as it came, and whatever else lies in the directory harms nobody. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/date.h"
#include "input/spool.h"

/* ---- Memory that the library does not get ---- */

static size_t malloc_max = SIZE_MAX; /* what is asked for beyond that is refused */

void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_malloc(size_t n) { return n > malloc_max ? NULL : __real_malloc(n); }

/* ---- A clock and a number that many processes share ---- */

static bool all_alike;

int64_t __real_carom_date_now_ms(void);
int64_t __wrap_carom_date_now_ms(void);
int64_t __wrap_carom_date_now_ms(void) { return all_alike ? 1772366400000 : __real_carom_date_now_ms(); }
pid_t __real_getpid(void);
pid_t __wrap_getpid(void);
pid_t __wrap_getpid(void) { return all_alike ? 1 : __real_getpid(); }

/* ---- A directory ---- */

static char directory[64];
static struct carom_arena *arena;
static struct carom_error err;

static int set_up(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/carom-spool-XXXXXX");
    arena = carom_arena_new();
    err = (struct carom_error){0};
    return mkdtemp(directory) && arena ? 0 : -1;
}

static int tear_down(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -r %s", directory);
    carom_arena_free(arena);
    return system(command);
}

static const char *path_of(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

/* A regular file, sparse where it is long. */
static void put(const char *name, const char *text, off_t size, time_t age_s)
{
    int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    time_t then = time(NULL) - age_s;
    const struct timespec times[2] = {{.tv_sec = then}, {.tv_sec = then}};
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    if (size)
        assert_int_equal(ftruncate(fd, size), 0);
    assert_int_equal(futimens(fd, times), 0);
    close(fd);
}

static bool is_there(const char *name)
{
    struct stat info;
    return lstat(path_of(name), &info) == 0;
}

static void expect_error(const char *part)
{
    if (!strstr(err.text, part))
        fail_msg("got '%s', want '…%s…'", err.text, part);
    err = (struct carom_error){0};
}

static int read_one(const char *name, struct carom_spool_message *message)
{
    return carom_spool_read(arena, directory, name, message, &err);
}

static void keep(const char *bytes, const struct carom_spool_marks *marks)
{
    const struct carom_envelope envelope = {.sender = "", .recipient = "a%b\n\x7f" "c@example.org", .list = "dev", .received = 77};
    struct carom_spool_draft draft;
    assert_int_equal(carom_spool_begin(&draft, directory, &envelope, &err), 0);
    assert_int_equal(carom_spool_write(&draft, bytes, strlen(bytes), &err), 0);
    assert_int_equal(carom_spool_keep(&draft, marks, &err), 0);
}

/* ---- In and out ---- */

static void test_as_it_came(void **state)
{
    const struct carom_spool_marks marks = {.tries = 1, .kills = 2, .due = 3, .policy = 4, .why = "no luck"};
    struct carom_spool_entry *entries;
    struct carom_spool_message message;
    size_t n;

    (void)state;
    keep("From: a\n\nhello\n", &marks);
    assert_int_equal(carom_spool_list(arena, directory, &entries, &n, &err), 0);
    assert_int_equal(n, 1);
    assert_memory_equal(&entries[0].marks, &marks, offsetof(struct carom_spool_marks, why));
    assert_string_equal(entries[0].marks.why, "no luck");
    assert_in_range(carom_date_now_ms() - entries[0].since, 0, 60000);
    assert_int_equal(carom_arena_guard(arena), 0);
    assert_int_equal(read_one(entries[0].name, &message), 1);
    carom_arena_unguard(arena);
    assert_true(carom_str_eq(message.bytes, CAROM_STR("From: a\n\nhello\n")));
    assert_string_equal(message.envelope.sender, "");
    assert_string_equal(message.envelope.recipient, "a%b\n\x7f" "c@example.org");
    assert_string_equal(message.envelope.list, "dev");
    assert_int_equal(message.envelope.received, 77);
    assert_int_equal(carom_spool_remove(directory, entries[0].name, &err), 0);
    assert_int_equal(carom_spool_list(arena, directory, &entries, &n, &err), 0);
    assert_int_equal(n, 0);
}

/* In containers each first process has the number 1. */
static void test_many_at_once(void **state)
{
    const struct carom_spool_marks marks = {.tries = 1};
    struct carom_spool_entry *entries;
    size_t n;

    (void)state;
    all_alike = true;
    for (int i = 0; i < 3; i++) {
        pid_t child = fork();
        if (child == 0) {
            keep("From: a\n\nhello\n", &marks);
            _exit(0);
        }
        assert_int_equal(waitpid(child, NULL, 0), child);
    }
    all_alike = false;
    assert_int_equal(carom_spool_list(arena, directory, &entries, &n, &err), 0);
    assert_int_equal(n, 3);
}

static void test_no_message_of_ours(void **state)
{
    static const struct {
        const char *name, *text;
        off_t size;
        int got;
        const char *why;
    } cases[] = {
        {"1-none", NULL, 0, 0, ""},
        {"1-else", "From: somebody\n\nhello\n", 0, -1, "1-else.mail is no message of carom's"},
        {"1-cut", "carom-spool 1\nreceived 1\nsender ", 0, -1, "1-cut.mail is no message of carom's"},
        {"1-large", "carom-spool 1\n", (off_t)3 << 30, -1, "cannot read 1-large.mail: Cannot allocate memory"},
    };
    struct carom_spool_message message;

    (void)state;
    assert_int_equal(carom_arena_guard(arena), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char file[64];
        snprintf(file, sizeof file, "%s.mail", cases[i].name);
        if (cases[i].text)
            put(file, cases[i].text, cases[i].size, 0);
        if (read_one(cases[i].name, &message) != cases[i].got)
            fail_msg("%s: %s", cases[i].name, err.text);
        expect_error(cases[i].why);
    }
    assert_int_equal(mkdir(path_of("1-directory.mail"), 0700), 0);
    assert_int_equal(read_one("1-directory", &message), -1);
    expect_error("cannot read 1-directory.mail: Is a directory");
    assert_int_equal(mkfifo(path_of("1-fifo.mail"), 0600), 0); /* nobody waits for a writer */
    assert_int_equal(read_one("1-fifo", &message), -1);
    expect_error("cannot read 1-fifo.mail: Invalid argument");
    assert_int_equal(symlink("/etc/passwd", path_of("1-link.mail")), 0);
    assert_int_equal(read_one("1-link", &message), -1);
    expect_error("cannot open 1-link.mail");
    carom_arena_unguard(arena);

    assert_int_equal(carom_spool_remove(directory, "1-directory", &err), -1);
    expect_error("cannot remove a message");
    assert_int_equal(carom_spool_remove(directory, "1-none", &err), 0);
    assert_int_equal(mkdir(path_of(".1-else.mark"), 0700), 0);
    assert_int_equal(carom_spool_mark(directory, "1-else", &(struct carom_spool_marks){.tries = 1}, &err), -1);
    expect_error("cannot mark a message");
}

static void test_no_directory(void **state)
{
    struct carom_spool_entry *entries;
    struct carom_spool_message message;
    size_t n;

    (void)state;
    const char *nowhere = path_of("nowhere");
    assert_int_equal(carom_spool_list(arena, nowhere, &entries, &n, &err), 0);
    assert_int_equal(n, 0);
    assert_int_equal(carom_spool_read(arena, nowhere, "1", &message, &err), -1);
    expect_error("cannot open it: No such file or directory");
    assert_int_equal(carom_spool_mark(nowhere, "1", &(struct carom_spool_marks){0}, &err), -1);
    expect_error("cannot open it");
    assert_int_equal(carom_spool_remove(nowhere, "1", &err), -1);
    expect_error("cannot open it");
    assert_int_equal(carom_spool_lock(nowhere, 0, &err), -1);
    expect_error("cannot open it");
    carom_spool_sweep(nowhere);
    put("file", "", 0, 0);
    assert_int_equal(carom_spool_list(arena, path_of("file"), &entries, &n, &err), -1);
    expect_error("cannot read it: Not a directory");
}

static void test_starved_list(void **state)
{
    struct carom_spool_entry *entries;
    size_t n;

    (void)state;
    for (int i = 0; i < 200; i++) {
        char name[32];
        snprintf(name, sizeof name, "%015d-1-0.mail", 1000 + i);
        put(name, "", 0, 0);
    }
    malloc_max = 100000;
    int got = carom_spool_list(arena, directory, &entries, &n, &err);
    malloc_max = SIZE_MAX;
    assert_int_equal(got, -1);
    assert_int_equal(err.code, CAROM_ERROR_MEMORY);
    assert_int_equal(carom_spool_list(arena, directory, &entries, &n, &err), 0);
    assert_int_equal(n, 200);
    assert_string_equal(entries[199].name, "000000000001199-1-0");
    assert_int_equal(entries[199].since, 1199);
}

/* Put there by hand, it is as old as its file. */
static void test_names_of_others(void **state)
{
    static const char *const names[] = {"junk.mail", "2026-report.mail", "00000000001199-1.mail"};
    struct carom_spool_entry *entries;
    size_t n;

    (void)state;
    for (size_t i = 0; i < 3; i++)
        put(names[i], "x", 0, 3600);
    assert_int_equal(carom_spool_list(arena, directory, &entries, &n, &err), 0);
    assert_int_equal(n, 3);
    for (size_t i = 0; i < n; i++)
        assert_in_range(carom_date_now_ms() - entries[i].since, 3590000, 3660000);
}

/* ---- One at a time, and what was left behind ---- */

static void test_lock(void **state)
{
    (void)state;
    int lock = carom_spool_lock(directory, 0, &err);
    assert_true(lock >= 0);
    int64_t begin = carom_date_elapsed_ms();
    assert_int_equal(carom_spool_lock(directory, 50, &err), -1);
    assert_in_range(carom_date_elapsed_ms() - begin, 40, 20000);
    assert_int_equal(err.code, CAROM_ERROR_BUSY);
    expect_error("somebody else works it off; try again later");
    carom_spool_unlock(lock);
    lock = carom_spool_lock(directory, 0, &err);
    assert_true(lock >= 0);
    carom_spool_unlock(lock);
    assert_int_equal(unlink(path_of(".lock")), 0);
    assert_int_equal(mkdir(path_of(".lock"), 0700), 0);
    assert_int_equal(carom_spool_lock(directory, 0, &err), -1);
    expect_error("cannot open its lock");
}

static void test_sweep(void **state)
{
    (void)state;
    put(".1-1-0", "carom-spool 1\n", 0, 3600);  /* whoever wrote it is gone */
    put(".2-1-0", "carom-spool 1\n", 0, 3600);  /* and of this one not */
    put(".3-1-0", "carom-spool 1\n", 0, 0);     /* it may not be locked yet */
    put("4-1-0.mark", "tries 1\n", 0, 3600);    /* of a message that is gone */
    put("5-1-0.mark", "tries 1\n", 0, 3600);
    put("5-1-0.mail", "carom-spool 1\n", 0, 3600);
    put("6-1-0.mark", "tries 1\n", 0, 0);
    put("note", "", 0, 3600);
    int writer = open(path_of(".2-1-0"), O_RDWR);
    assert_int_equal(flock(writer, LOCK_EX), 0);
    carom_spool_sweep(directory);
    close(writer);
    assert_false(is_there(".1-1-0"));
    assert_true(is_there(".2-1-0"));
    assert_true(is_there(".3-1-0"));
    assert_false(is_there("4-1-0.mark"));
    assert_true(is_there("5-1-0.mark"));
    assert_true(is_there("5-1-0.mail"));
    assert_true(is_there("6-1-0.mark"));
    assert_true(is_there("note"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_as_it_came, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_message_of_ours, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_directory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_starved_list, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_names_of_others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lock, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sweep, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
