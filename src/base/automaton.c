/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Aho-Corasick over the pieces of all patterns, with a complete goto table over byte classes: one look-up a byte.
   What a pattern means, and which of several is the better one, the callers know. */

#include "base/automaton.h"

#include <stdlib.h>

#include "base/utf8.h"

/* A goto table of 2^17 states is some 50 MiB; the built-in rules need a fraction of it. */
enum { STATES_MAX = 1 << 17, PIECE_BYTES_MAX = UINT16_MAX, PATTERN_PIECES_MAX = UINT16_MAX };
#define LIST_END UINT32_MAX

/* ---- Patterns ---- */

/* One piece as written: raw may still hold "\|" and "\*". */
struct piece {
    struct carom_str raw;
    uint8_t flags;
};

static bool is_escape(struct carom_str s, size_t at)
{
    return s.ptr[at] == '\\' && at + 1 < s.len && (s.ptr[at + 1] == '|' || s.ptr[at + 1] == '*');
}

/* Takes the text before the next '*' off *rest. */
static struct carom_str take_raw(struct carom_str *rest)
{
    size_t n = 0;
    while (n < rest->len && rest->ptr[n] != '*')
        n += is_escape(*rest, n) ? 2 : 1;
    struct carom_str raw = carom_str_head(*rest, n);
    *rest = carom_str_from(*rest, n + 1);
    return raw;
}

/* Escapes are read from the left: a '|' at the end may be the second half of one. */
static bool ends_with_mark(struct carom_str raw)
{
    size_t at = 0, last = SIZE_MAX;
    while (at < raw.len) {
        last = at;
        at += is_escape(raw, at) ? 2 : 1;
    }
    return last != SIZE_MAX && raw.ptr[last] == '|';
}

/* The next piece that is not empty; false at the end of the pattern. */
static bool take_piece(struct carom_str *rest, struct piece *piece_r)
{
    while (rest->len > 0) {
        struct carom_str raw = take_raw(rest);
        uint8_t flags = 0;
        if (raw.len > 0 && raw.ptr[0] == '|') {
            flags |= CAROM_PIECE_WORD_BEFORE;
            raw = carom_str_from(raw, 1);
        }
        if (ends_with_mark(raw)) {
            flags |= CAROM_PIECE_WORD_AFTER;
            raw.len--;
        }
        if (raw.len > 0) {
            *piece_r = (struct piece){raw, flags};
            return true;
        }
    }
    return false;
}

/* The bytes of a piece one after the other. */
static bool take_byte(struct carom_str *raw, unsigned char *byte_r)
{
    if (raw->len == 0)
        return false;
    size_t escape = is_escape(*raw, 0);
    *byte_r = (unsigned char)raw->ptr[escape];
    *raw = carom_str_from(*raw, escape + 1);
    return true;
}

/* ---- Words ---- */

/* Letter or digit. Beyond ASCII nearly everything is; white space and quotes are ASCII by now, so that Latin-1 signs,
   general and CJK punctuation and the full width forms of ASCII's remain. */
static bool is_word(uint32_t c)
{
    if (c < 0x80)
        return carom_is_alpha((char)c) || carom_is_digit((char)c);
    return c > 0xbf && !(c >= 0x2000 && c <= 0x206f) && !(c >= 0x3000 && c <= 0x303f) &&
           !(c >= 0xff00 && c <= 0xff0f) && !(c >= 0xff1a && c <= 0xff20) && c != 0xfffd;
}

static bool word_at(struct carom_str text, size_t at)
{
    uint32_t c;
    return at < text.len && carom_utf8_decode(carom_str_from(text, at), &c) > 0 && is_word(c);
}

static bool word_before(struct carom_str text, size_t end)
{
    size_t at = end;
    do {
        if (at == 0 || end - at == 4)
            return false;
        at--;
    } while (((unsigned char)text.ptr[at] & 0xc0) == 0x80);
    return word_at(text, at);
}

/* ---- Building ---- */

/* What the patterns need at most: prefixes that they share make it less. */
struct sizes {
    size_t patterns, pieces, states, classes, outputs;
    uint8_t class_of[256];
};

struct building {
    struct carom_automaton *automaton;
    /* The automaton's arrays, still writable. */
    uint32_t *next, *first_output, *suffix_output, *outputs, *piece_pattern;
    uint16_t *piece_index, *piece_length, *pattern_pieces;
    uint8_t *class_of, *piece_flags;
    /* Only needed while building. */
    uint32_t *first_piece, *same_piece; /* per state, per piece: 1 + the piece that (also) ends here, 0 none */
    uint32_t *fail, *queue;
};

static int measure_pattern(struct sizes *sizes, struct carom_str pattern, size_t number, struct carom_error *err)
{
    struct carom_str rest = pattern;
    struct piece piece;
    size_t pieces = 0;
    for (; take_piece(&rest, &piece); pieces++) {
        if (piece.raw.len > PIECE_BYTES_MAX || pieces == PATTERN_PIECES_MAX)
            return carom_error_set(err, CAROM_ERROR_LIMIT, "pattern %zu is beyond 65535 bytes: shorten it", number);
        unsigned char byte;
        for (struct carom_str raw = piece.raw; take_byte(&raw, &byte); sizes->states++)
            if (!sizes->class_of[byte])
                sizes->class_of[byte] = (uint8_t)sizes->classes++;
    }
    sizes->pieces += pieces;
    if (pieces == 0)
        return carom_error_set(err, CAROM_ERROR_CONFIG, "pattern %zu (\"%.*s\") has no text: it would match everything",
                               number, (int)(pattern.len < 100 ? pattern.len : 100), pattern.ptr);
    if (sizes->states > STATES_MAX)
        return carom_error_set(err, CAROM_ERROR_LIMIT, "the patterns up to %zu are together beyond %d bytes", number,
                               STATES_MAX);
    if (sizes->classes > UINT8_MAX)
        return carom_error_set(err, CAROM_ERROR_CONFIG, "pattern %zu: not UTF-8", number);
    return 0;
}

static int measure(struct sizes *sizes, const struct carom_str *patterns, size_t n, struct carom_error *err)
{
    *sizes = (struct sizes){.patterns = n, .states = 1, .classes = 1};
    for (size_t i = 0; i < n; i++)
        if (measure_pattern(sizes, patterns[i], i + 1, err) < 0)
            return -1;
    sizes->outputs = 1 + 2 * sizes->pieces; /* each list has its end; entry 0 is no list */
    return 0;
}

static void *carve(char **memory, size_t n, size_t size)
{
    void *array = *memory;
    *memory += n * size;
    return array;
}

/* One block for the automaton and its arrays, the widest members first; another one for the time of building. */
static bool allocate(struct building *b, const struct sizes *sizes)
{
    size_t words = sizes->states * (sizes->classes + 2) + sizes->outputs + sizes->pieces;
    size_t shorts = 2 * sizes->pieces + sizes->patterns;
    char *memory = calloc(1, sizeof(*b->automaton) + 4 * words + 2 * shorts + 256 + sizes->pieces);
    char *scratch = calloc(3 * sizes->states + sizes->pieces, sizeof(uint32_t));
    if (!memory || !scratch) {
        free(memory);
        free(scratch);
        return false;
    }
    b->automaton = carve(&memory, 1, sizeof(*b->automaton));
    b->next = carve(&memory, sizes->states * sizes->classes, 4);
    b->first_output = carve(&memory, sizes->states, 4);
    b->suffix_output = carve(&memory, sizes->states, 4);
    b->outputs = carve(&memory, sizes->outputs, 4);
    b->piece_pattern = carve(&memory, sizes->pieces, 4);
    b->piece_index = carve(&memory, sizes->pieces, 2);
    b->piece_length = carve(&memory, sizes->pieces, 2);
    b->pattern_pieces = carve(&memory, sizes->patterns, 2);
    b->class_of = carve(&memory, 256, 1);
    b->piece_flags = carve(&memory, sizes->pieces, 1);
    b->first_piece = carve(&scratch, sizes->states, 4);
    b->fail = carve(&scratch, sizes->states, 4);
    b->queue = carve(&scratch, sizes->states, 4);
    b->same_piece = carve(&scratch, sizes->pieces, 4);
    memcpy(b->class_of, sizes->class_of, 256);
    *b->automaton = (struct carom_automaton){
        .states = 1, .patterns = (uint32_t)sizes->patterns, .classes = (uint32_t)sizes->classes,
        .class_of = b->class_of, .next = b->next, .first_output = b->first_output, .suffix_output = b->suffix_output,
        .outputs = b->outputs, .piece_pattern = b->piece_pattern, .piece_index = b->piece_index,
        .piece_length = b->piece_length, .piece_flags = b->piece_flags, .pattern_pieces = b->pattern_pieces};
    return true;
}

/* Goes from the root along the piece's bytes, making what is missing. */
static void add_piece(struct building *b, struct piece piece, uint32_t pattern)
{
    struct carom_automaton *a = b->automaton;
    uint32_t state = 0, number = a->pieces++;
    unsigned char byte;
    for (struct carom_str raw = piece.raw; take_byte(&raw, &byte); b->piece_length[number]++) {
        uint32_t *edge = &b->next[(size_t)state * a->classes + a->class_of[byte]];
        if (*edge == 0)
            *edge = a->states++;
        state = *edge;
    }
    uint8_t flags = piece.flags;
    if (!word_at(piece.raw, 0))
        flags &= (uint8_t)~CAROM_PIECE_WORD_BEFORE;
    if (!word_before(piece.raw, piece.raw.len))
        flags &= (uint8_t)~CAROM_PIECE_WORD_AFTER;
    b->piece_flags[number] = flags;
    b->piece_pattern[number] = pattern;
    b->piece_index[number] = b->pattern_pieces[pattern]++;
    b->same_piece[number] = b->first_piece[state];
    b->first_piece[state] = number + 1;
}

static void list_outputs(struct building *b)
{
    uint32_t used = 0;
    b->outputs[used++] = LIST_END;
    for (uint32_t state = 1; state < b->automaton->states; state++) {
        if (!b->first_piece[state])
            continue;
        b->first_output[state] = used;
        for (uint32_t piece = b->first_piece[state]; piece; piece = b->same_piece[piece - 1])
            b->outputs[used++] = piece - 1;
        b->outputs[used++] = LIST_END;
    }
    b->automaton->outputs_n = used;
}

/* The search looks up one word a byte: the row of the next state, and whether anything ends there. */
static void link_rows(struct carom_automaton *a, uint32_t *next)
{
    for (size_t i = 0; i < (size_t)a->states * a->classes; i++) {
        uint32_t state = next[i];
        bool ends = a->first_output[state] || a->suffix_output[state];
        next[i] = state * a->classes | (ends ? CAROM_AUTOMATON_ENDS : 0);
    }
}

/* Breadth first, so that a state's suffix, which is shorter, is complete before it. */
static void complete_goto(struct building *b)
{
    size_t classes = b->automaton->classes, head = 0, tail = 0;
    b->queue[tail++] = 0;
    while (head < tail) {
        uint32_t state = b->queue[head++];
        uint32_t suffix = b->fail[state];
        b->suffix_output[state] = b->first_output[suffix] ? suffix : b->suffix_output[suffix];
        for (size_t class = 0; class < classes; class++) {
            uint32_t *edge = &b->next[state * classes + class];
            uint32_t beside = state ? b->next[suffix * classes + class] : 0;
            if (*edge) {
                b->fail[*edge] = beside;
                b->queue[tail++] = *edge;
            } else {
                *edge = beside;
            }
        }
    }
}

struct carom_automaton *carom_automaton_new(const struct carom_str *patterns, size_t n, struct carom_error *err)
{
    struct sizes sizes;
    if (measure(&sizes, patterns, n, err) < 0)
        return NULL;
    struct building b;
    if (!allocate(&b, &sizes)) {
        carom_error_memory(err);
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        struct carom_str rest = patterns[i];
        struct piece piece;
        while (take_piece(&rest, &piece))
            add_piece(&b, piece, (uint32_t)i);
    }
    list_outputs(&b);
    complete_goto(&b);
    link_rows(b.automaton, b.next);
    free(b.first_piece); /* the first of the scratch block */
    return b.automaton;
}

void carom_automaton_free(struct carom_automaton *automaton)
{
    free(automaton);
}

/* ---- Searching ---- */

size_t carom_automaton_run_size(const struct carom_automaton *automaton)
{
    return 3 * sizeof(uint32_t) * (size_t)automaton->patterns;
}

void carom_automaton_begin(const struct carom_automaton *automaton, void *memory, struct carom_automaton_run *run_r)
{
    uint32_t *words = memory;
    *run_r = (struct carom_automaton_run){
        .progress = words, .end = words + automaton->patterns, .start = words + 2 * (size_t)automaton->patterns};
}

/* One piece ends at `end`. Taking each piece where it first ends leaves the most room for those that follow, so that
   nothing has to be tried again. true: its pattern is complete with it. */
static bool advance(const struct carom_automaton *a, struct carom_automaton_run *run, struct carom_str text,
                    uint32_t piece, size_t end)
{
    uint32_t pattern = a->piece_pattern[piece];
    uint16_t index = a->piece_index[piece];
    size_t start = end - a->piece_length[piece];
    if (run->progress[pattern] != index || (index > 0 && start < run->end[pattern]))
        return false;
    if (((a->piece_flags[piece] & CAROM_PIECE_WORD_BEFORE) && word_before(text, start)) ||
        ((a->piece_flags[piece] & CAROM_PIECE_WORD_AFTER) && word_at(text, end)))
        return false;
    if (index == 0)
        run->start[pattern] = (uint32_t)start;
    run->end[pattern] = (uint32_t)end;
    return ++run->progress[pattern] == a->pattern_pieces[pattern];
}

void carom_automaton_search(const struct carom_automaton *a, struct carom_automaton_run *run, struct carom_str folded,
                            bool (*found)(void *user, uint32_t pattern, size_t start, size_t end), void *user)
{
    if (a->patterns == 0)
        return;
    memset(run->progress, 0, sizeof(uint32_t) * a->patterns);
    folded = carom_str_head(folded, UINT32_MAX);
    uint32_t row = 0;
    for (size_t at = 0; at < folded.len; at++) {
        row = a->next[(row & ~CAROM_AUTOMATON_ENDS) + a->class_of[(unsigned char)folded.ptr[at]]];
        if (!(row & CAROM_AUTOMATON_ENDS))
            continue;
        uint32_t state = (row & ~CAROM_AUTOMATON_ENDS) / a->classes;
        for (; state; state = a->suffix_output[state])
            for (const uint32_t *out = a->outputs + a->first_output[state]; *out != LIST_END; out++)
                if (advance(a, run, folded, *out, at + 1)) {
                    uint32_t pattern = a->piece_pattern[*out];
                    if (!found(user, pattern, run->start[pattern], at + 1))
                        return;
                }
    }
}
