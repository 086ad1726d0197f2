/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What an automatic reply states: that its writer is away, left, moved or opened a ticket; until when; a new address. It
   interprets tables/autoreplies.tsv and knows how people write dates. */

#include "base/date.h"
#include "base/utf8.h"
#include "bounce/line.h"
#include "bounce/reader.h"
#include "bounce/tables.h"
#include "mail/address.h"

enum { TEXT_MAX = 4096, NEAR = 60, DAY = 24 * 60 * 60 };

/* ---- Dates ---- */

/* Names of months begin so, in lower case. The longest beginning decides: "marras" is November in Finnish. */
enum { MONTHS = 12, NAMES = 13, NAME = 16 };
static const char months[MONTHS][NAMES][NAME] = {
    {"jan", "gen", "ene", "led", "stycz", "янв", "січ", "tammi", "ocak", "ιαν"},
    {"feb", "fév", "fev", "úno", "lut", "фев", "лют", "helmi", "şub", "φεβ"},
    {"mar", "mär", "maa", "mrt", "bře", "márc", "мар", "берез", "maalis", "μαρ", "μάρ"},
    {"apr", "avr", "abr", "dub", "kwie", "апр", "квіт", "huhti", "nisan", "ápr", "απρ"},
    {"may", "mai", "mag", "mei", "maj", "kvě", "май", "мая", "трав", "touko", "máj", "μαι", "μαΐ"},
    {"jun", "juin", "giu", "červ", "cze", "июн", "черв", "kesä", "haziran", "jún", "ιουν"},
    {"jul", "juil", "lug", "července", "červenec", "lip", "июл", "лип", "heinä", "temmuz", "júl", "ιουλ"},
    {"aug", "aoû", "ago", "srp", "sierp", "авг", "серп", "elokuu", "elok", "ağu", "αυγ"},
    {"sep", "set", "zář", "wrze", "сен", "верес", "syys", "eylül", "szept", "σεπ"},
    {"oct", "okt", "ott", "out", "říj", "paź", "окт", "жовт", "loka", "ekim", "οκτ"},
    {"nov", "listop", "ноя", "листоп", "marras", "kasım", "νοε"},
    {"dec", "dez", "déc", "dic", "pros", "gru", "дек", "груд", "joulu", "aralık", "δεκ"},
};

static int month_of(struct carom_str word)
{
    char first = word.len > 0 ? carom_lower(word.ptr[0]) : '\0';
    size_t longest = 0;
    int month = 0;

    for (int m = 0; first && m < MONTHS; m++) {
        for (const char(*name)[NAME] = months[m]; name < months[m] + NAMES; name++) {
            size_t n = (*name)[0] == first ? strlen(*name) : 0; /* most names begin otherwise */
            if (n > longest && carom_str_istarts(word, carom_str_n(*name, n))) {
                longest = n;
                month = m + 1;
            }
        }
    }
    return month;
}

enum { TOKENS = 12, WORDS = 4 }; /* "until Monday, the 17th" */
struct token {
    struct carom_str text; /* a run of digits or of letters */
    int64_t number;        /* -1: letters */
    char after;            /* what follows, 0 at the end */
};

/* The next run of digits or of letters, whatever stands between. */
static bool next_token(struct carom_str *rest, struct token *token_r)
{
    size_t at = 0, n = 0;
    struct carom_str s = *rest;

    while (at < s.len && !carom_is_digit(s.ptr[at]) && !carom_is_alpha(s.ptr[at]) && (unsigned char)s.ptr[at] < 0x80)
        at++;
    while (at + n < s.len && carom_is_digit(s.ptr[at + n]))
        n++;
    if (n == 0)
        while (at + n < s.len && (carom_is_alpha(s.ptr[at + n]) || (unsigned char)s.ptr[at + n] >= 0x80))
            n++;
    token_r->text = carom_str_n(s.ptr + at, n);
    token_r->number = carom_str_number(token_r->text);
    token_r->after = at + n < s.len ? s.ptr[at + n] : '\0';
    *rest = carom_str_from(s, at + n);
    return n > 0;
}

struct day {
    int64_t year, month, day; /* year 0: not stated */
};

static bool is_day(int64_t number) { return number >= 1 && number <= 31; }
static bool is_month(int64_t number) { return number >= 1 && number <= 12; }
static bool is_year(const struct token *token) { return token->text.len == 4 && token->number >= 1990; }

static bool starts(const struct token *token, const char *word)
{
    return carom_str_starts(token->text, carom_str(word));
}

/* "11月17日", "11월 17일" */
static bool read_east_asian(const struct token *t, struct day *day_r)
{
    if (!is_month(t[0].number) || !(starts(&t[1], "月") || starts(&t[1], "월")) || !is_day(t[2].number))
        return false;
    day_r->month = t[0].number;
    day_r->day = t[2].number;
    return true;
}

/* "17 November", "17th of November", "17. November", "17 de noviembre" */
static const struct token *month_behind(const struct token *t)
{
    static const char *const between[] = {"st", "nd", "rd", "th", "of", "de", "del", "di", "ter", "er"};

    for (size_t i = 0; i < sizeof between / sizeof *between; i++)
        if (carom_str_eq(t->text, carom_str(between[i])))
            return month_of(t[1].text) ? &t[1] : month_behind(t + 1);
    return month_of(t->text) ? t : NULL;
}

/* The year behind a month: "November 2025", "noviembre de 2025". */
static int64_t year_behind(const struct token *t)
{
    if (carom_str_eq(t->text, CAROM_STR("de")) || carom_str_eq(t->text, CAROM_STR("del")))
        t++;
    return is_year(t) ? t->number : 0;
}

/* Figures only. "3/9/2026" says one thing in America and another elsewhere: taken when a number above 12 decides. A day
   and month alone need the dots of "17.11.". */
static bool read_figures(const struct token *t, struct day *day_r)
{
    int64_t a = t[0].number, b = t[1].number, c = t[2].number;
    bool dots = t[0].after == '.';

    if (!is_day(a) || b < 1 || !strchr("./-", t[0].after) || !t[0].after)
        return false;
    if (dots && is_month(b) && t[1].after == '.' && !(t[2].number > 0 && (is_year(&t[2]) || t[2].text.len == 2))) {
        *day_r = (struct day){0, b, a};
        return true;
    }
    if (t[1].after != t[0].after || (!is_year(&t[2]) && !(dots && t[2].text.len == 2 && c > 0)))
        return false;
    if (c < 100)
        c += 2000;
    if (is_month(b) && (dots || a > 12))
        *day_r = (struct day){c, b, a};
    else if (is_month(a) && is_day(b) && b > 12)
        *day_r = (struct day){c, a, b};
    else
        return false;
    return true;
}

static bool read_day(const struct token *t, struct day *day_r)
{
    const struct token *month;

    *day_r = (struct day){0, 0, 0};
    if (is_year(t) && (starts(&t[1], "年") || starts(&t[1], "년")) && read_east_asian(t + 2, day_r)) {
        day_r->year = t->number;
        return true;
    }
    if (is_year(t) && is_month(t[1].number) && is_day(t[2].number) && t[0].after == t[1].after) {
        *day_r = (struct day){t->number, t[1].number, t[2].number};
        return true;
    }
    if (read_east_asian(t, day_r) || read_figures(t, day_r))
        return true;
    if (is_day(t->number) && (month = month_behind(t + 1))) {
        *day_r = (struct day){year_behind(month + 1), month_of(month->text), t->number};
        return true;
    }
    if (t->number < 0 && month_of(t->text) && is_day(t[1].number)) { /* March 9, 2026; March 9th, 2026 */
        const struct token *next = starts(&t[2], "th") || starts(&t[2], "st") || starts(&t[2], "nd") ||
                                           starts(&t[2], "rd") ? &t[3] : &t[2];
        *day_r = (struct day){is_year(next) ? next->number : 0, month_of(t->text), t[1].number};
        return true;
    }
    return false;
}

/* Without a year it is the next such day after the reply was written. */
static int64_t time_of(struct day day, int64_t written)
{
    char now[32];

    if (day.year != 0)
        return carom_date_midnight(day.year, day.month, day.day);
    if (written <= 0)
        return 0;
    int64_t year = carom_str_number(carom_str_head(carom_str_n(now, carom_date_format(written, now)), 4));
    int64_t time = carom_date_midnight(year, day.month, day.day);
    return time >= written - 2 * DAY ? time : carom_date_midnight(year + 1, day.month, day.day);
}

/* "… notice. On 3 May": a full stop behind a word, not behind a day, a month or "Mon." */
static bool ends_sentence(const struct token *t)
{
    return t->number < 0 && t->after == '.' && t->text.len > 3 && month_of(t->text) == 0;
}

/* The date that begins within the first words of text, or the last one anywhere in it; 0: none. */
static int64_t read_date(struct carom_str text, bool last, int64_t written)
{
    struct token tokens[TOKENS + 6]; /* those behind the end: nothing */
    int64_t time = 0;
    struct day day;
    size_t n = 0;

    for (size_t i = 0; i < TOKENS + 6; i++)
        tokens[i] = (struct token){CAROM_STR_EMPTY, -1, '\0'};
    while (n < TOKENS && next_token(&text, &tokens[n]))
        n++;
    for (size_t i = 0; i < n && (last || (time == 0 && i < WORDS)); i++) {
        if (!last && i > 0 && ends_sentence(&tokens[i - 1]))
            break;
        int64_t stated = read_day(&tokens[i], &day) ? time_of(day, written) : 0;
        time = stated > 0 ? stated : time;
    }
    return time;
}

/* ---- Rows ---- */

struct stating {
    struct carom_reading *reading;
    struct carom_utf8_text text; /* what the writer wrote, without quotes */
    struct carom_str subject;    /* folded */
    int64_t written;
};

static struct carom_utf8_text own_words(struct carom_reading *reading)
{
    char *words = carom_arena_raw(reading->arena, TEXT_MAX + 1);
    struct carom_str rest = reading->report->text, line;
    size_t n = 0;

    while (carom_str_line(&rest, &line)) {
        line = carom_str_trim(line);
        if (line.len > 0 && line.ptr[0] == '>')
            continue;
        if (n + line.len + 1 > TEXT_MAX)
            break;
        memcpy(words + n, line.ptr, line.len);
        n += line.len;
        words[n++] = ' ';
    }
    return carom_utf8_normalise(reading->arena, carom_str_n(words, n));
}

static bool is_letter(char c) { return carom_is_alpha(c) || (unsigned char)c >= 0x80; }

/* Latin, Greek, Cyrillic: scripts that set words apart, by the first byte in UTF-8. */
static bool begins_word(char c) { return carom_is_alpha(c) || ((unsigned char)c >= 0xc3 && (unsigned char)c < 0xd8); }

/* Where words stand in text as words of their own; SIZE_MAX: nowhere. */
static size_t find_words(struct carom_str text, struct carom_str words)
{
    size_t from = 0, at;

    while ((at = carom_str_find(carom_str_from(text, from), words)) != SIZE_MAX) {
        at += from;
        if (at == 0 || !begins_word(words.ptr[0]) || !is_letter(text.ptr[at - 1]))
            return at;
        from = at + 1;
    }
    return SIZE_MAX;
}

/* All pieces of pattern, between '*', one after the other. */
static bool says(struct carom_str text, struct carom_str pattern)
{
    while (pattern.len > 0) {
        struct carom_str piece = carom_str_head(pattern, carom_str_chr(pattern, '*'));
        size_t at = find_words(text, piece);

        if (at == SIZE_MAX)
            return false;
        text = carom_str_from(text, at + piece.len);
        pattern = carom_str_from(pattern, piece.len + 1);
    }
    return true;
}

/* Where a date stands: behind the words, or, with "{text}" in front of them, before ("11月17日まで", "17.11.2025 asti"). */
static int64_t find_until(const struct stating *stating, struct carom_str pattern)
{
    struct carom_str text = carom_str_starts(pattern, CAROM_STR("(")) ? stating->subject : stating->text.folded;
    bool before = carom_str_starts(pattern, CAROM_STR("{text}"));
    struct carom_str words = before ? carom_str_from(pattern, 6) : carom_str_head(pattern, carom_str_chr(pattern, '{'));
    int64_t time = 0;

    for (int tries = 0; tries < 4 && time == 0; tries++) {
        size_t at = before ? carom_str_find(text, words) : find_words(text, words);
        if (at == SIZE_MAX)
            break;
        if (before)
            time = read_date(carom_str_n(text.ptr + (at > NEAR ? at - NEAR : 0), at > NEAR ? NEAR : at), true, stating->written);
        else
            time = read_date(carom_str_head(carom_str_from(text, at + words.len), NEAR), false, stating->written);
        text = carom_str_from(text, at + words.len);
    }
    return time;
}

static struct carom_str find_new_address(const struct stating *stating, struct carom_str pattern)
{
    struct carom_reading *reading = stating->reading;
    struct carom_line_captures found;
    size_t start, end;

    if (!carom_line_find(reading->arena, stating->text.folded, pattern, &found, &start, &end))
        return CAROM_STR_EMPTY;
    struct carom_str shown = carom_str_n(stating->text.shown.ptr + start, end - start);
    struct carom_str addr = carom_address_find(reading->arena, shown);
    return carom_str_ieq(addr, carom_report_outside(reading)->from) ? CAROM_STR_EMPTY : addr;
}

static void take_row(const struct stating *stating, const struct carom_autoreply_row *row)
{
    struct carom_autoreply *autoreply = &stating->reading->report->autoreply;
    struct carom_str what = carom_cell_str(row->what), pattern = carom_cell_str(row->pattern);

    if (carom_str_eq(what, CAROM_STR("until"))) {
        if (autoreply->until == 0)
            autoreply->until = find_until(stating, pattern);
    } else if (carom_str_eq(what, CAROM_STR("new_address"))) {
        if (autoreply->new_address.len == 0)
            autoreply->new_address = find_new_address(stating, pattern);
    } else if (autoreply->type.len == 0 && says(stating->text.folded, pattern)) {
        autoreply->type = what;
    }
}

struct carom_str carom_autoreply_type(struct carom_reading *reading)
{
    struct carom_str words = own_words(reading).folded;

    struct carom_sieved rows;

    carom_sieved_init(&rows);
    carom_sieve_add(carom_autoreplies_sieves, words, &rows);
    for (size_t i = 0; (i = carom_sieved_next(&rows, i)) != SIZE_MAX; i++) {
        struct carom_str what = carom_cell_str(carom_autoreplies[i].what);
        if (!carom_str_eq(what, CAROM_STR("until")) && !carom_str_eq(what, CAROM_STR("new_address")) &&
            says(words, carom_cell_str(carom_autoreplies[i].pattern)))
            return what;
    }
    return CAROM_STR_EMPTY;
}

void carom_read_autoreply(struct carom_reading *reading, struct carom_str type)
{
    struct carom_autoreply *autoreply = &reading->report->autoreply;
    const struct carom_headers *headers = &reading->message->root->headers;
    struct stating stating = {reading, own_words(reading),
                              carom_report_outside(reading)->folded,
                              carom_date_parse(carom_headers_text(reading->arena, headers, "Date"))};

    if (carom_str_eq(type, CAROM_STR("ticket"))) /* said by a ticket system's own header or subject */
        autoreply->type = type;
    struct carom_sieved rows;
    carom_sieved_init(&rows);
    carom_sieve_add(carom_autoreplies_sieves, stating.text.folded, &rows);
    carom_sieve_add(carom_autoreplies_sieves, stating.subject, &rows);
    for (size_t i = 0; (i = carom_sieved_next(&rows, i)) != SIZE_MAX; i++)
        take_row(&stating, &carom_autoreplies[i]);
    if (autoreply->type.len == 0 && type.len > 0)
        autoreply->type = type;
}
