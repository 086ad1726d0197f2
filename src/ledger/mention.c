/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Looks at each sign that can stand between local part and domain, and compares what is around it. The text may be JSON,
   where "\nann@example.com" is an escape and no address of nann. */

#include "ledger/mention.h"

static bool is_word(char c)
{
    return carom_is_alpha(c) || carom_is_digit(c) || (unsigned char)c >= 0x80;
}

static int digit_of(char c)
{
    return carom_is_digit(c) ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* The byte that ends before text[i] as links and return paths code it (%2B, =2b); -1: none does. */
static int coded_before(struct carom_str text, size_t i)
{
    if (i < 3 || (text.ptr[i - 3] != '%' && text.ptr[i - 3] != '='))
        return -1;
    int high = digit_of(text.ptr[i - 2]), low = digit_of(text.ptr[i - 1]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* May an address begin at text[i]? What else could stand in a local part marks words rather: *ann@example.com*. */
static bool begins(struct carom_str text, size_t i)
{
    char before = i ? text.ptr[i - 1] : ' ';
    int coded = coded_before(text, i);
    if (coded >= 0)
        return !is_word((char)coded);
    if (i >= 2 && text.ptr[i - 2] == '\\' && carom_str_chr(CAROM_STR("nrtbf\"\\/"), before) != SIZE_MAX)
        return true;
    if (i >= 6 && text.ptr[i - 6] == '\\' && text.ptr[i - 5] == 'u')
        return true;
    return !is_word(before) && carom_str_chr(CAROM_STR("._+-"), before) == SIZE_MAX;
}

/* Where the local part begins that ends before text[i], or SIZE_MAX. */
static size_t start_of(struct carom_str local, struct carom_str text, size_t i)
{
    for (size_t n = local.len; n-- > 0;) {
        if (i >= 1 && carom_lower(text.ptr[i - 1]) == carom_lower(local.ptr[n]))
            i -= 1;
        else if (coded_before(text, i) == (unsigned char)local.ptr[n])
            i -= 3;
        else
            return SIZE_MAX;
    }
    return i;
}

static bool ends(struct carom_str text, size_t i)
{
    if (i >= text.len)
        return true;
    char c = text.ptr[i], next = i + 1 < text.len ? text.ptr[i + 1] : ' ';
    return !is_word(c) && c != '-' && !(c == '.' && is_word(next));
}

static bool is_at(struct carom_str text, size_t i, struct carom_str wanted)
{
    return i <= text.len && carom_str_ieq(carom_str_head(carom_str_from(text, i), wanted.len), wanted);
}

/* Where the address begins whose sign, of that length, is text[i]; SIZE_MAX: it is none of theirs. */
static size_t stands_at(const struct carom_mention *mention, struct carom_str text, size_t i, size_t sign, size_t *end_r)
{
    size_t start = is_at(text, i + sign, mention->domain) ? start_of(mention->local, text, i) : SIZE_MAX;
    if (start == SIZE_MAX)
        return SIZE_MAX;
    *end_r = i + sign + mention->domain.len;
    /* A return path puts the address behind its own: bounces+ann=example.com@lists.example.org. */
    bool begun = begins(text, start) || (text.ptr[i] != '@' && start && strchr("+-", text.ptr[start - 1])) ||
                 (sign == 2 && start >= 2 && text.ptr[start - 2] == '=' && text.ptr[start - 1] == '.');
    return begun && ends(text, *end_r) ? start : SIZE_MAX;
}

/* The same with any length that the sign at text[i] may have: 1, 3 where it is coded, or 2 in our own tokens. */
static size_t stands_around(const struct carom_mention *mention, struct carom_str text, size_t i, size_t *end_r)
{
    char c = text.ptr[i];
    size_t at = c != '%' ? stands_at(mention, text, i, 1, end_r) : SIZE_MAX;
    if (at == SIZE_MAX && c == '=' && is_at(text, i + 1, CAROM_STR("=")))
        at = stands_at(mention, text, i, 2, end_r);
    if (at == SIZE_MAX && c != '@' && is_at(text, i + 1, CAROM_STR("40")))
        at = stands_at(mention, text, i, 3, end_r);
    return at;
}

size_t carom_mention_find(const struct carom_mention *mentions, size_t n, struct carom_str text, size_t from,
                          size_t *end_r)
{
    for (size_t i = from; i < text.len; i++) {
        if (text.ptr[i] != '@' && text.ptr[i] != '=' && text.ptr[i] != '%')
            continue;
        for (size_t k = 0; k < n; k++) {
            size_t at = stands_around(&mentions[k], text, i, end_r);
            if (at != SIZE_MAX && at >= from) /* not within the one before: ann@a-b=a-b */
                return at;
        }
    }
    return SIZE_MAX;
}

bool carom_mention_blot(const struct carom_mention *mentions, size_t n, struct carom_str text, struct carom_buf *out)
{
    size_t from = 0, at, end;

    carom_buf_clear(out);
    while ((at = carom_mention_find(mentions, n, text, from, &end)) != SIZE_MAX) {
        carom_buf_add_str(out, carom_str_head(carom_str_from(text, from), at - from));
        carom_buf_add_str(out, CAROM_STR("[erased]"));
        from = end;
    }
    if (!from)
        return false;
    carom_buf_add_str(out, carom_str_from(text, from));
    return true;
}
