/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* HTML to text in one pass. It is no HTML parser: a tag ends at the next '>', and what does not look like a tag
   ("<user@example.com>", which several servers forget to escape) is text. */

#include "mail/html.h"

#include "base/many.h"
#include "base/utf8.h"

struct text {
    char *ptr;
    size_t len, room;
    bool full;
    bool broken; /* a tag has just ended the line */
};

static void put(struct text *text, struct carom_str s)
{
    text->full |= s.len > text->room - text->len;
    if (text->full)
        return;
    memcpy(text->ptr + text->len, s.ptr, s.len);
    text->len += s.len;
}

/* A line break, unless one is there already. */
static void put_break(struct text *text)
{
    if (text->len > 0 && text->ptr[text->len - 1] != '\n')
        put(text, CAROM_STR("\n"));
}

static bool name_char(char c)
{
    return carom_is_alpha(c) || carom_is_digit(c);
}

/* ---- Tags ---- */

static bool is_block(struct carom_str name)
{
    static const char *const blocks[] = {"address", "blockquote", "div", "dd", "dl", "dt", "h1", "h2", "h3", "h4", "h5",
                                         "h6", "hr", "li", "ol", "p", "pre", "table", "title", "tr", "ul"};

    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++)
        if (carom_lower(name.ptr[0]) == blocks[i][0] && carom_str_ieq(name, carom_str(blocks[i])))
            return true;
    return false;
}

/* Length of the tag's name at html[i], a slash before it included; 0: no tag begins there. */
static size_t tag_name(struct carom_str html, size_t i)
{
    size_t start = i;

    if (i < html.len && html.ptr[i] == '/')
        i++;
    if (i == html.len || !carom_is_alpha(html.ptr[i]))
        return 0;
    while (i < html.len && name_char(html.ptr[i]))
        i++;
    if (i + 1 < html.len && html.ptr[i] == ':' && carom_is_alpha(html.ptr[i + 1])) /* <o:p> of Word */
        for (i++; i < html.len && name_char(html.ptr[i]);)
            i++;
    return i < html.len && (carom_is_space(html.ptr[i]) || html.ptr[i] == '>' || html.ptr[i] == '/') ? i - start : 0;
}

/* Offset behind the first `end` at or after i, or the end of html. */
static size_t skip_to(struct carom_str html, size_t i, const char *end)
{
    size_t found = carom_str_ifind(carom_str_from(html, i), carom_str(end));

    return found == SIZE_MAX ? html.len : i + found + strlen(end);
}

/* "<!--" at html[i]. One that never ends is cut at the next '>'; *open then spares the others the search. */
static size_t skip_comment(struct carom_str html, size_t i, bool *open)
{
    if (!*open) {
        size_t end = skip_to(html, i + 4, "-->");

        if (end < html.len || carom_str_iends(html, CAROM_STR("-->")))
            return end;
        *open = true;
    }
    return skip_to(html, i, ">");
}

/* Styles and scripts end at their closing tag alone, a missing one hides the rest: so do browsers. */
static size_t skip_content(struct carom_str html, size_t i, struct carom_str name)
{
    const char *end = carom_str_ieq(name, CAROM_STR("style"))    ? "</style"
                      : carom_str_ieq(name, CAROM_STR("script")) ? "</script"
                                                                 : NULL;

    return end ? skip_to(html, skip_to(html, i, end), ">") : i;
}

static void put_tag(struct text *text, struct carom_str name, bool closing)
{
    if (carom_str_ieq(name, CAROM_STR("br"))) {
        put(text, CAROM_STR("\n"));
        text->broken = true;
    } else if (!closing && (carom_str_ieq(name, CAROM_STR("td")) || carom_str_ieq(name, CAROM_STR("th"))))
        put(text, CAROM_STR(" "));
    else if (is_block(name)) {
        put_break(text);
        text->broken = !carom_str_ieq(name, CAROM_STR("pre"));
    }
}

/* White space of the source behind a line break is none of the text: "<br>" and a line end are one line end. */
static bool is_lost(struct text *text, char c)
{
    text->broken = text->broken && carom_is_space(c);
    return text->broken;
}

/* html[i] is '<'. Returns the offset behind the tag, or i when it is none. */
static size_t read_tag(struct text *text, struct carom_str html, size_t i, bool *open_comment)
{
    size_t length = tag_name(html, i + 1);
    struct carom_str name = carom_str_n(html.ptr + i + 1, length);

    if (carom_str_starts(carom_str_from(html, i), CAROM_STR("<!--")))
        return skip_comment(html, i, open_comment);
    if (i + 1 < html.len && (html.ptr[i + 1] == '!' || html.ptr[i + 1] == '?'))
        return skip_to(html, i, ">");
    if (length == 0)
        return i;
    if (name.ptr[0] == '/')
        name = carom_str_from(name, 1);
    put_tag(text, name, length > name.len);
    i = skip_to(html, i, ">");
    return length > name.len ? i : skip_content(html, i, name);
}

/* ---- Entities ---- */

static uint32_t named(struct carom_str name)
{
    size_t low = 0, high = carom_entities_n;

    while (low < high) {
        size_t middle = (low + high) / 2;
        const char *entry = carom_entities[middle].name;
        int order = strncmp(name.ptr, entry, name.len);

        if (order == 0 && !entry[name.len])
            return (uint32_t)carom_entities[middle].character;
        if (order <= 0)
            high = middle;
        else
            low = middle + 1;
    }
    return 0;
}

static uint32_t numbered(struct carom_str digits)
{
    bool hex = digits.len > 0 && (digits.ptr[0] | 32) == 'x';
    uint32_t character = 0;

    for (size_t i = hex; i < digits.len; i++) {
        char c = carom_lower(digits.ptr[i]);

        if (!carom_is_digit(c) && !(hex && c >= 'a' && c <= 'f'))
            return 0;
        character = character * (hex ? 16 : 10) + (uint32_t)(carom_is_digit(c) ? c - '0' : c - 'a' + 10);
        if (character > 0x10ffff)
            return 0;
    }
    return character >= 0xd800 && character <= 0xdfff ? 0 : character;
}

/* html[i] is '&'. Writes the character of the entity and returns the offset behind it, or i when it is none. */
static size_t read_entity(struct text *text, struct carom_str html, size_t i)
{
    size_t start = i + 1, end = start;
    struct carom_str name;
    uint32_t character;
    char encoded[4];

    while (end < html.len && end - start < 10 && (name_char(html.ptr[end]) || html.ptr[end] == '#'))
        end++;
    if (end == start)
        return i;
    name = carom_str_n(html.ptr + start, end - start);
    character = name.ptr[0] == '#' ? numbered(carom_str_from(name, 1)) : named(name);
    if (character == 0)
        return i;
    text->broken = false;
    put(text, carom_str_n(encoded, carom_utf8_encode(character, encoded)));
    return end + (end < html.len && html.ptr[end] == ';');
}

/* A tag, an entity, a character of several bytes. */
static inline carom_many may_begin(carom_many bytes)
{
    return (carom_many)((bytes == '<') | (bytes == '&') | ((carom_many_signed)bytes < 0));
}

/* How much from html[i] on is plain text, in steps of many: the rest may be, too. */
static size_t plain_length(struct carom_str html, size_t i)
{
    size_t start = i, hit = CAROM_MANY;

    for (; hit == CAROM_MANY && i + CAROM_MANY <= html.len; i += hit)
        hit = carom_many_first(may_begin(carom_many_load(html.ptr + i)));
    return i - start;
}

/* The character at html[i], or the plain text that begins there when all of it is wanted and has room. Returns the
   offset behind it. */
static size_t read_text(struct text *text, struct carom_str html, size_t i)
{
    uint32_t character;
    size_t length = text->broken ? 0 : plain_length(html, i);

    if (length == 0 || length > text->room - text->len)
        length = carom_utf8_decode(carom_str_from(html, i), &character);
    length = length ? length : 1;
    if (!is_lost(text, html.ptr[i]))
        put(text, carom_str_n(html.ptr + i, length));
    return i + length;
}

struct carom_str carom_html_text(struct carom_arena *arena, struct carom_str html, size_t max)
{
    size_t room = html.len < max ? html.len : max; /* nothing gets longer */
    struct text text = {carom_arena_raw(arena, room), 0, room, false, false};
    bool open_comment = false;

    for (size_t i = 0; i < html.len && !text.full;) {
        size_t next = i;

        if (html.ptr[i] == '<')
            next = read_tag(&text, html, i, &open_comment);
        else if (html.ptr[i] == '&')
            next = read_entity(&text, html, i);
        i = next == i ? read_text(&text, html, i) : next;
    }
    return carom_str_n(text.ptr, text.len);
}
