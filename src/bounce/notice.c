/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Mail that reports no delivery: automatic replies (RFC 3834), challenges, receipts as text, unsubscribe mail,
   moderation, virus warnings, machine reports. It interprets tables/notices.tsv. */

#include <assert.h>
#include <pthread.h>

#include "base/utf8.h"
#include "bounce/reader.h"
#include "bounce/tables.h"

enum { LINES_MAX = 80 };

struct carom_notices {
    struct carom_reading *reading;
    const struct carom_outside *outside;
    struct carom_str lines[LINES_MAX]; /* the first lines of the text that are not blank nor quoted, folded */
    size_t n;
    bool folded; /* they are there already */
    bool plain;  /* neither sender nor subject are those of a bounce, and it is no bulk mail */
    bool asked;  /* for the type that the text states: */
    struct carom_str states;
};

/* Globs have no case, so that most lines are as good as folded. */
static struct carom_str fold(struct carom_arena *arena, struct carom_str line)
{
    return line.len == 0 || carom_utf8_even(line) ? line : carom_utf8_normalise(arena, line).folded;
}

/* When they are needed first. */
static void fold_lines(struct carom_notices *looking)
{
    struct carom_lines all = carom_report_lines(looking->reading);

    for (size_t i = 0; !looking->folded && looking->n < LINES_MAX && i < all.n; i++) {
        struct carom_str line = fold(looking->reading->arena, all.list[i]);
        if (line.len > 0 && line.ptr[0] != '>')
            looking->lines[looking->n++] = line;
    }
    looking->folded = true;
}

static bool any_line(struct carom_notices *looking, struct carom_str pattern, size_t n)
{
    fold_lines(looking);
    for (size_t i = 0; i < looking->n && i < n; i++)
        if (carom_str_glob(looking->lines[i], pattern))
            return true;
    return false;
}

/* Of the three letters by which names differ most: the first, or those behind "X-". No name in the table has fewer, nor
   a '*' among them. A number up to 255. */
static unsigned beginning(struct carom_str name)
{
    if (name.len > 2 && carom_lower(name.ptr[0]) == 'x' && name.ptr[1] == '-')
        name = carom_str_from(name, 2);
    if (name.len < 3)
        return 0;
    const unsigned char *letters = (const unsigned char *)name.ptr;
    return ((letters[0] | 0x20u) * 5 + (letters[1] | 0x20u) * 17 + (letters[2] | 0x20u) * 29) & 0xff;
}

/* "header:…": the name behind it; nothing: another place. */
static struct carom_str field_of(struct carom_str where)
{
    const struct carom_str header = CAROM_STR("header:");

    return carom_str_starts(where, header) ? carom_str_from(where, header.len) : CAROM_STR_EMPTY;
}

static bool any_header(const struct carom_headers *headers, struct carom_str name, struct carom_str pattern)
{
    for (size_t i = 0; i < headers->n; i++)
        if (carom_str_glob(headers->list[i].name, name) && carom_str_glob(headers->list[i].value, pattern))
            return true;
    return false;
}

static bool any_attachment(const struct carom_notices *looking, struct carom_str pattern)
{
    struct carom_part *scope = looking->reading->scope;

    for (struct carom_part *p = scope; p; p = carom_part_walk_own(scope, p)) {
        struct carom_str name = carom_part_name(looking->reading->arena, p);
        if (name.len > 0 && carom_str_glob(name, pattern))
            return true;
    }
    return false;
}

/* Something besides the words says that a program sent it. */
static bool is_marked(const struct carom_notices *looking)
{
    static const char *const marks[] = {"Auto-Submitted", "X-Auto-Response-Suppress", "Precedence"};
    const struct carom_headers *headers = &looking->reading->message->root->headers;

    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        struct carom_str value = carom_str_trim(carom_headers_get(headers, marks[i]));
        if (value.len > 0 && !carom_str_ieq(value, CAROM_STR("no")) && !carom_str_ieq(value, CAROM_STR("list")))
            return true;
    }
    return looking->outside->null_sender;
}

/* That, or it may have: where the envelope sender is not known. */
static bool is_automatic(const struct carom_notices *looking)
{
    return is_marked(looking) || (looking->outside->unsent && !looking->outside->person);
}

/* It answers a message (RFC 3834 3.1.5), and does not say that this one failed: whoever returns it does. */
static bool is_answer(const struct carom_notices *looking)
{
    const struct carom_reading *reading = looking->reading;
    const struct carom_headers *headers = &reading->message->root->headers;

    if (!looking->outside->answer && !carom_headers_has(headers, "In-Reply-To") && !carom_headers_has(headers, "References"))
        return false;
    return reading->report->returned_headers.n == 0 || !carom_report_sign(reading->report->text, CAROM_STR("failure"));
}

/* One of the first lines has a phrase of that group of signs.tsv. */
static bool any_sign(struct carom_notices *looking, struct carom_str group)
{
    fold_lines(looking);
    for (size_t i = 0; i < looking->n; i++)
        if (carom_report_sign(looking->lines[i], group))
            return true;
    return false;
}

static const struct carom_str recipients[] = {CAROM_STR_INIT("X-Original-To"), CAROM_STR_INIT("Delivered-To"),
                                              CAROM_STR_INIT("Envelope-To"), CAROM_STR_INIT("To")};

static bool any_recipient(const struct carom_headers *headers, struct carom_str pattern)
{
    for (size_t i = 0; i < sizeof recipients / sizeof *recipients; i++)
        if (any_header(headers, recipients[i], pattern))
            return true;
    return false;
}

static struct carom_str stated_type(struct carom_notices *looking)
{
    if (!looking->asked)
        looking->states = carom_autoreply_type(looking->reading);
    looking->asked = true;
    return looking->states;
}

/* One condition of a row. */
static bool holds(struct carom_notices *looking, struct carom_str where, struct carom_str pattern)
{
    const struct carom_outside *outside = looking->outside;
    const struct carom_headers *headers = &looking->reading->message->root->headers;
    struct carom_str field = field_of(where);

    if (where.len == 0)
        return true;
    if (carom_str_eq(where, CAROM_STR("subject")))
        return carom_str_glob(outside->folded, pattern);
    if (carom_str_eq(where, CAROM_STR("from")))
        return carom_str_glob(outside->from, pattern) || carom_str_glob(outside->from_name, pattern);
    if (carom_str_eq(where, CAROM_STR("text")))
        return any_line(looking, pattern, LINES_MAX);
    if (carom_str_eq(where, CAROM_STR("first line")))
        return any_line(looking, pattern, 1);
    if (carom_str_eq(where, CAROM_STR("attachment")))
        return any_attachment(looking, pattern);
    if (carom_str_eq(where, CAROM_STR("suspect")))
        return carom_report_suspect(looking->reading) == carom_str_eq(pattern, CAROM_STR("yes"));
    if (carom_str_eq(where, CAROM_STR("automatic")))
        return is_automatic(looking) == carom_str_eq(pattern, CAROM_STR("yes"));
    if (carom_str_eq(where, CAROM_STR("reply")))
        return (carom_str_eq(pattern, CAROM_STR("from nobody")) ? outside->null_sender : is_marked(looking)) &&
               is_answer(looking);
    if (carom_str_eq(where, CAROM_STR("says")))
        return any_sign(looking, pattern);
    if (carom_str_eq(where, CAROM_STR("states")))
        return carom_str_glob(stated_type(looking), pattern);
    if (carom_str_eq(where, CAROM_STR("to")))
        return any_recipient(headers, pattern);
    if (carom_str_eq(where, CAROM_STR("failure subject")))
        return outside->undelivered == carom_str_eq(pattern, CAROM_STR("yes"));
    return field.len > 0 && any_header(headers, field, pattern);
}

struct notice {
    struct carom_str gives, type, where, pattern, where_too, pattern_too;
};

static struct notice row_at(size_t i)
{
    const struct carom_notice_row *row = &carom_notices[i];
    return (struct notice){carom_cell_str(row->gives), carom_cell_str(row->type), carom_cell_str(row->where),
                           carom_cell_str(row->pattern), carom_cell_str(row->where_too), carom_cell_str(row->pattern_too)};
}

/* What the text states takes longest to find out. */
static bool row_holds(struct carom_notices *looking, const struct notice *row)
{
    bool late = carom_str_eq(row->where, CAROM_STR("states"));

    if (late && !holds(looking, row->where_too, row->pattern_too))
        return false;
    return holds(looking, row->where, row->pattern) && (late || holds(looking, row->where_too, row->pattern_too));
}

static enum carom_report_type type_of(struct carom_str gives)
{
    static const struct {
        const char *gives;
        enum carom_report_type type;
    } types[] = {
        {"autoreply", CAROM_REPORT_AUTOREPLY}, {"challenge", CAROM_REPORT_CHALLENGE},
        {"receipt", CAROM_REPORT_RECEIPT}, {"unsubscribe", CAROM_REPORT_UNSUBSCRIBE},
        {"complaint", CAROM_REPORT_FEEDBACK},
    };

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (carom_str_eq(carom_str(types[i].gives), gives))
            return types[i].type;
    return CAROM_REPORT_NONE;
}

static void take_row(struct carom_reading *reading, const struct notice *row)
{
    struct carom_report *report = reading->report;

    report->type = type_of(row->gives);
    report->format = row->type.len ? row->type : row->gives;
    if (report->type == CAROM_REPORT_AUTOREPLY)
        carom_read_autoreply(reading, row->type);
    if (report->type == CAROM_REPORT_FEEDBACK) {
        report->feedback.type = CAROM_STR("abuse");
        report->feedback.source_ip = carom_report_ip(carom_report_outside(reading)->subject);
    }
}

/* What people and their programs send comes under no mail system's name and in no mailing, unless the row says so. */
static bool may_be(const struct carom_notices *looking, const struct notice *row)
{
    bool somebody = !carom_str_eq(row->gives, CAROM_STR("none")) && !carom_str_eq(row->gives, CAROM_STR("complaint"));

    if (!somebody || looking->plain || carom_str_eq(row->where_too, CAROM_STR("failure subject")))
        return true;
    /* "Out of Office AutoReply: …" of a postmaster who is away. */
    return !looking->outside->bulk && !looking->outside->undelivered && carom_str_eq(row->gives, CAROM_STR("autoreply")) &&
           carom_str_eq(row->where, CAROM_STR("subject")) && !carom_str_starts(row->pattern, CAROM_STR("*")) &&
           row->where_too.len == 0;
}

/* Both times that rows are asked for, of the same text and fields. */
static struct carom_notices *look(struct carom_reading *reading)
{
    struct carom_notices *looking = reading->notices;

    if (looking)
        return looking;
    reading->notices = looking = carom_arena_new_of(reading->arena, struct carom_notices);
    looking->reading = reading;
    looking->outside = carom_report_outside(reading);
    looking->plain = !carom_report_suspect(reading) && !looking->outside->bulk;
    return looking;
}

/* What is known of the sieves before any message: most are of header fields that few messages have. */
enum { SIEVES_MAX = 128, BEGINNINGS = 256 };
enum place { HEADER, SUBJECT, FROM, TEXT, FIRST_LINE, TO, OTHER };
static struct {
    enum place place;
    struct carom_str field;
    unsigned char next; /* another one, counted like the first */
} places[SIEVES_MAX];
/* The first sieve of those that are sure or not, whose field begins so, or that are of another place: from 1 on, 0 none. */
static unsigned char with_beginning[2][BEGINNINGS], elsewhere[2];

static const struct carom_str groups[] = {CAROM_STR_INIT("no "), CAROM_STR_INIT("yes ")}; /* in front of the names of places */

static enum place place_named(struct carom_str name)
{
    static const struct carom_str names[] = {
        [SUBJECT] = CAROM_STR_INIT("subject"), [FROM] = CAROM_STR_INIT("from"), [TEXT] = CAROM_STR_INIT("text"),
        [FIRST_LINE] = CAROM_STR_INIT("first line"), [TO] = CAROM_STR_INIT("to"),
    };

    for (size_t i = SUBJECT; i < sizeof names / sizeof *names; i++)
        if (carom_str_eq(name, names[i]))
            return (enum place)i;
    return field_of(name).len > 0 ? HEADER : OTHER;
}

static void make_places(void)
{
    assert(carom_notices_sieves_n <= SIEVES_MAX);
    for (size_t i = 0; i < carom_notices_sieves_n; i++) {
        struct carom_str name = carom_notices_sieves[i].name;
        bool sure = carom_str_starts(name, groups[true]);
        name = carom_str_from(name, groups[sure].len);
        places[i].place = place_named(name);
        places[i].field = field_of(name);
        unsigned char *first = places[i].place == HEADER ? &with_beginning[sure][beginning(places[i].field)]
                                                         : &elsewhere[sure];
        places[i].next = *first;
        *first = (unsigned char)(i + 1);
    }
}

static void sieve_header(const struct carom_header *header, bool sure, struct carom_sieved *rows)
{
    for (size_t i = with_beginning[sure][beginning(header->name)]; i > 0; i = places[i - 1].next)
        if (carom_str_glob(header->name, places[i - 1].field))
            carom_sieve_add(&carom_notices_sieves[i - 1], header->value, rows);
}

static void sieve_recipients(const struct carom_headers *headers, const struct carom_sieve *sieve, struct carom_sieved *rows)
{
    for (size_t i = 0; i < headers->n; i++)
        for (size_t k = 0; k < sizeof recipients / sizeof *recipients; k++)
            if (carom_str_ieq(headers->list[i].name, recipients[k]))
                carom_sieve_add(sieve, headers->list[i].value, rows);
}

/* The few rows that are sure are those of programs, which write their words as they are. */
static void sieve_text(struct carom_notices *looking, bool sure, const struct carom_sieve *sieve, struct carom_sieved *rows)
{
    if (sure)
        carom_sieve_add(sieve, looking->reading->report->text, rows);
    for (size_t i = 0; i < looking->n && !sure; i++)
        carom_sieve_add(sieve, looking->lines[i], rows);
}

/* Adds the rows of one place of the table that may hold by what stands there. */
static void sieve_place(struct carom_notices *looking, bool sure, size_t number, struct carom_sieved *rows)
{
    const struct carom_sieve *sieve = &carom_notices_sieves[number];
    const struct carom_outside *outside = looking->outside;

    switch (places[number].place) {
    case HEADER: break; /* done for each header */
    case SUBJECT: carom_sieve_add(sieve, outside->folded, rows); break;
    case TEXT: sieve_text(looking, sure, sieve, rows); break;
    case FIRST_LINE: carom_sieve_add(sieve, looking->n > 0 ? looking->lines[0] : CAROM_STR_EMPTY, rows); break;
    case FROM:
        carom_sieve_add(sieve, outside->from, rows);
        carom_sieve_add(sieve, outside->from_name, rows);
        break;
    case TO: sieve_recipients(&looking->reading->message->root->headers, sieve, rows); break;
    case OTHER: carom_sieve_add_all(sieve, rows); break;
    }
}

/* The rows that may hold. */
static void sieve_rows(struct carom_notices *looking, bool sure, struct carom_sieved *rows)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const struct carom_headers *headers = &looking->reading->message->root->headers;

    pthread_once(&once, make_places);
    if (!sure)
        fold_lines(looking);
    carom_sieved_init(rows);
    for (size_t i = 0; i < headers->n; i++)
        sieve_header(&headers->list[i], sure, rows);
    for (size_t i = elsewhere[sure]; i > 0; i = places[i - 1].next)
        sieve_place(looking, sure, i - 1, rows);
}

static bool read_rows(struct carom_reading *reading, bool sure)
{
    struct carom_notices *looking = look(reading);
    struct carom_sieved rows;

    sieve_rows(looking, sure, &rows);
    for (size_t i = 0; (i = carom_sieved_next(&rows, i)) != SIZE_MAX; i++) {
        struct notice row = row_at(i);
        if (!may_be(looking, &row) || !row_holds(looking, &row))
            continue;
        take_row(reading, &row);
        return true;
    }
    return false;
}

bool carom_read_sure_notice(struct carom_reading *reading) { return read_rows(reading, true); }

bool carom_read_notice(struct carom_reading *reading) { return read_rows(reading, false); }
