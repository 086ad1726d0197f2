/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Looks at each sign that can stand between local part and domain, and compares what is around it. The text may be JSON,
   where "\nann@example.com" is an escape and no address of nann. */

#include "ledger/mention.h"

static bool is_word(char c)
{
    return carom_is_alpha(c) || carom_is_digit(c) || (unsigned char)c >= 0x80;
}

/* May an address begin at text[i]? */
static bool begins(struct carom_str text, size_t i)
{
    char before = i ? text.ptr[i - 1] : ' ';
    if (i >= 2 && text.ptr[i - 2] == '\\' && strchr("nrtbf\"\\/", before))
        return true;
    if (i >= 6 && text.ptr[i - 6] == '\\' && text.ptr[i - 5] == 'u')
        return true;
    return !is_word(before) && !strchr(".!#$&*?^_`{|}~+-", before);
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

/* Of the sign at text[i] the lengths that it can have: 1, 3, both, or 2 in our own tokens. */
static bool stands_at(const struct carom_mention *mention, struct carom_str text, size_t i, size_t sign, size_t *end_r)
{
    size_t start = i - mention->local.len;
    if (i < mention->local.len || !is_at(text, start, mention->local) || !is_at(text, i + sign, mention->domain))
        return false;
    *end_r = i + sign + mention->domain.len;
    /* A return path puts the address behind its own: bounces+ann=example.com@lists.example.org. */
    bool begun = begins(text, start) || (text.ptr[i] != '@' && start && strchr("+-", text.ptr[start - 1])) ||
                 (sign == 2 && start >= 2 && text.ptr[start - 2] == '=' && text.ptr[start - 1] == '.');
    return begun && ends(text, *end_r);
}

size_t carom_mention_find(const struct carom_mention *mentions, size_t n, struct carom_str text, size_t from,
                          size_t *end_r)
{
    for (size_t i = from; i < text.len; i++) {
        char c = text.ptr[i];
        if (c != '@' && c != '=' && c != '%')
            continue;
        const bool coded = c != '@' && is_at(text, i + 1, CAROM_STR("40"));
        const bool token = c == '=' && is_at(text, i + 1, CAROM_STR("="));
        for (size_t k = 0; k < n; k++)
            if ((c != '%' && stands_at(&mentions[k], text, i, 1, end_r)) ||
                (token && stands_at(&mentions[k], text, i, 2, end_r)) ||
                (coded && stands_at(&mentions[k], text, i, 3, end_r)))
                return i - mentions[k].local.len;
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
