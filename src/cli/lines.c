/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* JSON lines in, answers out. Lines are decided in groups that are committed when the input pauses, and answered only
   then: what was answered is kept, what was not may be fed again. A line that is wrong is answered with what is wrong;
   only a ledger or an output out of reach ends the run. */

#include "cli/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/date.h"
#include "base/load.h"
#include "cli/cli.h"
#include "input/lines.h"
#include "input/source.h"
#include "mail/encoding.h"

enum {
    GROUP = 1000,                       /* lines a transaction, */
    GROUP_MS = 1000,                    /* or as long: others wait for the ledger meanwhile */
    ANSWERS_AT = 1 << 20,               /* or as many bytes of answers */
    LINE_MAX_BYTES = CAROM_INPUT_MAX / 3 * 4 + (1 << 16), /* the largest message in base64 */
    ANSWERS_MAX = 1 << 30,
};

struct answering {
    struct carom_engine *engine;
    struct carom_arena *arena; /* of one line */
    struct carom_buf answers;  /* of the group */
    const char *list, *source;
    struct carom_cli_log *log; /* NULL: none */
    uint64_t line;
    size_t lines; /* in the group */
    int64_t since; /* when the group began */
    bool bad, broken, unread; /* a line was; a hook; a file */
};

/* ---- Members of a line ---- */

enum { OF_MESSAGE = 1, OF_REPLY = 2 };
static const struct {
    const char *name;
    int of;
} keys[] = {{"message_base64", OF_MESSAGE}, {"path", OF_MESSAGE},  {"sender", OF_MESSAGE},
            {"recipient", OF_MESSAGE | OF_REPLY}, {"list", OF_MESSAGE | OF_REPLY},
            {"reply", OF_REPLY},            {"delivery", OF_REPLY}, {"command", OF_REPLY},
            {"remote_mta", OF_REPLY},       {"time", OF_REPLY}};
enum { KEYS = sizeof(keys) / sizeof(*keys) };

static int unknown(const char *key, struct carom_error *err)
{
    const char *names[KEYS + 1] = {NULL}, *nearest;

    for (size_t i = 0; i < KEYS; i++)
        names[i] = keys[i].name;
    nearest = carom_cli_nearest(key, names);
    return carom_error_set(err, CAROM_ERROR_USAGE, "there is no member '%.100s'%s%s%s", key,
                           nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

/* Every member is known and belongs to what the line is. */
static int check_members(json_t *object, int is, struct carom_error *err)
{
    const char *key;
    json_t *value;

    json_object_foreach(object, key, value) {
        size_t i = 0;
        while (i < KEYS && strcmp(keys[i].name, key) != 0)
            i++;
        if (i == KEYS)
            return unknown(key, err);
        if (!(keys[i].of & is))
            return carom_error_set(err, CAROM_ERROR_USAGE, "%s belongs to a %s, not to a %s", key,
                                   is == OF_REPLY ? "message" : "reply", is == OF_REPLY ? "reply" : "message");
    }
    return 0;
}

/* NULL where it is absent or null. */
static int text(json_t *object, const char *key, const char **text_r, struct carom_error *err)
{
    json_t *value = json_object_get(object, key);

    *text_r = json_string_value(value);
    if (value && !*text_r && !json_is_null(value))
        return carom_error_set(err, CAROM_ERROR_USAGE, "%s is no string", key);
    return 0;
}

/* The ids of many senders are numbers. */
static int delivery(struct answering *to, json_t *object, const char **text_r, struct carom_error *err)
{
    json_t *value = json_object_get(object, "delivery");

    if (!json_is_integer(value))
        return text(object, "delivery", text_r, err);
    *text_r = carom_arena_printf(to->arena, "%lld", (long long)json_integer_value(value)).ptr;
    return 0;
}

static int time_of(json_t *object, int64_t *time_r, struct carom_error *err)
{
    json_t *value = json_object_get(object, "time");

    *time_r = 0;
    if (!value || json_is_null(value))
        return 0;
    if (json_is_string(value))
        *time_r = carom_date_parse_rfc3339(carom_str(json_string_value(value)));
    else if (json_is_integer(value))
        *time_r = json_integer_value(value);
    return *time_r > 0 ? 0
                       : carom_error_set(err, CAROM_ERROR_USAGE, "time is neither like 2026-03-01T12:00:00Z (RFC 3339) "
                                         "nor a number of seconds since 1970");
}

/* ---- Messages and replies ---- */

static int take_reply(struct answering *to, json_t *object, struct carom_result **result_r, struct carom_error *err)
{
    struct carom_reply_input input = {0};

    if (text(object, "reply", &input.reply, err) != 0 || text(object, "recipient", &input.recipient, err) != 0 ||
        delivery(to, object, &input.delivery, err) != 0 || text(object, "list", &input.list, err) != 0 ||
        text(object, "command", &input.command, err) != 0 ||
        text(object, "remote_mta", &input.remote_mta, err) != 0 || time_of(object, &input.time, err) != 0)
        return -1;
    if (!input.list)
        input.list = to->list;
    return carom_engine_reply(to->engine, &input, result_r, err);
}

/* What is skipped in mail is a mistake here: half a message must not be taken for a whole one. */
static int check_base64(struct carom_str text64, struct carom_error *err)
{
    size_t n = 0, padding = 0;

    for (size_t i = 0; i < text64.len; i++) {
        char c = text64.ptr[i];
        if (carom_is_space(c))
            continue;
        bool known = carom_is_alpha(c) || carom_is_digit(c) || c == '+' || c == '/' || c == '=';
        if (!known || (padding && c != '='))
            return carom_error_set(err, CAROM_ERROR_USAGE, "message_base64 is no base64 (RFC 4648 4) at byte %zu", i);
        padding += c == '=';
        n++;
    }
    return n % 4 == 0 && padding <= 2
               ? 0
               : carom_error_set(err, CAROM_ERROR_USAGE, "message_base64 is cut off: base64 comes in fours");
}

static int take_base64(struct answering *to, struct carom_envelope *envelope, const char *text64,
                       struct carom_result **result_r, struct carom_error *err)
{
    if (check_base64(carom_str(text64), err) != 0)
        return -1;
    struct carom_str bytes =
        carom_encoding_decode(to->arena, CAROM_ENCODING_BASE64, carom_str(text64), CAROM_INPUT_MAX);
    if (!bytes.len)
        return carom_error_set(err, CAROM_ERROR_USAGE, "message_base64 is empty");
    envelope->source = to->source;
    return carom_engine_message(to->engine, bytes.ptr, bytes.len, envelope, result_r, err);
}

static int read_file(const char *path, char **bytes_r, size_t *n_r, struct carom_error *err)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), result;

    if (fd < 0)
        return carom_error_set(err, CAROM_ERROR_USAGE, "%s: cannot read: %s", path, strerror(errno));
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
        result = carom_error_set(err, CAROM_ERROR_USAGE, "%s: is no file", path);
    else if ((result = carom_input_slurp(fd, CAROM_INPUT_MAX, bytes_r, n_r, err)) != 0)
        carom_error_prefix(err, "%s", path);
    close(fd);
    if (result != 0 && err->code == CAROM_ERROR_IO)
        err->code = CAROM_ERROR_USAGE; /* of this file, not of the ledger */
    return result;
}

static int take_file(struct answering *to, struct carom_envelope *envelope, const char *path,
                     struct carom_result **result_r, struct carom_error *err)
{
    char *bytes;
    size_t n;

    if (read_file(path, &bytes, &n, err) != 0)
        return -1;
    envelope->source = path;
    int result = n ? carom_engine_message(to->engine, bytes, n, envelope, result_r, err)
                   : carom_error_set(err, CAROM_ERROR_USAGE, "%s: is empty", path);
    free(bytes);
    return result;
}

static int take_message(struct answering *to, json_t *object, struct carom_result **result_r, struct carom_error *err)
{
    struct carom_envelope envelope = {.received = carom_engine_now_ms(to->engine) / 1000};
    const char *text64, *path;

    if (text(object, "message_base64", &text64, err) != 0 || text(object, "path", &path, err) != 0 ||
        text(object, "sender", &envelope.sender, err) != 0 ||
        text(object, "recipient", &envelope.recipient, err) != 0 || text(object, "list", &envelope.list, err) != 0)
        return -1;
    if (!envelope.list)
        envelope.list = to->list;
    return text64 ? take_base64(to, &envelope, text64, result_r, err) : take_file(to, &envelope, path, result_r, err);
}

static bool has(json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    return value && !json_is_null(value);
}

static int take_object(struct answering *to, json_t *object, struct carom_result **result_r, struct carom_error *err)
{
    bool reply = has(object, "reply");

    if (!json_is_object(object))
        return carom_error_set(err, CAROM_ERROR_USAGE, "the line is no JSON object");
    if (check_members(object, OF_REPLY | OF_MESSAGE, err) != 0)
        return -1;
    if (reply + has(object, "message_base64") + has(object, "path") != 1)
        return carom_error_set(err, CAROM_ERROR_USAGE, "give one of reply, message_base64 and path");
    if (check_members(object, reply ? OF_REPLY : OF_MESSAGE, err) != 0)
        return -1;
    return reply ? take_reply(to, object, result_r, err) : take_message(to, object, result_r, err);
}

/* ---- Answers ---- */

static void answer_fact(const struct carom_result *result, size_t i, struct carom_json *json)
{
    struct carom_str hook = carom_result_hook(result, i);

    carom_fact_write(carom_result_fact(result, i), json);
    if (json->buf->failed)
        return;
    json->buf->len--; /* reopens the fact: what became of it stands with it */
    carom_json_key(json, CAROM_STR("duplicate"));
    carom_json_bool(json, carom_result_duplicate(result, i));
    carom_json_field_str(json, "hook", hook);
    carom_json_object_end(json);
}

static void answer(struct answering *to, const struct carom_result *result)
{
    struct carom_json json = carom_json_to(&to->answers);

    carom_json_object(&json);
    carom_json_key(&json, CAROM_STR("facts"));
    carom_json_array(&json);
    for (size_t i = 0; i < carom_result_facts(result); i++)
        answer_fact(result, i, &json);
    carom_json_array_end(&json);
    carom_json_key(&json, CAROM_STR("actions"));
    carom_json_array(&json);
    for (size_t i = 0; i < carom_result_facts(result); i++)
        for (size_t k = 0; k < carom_result_actions(result, i); k++) {
            carom_json_object(&json);
            carom_json_key(&json, CAROM_STR("fact"));
            carom_json_int(&json, (int64_t)i);
            carom_result_action_write(carom_result_action(result, i, k), &json);
            carom_json_object_end(&json);
        }
    carom_json_array_end(&json);
    carom_json_object_end(&json);
    carom_buf_add_char(&to->answers, '\n');
}

static void answer_error(struct answering *to, const struct carom_error *err)
{
    struct carom_json json = carom_json_to(&to->answers);

    *(err->code == CAROM_ERROR_SCRIPT ? &to->broken : &to->bad) = true;
    carom_json_object(&json);
    carom_json_field_str(&json, "error", carom_str(err->text));
    carom_json_key(&json, CAROM_STR("line"));
    carom_json_int(&json, (int64_t)to->line);
    if (strcmp(to->source, "-") != 0)
        carom_json_field_str(&json, "source", carom_str(to->source));
    carom_json_object_end(&json);
    carom_buf_add_char(&to->answers, '\n');
}

/* ---- Groups ---- */

/* Commits what was decided, then says so. */
static int finish_group(struct answering *to, struct carom_error *err)
{
    struct carom_str said = carom_buf_str(&to->answers);

    if (to->answers.failed)
        return carom_error_memory(err);
    if (to->engine->batch && carom_engine_commit(to->engine, err) != 0)
        return -1;
    to->lines = 0;
    if (fwrite(said.ptr, 1, said.len, stdout) != said.len || fflush(stdout) != 0)
        return carom_error_set(err, CAROM_ERROR_IO, "run: cannot write the answers: %s", strerror(errno));
    carom_buf_clear(&to->answers);
    return 0;
}

static bool is_full(const struct answering *to)
{
    return to->lines >= GROUP || to->answers.len >= ANSWERS_AT || carom_date_now_ms() - to->since >= GROUP_MS;
}

static bool is_of_line(const struct carom_error *err)
{
    return err->code == CAROM_ERROR_USAGE || err->code == CAROM_ERROR_SCRIPT || err->code == CAROM_ERROR_LIMIT;
}

/* 0: taken, or answered with what is wrong with it. -1: the group is lost. */
static int take_line(struct answering *to, struct carom_str line, struct carom_error *err)
{
    struct carom_result *result;
    json_error_t wrong;
    json_t *object = carom_json_load(line, JSON_REJECT_DUPLICATES, &wrong);
    int failed;

    carom_arena_reset(to->arena);
    if (carom_arena_guard(to->arena)) {
        json_decref(object);
        return carom_error_memory(err);
    }
    if (!object && carom_json_starved(&wrong))
        failed = carom_error_memory(err);
    else if (!object)
        failed = carom_error_set(err, CAROM_ERROR_USAGE, "the line is no JSON: %s, at byte %d", wrong.text, wrong.position);
    else
        failed = take_object(to, object, &result, err);
    carom_arena_unguard(to->arena);
    json_decref(object);
    if (!failed) {
        answer(to, result);
        if (to->log)
            carom_cli_log_result(to->log, result);
        carom_result_free(result);
    } else if (to->engine->batch && is_of_line(err)) {
        answer_error(to, err);
    } else {
        return -1;
    }
    return 0;
}

/* One line of the group, which begins with it if need be. */
static int one(struct answering *to, struct carom_str line, struct carom_error *err)
{
    to->line++;
    if (carom_str_blank(line))
        return 0;
    if (!to->engine->batch) {
        if (carom_engine_begin(to->engine, err) != 0)
            return -1;
        to->since = carom_date_now_ms();
    }
    to->lines++;
    if (take_line(to, line, err) != 0)
        return -1;
    return is_full(to) ? finish_group(to, err) : 0;
}

/* ---- Files ---- */

static int too_long(struct answering *to, struct carom_error *err)
{
    to->line++;
    answer_error(to, err);
    return 0;
}

static int all(struct answering *to, struct carom_lines *lines, struct carom_error *err)
{
    struct carom_str line;
    int got = 1;

    while (got != 0) {
        if (carom_lines_pauses(lines) && finish_group(to, err) != 0)
            return -1;
        got = carom_lines_next(lines, &line, err);
        if (got < 0 && err->code != CAROM_ERROR_LIMIT)
            return carom_error_prefix(err, "%s", to->source);
        if (got > 0 ? one(to, line, err) : got < 0 && too_long(to, err))
            return -1;
    }
    return finish_group(to, err);
}

static int read_lines(struct answering *to, const char *path, struct carom_error *err)
{
    bool in = strcmp(path, "-") == 0;
    int fd = in ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        struct carom_error unread;
        carom_error_set(&unread, CAROM_ERROR_IO, "%s: cannot read: %s", path, strerror(errno));
        carom_cli_fail(&unread);
        to->unread = true;
        return 0;
    }
    struct carom_lines lines = carom_lines_begin(fd, LINE_MAX_BYTES);
    to->source = path;
    to->line = 0;
    int result = all(to, &lines, err);
    carom_lines_end(&lines);
    if (!in)
        close(fd);
    return result;
}

int carom_cli_lines(struct carom_engine *engine, const char *const *paths, size_t n, const char *list,
                    struct carom_cli_log *log)
{
    struct carom_error err = {0};
    struct answering to = {
        .engine = engine, .arena = carom_arena_new(), .answers = CAROM_BUF_INIT(ANSWERS_MAX), .list = list, .log = log};
    int result = to.arena ? 0 : carom_error_memory(&err), code;

    for (size_t i = 0; result == 0 && i < n; i++)
        result = read_lines(&to, paths[i], &err);
    if (result != 0) {
        code = carom_cli_fail(&err);
        carom_engine_rollback(engine);
        if (to.lines)
            fprintf(stderr, "carom: run: the last %zu lines are not kept and were not answered: give them again\n",
                    to.lines);
    } else {
        code = to.broken ? EX_SOFTWARE : to.unread ? EX_NOINPUT : to.bad ? EX_DATAERR : EX_OK;
    }
    carom_buf_deinit(&to.answers);
    carom_arena_free(to.arena);
    return code;
}
