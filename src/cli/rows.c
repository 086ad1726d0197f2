/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Knows how other systems name their columns (SendGrid: email, reason, created; Mailgun: address, error, created_at;
   Amazon SES: EmailAddress, Reason, LastUpdateTime; Mailchimp: Email Address,
   UNSUB_TIME, UNSUB_REASON, CLEAN_TIME). A row that is not understood stops all:
   a list of people not to be mailed that is read by half is worse than one that is refused. */

#include "cli/rows.h"

#include "base/date.h"
#include "base/error.h"
#include "base/load.h"
#include "base/utf8.h"
#include "cli/cli.h"
#include "cli/csv.h"
#include "cli/ledger.h"
#include "mail/address.h"

enum { NAMED = 10 }; /* of the bad rows: who sees ten knows what is wrong with his file */
enum column { ADDRESS, LIST, SINCE, UNTIL, REASON, COLUMNS, UNKNOWN = COLUMNS };
static const struct {
    const char *name;
    enum column column;
} names[] = {
    {"address", ADDRESS}, {"email", ADDRESS},   {"emailaddress", ADDRESS}, {"recipient", ADDRESS},
    {"list", LIST},       {"listid", LIST},     {"since", SINCE},          {"created", SINCE},
    {"createdat", SINCE}, {"date", SINCE},      {"lastupdatetime", SINCE}, {"until", UNTIL},
    {"expires", UNTIL},   {"reason", REASON},   {"error", REASON},         {"description", REASON},
    {"unsubtime", SINCE}, {"cleantime", SINCE}, {"unsubreason", REASON},
};
struct reading {
    struct carom_arena *arena;
    const struct carom_policy *policy;
    const char *name;
    size_t line;
    enum column columns[CAROM_CSV_CELLS]; /* of CSV */
    struct carom_str passed_over;
    size_t bad;
    int (*row)(void *user, const struct carom_ban *ban);
    void *user;
};

static enum column find_column(struct carom_str cell)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (carom_csv_is(cell, names[i].name))
            return names[i].column;
    return UNKNOWN;
}

/* Says it, and goes on: who mends a row wants to know of the others. */
static void bad(struct reading *reading, const char *what, struct carom_str text)
{
    struct carom_error err;

    if (reading->bad++ >= NAMED)
        return;
    carom_error_set(&err, CAROM_ERROR_LIMIT, "%s:%zu: '" CAROM_STR_FMT "' %s", reading->name, reading->line,
                    CAROM_STR_ARG(carom_str_head(text, 200)), what);
    carom_cli_fail(&err);
}

/* RFC 3339, a date alone, or seconds or milliseconds since 1970; 0: none. */
static bool read_time(struct carom_arena *arena, struct carom_str text, int64_t *ms_r)
{
    int64_t number = carom_str_number(text), seconds;
    *ms_r = 0;
    if (!text.len)
        return true;
    if (number >= 0)
        return *ms_r = number > INT64_C(100000000000) ? number : number * 1000, true;
    seconds = carom_date_parse_rfc3339(
        text.len == 10 ? carom_arena_printf(arena, CAROM_STR_FMT "T00:00:00Z", CAROM_STR_ARG(text)) : text);
    if (!seconds && !(seconds = carom_date_parse(text)))
        return false;
    return *ms_r = seconds * 1000, true;
}

static int give(struct reading *reading, struct carom_str cells[COLUMNS])
{
    static const char no_time[] = "is no time; write 2026-03-01T12:00:00Z or seconds since 1970";
    struct carom_ban ban = {.list = cells[LIST], .reason = carom_utf8_clean(reading->arena, cells[REASON])};
    struct carom_str address = carom_address_only(reading->arena, cells[ADDRESS]);
    const char *no_list = carom_utf8_valid(ban.list) ? carom_cli_list_wrong(reading->arena, reading->policy, ban.list)
                                                     : "is no list: it is not UTF-8";

    ban.key = carom_address_key(reading->arena, address);
    ban.spelling = address;
    if (!carom_address_valid(ban.key))
        bad(reading, "is no address", cells[ADDRESS]);
    else if (no_list)
        bad(reading, no_list, ban.list);
    else if (!read_time(reading->arena, cells[SINCE], &ban.since))
        bad(reading, no_time, cells[SINCE]);
    else if (!read_time(reading->arena, cells[UNTIL], &ban.until))
        bad(reading, no_time, cells[UNTIL]);
    else
        return reading->row(reading->user, &ban);
    return 0;
}

/* ---- CSV ---- */

/* The first line names the columns, or is a row already: then the address stands first and the rest is not read. true: names. */
static bool read_header(struct reading *reading, const struct carom_str *cells, size_t n)
{
    bool address = false;
    for (size_t i = 0; i < n; i++) {
        reading->columns[i] = find_column(cells[i]);
        for (size_t k = 0; k < i && reading->columns[i] < COLUMNS; k++)
            if (reading->columns[k] == reading->columns[i])
                reading->columns[i] = UNKNOWN;
        address |= reading->columns[i] == ADDRESS;
    }
    for (size_t i = 0; i < n && address; i++)
        if (reading->columns[i] == UNKNOWN && cells[i].len)
            reading->passed_over = carom_arena_printf(reading->arena, CAROM_STR_FMT "%s" CAROM_STR_FMT,
                                                      CAROM_STR_ARG(reading->passed_over),
                                                      reading->passed_over.len ? ", " : "", CAROM_STR_ARG(cells[i]));
    if (address)
        return true;
    reading->columns[0] = ADDRESS;
    if (carom_str_chr(cells[0], '@') == SIZE_MAX)
        bad(reading, "is neither an address nor the name of a column; the first line must name a column 'address'", cells[0]);
    else if (n > 1)
        bad(reading, "stands in several columns without names; begin with a line such as address,list,until,reason", cells[0]);
    return false;
}

/* A reply of several lines is told in one. */
static struct carom_str one_line(struct carom_arena *arena, struct carom_str text)
{
    char *out = carom_arena_raw(arena, text.len + 1);
    struct carom_str line;
    size_t n = 0;

    while (carom_str_line(&text, &line)) {
        line = carom_str_trim(line);
        memcpy(out + n, line.ptr, line.len);
        n += line.len;
        out[n++] = ' ';
    }
    return carom_str_trim(carom_str_n(out, n));
}

static int read_csv(struct reading *reading, struct carom_str text)
{
    struct carom_csv csv = {.rest = text};
    const char *wrong;

    for (bool first = true; carom_csv_next(&csv, reading->arena, &wrong); first = false) {
        struct carom_str row[COLUMNS] = {{"", 0}, {"", 0}, {"", 0}, {"", 0}, {"", 0}};
        reading->line = csv.line;
        if (wrong)
            bad(reading, wrong, csv.begin);
        const bool is_header = first && !wrong && read_header(reading, csv.cells, csv.n);
        if (first && reading->bad) /* what the others hold is not known */
            return 0;
        if (wrong || is_header || csv.n == 0) /* spreadsheets end in rows of nothing but separators */
            continue;
        for (size_t i = 0; i < csv.n; i++)
            if (reading->columns[i] < COLUMNS)
                row[reading->columns[i]] = csv.cells[i];
        row[REASON] = one_line(reading->arena, row[REASON]);
        if (give(reading, row) != 0)
            return -1;
    }
    return 0;
}

/* ---- JSON lines ---- */

static int read_object(struct reading *reading, const json_t *object)
{
    struct carom_str row[COLUMNS] = {{"", 0}, {"", 0}, {"", 0}, {"", 0}, {"", 0}};
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)object, name, value) {
        enum column column = find_column(carom_str(name));
        if (column == UNKNOWN || row[column].len)
            continue;
        if (json_is_string(value))
            row[column] = carom_arena_str(reading->arena, carom_str_n(json_string_value(value), json_string_length(value)));
        else if (json_is_integer(value))
            row[column] = carom_arena_printf(reading->arena, "%lld", (long long)json_integer_value(value));
    }
    return give(reading, row);
}

static int read_json(struct reading *reading, struct carom_str text)
{
    struct carom_str line;

    for (reading->line = 1; carom_str_line(&text, &line); reading->line++) {
        json_error_t error;
        if (carom_str_blank(line))
            continue;
        json_t *object = carom_json_load(line, 0, &error);
        int result = 0;
        if (!object)
            bad(reading, error.text, line);
        else if (!json_is_object(object))
            bad(reading, "is no JSON object; write one object a line", line);
        else
            result = read_object(reading, object);
        json_decref(object);
        if (result != 0)
            return -1;
    }
    return 0;
}

int carom_rows_read(struct carom_arena *arena, const struct carom_policy *policy, const char *name, struct carom_str text,
                    int (*row)(void *user, const struct carom_ban *ban), void *user, struct carom_str *passed_over_r,
                    struct carom_error *err)
{
    struct reading reading = {
        .arena = arena, .policy = policy, .name = name, .passed_over = CAROM_STR_EMPTY, .row = row, .user = user};
    if (carom_str_starts(text, CAROM_STR("\xef\xbb\xbf")))
        text = carom_str_from(text, 3);
    if (carom_str_starts(text, CAROM_STR("\xff\xfe")) || carom_str_starts(text, CAROM_STR("\xfe\xff")))
        return carom_error_set(err, CAROM_ERROR_LIMIT, "%s: is UTF-16; save it as CSV in UTF-8; nothing was imported", name);
    struct carom_str begin = carom_str_trim(text);
    int result = begin.len && (begin.ptr[0] == '{' || begin.ptr[0] == '[') ? read_json(&reading, text)
                                                                            : read_csv(&reading, text);
    *passed_over_r = reading.passed_over;
    if (result == 0 && reading.bad)
        return carom_error_set(err, CAROM_ERROR_LIMIT, "%s: %zu %s wrong%s; nothing was imported", name, reading.bad,
                               reading.bad == 1 ? "row is" : "rows are", reading.bad > NAMED ? ", the first ten are named" : "");
    return result;
}
