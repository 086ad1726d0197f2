/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The tree of parts: what is well formed, what is broken, what is hostile; and the text of a part. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/arena.h"
#include "mail/html.h"
#include "mail/message.h"

static void check(const char *what, struct carom_str got, struct carom_str want)
{
    if (!carom_str_eq(got, want))
        fail_msg("%s: got \"" CAROM_STR_FMT "\", want \"" CAROM_STR_FMT "\"", what, CAROM_STR_ARG(got),
                 CAROM_STR_ARG(want));
}

static int setup(void **state)
{
    struct carom_arena *arena = carom_arena_new();

    *state = arena;
    return arena ? 0 : -1;
}

static int teardown(void **state)
{
    carom_arena_free(*state);
    return 0;
}

/* "type(children)" of a part and those beside it; a leaf's body stands in brackets. */
static struct carom_str draw(struct carom_arena *arena, const struct carom_part *part)
{
    struct carom_str all = CAROM_STR("");

    for (; part; part = part->next) {
        struct carom_str inner = part->child ? draw(arena, part->child) : part->body;

        all = carom_arena_printf(arena, CAROM_STR_FMT CAROM_STR_FMT "%c" CAROM_STR_FMT "%c", CAROM_STR_ARG(all),
                                 CAROM_STR_ARG(part->type), part->child ? '(' : '[', CAROM_STR_ARG(inner),
                                 part->child ? ')' : ']');
    }
    return all;
}

#define MIXED "Content-Type: multipart/mixed; boundary=B\n\n"

static void draws_trees(void **state)
{
    static const struct {
        const char *name, *message, *want;
        bool truncated;
    } cases[] = {
        {"plain", "Subject: x\n\nbody\n", "text/plain[body\n]", false},
        {"CRLF", "Content-Type: multipart/mixed; boundary=B\r\n\r\npre\r\n--B\r\n\r\none\r\n--B\r\n\r\ntwo\r\n--B--\r\nepi\r\n",
         "multipart/mixed(text/plain[one]text/plain[two])", false},
        {"CR", "Content-Type: multipart/mixed; boundary=B\r\rpre\r--B\r\rone\r--B--\r", "multipart/mixed(text/plain[one])",
         false},
        {"LF", MIXED "--B\n\none\n\n--B\n\n--B--\n", "multipart/mixed(text/plain[one\n]text/plain[])", false},
        {"white space behind delimiters", MIXED "--B \t\n\none\n--B--  \n", "multipart/mixed(text/plain[one])", false},
        {"prefix of a delimiter", MIXED "--B\n\n--BB\n--B-\n-- B\n--B--\n", "multipart/mixed(text/plain[--BB\n--B-\n-- B])",
         false},
        {"not at a line's start", MIXED "--B\n\nx --B\n--B--\n", "multipart/mixed(text/plain[x --B])", false},
        {"no closing delimiter", MIXED "--B\n\none\n", "multipart/mixed(text/plain[one\n])", true},
        {"part without empty line", MIXED "--B\nContent-Type: text/html\n--B\n\ntwo\n--B--\n",
         "multipart/mixed(text/html[]text/plain[two])", false},
        {"no boundary", "Content-Type: multipart/mixed\n\n--B\n\none\n", "multipart/mixed[--B\n\none\n]", false},
        {"boundary with a space, folded", "Content-Type: multipart/report;\n boundary=\"a\n\tb\"\n\n--a b\n\none\n--a b--\n",
         "multipart/report(text/plain[one])", false},
        {"boundary with a colon", "Content-Type: multipart/mixed; boundary=\"a:b\"\n\n--a:b\nX: y\n--a:b\n\ntwo\n--a:b--\n",
         "multipart/mixed(text/plain[]text/plain[two])", false},
        {"wrong subtype", "Content-Type: multipart/mx6d; boundary=B\n\n--B\n\none\n--B--\n", "multipart/mx6d(text/plain[one])",
         false},
        {"bare types", "Content-Type: multipart; boundary=B\n\n--B\nContent-Type: text\n\none\n--B--\n",
         "multipart/mixed(text/plain[one])", false},
        {"digest", "Content-Type: multipart/digest; boundary=B\n\n--B\n\nSubject: x\n\none\n--B--\n",
         "multipart/digest(message/rfc822(text/plain[one]))", false},
        {"message", "Content-Type: Message/RFC822\n\nSubject: x\n\none\n", "message/rfc822(text/plain[one\n])", false},
        {"empty line and From_ before the message", "Content-Type: message/rfc822\n\n\n\n>From x y\nSubject: x\n\none\n",
         "message/rfc822(text/plain[one\n])", false},
        {"global", "Content-Type: message/global\n\nSubject: x\n\none\n", "message/global(text/plain[one\n])", false},
        {"headers only", "Content-Type: text/rfc822-headers\n\nSubject: x\n\n", "text/rfc822-headers[Subject: x\n\n]", false},
        {"nested", MIXED "--B\nContent-Type: multipart/alternative; boundary=C\n\n--C\n\na\n--C--\n\n--B\n\nb\n--B--\n",
         "multipart/mixed(multipart/alternative(text/plain[a])text/plain[b])", false},
        {"inner one cut by the outer", MIXED "--B\nContent-Type: multipart/alternative; boundary=C\n\n--C\n\na\n--B\n\nb\n--B--\n",
         "multipart/mixed(multipart/alternative(text/plain[a])text/plain[b])", true},
        {"returned message cut by its bearer", MIXED "--B\nContent-Type: message/rfc822\n\n"
         "Content-Type: multipart/mixed; boundary=C\n\n--C\n\na\n--B--\n",
         "multipart/mixed(message/rfc822(multipart/mixed(text/plain[a])))", false},
        {"same boundary inside", MIXED "--B\nContent-Type: message/rfc822\n\n" MIXED "--B\n\na\n--B--\n\n--B\n\nb\n--B--\n",
         "multipart/mixed(message/rfc822(multipart/mixed(text/plain[a]))text/plain[b])", false},
        {"base64 message", "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogeAoKb25l\n",
         "message/rfc822(text/plain[one])", false},
        {"QP message", MIXED "--B\nContent-Type: message/rfc822\nContent-Transfer-Encoding: quoted-printable\n\n"
         "Content-Type: multipart/mixed; boundary=3DC\n\n--C\n\none=20\n--C--\n--B--\n",
         "multipart/mixed(message/rfc822(multipart/mixed(text/plain[one ])))", false},
        {"base64 that is none", "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nSubject: x\n\none\n",
         "message/rfc822(text/plain[one\n])", false},
        {"headers without end", "Subject: x\nTo: y", "text/plain[]", true},
        {"headers without body", "Subject: x\n\n", "text/plain[]", false},
        {"empty", "", "text/plain[]", true},
        {"byte order mark", "\xef\xbb\xbfSubject: x\n\nbody", "text/plain[body]", false},
        {"only delimiters", MIXED "--B\n--B\n--B--", "multipart/mixed(text/plain[]text/plain[])", false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct carom_message *message = carom_message_parse(*state, carom_str(cases[i].message));

        check(cases[i].name, draw(*state, message->root), carom_str(cases[i].want));
        if (message->truncated != cases[i].truncated)
            fail_msg("%s: got truncated %d, want %d", cases[i].name, message->truncated, cases[i].truncated);
        assert_false(message->limited);
    }
}

static void strips_mbox_framing(void **state)
{
    struct carom_message *message =
        carom_message_parse(*state, CAROM_STR("From a@example.com Mon Jan  2 15:04:05 2006\nSubject: x\n\nbody\n\n"));

    check("from line", message->from_line, CAROM_STR("From a@example.com Mon Jan  2 15:04:05 2006"));
    check("bytes", message->bytes, CAROM_STR("Subject: x\n\nbody\n"));
    check("body", message->root->body, CAROM_STR("body\n"));
    message = carom_message_parse(*state, CAROM_STR("From a Mon Jan  2 15:04:05 2006\r\nSubject: x\r\n\r\n"));
    check("no body", message->root->body, CAROM_STR(""));
    assert_false(message->truncated);
}

static void walks(void **state)
{
    struct carom_part *root = carom_message_parse(*state, CAROM_STR(MIXED "--B\n\na\n--B\nContent-Type: message/rfc822\n\n"
                                                                          "Content-Type: text/html\n\nb\n--B\n\nc\n--B--\n"))->root;
    struct carom_str all = CAROM_STR(""), own = CAROM_STR("");

    for (struct carom_part *part = root; part; part = carom_part_walk(root, part))
        all = carom_arena_printf(*state, CAROM_STR_FMT CAROM_STR_FMT " ", CAROM_STR_ARG(all), CAROM_STR_ARG(part->type));
    check("all", all, CAROM_STR("multipart/mixed text/plain message/rfc822 text/html text/plain "));
    for (struct carom_part *part = root; part; part = carom_part_walk_own(root, part))
        own = carom_arena_printf(*state, CAROM_STR_FMT CAROM_STR_FMT " ", CAROM_STR_ARG(own), CAROM_STR_ARG(part->type));
    check("own", own, CAROM_STR("multipart/mixed text/plain message/rfc822 text/plain "));
    assert_true(carom_part_is(root, "multipart/"));
    assert_false(carom_part_is(root, "multipart/report"));
    assert_null(carom_part_walk(root->child, root->child));
}

static void splits_what_lost_its_header(void **state)
{
    struct carom_part *root = carom_part_split(
        *state, CAROM_STR("This is a MIME-encapsulated message\n\n--x/y\n\none\n--x/y\nContent-Type: text/html\n\ntwo\n--x/y--\n"),
        CAROM_STR("x/y"));

    check("tree", draw(*state, root), CAROM_STR("multipart/mixed(text/plain[one]text/html[two])"));
    assert_true(root->closed);
    root = carom_part_parse(*state, CAROM_STR("Subject: x\n\none\n"));
    check("part", draw(*state, root), CAROM_STR("text/plain[one\n]"));
}

static void gives_text(void **state)
{
    static const char *const cases[][2] = {
        {"Content-Type: text/plain; charset=iso-8859-1\n\n\374", "\303\274"},
        {"Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\n=FC=\n", "\303\274"},
        {"Content-Type: text/plain; charset=\"unicode-1-1-utf-7\"\n\nf+APw-r", "f\303\274r"},
        {"Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\nw7w=\n", "\303\274"},
        {"\n\374", "\303\274"},
        {"Content-Type: text/html\n\n<p>one<br>two</p><!-- <p>x --><p>three &amp; <b>fo</b>ur", "one\ntwo\nthree & four"},
        {"Content-Type: text/html; charset=iso-8859-1\n\n<div>\374</div>", "\303\274\n"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct carom_message *message = carom_message_parse(*state, carom_str(cases[i][0]));

        check(cases[i][0], carom_part_text(*state, message->root, 1000), carom_str(cases[i][1]));
        if (carom_part_text(*state, message->root, 3).len > 3)
            fail_msg("%s: got more than 3 bytes, want at most 3", cases[i][0]);
    }
}

static void reads_html(void **state)
{
    static const char *const cases[][2] = {
        {"plain", "plain"},
        {"<style>p { a > b }</style>x<SCRIPT type=a>if (a<b) c();</SCRIPT >y", "xy"},
        {"<style>never closed", ""},
        {"<!DOCTYPE html><?xml?><html><body>x</body></html>", "x"},
        {"a<!-- b -- > <c> -->d", "ad"},
        {"a<!-- never closed>b", "ab"},
        {"<tr><td>To:</td><td>x</td></tr><tr><td>y", " To: x\n y"},
        {"<ul><li>a<li>b</ul>", "a\nb\n"},
        {"mail to <user@example.com> failed", "mail to <user@example.com> failed"},
        {"a < b, 1<2 <> <3", "a < b, 1<2 <> <3"},
        {"<a href=\"mailto:u@example.com\">u@example.com</a>", "u@example.com"},
        {"&lt;&gt;&amp;&quot;&apos;&nbsp;&uuml;&Uuml;", "<>&\"'\302\240\303\274\303\234"},
        {"&#64;&#x40;&#X40;&#0;&#xD800;&#x110000;&#;&unknown;&", "@@@&#0;&#xD800;&#x110000;&#;&unknown;&"},
        {"&lt and &amp", "< and &"},
        {"x&copy=1&region", "x\302\251=1&region"},
        {"a<o:p></o:p>b<br/>c<br />d", "ab\nc\nd"},
        {"<a never closed", ""},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check(cases[i][0], carom_html_text(*state, carom_str(cases[i][0]), 1000), carom_str(cases[i][1]));
    check("max", carom_html_text(*state, CAROM_STR("a&uuml;&uuml;b"), 4), CAROM_STR("a\303\274"));
    check("max", carom_html_text(*state, CAROM_STR("sixteen letters \303\274 more of them"), 17), CAROM_STR("sixteen letters "));
    check("long", carom_html_text(*state, CAROM_STR("a long line of text & < more <br> \n  a longer line of it"), 100),
          CAROM_STR("a long line of text & < more \na longer line of it"));
}

static void entities_are_sorted(void **state)
{
    (void)state;
    for (size_t i = 1; i < carom_entities_n; i++)
        if (strcmp(carom_entities[i - 1].name, carom_entities[i].name) >= 0)
            fail_msg("entities.tsv: got %s before %s, want them sorted", carom_entities[i - 1].name, carom_entities[i].name);
}

/* n nested multiparts, each with a boundary of its own, then lines that look like boundaries. */
static char *nest(size_t n, size_t lines, size_t *len_r)
{
    size_t size = n * 80 + lines * 12 + 1, len = 0;
    char *bytes = malloc(size);

    assert_non_null(bytes);
    for (size_t i = 0; i < n; i++)
        len += (size_t)snprintf(bytes + len, size - len, "Content-Type: multipart/mixed; boundary=b%zu\n\n--b%zu\n", i, i);
    for (size_t i = 0; i < lines; i++)
        len += (size_t)snprintf(bytes + len, size - len, "--b%zu\n", 20 + i % 7);
    *len_r = len;
    return bytes;
}

static size_t depth_of(const struct carom_part *part)
{
    size_t depth = 0;

    while ((part = part->child))
        depth++;
    return depth;
}

static void limits_depth(void **state)
{
    size_t len;
    char *bytes = nest(10000, 0, &len);
    struct carom_message *message = carom_message_parse(*state, carom_str_n(bytes, len));

    if (depth_of(message->root) != CAROM_MESSAGE_DEPTH)
        fail_msg("depth: got %zu, want %d", depth_of(message->root), CAROM_MESSAGE_DEPTH);
    assert_true(message->limited);
    free(bytes);
}

static void limits_parts(void **state)
{
    struct carom_str head = CAROM_STR(MIXED);
    size_t n = 20000, len = head.len;
    char *bytes = malloc(len + n * 5);
    struct carom_message *message;

    assert_non_null(bytes);
    memcpy(bytes, head.ptr, len);
    for (size_t i = 0; i < n; i++, len += 5)
        memcpy(bytes + len, "--B\n\n", 5);
    message = carom_message_parse(*state, carom_str_n(bytes, len));
    assert_int_equal(message->parts, CAROM_MESSAGE_PARTS);
    assert_true(message->limited);
    assert_false(message->truncated);
    free(bytes);
}

/* 20 MB against all boundaries that can be open: takes well under a second, or the test times out. */
static void stays_linear(void **state)
{
    size_t len;
    char *bytes = nest(16, 4000000, &len);
    struct carom_message *message = carom_message_parse(*state, carom_str_n(bytes, len));

    assert_true(len > 20000000);
    assert_int_equal(depth_of(message->root), 16);
    assert_true(message->truncated);
    free(bytes);
}

/* A message in base64 in a message in base64 …: all decoding together is bounded by what came in. */
static void limits_decoding(void **state)
{
    struct carom_str head = CAROM_STR("Content-Type: message/rfc822\nContent-Transfer-Encoding: quoted-printable\n\n");
    char bytes[40 * 80];
    size_t len = 0;
    struct carom_message *message;

    for (int i = 0; i < 30; i++, len += head.len)
        memcpy(bytes + len, head.ptr, head.len);
    message = carom_message_parse(*state, carom_str_n(bytes, len));
    assert_true(message->limited);
    assert_true(depth_of(message->root) >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(draws_trees),
        cmocka_unit_test(strips_mbox_framing),
        cmocka_unit_test(walks),
        cmocka_unit_test(splits_what_lost_its_header),
        cmocka_unit_test(gives_text),
        cmocka_unit_test(reads_html),
        cmocka_unit_test(entities_are_sorted),
        cmocka_unit_test(limits_depth),
        cmocka_unit_test(limits_parts),
        cmocka_unit_test(limits_decoding),
        cmocka_unit_test(stays_linear),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
