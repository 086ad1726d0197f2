/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Dates as mail writes them. One reader for all of them: it takes words and numbers as they come and asks of each what
   it can be; a grammar per form would refuse what servers really send. It knows no local time. */

#include "base/date.h"

#include <time.h>

#include "base/many.h"

/* What has been understood so far; -1 not yet. */
struct parts {
    int64_t year, month, day, hour, minute, second;
    int64_t zone; /* seconds east */
    bool zoned;
};

static bool is_leap(int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

static int64_t days_in_month(int64_t year, int64_t month)
{
    static const char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year));
}

/* Days from 1970-01-01; the year begins in March, so that the leap day is its last. */
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719468;
}

/* RFC 5322 4.3: 00 to 49 are 2000 to 2049, three digits count from 1900. */
static int64_t full_year(int64_t year)
{
    return year < 50 ? year + 2000 : year < 1000 ? year + 1900 : year;
}

static int64_t seconds_of(const struct parts *p)
{
    if (p->year < 1970 || p->year > 9999 || p->month < 1 || p->month > 12 || p->day < 1 ||
        p->day > days_in_month(p->year, p->month) || p->hour > 23 || p->minute > 59 || p->second > 60)
        return 0;
    int64_t second = p->second > 59 ? 59 : p->second; /* a leap second */
    int64_t time = days_from_civil(p->year, p->month, p->day) * 86400 + p->hour * 3600 + p->minute * 60 + second;
    time -= p->zone;
    return time > 0 && time <= INT64_C(253402300799) ? time : 0;
}

#define WORD(first, second, third) ((uint32_t)(first) << 16 | (uint32_t)(second) << 8 | (uint32_t)(third))
/* word is letters alone. */
static int64_t month_of(struct carom_str word)
{
    static const uint32_t names[] = {
        WORD('j', 'a', 'n'), WORD('f', 'e', 'b'), WORD('m', 'a', 'r'), WORD('a', 'p', 'r'),
        WORD('m', 'a', 'y'), WORD('j', 'u', 'n'), WORD('j', 'u', 'l'), WORD('a', 'u', 'g'),
        WORD('s', 'e', 'p'), WORD('o', 'c', 't'), WORD('n', 'o', 'v'), WORD('d', 'e', 'c'),
    };
    if (word.len < 3)
        return -1;
    uint32_t wanted = WORD((unsigned char)word.ptr[0], (unsigned char)word.ptr[1], (unsigned char)word.ptr[2]) | 0x202020;
    for (int64_t i = 0; i < 12; i++)
        if (names[i] == wanted)
            return i + 1;
    return -1;
}

/* Hours times 100 plus minutes, east positive. RFC 5322 4.3 and what European, Russian and East Asian servers write.
   Letters of the military are not among them: they were defined with the wrong sign, so that RFC 5322 takes them as
   UTC, as it does every name it does not know. */
static const struct {
    char name[5];
    int16_t offset;
} zones[] = {
    {"UT", 0},     {"UTC", 0},    {"GMT", 0},    {"EST", -500},  {"EDT", -400}, {"CST", -600}, {"CDT", -500},
    {"MST", -700}, {"MDT", -600}, {"PST", -800}, {"PDT", -700},  {"AKST", -900}, {"AKDT", -800}, {"HST", -1000},
    {"WET", 0},    {"WEST", 100}, {"BST", 100},  {"CET", 100},   {"CEST", 200}, {"MET", 100},  {"MEST", 200},
    {"EET", 200},  {"EEST", 300}, {"MSK", 300},  {"MSD", 400},   {"JST", 900},  {"KST", 900},  {"HKT", 800},
    {"AEST", 1000}, {"AEDT", 1100}, {"NZST", 1200}, {"NZDT", 1300},
};

static int64_t zone_seconds(int64_t hhmm) { return hhmm / 100 * 3600 + hhmm % 100 * 60; }

static void take_word(struct parts *p, struct carom_str word)
{
    int64_t month = month_of(word);
    if (month > 0 && p->month < 0) {
        p->month = month;
        return;
    }
    if (p->hour < 0)
        return; /* a weekday, or a word before the date */
    if (carom_str_ieq(word, CAROM_STR("PM")) && p->hour < 12)
        p->hour += 12;
    else if (carom_str_ieq(word, CAROM_STR("AM")) && p->hour == 12)
        p->hour = 0;
    for (size_t i = 0; !p->zoned && i < sizeof(zones) / sizeof(zones[0]); i++)
        if (carom_str_ieq(word, carom_str(zones[i].name))) {
            p->zone = zone_seconds(zones[i].offset);
            p->zoned = true;
        }
}

static size_t digits(struct carom_str s)
{
    size_t n = 0;
    while (n < s.len && carom_is_digit(s.ptr[n]))
        n++;
    return n;
}

/* A number of least to most digits at the start of *rest, taken off; -1 there is none. */
static int64_t take_number(struct carom_str *rest, size_t least, size_t most)
{
    size_t n = digits(*rest);
    if (n < least || n > most)
        return -1;
    int64_t number = carom_str_number(carom_str_head(*rest, n));
    *rest = carom_str_from(*rest, n);
    return number;
}

static bool take_char(struct carom_str *rest, const char *any)
{
    if (rest->len == 0 || !rest->ptr[0] || !strchr(any, rest->ptr[0]))
        return false;
    *rest = carom_str_from(*rest, 1);
    return true;
}

/* hh:mm[:ss[.fraction]], or with '-' or '.' between (a large sender's reports, obsolete mailers). */
static bool take_time(struct parts *p, struct carom_str *rest)
{
    struct carom_str at = *rest;
    bool dated = p->day > 0;
    int64_t hour = take_number(&at, 1, 2);
    bool colon = at.len > 0 && at.ptr[0] == ':';
    if (hour < 0 || !take_char(&at, dated ? ":-." : ":"))
        return false;
    int64_t minute = take_number(&at, 2, 2);
    if (minute < 0)
        return false;
    struct carom_str seconds = at;
    int64_t second = take_char(&seconds, colon ? ":." : ":-.") ? take_number(&seconds, 2, 2) : -1;
    if (second < 0 && !colon)
        return false;
    if (second >= 0)
        at = seconds;
    if (take_char(&at, ".,"))
        at = carom_str_from(at, digits(at));
    p->hour = hour, p->minute = minute, p->second = second < 0 ? 0 : second;
    *rest = at;
    return true;
}

/* +hhmm or +hh:mm. RFC 5322 3.3: the minutes are below 60; what is no zone is left unknown, that is UTC. */
static bool take_zone(struct parts *p, struct carom_str *rest)
{
    struct carom_str at = *rest;
    int64_t sign = at.ptr[0] == '-' ? -1 : 1;
    if (!take_char(&at, "+-"))
        return false;
    int64_t hhmm = digits(at) == 4 ? take_number(&at, 4, 4) : take_number(&at, 2, 2) * 100;
    if (hhmm < 0)
        return false;
    struct carom_str minutes = at;
    if (hhmm % 100 == 0 && take_char(&minutes, ":") && digits(minutes) == 2) {
        hhmm += take_number(&minutes, 2, 2);
        at = minutes;
    }
    if (hhmm % 100 < 60 && hhmm <= 1500) {
        p->zone = sign * zone_seconds(hhmm);
        p->zoned = true;
    }
    *rest = at;
    return true;
}

/* 2012-10-31, also with '/' and '.'. */
static bool take_iso_date(struct parts *p, struct carom_str *rest)
{
    struct carom_str at = *rest;
    int64_t year = take_number(&at, 4, 4);
    if (year < 0 || !take_char(&at, "-/."))
        return false;
    int64_t month = take_number(&at, 1, 2);
    if (month < 0 || !take_char(&at, "-/."))
        return false;
    int64_t day = take_number(&at, 1, 2);
    if (day < 0)
        return false;
    p->year = year, p->month = month, p->day = day;
    *rest = at;
    return true;
}

static bool take_day_or_year(struct parts *p, struct carom_str *rest)
{
    size_t n = digits(*rest);
    if (n == 0)
        return false;
    int64_t number = n <= 4 ? carom_str_number(carom_str_head(*rest, n)) : -1;
    *rest = carom_str_from(*rest, n);
    if (n <= 2 && p->day < 0)
        p->day = number;
    else if (number >= 0 && p->year < 0 && p->month > 0)
        p->year = full_year(number);
    return true;
}

/* RFC 5322 3.2.2; nested to any depth, so count instead of calling. */
static void skip_comment(struct carom_str *rest)
{
    size_t depth = 0, i = 0;
    do {
        char c = rest->ptr[i++];
        if (c == '\\' && i < rest->len)
            i++;
        else if (c == '(')
            depth++;
        else if (c == ')')
            depth--;
    } while (depth > 0 && i < rest->len);
    *rest = carom_str_from(*rest, i);
}

static void take_next(struct parts *p, struct carom_str *rest)
{
    char c = rest->ptr[0];
    size_t letters = 0;
    while (letters < rest->len && carom_is_alpha(rest->ptr[letters]))
        letters++;
    if (letters > 0) {
        take_word(p, carom_str_head(*rest, letters));
        *rest = carom_str_from(*rest, letters);
    } else if (c == '(') {
        skip_comment(rest);
    } else if (carom_is_digit(c)) {
        if (!(p->year < 0 && take_iso_date(p, rest)) && !(p->hour < 0 && take_time(p, rest)))
            take_day_or_year(p, rest);
    } else if ((c != '+' && c != '-') || p->hour < 0 || p->zoned || !take_zone(p, rest)) {
        *rest = carom_str_from(*rest, 1);
    }
}

/* Of a form '0' is any digit, 'a' any letter, '+' a sign (or a comma), and the rest itself: of each byte it has the
   first that may stand there. */
static bool fits(const char *text, const char *form)
{
    carom_many first = carom_many_load(form), digit = (carom_many)(first == '0'), letter = (carom_many)(first == 'a');
    carom_many span = (digit & ('9' - '0')) | (letter & ('z' - 'a')) | ((carom_many)(first == '+') & ('-' - '+'));
    return !carom_many_any((carom_many)((carom_many_load(text) | (letter & 0x20)) - first > span));
}

/* A form is longer than one vector, and shorter than two. */
static bool begins_as(struct carom_str text, struct carom_str form)
{
    size_t last = form.len - CAROM_MANY;
    return text.len >= form.len && fits(text.ptr, form.ptr) && fits(text.ptr + last, form.ptr + last);
}

static int64_t two_digits(const char *at) { return 10 * (at[0] - '0') + (at[1] - '0'); }

static int64_t four_digits(const char *at) { return 100 * two_digits(at) + two_digits(at + 2); }

/* How nearly all write it, with the places of its parts: RFC 5322, and asctime() in mboxes, with nothing behind it. */
static const struct usual {
    struct carom_str form;
    uint8_t day, day_n, month, year, time, zone; /* zone 0: none */
} usual[] = {
    {CAROM_STR_INIT("aaa, 00 aaa 0000 00:00:00 +0000"), 5, 2, 8, 12, 17, 26},
    {CAROM_STR_INIT("aaa, 0 aaa 0000 00:00:00 +0000"), 5, 1, 7, 11, 16, 25},
    {CAROM_STR_INIT("aaa aaa 00 00:00:00 0000"), 8, 2, 4, 20, 11, 0},
    {CAROM_STR_INIT("aaa aaa  0 00:00:00 0000"), 9, 1, 4, 20, 11, 0},
};

static bool take_form(struct parts *p, struct carom_str text, const struct usual *form)
{
    const char *at = text.ptr, *zone = at + form->zone;
    if (!begins_as(text, form->form))
        return false;
    if (form->zone ? *zone == ',' || digits(carom_str_from(text, form->form.len)) > 0 : text.len > form->form.len)
        return false;
    int64_t month = month_of(carom_str_n(at + form->month, 3)), hhmm = form->zone ? four_digits(zone + 1) : 0;
    if (month < 0 || hhmm % 100 > 59 || hhmm > 1500)
        return false;
    *p = (struct parts){.year = full_year(four_digits(at + form->year)), .month = month,
                        .day = form->day_n == 2 ? two_digits(at + form->day) : at[form->day] - '0',
                        .hour = two_digits(at + form->time), .minute = two_digits(at + form->time + 3),
                        .second = two_digits(at + form->time + 6), .zone = (*zone == '-' ? -1 : 1) * zone_seconds(hhmm)};
    return true;
}

static bool take_usual(struct parts *p, struct carom_str text)
{
    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
        if (take_form(p, text, &usual[i]))
            return true;
    return false;
}

/* Whatever it is: what most need not go through stands apart. */
static __attribute__((noinline)) int64_t parse_unusual(struct carom_str text)
{
    struct parts p = {-1, -1, -1, -1, 0, 0, 0, false};
    while (text.len > 0 && !(p.zoned && p.year > 0 && p.day > 0 && p.month > 0 && p.hour >= 0))
        take_next(&p, &text);
    if (p.hour < 0)
        p.hour = 0;
    return seconds_of(&p);
}

int64_t carom_date_parse(struct carom_str text)
{
    struct parts p;
    /* What follows a whole date says nothing any more: "remote from host", a queue id. */
    enum { LONGEST = 200 };
    text = carom_str_trim(carom_str_head(text, LONGEST));
    if (text.len == 0)
        return 0;
    return take_usual(&p, text) ? seconds_of(&p) : parse_unusual(text);
}

int64_t carom_date_parse_rfc3339(struct carom_str text)
{
    struct parts p = {-1, -1, -1, -1, 0, 0, 0, false};
    struct carom_str rest = carom_str_trim(text);
    if (digits(rest) != 4 || rest.len < 20 || rest.ptr[4] != '-' || rest.ptr[7] != '-' || !take_iso_date(&p, &rest) ||
        !take_char(&rest, "Tt ") || digits(rest) != 2 || rest.len < 9 || rest.ptr[2] != ':' || rest.ptr[5] != ':' ||
        !take_time(&p, &rest))
        return 0;
    if (!take_char(&rest, "Zz") && (rest.len != 6 || rest.ptr[3] != ':' || !take_zone(&p, &rest) || !p.zoned))
        return 0;
    return rest.len == 0 ? seconds_of(&p) : 0;
}

int64_t carom_date_midnight(int64_t year, int64_t month, int64_t day)
{
    return seconds_of(&(struct parts){year, month, day, 0, 0, 0, 0, false});
}

static const int64_t year_9999 = INT64_C(253402300799);

/* The way back from days_from_civil, by eras of 400 years; free of the C library's time zone and locale. Nothing of it
   needs more than 32 bits, or a sign. */
size_t carom_date_format(int64_t seconds, char out[32])
{
    seconds = seconds < 0 ? 0 : seconds > year_9999 ? year_9999 : seconds; /* four digits are what RFC 3339 has */
    uint32_t days = (uint32_t)((uint64_t)seconds / 86400), time = (uint32_t)((uint64_t)seconds - days * UINT64_C(86400));
    uint32_t z = days + 719468, era = z / 146097, of_era = z - era * 146097;
    uint32_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    uint32_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint32_t m = (5 * of_year + 2) / 153, month = m < 10 ? m + 3 : m - 9;
    uint32_t year = year_of_era + era * 400 + (month <= 2), day = of_year - (153 * m + 2) / 5 + 1;
    const unsigned char pairs[] = {(unsigned char)(year / 100), (unsigned char)(year % 100), (unsigned char)month,
                                   (unsigned char)day, (unsigned char)(time / 3600),
                                   (unsigned char)(time / 60 % 60), (unsigned char)(time % 60)};
    static const unsigned char places[] = {0, 2, 5, 8, 11, 14, 17};
    memcpy(out, "0000-00-00T00:00:00Z", sizeof("0000-00-00T00:00:00Z"));
    for (size_t i = 0; i < sizeof(places); i++) {
        out[places[i]] = (char)('0' + pairs[i] / 10);
        out[places[i] + 1] = (char)('0' + pairs[i] % 10);
    }
    return sizeof("0000-00-00T00:00:00Z") - 1;
}

int64_t carom_duration_parse_ms(struct carom_str text)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    size_t n = digits(text);
    int64_t number = carom_str_number(carom_str_head(text, n));
    for (size_t i = 0; number >= 0 && i < sizeof(units) / sizeof(units[0]); i++)
        if (carom_str_eq(carom_str_from(text, n), carom_str(units[i].unit)))
            return __builtin_mul_overflow(number, units[i].ms, &number) ? -1 : number;
    return -1;
}

int64_t carom_date_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t carom_date_elapsed_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
