/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Charsets to UTF-8 through iconv. The label comes from mail, so iconv never sees one whose shape was not checked:
   glibc gives a meaning to "//", "," and the empty name. Nothing here knows where the bytes came from. */

#include "mail/charset.h"

#include <errno.h>
#include <iconv.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/utf8.h"

enum { LABEL_MAX = 40 };
static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */

/* 0x80 to 0x9f; 0: not assigned. The rest of windows-1252 is Latin-1. */
static const uint16_t windows_1252[32] = {
    0x20ac, 0, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
    0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0, 0x017d, 0,
    0, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
    0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0, 0x017e, 0x0178,
};

/* At most max bytes of UTF-8, without half a character at the end. */
static struct carom_str head_whole(struct carom_str s, size_t max)
{
    if (s.len <= max)
        return s;
    while (max > 0 && ((unsigned char)s.ptr[max] & 0xc0) == 0x80)
        max--;
    return carom_str_head(s, max);
}

static size_t room_for(struct carom_str bytes, size_t max)
{
    return bytes.len < max / 3 ? bytes.len * 3 : max;
}

static struct carom_str from_windows_1252(struct carom_arena *arena, struct carom_str bytes, size_t max)
{
    size_t room = room_for(bytes, max), n = 0;
    char *out = carom_arena_raw(arena, room);

    for (size_t i = 0; i < bytes.len; i++) {
        uint32_t character = (unsigned char)bytes.ptr[i];
        char encoded[4];
        size_t length;

        if (character < 0x80 && n < room) {
            out[n++] = bytes.ptr[i];
            continue;
        }
        if (character >= 0x80 && character < 0xa0)
            character = windows_1252[character - 0x80] ? windows_1252[character - 0x80] : 0xfffd;
        length = carom_utf8_encode(character, encoded);
        if (length > room - n)
            break;
        memcpy(out + n, encoded, length);
        n += length;
    }
    return carom_str_n(out, n);
}

static struct carom_str from_utf_8(struct carom_arena *arena, struct carom_str bytes, size_t max)
{
    return head_whole(carom_utf8_clean(arena, head_whole(bytes, max)), max);
}

static struct carom_str guess(struct carom_arena *arena, struct carom_str bytes, size_t max)
{
    struct carom_str head = head_whole(bytes, max);

    return carom_utf8_valid(head) ? head : from_windows_1252(arena, bytes, max);
}

/* Copies s into *out if it fits. */
static bool put(char **out, size_t *room, const char *s, size_t n)
{
    if (n > *room)
        return false;
    memcpy(*out, s, n);
    *out += n;
    *room -= n;
    return true;
}

/* ---- Converters ---- */

/* Opening one loads a module of the C library, and closing the last one for that charset unloads it, both under locks
   that stop all threads: those that were used last stay open. */
enum { SPARE = 16 };
struct converter {
    char name[LABEL_MAX + 1];
    iconv_t handle;
};
static const iconv_t none = (iconv_t)-1;
static struct {
    pthread_mutex_t lock;
    struct converter list[SPARE]; /* the one used last stands last */
    size_t n;
    bool ends; /* they are closed at the end of the process */
} spare = {.lock = PTHREAD_MUTEX_INITIALIZER};

static iconv_t take_out(size_t place)
{
    iconv_t handle = spare.list[place].handle;

    spare.n--;
    memmove(&spare.list[place], &spare.list[place + 1], (spare.n - place) * sizeof(spare.list[0]));
    return handle;
}

static iconv_t borrow(const char *name)
{
    iconv_t found = none;

    pthread_mutex_lock(&spare.lock);
    for (size_t i = spare.n; i-- > 0 && found == none;)
        if (strcmp(spare.list[i].name, name) == 0)
            found = take_out(i);
    pthread_mutex_unlock(&spare.lock);
    if (found == none)
        found = iconv_open("UTF-8", name);
    /* Where memory is short while it loads a converter, glibc says that there is none. */
    return found == none && errno == EINVAL ? iconv_open("UTF-8", name) : found;
}

/* Also where the library is unloaded again: then, too, nothing of it stays behind. */
static void close_all(void)
{
    while (spare.n)
        iconv_close(take_out(spare.n - 1));
}

static void arrange_end(void)
{
    spare.ends = atexit(close_all) == 0;
}

static void give_back(const char *name, iconv_t handle)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct converter converter = {.handle = handle};
    iconv_t oldest = handle;

    iconv(handle, NULL, NULL, NULL, NULL); /* the next text begins anew */
    strcpy(converter.name, name);
    pthread_once(&once, arrange_end);
    pthread_mutex_lock(&spare.lock);
    if (spare.ends) {
        oldest = spare.n == SPARE ? take_out(0) : none;
        spare.list[spare.n++] = converter;
    }
    pthread_mutex_unlock(&spare.lock);
    if (oldest != none)
        iconv_close(oldest);
}

/* The memory is there before the descriptor is open: an allocation may jump, and would leak it. Three bytes for each
   byte suffice for every charset of mail; a charset that needs more is cut like one that reaches max. */
static struct carom_str from_iconv(struct carom_arena *arena, const char *name, struct carom_str bytes, size_t max)
{
    size_t room = room_for(bytes, max), left = bytes.len;
    char *start = carom_arena_raw(arena, room), *out = start, *in = (char *)(uintptr_t)bytes.ptr;
    iconv_t converter = borrow(name);

    if (converter == none && (errno == ENOMEM || errno == EMFILE || errno == ENFILE))
        carom_arena_alloc(arena, SIZE_MAX); /* the machine is short of it: read as another charset is read wrongly */
    if (converter == none)
        return guess(arena, bytes, max);
    while (left > 0 && iconv(converter, &in, &left, &out, &room) == (size_t)-1) {
        /* Out of room, or a byte that is no character here, or half a character at the end. */
        if (errno == E2BIG || left == 0 || !put(&out, &room, replacement, 3))
            break;
        in++;
        left--;
    }
    iconv(converter, NULL, NULL, &out, &room); /* windows-1255 and others hold back a letter */
    give_back(name, converter);
    return carom_str_n(start, (size_t)(out - start));
}

static const struct carom_charset_row *find_row(struct carom_str label)
{
    char letters[LABEL_MAX];
    struct carom_str small = carom_str_n(letters, label.len);
    size_t at, row;

    if (label.len > LABEL_MAX)
        return NULL;
    for (size_t i = 0; i < label.len; i++)
        letters[i] = carom_lower(label.ptr[i]);
    for (at = carom_str_hash(0, small); (row = carom_charsets_index[at & (carom_charsets_index_n - 1)]); at++)
        if (carom_str_eq(small, carom_str(carom_charsets[row - 1].label)))
            return &carom_charsets[row - 1];
    return NULL;
}

/* A label that our table does not have, as a name for iconv. */
static bool safe_name(struct carom_str label, char name_r[LABEL_MAX + 1])
{
    if (label.len == 0 || label.len > LABEL_MAX || !(carom_is_alpha(label.ptr[0]) || carom_is_digit(label.ptr[0])))
        return false;
    for (size_t i = 0; i < label.len; i++) {
        char c = label.ptr[i];

        if (!carom_is_alpha(c) && !carom_is_digit(c) && !(c && strchr("-_.:+", c)))
            return false;
        name_r[i] = c;
    }
    name_r[label.len] = '\0';
    return true;
}

struct carom_str carom_charset_to_utf8(struct carom_arena *arena, struct carom_str label, struct carom_str bytes,
                                       size_t max)
{
    const struct carom_charset_row *row;
    char name[LABEL_MAX + 1];

    label = carom_str_trim(label);
    if (label.len == 0)
        return guess(arena, bytes, max);
    row = find_row(label);
    if (!row)
        return safe_name(label, name) ? from_iconv(arena, name, bytes, max) : guess(arena, bytes, max);
    switch (row->way) {
    case CAROM_CHARSET_GUESS: break;
    case CAROM_CHARSET_UTF_8: return from_utf_8(arena, bytes, max);
    case CAROM_CHARSET_WINDOWS_1252:
        return carom_utf8_ascii(bytes) ? carom_str_head(bytes, max) : from_windows_1252(arena, bytes, max);
    case CAROM_CHARSET_ASCII:
        return carom_utf8_ascii(bytes) ? carom_str_head(bytes, max) : from_iconv(arena, row->name, bytes, max);
    case CAROM_CHARSET_ICONV: return from_iconv(arena, row->name, bytes, max);
    }
    return guess(arena, bytes, max);
}
