/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Commands: what a child gets and what it does not, how it ends, and which arguments a sink refuses to make. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "outbox/answer.h"
#include "outbox/render.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

struct seen {
    struct carom_command_end end;
    char output[CAROM_COMMAND_OUTPUT_MAX + 1];
    int n;
};

static void on_end(void *user, void *job, const struct carom_command_end *end)
{
    (void)user;
    struct seen *seen = job;
    seen->end = *end;
    seen->n++;
    snprintf(seen->output, sizeof seen->output, CAROM_STR_FMT, CAROM_STR_ARG(end->output));
}

static char *const environment[] = {"PATH=/usr/bin:/bin", "ONLY=this", NULL};

static int start(struct carom_commands *commands, const char *const *argv, struct carom_str input, struct seen *seen,
                 struct carom_error *err)
{
    struct carom_command command = {.argv = (char *const *)(uintptr_t)argv, .environment = environment, .input = input,
                                    .job = seen};
    *seen = (struct seen){.n = 0};
    return carom_commands_start(commands, &command, err);
}

static void finish(struct carom_commands *commands)
{
    while (carom_commands_running(commands))
        carom_commands_poll(commands, 1000, on_end, NULL);
}

static void run(const char *script, struct carom_str input, int timeout_ms, struct seen *seen)
{
    const char *argv[] = {"/bin/sh", "-c", script, "sh", NULL};
    struct carom_error err = {0};
    struct carom_commands *commands = carom_commands_new(timeout_ms);
    assert_non_null(commands);
    if (start(commands, argv, input, seen, &err) != 0)
        fail_msg("%s: %s", script, err.text);
    finish(commands);
    assert_int_equal(seen->n, 1);
    carom_commands_free(commands);
}

static void test_ends(void **state)
{
    (void)state;
    static const struct {
        const char *script, *input;
        int how, code;
        const char *output;
    } cases[] = {
        {"exit 0", "", CAROM_COMMAND_EXITED, 0, ""},
        {"exit 75", "", CAROM_COMMAND_EXITED, 75, ""},
        {"kill -9 $$", "", CAROM_COMMAND_SIGNALLED, 9, ""},
        {"echo out; echo err >&2; exit 3", "", CAROM_COMMAND_EXITED, 3, "out\nerr\n"},
        {"cat; pwd", "two\nlines\n", CAROM_COMMAND_EXITED, 0, "two\nlines\n/\n"},
        {"exec >&- 2>&-; sleep 0.1; exit 5", "", CAROM_COMMAND_EXITED, 5, ""},
        {"(sleep 5; echo late) & echo early", "", CAROM_COMMAND_EXITED, 0, "early\n"}, /* what stays behind is not waited for */
        {"env | grep -v '^_=\\|^PWD=\\|^SHLVL=\\|^OLDPWD=' | sort", "", CAROM_COMMAND_EXITED, 0, "ONLY=this\nPATH=/usr/bin:/bin\n"},
        {"[ $$ = $(ps -o pgid= -p $$ 2>/dev/null || echo $$) ] && echo own", "", CAROM_COMMAND_EXITED, 0, "own\n"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct seen seen;
        run(cases[i].script, carom_str(cases[i].input), 10000, &seen);
        if ((int)seen.end.how != cases[i].how || seen.end.code != cases[i].code || strcmp(seen.output, cases[i].output) != 0)
            fail_msg("%s: got %d %d '%s', want %d %d '%s'", cases[i].script, (int)seen.end.how, seen.end.code, seen.output,
                     cases[i].how, cases[i].code, cases[i].output);
    }
}

/* No descriptor of ours, also not one that somebody opened without O_CLOEXEC; and no signal that we ignore. */
static void test_nothing_leaks(void **state)
{
    (void)state;
    struct seen seen;
    int fd = open("/dev/null", O_RDONLY); /* as a careless host program would */
    int high = fcntl(fd, F_DUPFD, 200);
    void (*before)(int) = signal(SIGPIPE, SIG_IGN);
    run("ls /proc/self/fd | tr '\\n' ' '; kill -PIPE $$; echo ignored", CAROM_STR_EMPTY, 10000, &seen);
    signal(SIGPIPE, before);
    close(fd);
    close(high);
    assert_string_equal(seen.output, "0 1 2 3 "); /* 3 is ls reading the directory */
    assert_int_equal(seen.end.how, CAROM_COMMAND_SIGNALLED);
}

/* The caller has closed its own standard descriptors: the pipes then have those numbers. */
static void test_low_descriptors(void **state)
{
    (void)state;
    struct seen seen;
    int kept = fcntl(0, F_DUPFD_CLOEXEC, 10);
    close(0);
    run("cat", CAROM_STR("hello"), 10000, &seen);
    if (kept >= 0) {
        dup2(kept, 0);
        close(kept);
    }
    assert_string_equal(seen.output, "hello");
}

static void test_time_out(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        int most_ms;
    } cases[] = {
        {"sleep 60", 2000},
        {"sleep 60 & sleep 60 & wait", 2000}, /* the group, not only its leader */
        {"trap '' TERM; sleep 60; sleep 60", 6000},
        {"yes", 2000},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct seen seen;
        struct timespec begin, end;
        clock_gettime(CLOCK_MONOTONIC, &begin);
        run(cases[i].script, CAROM_STR_EMPTY, 200, &seen);
        clock_gettime(CLOCK_MONOTONIC, &end);
        long ms = (end.tv_sec - begin.tv_sec) * 1000 + (end.tv_nsec - begin.tv_nsec) / 1000000;
        if (seen.end.how != CAROM_COMMAND_TIMED_OUT || ms > cases[i].most_ms)
            fail_msg("%s: got %d after %ld ms", cases[i].script, (int)seen.end.how, ms);
    }
}

static void test_output_is_bounded(void **state)
{
    (void)state;
    struct seen seen;
    run("head -c 1000000 /dev/zero | tr '\\0' x; exit 4", CAROM_STR_EMPTY, 10000, &seen);
    assert_int_equal(seen.end.code, 4);
    assert_int_equal(strlen(seen.output), CAROM_COMMAND_OUTPUT_MAX);
}

static void test_what_cannot_run(void **state)
{
    (void)state;
    static const char *const paths[] = {"/nonexistent/command", "/etc/passwd", "/"};
    struct carom_commands *commands = carom_commands_new(1000);
    for (size_t i = 0; i < COUNT(paths); i++) {
        const char *argv[] = {paths[i], NULL};
        struct carom_error err = {0};
        struct seen seen;
        assert_int_equal(start(commands, argv, CAROM_STR_EMPTY, &seen, &err), 1);
        assert_non_null(strstr(err.text, paths[i]));
    }
    const char *argv[] = {"/bin/sleep", "60", NULL};
    struct seen seen;
    assert_int_equal(start(commands, argv, CAROM_STR_EMPTY, &seen, NULL), 0);
    carom_commands_free(commands); /* and what runs is ended */
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

/* Descriptors up to this one are taken, but those of `free`; -1 ends the list. What was there is kept above. */
enum { TAKEN = 8, KEPT = 300 };

static void take_descriptors(const int *free)
{
    for (int fd = 0; fd < TAKEN; fd++)
        fcntl(fd, F_DUPFD_CLOEXEC, KEPT + fd);
    for (int fd = 3; fd < TAKEN; fd++)
        dup2(1, fd);
    for (; *free >= 0; free++)
        close(*free);
}

static void give_descriptors_back(void)
{
    for (int fd = 0; fd < TAKEN; fd++) {
        close(fd);
        if (dup2(KEPT + fd, fd) >= 0)
            close(KEPT + fd);
    }
}

/* Too many files are open: it goes later, and nothing stays open that was not before. */
static void test_no_descriptors(void **state)
{
    (void)state;
    static const struct {
        int free[4];
        const char *what;
    } cases[] = {
        {{-1}, "none: no pipe"},
        {{0, 1, -1}, "no place above the standard ones"},
        {{0, 1, 5, -1}, "a place for one end"},
        {{5, 6, -1}, "the pipe, and no input"},
    };
    const char *argv[] = {"/bin/true", NULL};
    struct rlimit before, few;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct carom_commands *commands = carom_commands_new(1000);
        struct carom_error err = {0};
        struct seen seen;
        take_descriptors(cases[i].free);
        few = (struct rlimit){TAKEN, before.rlim_max};
        setrlimit(RLIMIT_NOFILE, &few);
        int got = start(commands, argv, CAROM_STR("input"), &seen, &err);
        int left = 0;
        while (dup(2) >= 0)
            left++;
        setrlimit(RLIMIT_NOFILE, &before);
        give_descriptors_back();
        int wanted = 0;
        while (cases[i].free[wanted] >= 0)
            wanted++;
        if (got != -1 || left != wanted || !strstr(err.text, "/bin/true: cannot be run: Too many open files"))
            fail_msg("%s: got %d '%s', %d descriptors left, want %d", cases[i].what, got, err.text, left, wanted);
        carom_commands_free(commands);
    }
}

/* Its input finds no room. */
static void test_no_room_for_input(void **state)
{
    (void)state;
    const char *argv[] = {"/bin/cat", NULL};
    struct carom_commands *commands = carom_commands_new(1000);
    struct carom_error err = {0};
    struct seen seen;
    struct rlimit before, none;
    void (*action)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    none = (struct rlimit){0, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &none);
    int got = start(commands, argv, CAROM_STR("input"), &seen, &err);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, action);
    assert_int_equal(got, 1); /* a limit that somebody set, who has to lift it */
    assert_string_equal(err.text, "/bin/cat: cannot be run: File too large");
    carom_commands_free(commands);
}

/* ---- Arguments ---- */

#define DATA(recipient, list) \
    "{\"action\":{\"action\":\"run\",\"arguments\":[\"-x\"]},\"fact\":{\"recipient\":\"" recipient "\",\"list\":\"" list "\"," \
    "\"diagnostic\":\"a\\nb $(id) `id` \\\"c\"}}"

static void test_arguments(void **state)
{
    (void)state;
    static const struct {
        const char *template, *recipient, *list;
        enum carom_rendered want;
        const char *text; /* the argument, or a part of the error */
    } cases[] = {
        {"{address}", "jane@example.net", "l", CAROM_RENDERED, "jane@example.net"},
        {"{address}", "-rf@example.net", "l", CAROM_RENDER_DEAD, "begins with '-'"},
        {"{list}{address}", "-rf@example.net", "", CAROM_RENDER_DEAD, "begins with '-'"},
        {"-a{address}", "-rf@example.net", "l", CAROM_RENDERED, "-a-rf@example.net"},
        {"--address={address}", "-rf@example.net", "l", CAROM_RENDERED, "--address=-rf@example.net"},
        {"{diagnostic}", "x@y", "l", CAROM_RENDERED, "a b $(id) `id` \"c"}, /* one argument, no shell, one line */
        {"{list}", "x@y", "", CAROM_RENDERED, ""},
        {"/var/spool/{list}", "x@y", "dev", CAROM_RENDERED, "/var/spool/dev"},
        {"/var/spool/{list}/x", "x@y", "", CAROM_RENDER_DEAD, "elsewhere"},
        {"/var/spool/{list}", "x@y", "..", CAROM_RENDER_DEAD, "elsewhere"},
        {"/var/spool/{list}", "x@y", "../../etc", CAROM_RENDER_DEAD, "elsewhere"},
        {"dir=/var/l-{list}", "x@y", "/../x", CAROM_RENDER_DEAD, "elsewhere"},
    };
    struct carom_arena *arena = carom_arena_new();
    for (size_t i = 0; i < COUNT(cases); i++) {
        char data[512];
        snprintf(data, sizeof data, DATA("%s", "%s"), cases[i].recipient, cases[i].list);
        struct carom_config config = {0};
        struct carom_pair second = {CAROM_STR_EMPTY, carom_str(cases[i].template), NULL};
        struct carom_pair first = {CAROM_STR_EMPTY, CAROM_STR("/bin/true"), &second};
        struct carom_sink sink = {.type = CAROM_SINK_COMMAND, .name = CAROM_STR("s"), .argv = &first,
                                  .input = CAROM_STR("to {address}\n")};
        struct carom_job job = {.key = CAROM_STR("k"), .action = CAROM_STR("unsubscribe"), .data = carom_str(data)};
        struct carom_render_input input = {.config = &config, .sink = &sink, .job = &job};
        struct carom_command command;
        struct carom_error err = {0};
        enum carom_rendered got = carom_render_command(&input, false, arena, &command, &err);
        const char *text = got == CAROM_RENDERED ? command.argv[1] : err.text;
        bool right = got == CAROM_RENDERED ? strcmp(text, cases[i].text) == 0 && !command.argv[2]
                                           : strstr(text, cases[i].text) != NULL;
        if (got != cases[i].want || !right)
            fail_msg("%s: got %d '%s', want %d '%s'", cases[i].template, (int)got, text, (int)cases[i].want, cases[i].text);
        if (got == CAROM_RENDERED && i == 0) {
            assert_string_equal(command.argv[0], "/bin/true");
            assert_string_equal(command.input.ptr, "to jane@example.net\n");
            assert_string_equal(command.environment[2], "CAROM_JOB=k");
        }
        job.action = CAROM_STR("run"); /* what the hook adds is a value too */
        if (got == CAROM_RENDERED)
            assert_int_equal(carom_render_command(&input, false, arena, &command, &err), CAROM_RENDER_DEAD);
        first.value = CAROM_STR("bin/true");
        assert_int_equal(carom_render_command(&input, false, arena, &command, &err), CAROM_RENDER_WAIT);
        first.value = CAROM_STR("/bin/{list}");
        assert_int_equal(carom_render_command(&input, false, arena, &command, &err), CAROM_RENDER_WAIT);
    }
    carom_arena_free(arena);
}

static enum carom_rendered render_run(const char *arguments, struct carom_arena *arena, struct carom_command *command,
                                      struct carom_error *err)
{
    struct carom_config config = {0};
    struct carom_pair argv = {CAROM_STR_EMPTY, CAROM_STR("/bin/true"), NULL};
    struct carom_sink sink = {.type = CAROM_SINK_COMMAND, .name = CAROM_STR("s"), .argv = &argv, .input = CAROM_STR_EMPTY};
    struct carom_str data = carom_arena_printf(arena, "{\"action\":{\"arguments\":[%s]},\"fact\":{}}", arguments);
    struct carom_job job = {.key = CAROM_STR("k"), .action = CAROM_STR("run"), .data = data};
    struct carom_render_input input = {.config = &config, .sink = &sink, .job = &job};
    *err = (struct carom_error){0};
    return carom_render_command(&input, false, arena, command, err);
}

static void test_given_arguments(void **state)
{
    (void)state;
    struct carom_arena *arena = carom_arena_new();
    struct carom_buf many = CAROM_BUF_INIT(10000);
    struct carom_command command;
    struct carom_error err;
    assert_int_equal(render_run("\"a b\",\"\"", arena, &command, &err), CAROM_RENDERED);
    assert_string_equal(command.argv[1], "a b");
    assert_string_equal(command.argv[2], "");
    assert_null(command.argv[3]);
    assert_int_equal(render_run("\"a\\u0000b\"", arena, &command, &err), CAROM_RENDER_DEAD);
    assert_non_null(strstr(err.text, "an argument holds a NUL"));
    for (int i = 0; i < 256; i++)
        carom_buf_printf(&many, "%s\"%d\"", i ? "," : "", i);
    assert_int_equal(render_run(carom_buf_str(&many).ptr, arena, &command, &err), CAROM_RENDER_DEAD);
    assert_non_null(strstr(err.text, "too many arguments"));
    carom_buf_deinit(&many);
    carom_arena_free(arena);
}

static void test_too_much_for_a_command(void **state)
{
    (void)state;
    enum { LARGE = (4 << 20) + 1, MANY = 257 };
    static struct carom_pair argv[MANY];
    struct carom_config config = {0};
    struct carom_sink sink = {.type = CAROM_SINK_COMMAND, .name = CAROM_STR("s"), .argv = argv, .input = CAROM_STR_EMPTY};
    struct carom_arena *arena = carom_arena_new();
    char *data = malloc(LARGE + 100), *end = stpcpy(data, "{\"fact\":{\"recipient\":\"");
    memset(end, 'x', LARGE);
    strcpy(end + LARGE, "\"}}");
    struct carom_job job = {.key = CAROM_STR("k"), .action = CAROM_STR("unsubscribe"), .data = carom_str(data)};
    struct carom_render_input input = {.config = &config, .sink = &sink, .job = &job};
    struct carom_command command;
    struct carom_error err = {0};

    argv[0] = (struct carom_pair){CAROM_STR_EMPTY, CAROM_STR("/bin/true"), NULL};
    argv[1] = (struct carom_pair){CAROM_STR_EMPTY, CAROM_STR("{address}"), NULL};
    sink.input = CAROM_STR("{address}");
    assert_int_equal(carom_render_command(&input, false, arena, &command, &err), CAROM_RENDER_DEAD);
    assert_non_null(strstr(err.text, "a text is longer than"));
    argv[0].next = &argv[1];
    sink.input = CAROM_STR_EMPTY;
    assert_int_equal(carom_render_command(&input, false, arena, &command, &err), CAROM_RENDER_DEAD);
    for (size_t i = 0; i < MANY; i++)
        argv[i] = (struct carom_pair){CAROM_STR_EMPTY, CAROM_STR("/bin/true"), i + 1 < MANY ? &argv[i + 1] : NULL};
    assert_int_equal(carom_render_command(&input, false, arena, &command, &err), CAROM_RENDER_WAIT);
    assert_string_equal(err.text, "sink s: its command has too many arguments");
    free(data);
    carom_arena_free(arena);
}

/* ---- What an end means ---- */

static void test_judge(void **state)
{
    (void)state;
    struct carom_sink plain = {.type = CAROM_SINK_COMMAND};
    struct carom_sink own = {.type = CAROM_SINK_COMMAND, .exits_done = {1, 4}, .exits_retry = {2}}; /* 0, 3; 1 */
    const struct {
        const struct carom_sink *sink;
        int how, code;
        bool proof;
        enum carom_verdict want;
        const char *text;
    } cases[] = {
        {&plain, CAROM_COMMAND_EXITED, 0, false, CAROM_VERDICT_DONE, "exit 0: said"},
        {&plain, CAROM_COMMAND_EXITED, 75, false, CAROM_VERDICT_RETRY, "exit 75: said"},
        {&plain, CAROM_COMMAND_EXITED, 1, false, CAROM_VERDICT_DEAD, "exit 1: said"},
        {&plain, CAROM_COMMAND_SIGNALLED, 11, false, CAROM_VERDICT_RETRY, "ended by signal 11: said"},
        {&plain, CAROM_COMMAND_TIMED_OUT, 0, false, CAROM_VERDICT_RETRY, "took too long and was ended: said"},
        {&own, CAROM_COMMAND_EXITED, 3, false, CAROM_VERDICT_DONE, "exit 3: said"},
        {&own, CAROM_COMMAND_EXITED, 1, false, CAROM_VERDICT_RETRY, "exit 1: said"},
        {&own, CAROM_COMMAND_EXITED, 75, false, CAROM_VERDICT_DEAD, "exit 75: said"},
        {&own, CAROM_COMMAND_EXITED, 0, true, CAROM_VERDICT_DONE, "verify: exit 0: said"},
        {&own, CAROM_COMMAND_EXITED, 3, true, CAROM_VERDICT_RETRY, "verify: exit 3: said"},
    };
    struct carom_buf out = CAROM_BUF_INIT(4096);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct carom_command_end end = {.code = cases[i].code, .output = CAROM_STR("said\n")};
        end.how = cases[i].how == CAROM_COMMAND_EXITED      ? CAROM_COMMAND_EXITED
                  : cases[i].how == CAROM_COMMAND_SIGNALLED ? CAROM_COMMAND_SIGNALLED
                                                            : CAROM_COMMAND_TIMED_OUT;
        enum carom_verdict got = carom_end_judge(cases[i].sink, &end, cases[i].proof);
        carom_buf_clear(&out);
        carom_end_print(&end, cases[i].proof, &out);
        if (got != cases[i].want || !carom_str_eq(carom_buf_str(&out), carom_str(cases[i].text)))
            fail_msg("row %zu: got %d '%s', want %d '%s'", i, (int)got, carom_buf_str(&out).ptr, (int)cases[i].want,
                     cases[i].text);
    }
    carom_buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ends), cmocka_unit_test(test_nothing_leaks), cmocka_unit_test(test_low_descriptors),
        cmocka_unit_test(test_time_out), cmocka_unit_test(test_output_is_bounded), cmocka_unit_test(test_what_cannot_run),
        cmocka_unit_test(test_no_descriptors), cmocka_unit_test(test_no_room_for_input),
        cmocka_unit_test(test_arguments), cmocka_unit_test(test_given_arguments),
        cmocka_unit_test(test_too_much_for_a_command), cmocka_unit_test(test_judge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
