/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The encoder of RFC 3492, for one label at a time. It decides nothing about which characters a registry allows. */

#include "mail/punycode.h"

#include "base/utf8.h"

enum {
    LABEL_MAX = 63,
    BASE = 36,
    TMIN = 1,
    TMAX = 26,
    SKEW = 38,
    DAMP = 700,
    INITIAL_BIAS = 72,
    INITIAL_N = 128
};

struct label {
    char ptr[LABEL_MAX];
    size_t len;
    bool failed; /* longer than a label may be */
};

static void put(struct label *label, char c)
{
    if (label->len == LABEL_MAX)
        label->failed = true;
    else
        label->ptr[label->len++] = c;
}

/* RFC 3492 6.1 */
static uint32_t adapt(uint32_t delta, uint32_t points, bool first)
{
    uint32_t k = 0;

    delta = first ? delta / DAMP : delta / 2;
    for (delta += delta / points; delta > (BASE - TMIN) * TMAX / 2; k += BASE)
        delta /= BASE - TMIN;
    return k + (BASE - TMIN + 1) * delta / (delta + SKEW);
}

/* RFC 3492 6.3, the inner loop: delta as a variable-length integer. */
static void put_delta(struct label *label, uint32_t delta, uint32_t bias)
{
    for (uint32_t k = BASE;; k += BASE) {
        uint32_t t = k <= bias ? TMIN : k >= bias + TMAX ? TMAX : k - bias, digit = delta;

        if (delta >= t)
            digit = t + (delta - t) % (BASE - t);
        put(label, (char)(digit < 26 ? 'a' + digit : '0' + (digit - 26)));
        if (delta < t)
            return;
        delta = (delta - t) / (BASE - t);
    }
}

static uint32_t least_from(const uint32_t *points, size_t n, uint32_t from)
{
    uint32_t least = UINT32_MAX;

    for (size_t i = 0; i < n; i++)
        if (points[i] >= from && points[i] < least)
            least = points[i];
    return least;
}

/* RFC 3492 6.3. At most 63 characters of at most 0x10ffff: delta stays far below 2^32. */
static void encode(struct label *label, const uint32_t *points, size_t n)
{
    uint32_t at = INITIAL_N, delta = 0, bias = INITIAL_BIAS, basic, handled = 0;

    for (size_t i = 0; i < n; i++)
        if (points[i] < 0x80)
            put(label, (char)points[i]), handled++;
    basic = handled;
    if (basic > 0)
        put(label, '-');
    while (handled < n) {
        uint32_t next = least_from(points, n, at);

        delta += (next - at) * (handled + 1);
        at = next;
        for (size_t i = 0; i < n; i++) {
            delta += points[i] < at;
            if (points[i] != at)
                continue;
            put_delta(label, delta, bias);
            bias = adapt(delta, handled + 1, handled == basic);
            delta = 0;
            handled++;
        }
        delta++;
        at++;
    }
}

/* The folded characters of a label. Returns how many; 0: it cannot be encoded. *ascii_r: no need to. */
static size_t read_label(struct carom_str text, uint32_t points[LABEL_MAX], bool *ascii_r)
{
    size_t n = 0, length;

    *ascii_r = true;
    for (; text.len > 0; text = carom_str_from(text, length), n++) {
        uint32_t character;

        length = carom_utf8_decode(text, &character);
        if (length == 0 || n == LABEL_MAX)
            return 0;
        points[n] = carom_utf8_fold(character);
        if (points[n] >= 0xff01 && points[n] <= 0xff5e) /* full width, as Japanese keyboards write it */
            points[n] = carom_utf8_fold(points[n] - 0xfee0);
        *ascii_r &= points[n] < 0x80;
    }
    return n;
}

static struct label encode_label(struct carom_str text)
{
    struct label label = {.len = 0};
    uint32_t points[LABEL_MAX];
    bool ascii;
    size_t n = read_label(text, points, &ascii);

    label.failed = n == 0;
    if (n > 0 && !ascii) {
        put(&label, 'x'), put(&label, 'n'), put(&label, '-'), put(&label, '-');
        encode(&label, points, n);
    }
    for (size_t i = 0; ascii && i < n; i++)
        put(&label, (char)points[i]);
    return label;
}

/* Length of the dot at text[i], or 0: full stop, and the three that IDNA takes for one (RFC 3490 3.1). */
static size_t dot(struct carom_str text, size_t i)
{
    static const char *const dots[] = {".", "\xe3\x80\x82", "\xef\xbc\x8e", "\xef\xbd\xa1"};

    for (size_t k = 0; k < 4; k++)
        if (carom_str_starts(carom_str_from(text, i), carom_str(dots[k])))
            return strlen(dots[k]);
    return 0;
}

/* Nearly all are ASCII, with no label that is too long, and in lower case. */
static struct carom_str plain_domain(struct carom_arena *arena, struct carom_str domain)
{
    size_t i = 0;

    while (i < domain.len && carom_lower(domain.ptr[i]) == domain.ptr[i])
        i++;
    return i == domain.len ? domain : carom_arena_lower(arena, domain);
}

struct carom_str carom_punycode_domain(struct carom_arena *arena, struct carom_str domain)
{
    if (domain.len <= LABEL_MAX && carom_utf8_plain(domain))
        return plain_domain(arena, domain);
    /* A label of three bytes or more becomes at most 63; one of a character, in two bytes and a dot, at most eight. */
    char *out = carom_arena_alloc(arena, domain.len * 8 + LABEL_MAX);
    size_t n = 0;

    for (size_t i = 0, end; i < domain.len; i = end) {
        struct label label;

        for (end = i; end < domain.len && dot(domain, end) == 0;)
            end++;
        label = encode_label(carom_str_n(domain.ptr + i, end - i));
        if (label.failed) {
            memcpy(out + n, domain.ptr + i, end - i);
            n += end - i;
        } else {
            memcpy(out + n, label.ptr, label.len);
            n += label.len;
        }
        if (end < domain.len) {
            out[n++] = '.';
            end += dot(domain, end);
        }
    }
    return carom_str_n(out, n);
}
