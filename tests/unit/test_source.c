/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Sources: mbox framing in all its dialects, directories, Maildirs, and what cannot be read. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "input/mbox.h"
#include "input/source.h"

#define DATED "Sun Mar  1 12:00:00 2026"
#define FROM "From a@example.org " DATED

static char directory[64];

static const char *path_of(const char *name)
{
    static char path[4][160];
    static unsigned turn;
    char *out = path[turn++ % 4];
    snprintf(out, sizeof(path[0]), "%s/%s", directory, name);
    return out;
}

static void write_file(const char *name, const char *bytes, size_t n)
{
    FILE *file = fopen(path_of(name), "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static int setup(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/carom-source-XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    char command[160];
    snprintf(command, sizeof(command), "chmod -R u+rwx %s && rm -rf %s", directory, directory);
    return system(command);
}

/* As "{name:index:bytes}", the name without the directory. */
static void tell(struct carom_buf *out, struct carom_source_item item)
{
    if (carom_str_starts(item.name, carom_str(directory)))
        item.name = carom_str_from(item.name, strlen(directory) + 1);
    carom_buf_printf(out, "{" CAROM_STR_FMT ":%d:", CAROM_STR_ARG(item.name), (int)item.index);
    carom_buf_add_str(out, item.bytes);
    carom_buf_add_char(out, '}');
}

static struct carom_source *opened(const char *const *paths, size_t n)
{
    struct carom_error err = {0};
    struct carom_source *source = carom_source_open(paths, n, &err);
    assert_non_null(source);
    return source;
}

/* All items, errors as "!". */
static char *read_all(const char *const *paths, size_t n)
{
    struct carom_buf out = CAROM_BUF_INIT(1 << 20);
    struct carom_error err = {0};
    struct carom_source *source = opened(paths, n);
    struct carom_source_item item;
    for (int got; (got = carom_source_next(source, &item, &err)) != 0;)
        if (got < 0)
            carom_buf_add_char(&out, '!');
        else
            tell(&out, item);
    assert_int_equal(carom_source_next(source, &item, &err), 0);
    carom_source_close(source);
    char *text = carom_buf_take(&out);
    assert_non_null(text);
    return text;
}

enum { HELD = 7 };
struct held {
    struct carom_source_item item;
    char name[160];
    size_t at;
};

static void tell_held(struct carom_buf *out, struct carom_source *source, struct held *held, size_t n,
                      struct carom_window_memory *memory)
{
    struct carom_error err = {0};
    assert_int_equal(carom_source_hand_over(source, memory, &err), 0);
    for (size_t i = 0; i < n; i++) {
        held[i].item.name = carom_str(held[i].name);
        held[i].item.bytes.ptr = memory->bytes + held[i].at;
        tell(out, held[i].item);
    }
}

/* The same, but up to `most` of them are held before they are looked at. */
static char *read_held(const char *const *paths, size_t n, size_t most)
{
    struct carom_buf out = CAROM_BUF_INIT(1 << 20);
    struct carom_window_memory memory = {0};
    struct carom_error err = {0};
    struct carom_source *source = opened(paths, n);
    struct held held[HELD];
    size_t count = 0;
    for (int got = 1; got != 0;) {
        struct held *one = &held[count];
        got = carom_source_next(source, &one->item, &err);
        if (got > 0) {
            one->at = carom_source_hold(source, &one->item);
            snprintf(one->name, sizeof(one->name), CAROM_STR_FMT, CAROM_STR_ARG(one->item.name));
            count++;
        }
        if (got <= 0 || count == most) {
            tell_held(&out, source, held, count, &memory);
            count = 0;
        }
        if (got < 0)
            carom_buf_add_char(&out, '!');
    }
    carom_source_close(source);
    free(memory.bytes);
    char *text = carom_buf_take(&out);
    assert_non_null(text);
    return text;
}

static void compare(const char *what, size_t held, char *got, const char *want)
{
    if (strcmp(got, want) != 0)
        fail_msg("%s, %zu held: got\n%s\nwant\n%s", what, held, got, want);
    free(got);
}

static void expect(const char *what, const char *const *paths, size_t n, const char *want)
{
    compare(what, 0, read_all(paths, n), want);
    for (size_t most = 1; most <= HELD; most += 2)
        compare(what, most, read_held(paths, n, most), want);
}

static void expect_mbox(size_t number, const char *bytes, size_t n, const char *want)
{
    char what[32];
    snprintf(what, sizeof(what), "case %zu", number);
    write_file("m", bytes, n);
    expect(what, (const char *[]){path_of("m")}, 1, want);
}

static void splits_mboxes(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", ""},
        {"Subject: x\n\nFrom the start\n", "{m:0:Subject: x\n\nFrom the start\n}"},
        {"From the start, no date\n", "{m:0:From the start, no date\n}"},
        {FROM "\nA: 1\n\none\n\n" FROM "\nB: 2\n\ntwo\n", "{m:1:" FROM "\nA: 1\n\none\n}{m:2:" FROM "\nB: 2\n\ntwo\n}"},
        /* the last message ends like every other one */
        {FROM "\nA: 1\n\none\n\n", "{m:1:" FROM "\nA: 1\n\none\n}"},
        {FROM "\nA: 1\n\none\n\n\n" FROM "\nB: 2\n\n", "{m:1:" FROM "\nA: 1\n\none\n\n}{m:2:" FROM "\nB: 2\n}"},
        /* cut */
        {FROM "\nA: 1\n\none\n\n" FROM, "{m:1:" FROM "\nA: 1\n\none\n}{m:2:" FROM "}"},
        {FROM "\nA: 1\n\none\n\nFrom a@exam", "{m:1:" FROM "\nA: 1\n\none\n\nFrom a@exam}"},
        {FROM "\nA: 1\n\nwithout end", "{m:1:" FROM "\nA: 1\n\nwithout end}"},
        /* prose and lines that no empty line precedes */
        {FROM "\nA: 1\n\none\n" FROM "\ntwo\n\nFrom now on, 2026 is\n",
         "{m:1:" FROM "\nA: 1\n\none\n" FROM "\ntwo\n\nFrom now on, 2026 is\n}"},
        /* forms of the line */
        {"\n\nFrom - " DATED "\n\nx\n\nFrom  " DATED "\n\ny\n\nFrom \"a b\"@example.org " DATED " remote from c\n\nz\n",
         "{m:1:From - " DATED "\n\nx\n}{m:2:From  " DATED "\n\ny\n}{m:3:From \"a b\"@example.org " DATED
         " remote from c\n\nz\n}"},
        {"From a Sun, 1 Mar 2026 12:00:00 +0100\n\nx\n", "{m:1:From a Sun, 1 Mar 2026 12:00:00 +0100\n\nx\n}"},
        /* line ends */
        {FROM "\r\nA: 1\r\n\r\none\r\n\r\n" FROM "\r\n\r\ntwo\r\n",
         "{m:1:" FROM "\r\nA: 1\r\n\r\none\r\n}{m:2:" FROM "\r\n\r\ntwo\r\n}"},
        {FROM "\rA: 1\r\rone\r\r" FROM "\r\rtwo\r", "{m:1:" FROM "\rA: 1\r\rone\r}{m:2:" FROM "\r\rtwo\r}"},
        /* quoting */
        {FROM "\n>From: h\n\n>From a\n>>From b\n>>>From c\nx>From d\n> From e\n>Fromage\n>From f",
         "{m:1:" FROM "\n>From: h\n\nFrom a\n>From b\n>>From c\nx>From d\n> From e\n>Fromage\nFrom f}"},
        {FROM "\r\rx\r>From a\r", "{m:1:" FROM "\r\rx\rFrom a\r}"},
        {FROM "\n>From uucp\n\n>From a\n", "{m:1:" FROM "\n>From uucp\n\nFrom a\n}"},
        /* a header without a body, the next message quoted */
        {FROM "\nA: 1\n\n" FROM "\n\n>From a\n", "{m:1:" FROM "\nA: 1\n}{m:2:" FROM "\n\nFrom a\n}"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect_mbox(i, cases[i][0], strlen(cases[i][0]), cases[i][1]);
}

static void believes_content_length_that_fits(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        /* mboxcl2: a From_ line in the body, nothing quoted */
        {FROM "\nContent-Length: 61\n\none\n\n" FROM "\n>From x\nend\n\n" FROM "\n\ntwo\n",
         "{m:1:" FROM "\nContent-Length: 61\n\none\n\n" FROM "\n>From x\nend\n}{m:2:" FROM "\n\ntwo\n}"},
        {FROM "\ncontent-length:  61 \n\none\n\n" FROM "\n>From x\nend\n",
         "{m:1:" FROM "\ncontent-length:  61 \n\none\n\n" FROM "\n>From x\nend\n}"},
        /* mboxcl: quoted */
        {FROM "\nContent-Length: 8\n\n>From a\n\n" FROM "\n\n",
         "{m:1:" FROM "\nContent-Length: 8\n\nFrom a\n}{m:2:" FROM "\n}"},
        /* a body whose last line has no end */
        {FROM "\nContent-Length: 3\n\nabc\n\n" FROM "\n\n", "{m:1:" FROM "\nContent-Length: 3\n\nabc}{m:2:" FROM "\n}"},
        {FROM "\nContent-Length: 0\n\n\n" FROM "\n\n", "{m:1:" FROM "\nContent-Length: 0\n\n}{m:2:" FROM "\n}"},
        /* stale, absurd, beyond the end */
        {FROM "\nContent-Length: 6\n\none\n\n" FROM "\n\ntwo\n",
         "{m:1:" FROM "\nContent-Length: 6\n\none\n}{m:2:" FROM "\n\ntwo\n}"},
        {FROM "\nContent-Length: 2\n\none\n\n" FROM "\n\ntwo\n",
         "{m:1:" FROM "\nContent-Length: 2\n\none\n}{m:2:" FROM "\n\ntwo\n}"},
        {FROM "\nContent-Length: 9999\n\none\n\n" FROM "\n\ntwo\n",
         "{m:1:" FROM "\nContent-Length: 9999\n\none\n}{m:2:" FROM "\n\ntwo\n}"},
        {FROM "\nContent-Length: 99999999999999999999\n\none\n\n" FROM "\n\n",
         "{m:1:" FROM "\nContent-Length: 99999999999999999999\n\none\n}{m:2:" FROM "\n}"},
        {FROM "\nContent-Length: -1\n\none\n\n" FROM "\n\n",
         "{m:1:" FROM "\nContent-Length: -1\n\none\n}{m:2:" FROM "\n}"},
        /* only the header's */
        {FROM "\n\nContent-Length: 60\n\n" FROM "\n\ntwo two two two\n",
         "{m:1:" FROM "\n\nContent-Length: 60\n}{m:2:" FROM "\n\ntwo two two two\n}"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect_mbox(i, cases[i][0], strlen(cases[i][0]), cases[i][1]);
}

/* What a writer of mboxrd wrote comes back, wherever the slices cut it: from a file and through a pipe. */
static void write_mboxrd(struct carom_buf *mbox, struct carom_buf *plain, const char *end, int messages)
{
    static const char *const lines[] = {"From x", ">From y", ">>From " DATED, "", "text", "From a " DATED, "From", ">"};
    for (int i = 0; i < messages; i++) {
        carom_buf_printf(mbox, "%s%sN: %d%s%s", FROM, end, i, end, end);
        carom_buf_printf(plain, "{%d:%s%sN: %d%s%s", i + 1, FROM, end, i, end, end);
        int n = rand() % 40 == 0 ? rand() % 100000 : rand() % 30;
        for (int j = 0; j < n; j++) {
            const char *line = lines[rand() % 8];
            const char *word = line + strspn(line, ">");
            carom_buf_printf(mbox, "%s%s%s", strncmp(word, "From ", 5) == 0 ? ">" : "", line, end);
            carom_buf_printf(plain, "%s%s", line, end);
        }
        carom_buf_printf(mbox, "end%s%s", end, end);
        carom_buf_printf(plain, "end%s}", end);
    }
    assert_false(mbox->failed || plain->failed);
}

static void feed(const char *path, int fd)
{
    char part[3001];
    int in = open(path, O_RDONLY);
    for (ssize_t n; (n = read(in, part, sizeof(part))) > 0;)
        if (write(fd, part, (size_t)n) != n)
            break;
}

static void expect_messages(const char *path, struct carom_str want)
{
    struct carom_buf got = CAROM_BUF_INIT(64 << 20);
    struct carom_error err = {0};
    struct carom_source *source = carom_source_open(&path, 1, &err);
    struct carom_source_item item;
    int result;
    while ((result = carom_source_next(source, &item, &err)) == 1) {
        carom_buf_printf(&got, "{%d:", (int)item.index);
        carom_buf_add_str(&got, item.bytes);
        carom_buf_add_char(&got, '}');
    }
    uint64_t done, total;
    carom_source_progress(source, &done, &total);
    carom_source_close(source);
    assert_int_equal(result, 0);
    assert_true(total == 0 || done == total);
    if (!carom_str_eq(carom_buf_str(&got), want)) {
        size_t at = 0;
        while (at < got.len && at < want.len && got.ptr[at] == want.ptr[at])
            at++;
        fail_msg("%s: got %zu bytes, want %zu; they differ at %zu", path, got.len, want.len, at);
    }
    carom_buf_deinit(&got);
}

static void splits_over_slices(void **state)
{
    (void)state;
    static const char *const ends[] = {"\n", "\r\n", "\r"};
    srand(4);
    for (size_t i = 0; i < 3; i++) {
        struct carom_buf mbox = CAROM_BUF_INIT(64 << 20), plain = CAROM_BUF_INIT(64 << 20);
        write_mboxrd(&mbox, &plain, ends[i], 600);
        assert_true(mbox.len > 4 << 20); /* more than one slice */
        write_file("big", mbox.ptr, mbox.len);
        expect_messages(path_of("big"), carom_buf_str(&plain));
        unlink(path_of("fifo"));
        assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
        pid_t child = fork();
        if (child == 0) {
            feed(path_of("big"), open(path_of("fifo"), O_WRONLY));
            _exit(0);
        }
        expect_messages(path_of("fifo"), carom_buf_str(&plain));
        carom_buf_deinit(&mbox);
        carom_buf_deinit(&plain);
    }
}

/* Each message claims a body as long as the rest of a pipe: the rest must not be moved for each of them. */
static void is_linear_in_lies(void **state)
{
    (void)state;
    struct carom_buf mbox = CAROM_BUF_INIT(64 << 20);
    enum { MESSAGES = 60000 };
    for (int i = 0; i < MESSAGES; i++)
        carom_buf_printf(&mbox, FROM "\nContent-Length: %d\n\nx\n\n", 3500000);
    write_file("lies", mbox.ptr, mbox.len);
    carom_buf_deinit(&mbox);
    assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
    pid_t child = fork();
    if (child == 0) {
        feed(path_of("lies"), open(path_of("fifo"), O_WRONLY));
        _exit(0);
    }
    const char *path = path_of("fifo");
    struct carom_source *source = carom_source_open(&path, 1, NULL);
    struct carom_source_item item = {0};
    alarm(20);
    while (carom_source_next(source, &item, NULL) == 1)
        ;
    alarm(0);
    assert_int_equal(item.index, MESSAGES);
    carom_source_close(source);
}

static void passes_over_what_is_too_large(void **state)
{
    (void)state;
    struct carom_buf mbox = CAROM_BUF_INIT(64 << 20);
    carom_buf_printf(&mbox, FROM "\n\nsmall\n\n" FROM "\n\n");
    for (int i = 0; i < 600000; i++)
        carom_buf_printf(&mbox, "%s", i % 1000 ? "a line\n" : "\nFrom nobody\n");
    carom_buf_printf(&mbox, "\n" FROM "\n\nlast\n");
    write_file("large", mbox.ptr, mbox.len);
    carom_buf_deinit(&mbox);
    struct carom_window window = {0};
    struct carom_error err = {0};
    struct carom_str message;
    int fd = open(path_of("large"), O_RDONLY);
    assert_int_equal(carom_window_open(&window, fd, true, &err), 0);
    enum { MAX = 100000 };
    assert_int_equal(carom_mbox_next(&window, MAX, &message, &err), 1);
    assert_true(carom_str_eq(message, CAROM_STR(FROM "\n\nsmall\n")));
    size_t small = (size_t)(message.ptr - window.bytes), small_n = message.len;
    carom_window_hold(&window);
    assert_int_equal(carom_mbox_next(&window, MAX, &message, &err), -1);
    assert_int_equal(err.code, CAROM_ERROR_LIMIT);
    assert_true(window.capacity < 8 << 20); /* it was not held */
    assert_int_equal(carom_mbox_next(&window, MAX, &message, &err), 1);
    assert_true(carom_str_eq(message, CAROM_STR(FROM "\n\nlast\n")));
    assert_true(carom_str_eq(carom_str_n(window.bytes + small, small_n), CAROM_STR(FROM "\n\nsmall\n")));
    assert_int_equal(carom_mbox_next(&window, MAX, &message, &err), 0);
    carom_window_deinit(&window);
    close(fd);
}

/* Whether the next From_ line is there already or comes in pieces. */
static void takes_what_is_just_not_too_large(void **state)
{
    enum { MAX = 3000, PIECE = 7, AROUND = 8 };
    (void)state;
    for (size_t n = MAX - AROUND; n <= MAX + AROUND; n++) {
        struct carom_buf mbox = CAROM_BUF_INIT(1 << 20);
        struct carom_window window = {0};
        struct carom_error err = {0};
        struct carom_str message;
        int ends[2];
        carom_buf_printf(&mbox, FROM "\n\n");
        while (mbox.len < n - 1)
            carom_buf_add_char(&mbox, 'x');
        carom_buf_printf(&mbox, "\n\n" FROM "\n\nlast\n");
        /* Each read of a socket that keeps its packets apart gives one of them. */
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
        for (size_t at = 0, piece = MAX - AROUND; at < mbox.len; at += piece, piece = mbox.len - at < PIECE ? mbox.len - at : PIECE)
            assert_true(send(ends[1], mbox.ptr + at, piece, MSG_DONTWAIT) > 0);
        close(ends[1]);
        assert_int_equal(carom_window_open(&window, ends[0], false, &err), 0);
        assert_int_equal(carom_mbox_next(&window, MAX, &message, &err), n <= MAX ? 1 : -1);
        assert_int_equal(n <= MAX ? message.len : n, n);
        assert_int_equal(carom_mbox_next(&window, MAX, &message, &err), 1);
        assert_true(carom_str_eq(message, CAROM_STR(FROM "\n\nlast\n")));
        carom_window_deinit(&window);
        close(ends[0]);
        carom_buf_deinit(&mbox);
    }
}

static void reads_directories(void **state)
{
    (void)state;
    mkdir(path_of("d"), 0700);
    mkdir(path_of("d/sub"), 0700);
    mkdir(path_of("d/cur"), 0700); /* without new it is no Maildir */
    write_file("d/sub/x", "x", 1);
    write_file("d/cur/x", "x", 1);
    write_file("d/b", "2", 1);
    write_file("d/a", "1", 1);
    write_file("d/B", "0", 1);
    write_file("d/.hidden", "x", 1);
    write_file("d/empty", "", 0);
    write_file("d/m", FROM "\n\nx\n\n" FROM "\n\ny\n", strlen(FROM "\n\nx\n\n" FROM "\n\ny\n"));
    assert_int_equal(mkfifo(path_of("d/fifo"), 0600), 0);
    assert_int_equal(symlink("b", path_of("d/c")), 0);
    assert_int_equal(symlink("sub", path_of("d/e")), 0);
    assert_int_equal(symlink("fifo", path_of("d/f")), 0);
    const char *want = "{d/B:0:0}{d/a:0:1}{d/b:0:2}{d/c:0:2}{d/m:1:" FROM "\n\nx\n}{d/m:2:" FROM "\n\ny\n}";
    expect("directory", (const char *[]){path_of("d")}, 1, want);
    expect("with a slash", (const char *[]){path_of("d/")}, 1, want);
}

static void reads_maildirs(void **state)
{
    (void)state;
    static const char *const parts[] = {"M", "M/cur", "M/new", "M/tmp", "M/.Sent", "M/.Sent/cur"};
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(mkdir(path_of(parts[i]), 0700), 0);
    write_file("M/index", "x", 1);
    write_file("M/tmp/1", "x", 1);
    write_file("M/.Sent/cur/1", "x", 1);
    write_file("M/new/1.host", "n", 1);
    write_file("M/cur/2.host:2,S", "2", 1);
    const char one[] = FROM "\n\nx\n\n" FROM "\n\ny\n"; /* a message each, whatever it begins with */
    write_file("M/cur/1.host:2,", one, sizeof(one) - 1);
    expect("Maildir", (const char *[]){path_of("M")}, 1,
           "{M/cur/1.host:2,:0:" FROM "\n\nx\n\n" FROM "\n\ny\n}{M/cur/2.host:2,S:0:2}{M/new/1.host:0:n}");
    expect("its new", (const char *[]){path_of("M/new")}, 1, "{M/new/1.host:0:n}");
}

static void goes_on_after_errors(void **state)
{
    (void)state;
    write_file("a", "1", 1);
    write_file("b", "2", 1);
    expect("missing", (const char *[]){path_of("a"), path_of("none"), path_of("b")}, 3, "{a:0:1}!{b:0:2}");
    mkdir(path_of("d"), 0700);
    assert_int_equal(symlink("nowhere", path_of("d/x")), 0);
    write_file("d/y", "3", 1);
    expect("dangling", (const char *[]){path_of("d"), path_of("b")}, 2, "!{d/y:0:3}{b:0:2}");
    expect("nothing", NULL, 0, "");

    const char *none = path_of("none");
    struct carom_error err = {0};
    struct carom_source_item item;
    struct carom_source *source = carom_source_open(&none, 1, &err);
    assert_int_equal(carom_source_next(source, &item, &err), -1);
    assert_int_equal(err.code, CAROM_ERROR_IO);
    if (!strstr(err.text, none) || !strstr(err.text, "No such file"))
        fail_msg("got \"%s\", want the name and the reason", err.text);
    carom_source_close(source);
}

static void slurps(void **state)
{
    (void)state;
    enum { SIZE = 300000 };
    char *bytes = malloc(SIZE), *got;
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (char)(i * 7 % 251);
    write_file("s", bytes, SIZE);
    static const size_t limits[] = {SIZE, SIZE - 1, SIZE_MAX};
    for (size_t i = 0; i < 3; i++) {
        struct carom_error err = {0};
        size_t n = 0;
        int fd = open(path_of("s"), O_RDONLY);
        int result = carom_input_slurp(fd, limits[i], &got, &n, &err);
        close(fd);
        if (limits[i] < SIZE) {
            assert_int_equal(result, -1);
            assert_int_equal(err.code, CAROM_ERROR_LIMIT);
            continue;
        }
        assert_int_equal(result, 0);
        assert_int_equal(n, SIZE);
        assert_memory_equal(got, bytes, SIZE);
        free(got);
    }
    struct carom_error err = {0};
    size_t n = 1;
    int fd = open("/dev/null", O_RDONLY);
    assert_int_equal(carom_input_slurp(fd, 10, &got, &n, &err), 0);
    assert_int_equal(n, 0);
    free(got);
    close(fd);
    assert_int_equal(carom_input_slurp(fd, 10, &got, &n, &err), -1); /* closed */
    assert_int_equal(err.code, CAROM_ERROR_IO);
    free(bytes);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(splits_mboxes),     TEST(believes_content_length_that_fits), TEST(splits_over_slices),
        TEST(is_linear_in_lies), TEST(passes_over_what_is_too_large),     TEST(takes_what_is_just_not_too_large),
        TEST(reads_directories), TEST(reads_maildirs),                    TEST(goes_on_after_errors),
        TEST(slurps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
