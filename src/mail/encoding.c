/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Transfer encodings: base64, quoted-printable, the Q of encoded words, xtext. It knows nothing of charsets: bytes
   go in, bytes come out, and what is malformed is kept or skipped, never refused. */

#include "mail/encoding.h"

#include "base/many.h"
#include "base/utf8.h"

static int hex_digit(char c)
{
    if (carom_is_digit(c))
        return c - '0';
    c = carom_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that two hex digits at text[i] stand for, or -1. */
static int hex_byte(struct carom_str text, size_t i)
{
    int high = i + 1 < text.len ? hex_digit(text.ptr[i]) : -1;
    int low = high >= 0 ? hex_digit(text.ptr[i + 1]) : -1;

    return low >= 0 ? high * 16 + low : -1;
}

static bool token_char(char c)
{
    return carom_is_alpha(c) || carom_is_digit(c) || c == '-';
}

/* Seen with quotes, comments and parameters around it: the first word counts. */
enum carom_encoding carom_encoding_parse(struct carom_str value)
{
    size_t start = 0, end;

    while (start < value.len && (carom_is_space(value.ptr[start]) || value.ptr[start] == '"'))
        start++;
    for (end = start; end < value.len && token_char(value.ptr[end]);)
        end++;
    value = carom_str_head(carom_str_from(value, start), end - start);
    if (carom_str_ieq(value, CAROM_STR("base64")))
        return CAROM_ENCODING_BASE64;
    if (carom_str_ieq(value, CAROM_STR("quoted-printable")))
        return CAROM_ENCODING_QP;
    return CAROM_ENCODING_NONE;
}

/* One more than a digit stands for; 0: it is none. */
#define DIGITS(first, value) [first] = value + 1, [first + 1] = value + 2, [first + 2] = value + 3, \
                             [first + 3] = value + 4, [first + 4] = value + 5
static const unsigned char base64_digits[256] = {
    DIGITS('A', 0),  DIGITS('F', 5),  DIGITS('K', 10), DIGITS('P', 15), DIGITS('U', 20), ['Z'] = 26,
    DIGITS('a', 26), DIGITS('f', 31), DIGITS('k', 36), DIGITS('p', 41), DIGITS('u', 46), ['z'] = 52,
    DIGITS('0', 52), DIGITS('5', 57), ['+'] = 63, ['/'] = 64,
};

static int base64_digit(char c)
{
    return base64_digits[(unsigned char)c] - 1;
}

/* Four digits are three bytes: is that so at text? */
static bool put_quantum(const char *text, char *out)
{
    int a = base64_digit(text[0]), b = base64_digit(text[1]), c = base64_digit(text[2]), d = base64_digit(text[3]);

    if ((a | b | c | d) < 0)
        return false;
    out[0] = (char)(unsigned char)(a << 2 | b >> 4);
    out[1] = (char)(unsigned char)(b << 4 | c >> 2);
    out[2] = (char)(unsigned char)(c << 6 | d);
    return true;
}

/* Padding ends a quantum, not the data: some senders encode pieces and put them one after the other. */
static struct carom_str decode_base64(struct carom_arena *arena, struct carom_str bytes, size_t max)
{
    size_t room = bytes.len / 4 * 3 + 3, n = 0;
    char *out = carom_arena_raw(arena, room < max ? room : max);
    uint32_t held = 0;
    unsigned bits = 0;

    for (size_t i = 0; i < bytes.len && n < max; i++) {
        for (; bits == 0 && bytes.len - i > 4 && max - n > 3 && put_quantum(bytes.ptr + i, out + n); i += 4)
            n += 3;
        int digit = base64_digit(bytes.ptr[i]);

        if (digit >= 0) {
            held = (held << 6 | (uint32_t)digit) & 0xffff;
            bits += 6;
            if (bits >= 8) {
                bits -= 8;
                out[n++] = (char)(unsigned char)(held >> bits & 0xff);
            }
        } else if (bytes.ptr[i] == '=') {
            bits = 0;
        }
    }
    return carom_str_n(out, n);
}

/* The length of a line end at text[i], after white space that was added in transport; 0: there is none. */
static size_t soft_break(struct carom_str text, size_t i)
{
    size_t from = i;

    while (i < text.len && (text.ptr[i] == ' ' || text.ptr[i] == '\t'))
        i++;
    if (i < text.len && text.ptr[i] == '\r')
        return i + 1 - from + (i + 1 < text.len && text.ptr[i + 1] == '\n');
    return i >= text.len || text.ptr[i] == '\n' ? i - from + 1 : 0;
}

static inline carom_many qp_signs(const char *at)
{
    carom_many bytes = carom_many_load(at);

    return (carom_many)((bytes == '=') | (bytes == '\n') | (bytes == '\r'));
}

/* The end of what stands for itself from text[i] on, up to `end`. */
static size_t qp_run(struct carom_str text, size_t i, size_t end)
{
    for (size_t hit; i + CAROM_MANY <= end; i += CAROM_MANY)
        if ((hit = carom_many_first(qp_signs(text.ptr + i))) < CAROM_MANY)
            return i + hit;
    while (i < end && text.ptr[i] != '=' && text.ptr[i] != '\n' && text.ptr[i] != '\r')
        i++;
    return i;
}

/* RFC 2045 6.7. White space at the end of a line was added in transport (rule 3); a '=' that begins nothing stays.
   hard: the length of out up to which nothing may be taken back. */
static struct carom_str decode_qp(struct carom_arena *arena, struct carom_str bytes, size_t max)
{
    char *out = carom_arena_raw(arena, bytes.len < max ? bytes.len : max);
    size_t n = 0, hard = 0, skip;

    for (size_t i = 0; i < bytes.len && n < max; i++) {
        size_t most = bytes.len - i < max - n ? bytes.len : i + (max - n), end = qp_run(bytes, i, most);

        memcpy(out + n, bytes.ptr + i, end - i);
        n += end - i;
        i = end;
        if (i == most)
            break;
        int byte = bytes.ptr[i] == '=' ? hex_byte(bytes, i + 1) : -1;

        if (byte >= 0) {
            out[n++] = (char)(unsigned char)byte;
            hard = n;
            i += 2;
        } else if (bytes.ptr[i] == '=' && (skip = soft_break(bytes, i + 1)) > 0) {
            hard = n;
            i += skip;
        } else {
            while (bytes.ptr[i] != '=' && n > hard && (out[n - 1] == ' ' || out[n - 1] == '\t'))
                n--;
            out[n++] = bytes.ptr[i];
        }
    }
    return carom_str_n(out, n);
}

struct carom_str carom_encoding_decode(struct carom_arena *arena, enum carom_encoding encoding, struct carom_str bytes,
                                       size_t max)
{
    switch (encoding) {
    case CAROM_ENCODING_BASE64: return decode_base64(arena, bytes, max);
    case CAROM_ENCODING_QP: return decode_qp(arena, bytes, max);
    case CAROM_ENCODING_NONE: break;
    }
    return carom_str_head(bytes, max);
}

struct carom_str carom_encoding_q(struct carom_arena *arena, struct carom_str bytes)
{
    char *out = carom_arena_raw(arena, bytes.len);
    size_t n = 0;

    for (size_t i = 0; i < bytes.len; i++) {
        int byte = bytes.ptr[i] == '=' ? hex_byte(bytes, i + 1) : -1;

        if (byte >= 0)
            i += 2;
        else
            byte = bytes.ptr[i] == '_' ? ' ' : (unsigned char)bytes.ptr[i];
        out[n++] = (char)(unsigned char)byte;
    }
    return carom_str_n(out, n);
}

/* "\x{HEX}" at text[i]: its length and the character, or 0. NUL and surrogates are no characters of an address. */
static size_t unitext(struct carom_str text, size_t i, uint32_t *character_r)
{
    size_t end = i + 3;
    uint32_t character = 0;

    if (end > text.len || memcmp(text.ptr + i, "\\x{", 3) != 0)
        return 0;
    for (; end < text.len && end < i + 9 && hex_digit(text.ptr[end]) >= 0; end++)
        character = character * 16 + (uint32_t)hex_digit(text.ptr[end]);
    if (end == text.len || text.ptr[end] != '}' || character == 0 || character > 0x10ffff ||
        (character >= 0xd800 && character <= 0xdfff))
        return 0;
    *character_r = character;
    return end + 1 - i;
}

struct carom_str carom_encoding_xtext(struct carom_arena *arena, struct carom_str text)
{
    size_t n = 0;
    char *out;

    if (carom_str_chr(text, '+') == SIZE_MAX && carom_str_chr(text, '\\') == SIZE_MAX)
        return text;
    out = carom_arena_raw(arena, text.len);
    for (size_t i = 0; i < text.len; i++) {
        int byte = text.ptr[i] == '+' ? hex_byte(text, i + 1) : -1;
        uint32_t character;
        size_t length = unitext(text, i, &character);

        if (byte >= 0) {
            out[n++] = (char)(unsigned char)byte;
            i += 2;
        } else if (length > 0) {
            n += carom_utf8_encode(character, out + n);
            i += length - 1;
        } else {
            out[n++] = text.ptr[i];
        }
    }
    return carom_str_n(out, n);
}
