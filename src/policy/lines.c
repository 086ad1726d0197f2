/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Reads what lua_dump writes (Lua 5.4, ldump.c), for the sake of its line numbers. It comes from our own Lua and never
   leaves the process, but it is read as if it could be anything. */

#include "policy/lines.h"

#include "policy/coverage.h"
#include "policy/value.h"

enum { DEPTH_MAX = 200, DUMP_MAX = 64 << 20 };

struct dump {
    struct carom_str rest;
    bool bad;
    int depth;
    unsigned char *lines;
    size_t n;
};

static struct carom_str take(struct dump *dump, uint64_t n)
{
    struct carom_str bytes = carom_str_head(dump->rest, n <= dump->rest.len ? (size_t)n : 0);

    if (n > dump->rest.len)
        dump->bad = true;
    dump->rest = carom_str_from(dump->rest, bytes.len);
    return bytes;
}

static unsigned char take_byte(struct dump *dump)
{
    struct carom_str byte = take(dump, 1);

    return byte.len ? (unsigned char)byte.ptr[0] : 0;
}

/* Seven bits a byte, the most significant first; the last byte has its high bit set. */
static uint64_t take_number(struct dump *dump)
{
    uint64_t number = 0;
    unsigned char byte;

    do {
        byte = take_byte(dump);
        dump->bad = dump->bad || number > UINT64_MAX >> 7;
        number = number << 7 | (byte & 0x7f);
    } while (!(byte & 0x80) && !dump->bad);
    return number;
}

/* Its length and 1; 0 is none. */
static void skip_text(struct dump *dump)
{
    uint64_t size = take_number(dump);

    if (size > 0)
        take(dump, size - 1);
}

static void skip_constants(struct dump *dump)
{
    enum { SHORT_TEXT = 0x04, LONG_TEXT = 0x14, INTEGER = 0x03, FLOAT = 0x13, NIL = 0x00, NO = 0x01, YES = 0x11 };

    for (uint64_t n = take_number(dump); n > 0 && !dump->bad; n--)
        switch (take_byte(dump)) {
        case NIL:
        case NO:
        case YES: break;
        case INTEGER: take(dump, sizeof(lua_Integer)); break;
        case FLOAT: take(dump, sizeof(lua_Number)); break;
        case SHORT_TEXT:
        case LONG_TEXT: skip_text(dump); break;
        default: dump->bad = true;
        }
}

static void note(struct dump *dump, int64_t line)
{
    if (line > 0 && (uint64_t)line <= dump->n)
        dump->lines[line] = CAROM_LINE_MISSED;
}

/* A signed step from the instruction before for each instruction, or -128: the line stands in the list behind. The last
   instruction is the return that every function ends with: where all paths return before, nothing reaches it. In a
   function with "..." the first one prepares the arguments, and the hook is not told of it. */
static void note_lines(struct dump *dump, int64_t defined, bool variadic)
{
    struct carom_str steps = take(dump, take_number(dump));
    struct dump absolute;
    uint64_t n = take_number(dump);
    int64_t line = defined;

    absolute = *dump;
    for (size_t i = 0; i < steps.len; i++) {
        signed char step = (signed char)steps.ptr[i];
        if (step == -128) {
            take_number(&absolute); /* which instruction */
            line = (int64_t)take_number(&absolute);
        } else {
            line += step;
        }
        if (i + 1 < steps.len && !(variadic && i == 0))
            note(dump, line);
    }
    for (; n > 0 && !dump->bad; n--) {
        take_number(dump);
        take_number(dump);
    }
}

static void skip_names(struct dump *dump)
{
    for (uint64_t n = take_number(dump); n > 0 && !dump->bad; n--) { /* local variables */
        skip_text(dump);
        take_number(dump);
        take_number(dump);
    }
    for (uint64_t n = take_number(dump); n > 0 && !dump->bad; n--) /* upvalues */
        skip_text(dump);
}

static void read_function(struct dump *dump)
{
    enum { INSTRUCTION = 4, UPVALUE = 3 };

    skip_text(dump); /* source */
    int64_t defined = (int64_t)take_number(dump);
    take_number(dump); /* last line */
    take_byte(dump);   /* parameters */
    bool variadic = take_byte(dump) != 0;
    take_byte(dump); /* stack */
    uint64_t code = take_number(dump);
    take(dump, code > dump->rest.len ? UINT64_MAX : code * INSTRUCTION);
    skip_constants(dump);
    uint64_t upvalues = take_number(dump);
    take(dump, upvalues > dump->rest.len ? UINT64_MAX : upvalues * UPVALUE);
    if (++dump->depth > DEPTH_MAX)
        dump->bad = true;
    for (uint64_t n = take_number(dump); n > 0 && !dump->bad; n--)
        read_function(dump);
    dump->depth--;
    note_lines(dump, defined, variadic);
    skip_names(dump);
}

/* Signature, version 5.4, format 0, and what shows that numbers are as here. */
static void read_header(struct dump *dump)
{
    static const char head[] = "\x1bLua\x54\0\x19\x93\r\n\x1a\n\x04\x08\x08";

    if (!carom_str_eq(take(dump, sizeof(head) - 1), carom_str_n(head, sizeof(head) - 1)))
        dump->bad = true;
    take(dump, sizeof(lua_Integer) + sizeof(lua_Number));
    take_byte(dump); /* upvalues of the chunk */
}

static int write(lua_State *L, const void *bytes, size_t n, void *buf)
{
    (void)L;
    carom_buf_add(buf, bytes, n);
    return ((struct carom_buf *)buf)->failed;
}

bool carom_lines_of(lua_State *L, unsigned char *lines, size_t n)
{
    int function = lua_gettop(L);
    struct carom_buf *buf = carom_value_buffer(L, DUMP_MAX);

    lua_pushvalue(L, function);
    bool bad = lua_dump(L, write, buf, 0) != 0;
    struct dump dump = {.rest = carom_buf_str(buf), .bad = bad, .lines = lines, .n = n};
    read_header(&dump);
    read_function(&dump);
    lua_settop(L, function);
    return !dump.bad && dump.rest.len == 0;
}
