/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Aho-Corasick over the pieces of all patterns. Shallow states have a complete row of next states, one look-up a byte;
   the deeper ones their children and a state to fall back to. What a pattern means, and which of several is the better
   one, the callers know. */

#include "base/automaton.h"

#include <assert.h>
#include <stdlib.h>

#include "base/utf8.h"

/* Bytes of all patterns. They share many, so that far fewer states are left of them (16 bytes each). */
enum { STATES_MAX = 1 << 19, PIECE_BYTES_MAX = UINT16_MAX, PATTERN_PIECES_MAX = UINT16_MAX };
/* States that have a row. More of them make text in which nothing matches faster, until the rows fall out of the
   processor's cache. */
enum { DENSE_MAX = 256 };
static_assert(1 + DENSE_MAX * 255 <= UINT16_MAX, "the children of the states that have a row are numbered right behind them");
enum { WORD_BITS = 32 };
/* How many characters '~' bridges: half a dozen words. */
enum { NEAR_MAX = 40 };

/* ---- Patterns ---- */

/* What may stand at one place of a pattern: a text, or one of several words. As written, escapes and all. */
struct place {
    struct carom_str words;
    bool several; /* "{a,b}", without the braces */
    bool near;    /* behind '~' */
};
/* One of them. */
struct piece {
    struct carom_str raw;
    uint8_t flags;
};

static bool is_escape(struct carom_str s, size_t at)
{
    return s.ptr[at] == '\\' && at + 1 < s.len && memchr("|*~{},", s.ptr[at + 1], 6);
}

/* Where one of the signs first stands and is not escaped; s.len: nowhere. */
static size_t find_sign(struct carom_str s, const char *signs)
{
    size_t n = 0;
    while (n < s.len && !memchr(signs, s.ptr[n], strlen(signs)))
        n += is_escape(s, n) ? 2 : 1;
    return n < s.len ? n : s.len;
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

static struct piece marked(struct carom_str raw)
{
    struct piece piece = {raw, 0};
    if (raw.len > 0 && raw.ptr[0] == '|') {
        piece.flags |= CAROM_PIECE_WORD_BEFORE;
        piece.raw = carom_str_from(raw, 1);
    }
    if (ends_with_mark(piece.raw)) {
        piece.flags |= CAROM_PIECE_WORD_AFTER;
        piece.raw.len--;
    }
    return piece;
}

/* The next place that is not empty; false at the end of the pattern. Spaces beside '~' and braces are for the eye. */
static bool take_place(struct carom_str *rest, struct place *place_r, bool *near)
{
    while (rest->len > 0) {
        size_t end = find_sign(*rest, "*~");
        bool near_next = end < rest->len && rest->ptr[end] == '~';
        struct place place = {carom_str_head(*rest, end), false, *near};
        struct carom_str trimmed = carom_str_trim(place.words);
        *rest = carom_str_from(*rest, end + 1);
        place.several = trimmed.len > 2 && trimmed.ptr[0] == '{' && trimmed.ptr[trimmed.len - 1] == '}';
        if (place.several)
            place.words = carom_str_n(trimmed.ptr + 1, trimmed.len - 2);
        else if (place.near || near_next)
            place.words = trimmed;
        *near = near_next;
        if (!place.several && marked(place.words).raw.len == 0)
            continue;
        *place_r = place;
        return true;
    }
    return false;
}

/* The words of a place one after the other; an empty one is left out. */
static bool take_piece(struct place *place, struct piece *piece_r)
{
    while (place->words.len > 0) {
        size_t end = place->several ? find_sign(place->words, ",") : place->words.len;
        struct carom_str word = carom_str_head(place->words, end);
        *piece_r = marked(place->several ? carom_str_trim(word) : word);
        place->words = carom_str_from(place->words, end + 1);
        if (piece_r->raw.len > 0)
            return true;
    }
    return false;
}

/* A brace that neither opens nor closes a whole place would be looked for as itself, which nobody means. */
static bool has_brace(struct carom_str raw)
{
    return find_sign(raw, "{}") < raw.len;
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
    if (at < text.len && (unsigned char)text.ptr[at] < 0x80)
        return is_word((unsigned char)text.ptr[at]);
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

/* ---- Measuring ---- */

/* What the patterns need at most: prefixes that they share make it less. */
struct sizes {
    size_t patterns, pieces, slots, states, classes;
    uint8_t class_of[256];
};

static int measure_piece(struct sizes *sizes, struct piece piece, size_t number, struct carom_error *err)
{
    unsigned char byte;
    if (piece.raw.len > PIECE_BYTES_MAX)
        return carom_error_set(err, CAROM_ERROR_LIMIT, "pattern %zu is beyond 65535 bytes: shorten it", number);
    if (has_brace(piece.raw))
        return carom_error_set(err, CAROM_ERROR_CONFIG,
                               "pattern %zu: {…} stands alone between the beginning, '*', '~' and the end; a brace "
                               "itself is written \\{ or \\}",
                               number);
    for (struct carom_str raw = piece.raw; take_byte(&raw, &byte); sizes->states++)
        if (!sizes->class_of[byte])
            sizes->class_of[byte] = (uint8_t)sizes->classes++;
    sizes->pieces++;
    return 0;
}

static int measure_pattern(struct sizes *sizes, struct carom_str pattern, size_t number, struct carom_error *err)
{
    struct carom_str rest = pattern;
    struct place place;
    struct piece piece;
    size_t places = 0, before = sizes->pieces;
    for (bool near = false; take_place(&rest, &place, &near); places++) {
        if (places == PATTERN_PIECES_MAX)
            return carom_error_set(err, CAROM_ERROR_LIMIT, "pattern %zu has too many parts: shorten it", number);
        while (take_piece(&place, &piece))
            if (measure_piece(sizes, piece, number, err) < 0)
                return -1;
    }
    sizes->slots += places > 1;
    if (places == 0 || sizes->pieces == before)
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
    return 0;
}

/* ---- Building ---- */

/* The pieces as a tree in the order of coming; the automaton's states are its nodes. 0: none. */
struct node {
    uint32_t kid, sibling;
    uint32_t piece; /* 1 + the last draft that ends here */
    uint8_t class;
};

struct building {
    struct carom_automaton *automaton;
    /* The automaton's arrays, still writable. */
    struct carom_automaton_state *states;
    struct carom_automaton_piece *pieces;
    uint16_t *rows;
    uint8_t *class_of;
    /* Only needed while building. */
    struct node *nodes;
    uint32_t *node_of;  /* per state */
    uint32_t *by_depth; /* the states, the shallow ones first */
    struct carom_automaton_piece *drafts; /* pieces in the order of coming; more: 1 + another one that ends there */
    uint32_t nodes_n, drafts_n;
};

static void *carve(char **memory, size_t n, size_t size)
{
    void *array = *memory;
    *memory += n * size;
    return array;
}

/* One block for the automaton and its arrays, the widest members first; another one for the time of building. */
static bool allocate(struct building *b, const struct sizes *sizes)
{
    size_t rows = (sizes->states < DENSE_MAX ? sizes->states : DENSE_MAX) * sizes->classes;
    char *memory = calloc(1, sizeof(*b->automaton) + sizes->states * sizeof(*b->states) +
                                 sizes->pieces * sizeof(*b->pieces) + rows * sizeof(uint16_t) + 256);
    char *scratch =
        calloc(1, sizes->states * (sizeof(*b->nodes) + 2 * sizeof(uint32_t)) + sizes->pieces * sizeof(*b->drafts));
    if (!memory || !scratch) {
        free(memory);
        free(scratch);
        return false;
    }
    b->automaton = carve(&memory, 1, sizeof(*b->automaton));
    b->states = carve(&memory, sizes->states, sizeof(*b->states));
    b->pieces = carve(&memory, sizes->pieces, sizeof(*b->pieces));
    b->rows = carve(&memory, rows, sizeof(uint16_t));
    b->class_of = carve(&memory, 256, 1);
    b->nodes = carve(&scratch, sizes->states, sizeof(*b->nodes));
    b->node_of = carve(&scratch, sizes->states, sizeof(uint32_t));
    b->by_depth = carve(&scratch, sizes->states, sizeof(uint32_t));
    b->drafts = carve(&scratch, sizes->pieces, sizeof(*b->drafts));
    b->nodes_n = 1;
    b->drafts_n = 0;
    memcpy(b->class_of, sizes->class_of, 256);
    *b->automaton = (struct carom_automaton){
        .states_n = 1, .patterns = (uint32_t)sizes->patterns, .classes = (uint32_t)sizes->classes,
        .class_of = b->class_of, .rows = b->rows, .states = b->states, .pieces = b->pieces};
    return true;
}

/* The node under `parent` for a class, made when it is missing. */
static uint32_t go_down(struct building *b, uint32_t parent, uint8_t class)
{
    uint32_t *link = &b->nodes[parent].kid;
    while (*link && b->nodes[*link].class != class)
        link = &b->nodes[*link].sibling;
    if (!*link) {
        *link = b->nodes_n;
        b->nodes[b->nodes_n++].class = class;
    }
    return *link;
}

static void add_piece(struct building *b, struct piece piece, uint32_t pattern, uint16_t index)
{
    uint32_t node = 0;
    uint16_t length = 0;
    unsigned char byte;
    for (struct carom_str raw = piece.raw; take_byte(&raw, &byte); length++)
        node = go_down(b, node, b->class_of[byte]);
    uint8_t flags = piece.flags;
    if (!word_at(piece.raw, 0))
        flags &= (uint8_t)~CAROM_PIECE_WORD_BEFORE;
    if (!word_before(piece.raw, piece.raw.len))
        flags &= (uint8_t)~CAROM_PIECE_WORD_AFTER;
    b->drafts[b->drafts_n++] =
        (struct carom_automaton_piece){.pattern = pattern, .slot = b->automaton->slots, .more = b->nodes[node].piece,
                                       .index = index, .length = length, .flags = flags};
    b->nodes[node].piece = b->drafts_n;
}

static void add_pattern(struct building *b, struct carom_str pattern, uint32_t number)
{
    struct carom_automaton *a = b->automaton;
    struct place place;
    struct piece piece;
    uint16_t index = 0;
    uint32_t first = b->drafts_n;
    for (bool near = false; take_place(&pattern, &place, &near); index++) {
        first = b->drafts_n;
        while (take_piece(&place, &piece)) {
            piece.flags |= (uint8_t)((place.near ? CAROM_PIECE_NEAR : 0) | (near ? CAROM_PIECE_NEAR_NEXT : 0));
            add_piece(b, piece, number, index);
        }
    }
    for (uint32_t i = first; i < b->drafts_n; i++)
        b->drafts[i].flags |= CAROM_PIECE_LAST;
    a->slots += index > 1;
}

/* The state after one more byte. Each fall goes to a shorter suffix, and only a byte makes it longer by one: there are
   no more falls than bytes. */
static inline uint32_t next_state(const struct carom_automaton *a, uint32_t state, uint8_t class)
{
    while (state >= a->dense) {
        const struct carom_automaton_state *s = &a->states[state];
        if (s->first == class)
            return s->child;
        for (uint32_t i = 1; i < s->children; i++)
            if (a->states[s->child + i].class == class)
                return s->child + i;
        state = s->fail;
    }
    return a->rows[(size_t)state * a->classes + class];
}

/* Gives the state's children the next numbers, unless they have theirs. */
static void number_children(struct building *b, uint32_t state)
{
    struct carom_automaton *a = b->automaton;
    struct carom_automaton_state *s = &b->states[state];
    if (s->child)
        return;
    s->child = a->states_n;
    for (uint32_t node = b->nodes[b->node_of[state]].kid; node; node = b->nodes[node].sibling) {
        uint32_t child = a->states_n++;
        b->node_of[child] = node;
        b->states[child].class = b->nodes[node].class;
        s->children++;
    }
    s->first = s->children ? b->states[s->child].class : UINT8_MAX; /* which is no class */
}

/* Of a deep state also what follows as long as there is one way only: a search that goes it finds the states side by
   side in memory. */
static void number_below(struct building *b, uint32_t state)
{
    number_children(b, state);
    while (state >= b->automaton->dense && b->states[state].children == 1) {
        state = b->states[state].child;
        number_children(b, state);
    }
}

/* Where the children fall back to is complete: it is no deeper than the state. */
static void link_children(struct building *b, uint32_t state, uint32_t *n)
{
    const struct carom_automaton_state *s = &b->states[state];
    for (uint32_t child = s->child; child < s->child + s->children; child++) {
        b->states[child].fail = state ? next_state(b->automaton, s->fail, b->states[child].class) : 0;
        b->by_depth[(*n)++] = child;
    }
}

/* What ends with the suffix it falls back to ends here too. */
static void list_pieces(struct building *b, uint32_t state)
{
    struct carom_automaton *a = b->automaton;
    struct carom_automaton_state *s = &b->states[state];
    uint32_t shorter = b->states[s->fail].output, draft = b->nodes[b->node_of[state]].piece;
    s->output = draft ? a->pieces_n + 1 : shorter;
    if (!draft)
        return;
    for (; draft; draft = b->drafts[draft - 1].more)
        b->pieces[a->pieces_n++] = b->drafts[draft - 1];
    b->pieces[a->pieces_n - 1].more = shorter;
    b->pieces[a->pieces_n - 1].flags |= CAROM_PIECE_END;
}

/* As its suffix goes on, unless it goes on itself. */
static void fill_row(struct building *b, uint32_t state)
{
    const struct carom_automaton_state *s = &b->states[state];
    size_t classes = b->automaton->classes;
    uint16_t *row = b->rows + state * classes;
    if (state)
        memcpy(row, b->rows + s->fail * classes, classes * sizeof(*row));
    for (uint32_t child = s->child; child < s->child + s->children; child++)
        row[b->states[child].class] = (uint16_t)child;
}

/* Breadth first, so that a state's suffix, which is shorter, is complete before it. */
static void make_states(struct building *b)
{
    struct carom_automaton *a = b->automaton;
    a->dense = b->nodes_n < DENSE_MAX ? b->nodes_n : DENSE_MAX;
    for (uint32_t i = 0, n = 1; i < n; i++) {
        uint32_t state = b->by_depth[i];
        number_below(b, state);
        link_children(b, state, &n);
        list_pieces(b, state);
        if (state < a->dense)
            fill_row(b, state);
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
    for (size_t i = 0; i < n; i++)
        add_pattern(&b, patterns[i], (uint32_t)i);
    make_states(&b);
    free(b.nodes); /* the first of the scratch block */
    return b.automaton;
}

void carom_automaton_free(struct carom_automaton *automaton)
{
    free(automaton);
}

/* ---- Searching ---- */

static size_t words_of(size_t bits) { return (bits + WORD_BITS - 1) / WORD_BITS; }
static bool has(const uint32_t *bits, uint32_t i) { return bits[i / WORD_BITS] >> i % WORD_BITS & 1; }
static void set(uint32_t *bits, uint32_t i) { bits[i / WORD_BITS] |= UINT32_C(1) << i % WORD_BITS; }

static size_t bits_size(const struct carom_automaton *automaton)
{
    return (words_of(automaton->patterns) + words_of(automaton->slots)) * sizeof(uint32_t);
}

size_t carom_automaton_run_size(const struct carom_automaton *automaton)
{
    return bits_size(automaton) + automaton->slots * sizeof(struct carom_automaton_progress);
}

void carom_automaton_begin(const struct carom_automaton *automaton, void *memory, struct carom_automaton_run *run_r)
{
    uint32_t *done = memory, *begun = done + words_of(automaton->patterns);
    *run_r = (struct carom_automaton_run){
        done, begun, (struct carom_automaton_progress *)(begun + words_of(automaton->slots))};
}

/* Some words further on and in the same sentence. */
static bool is_near(struct carom_str text, size_t from, size_t to)
{
    size_t characters = 0;
    for (size_t i = from; i < to; i++) {
        char c = text.ptr[i];
        characters += ((unsigned char)c & 0xc0) != 0x80;
        if (characters > NEAR_MAX ||
            ((c == '.' || c == ';' || c == '!' || c == '?') && i + 1 < text.len && text.ptr[i + 1] == ' '))
            return false;
    }
    return true;
}

static bool is_bounded(const struct carom_automaton_piece *piece, struct carom_str text, size_t start, size_t end)
{
    return !((piece->flags & CAROM_PIECE_WORD_BEFORE) && word_before(text, start)) &&
           !((piece->flags & CAROM_PIECE_WORD_AFTER) && word_at(text, end));
}

/* Whether the piece may be the pattern's next one, which must begin behind the one before. Taking each piece where it
   first ends leaves the most room for those that follow, so that nothing has to be tried again; only where the next one
   must be near, the last place is the better one. */
static bool may_follow(const struct carom_automaton_run *run, const struct carom_automaton_piece *piece,
                       struct carom_str text, size_t start)
{
    static const struct carom_automaton_progress none;
    const struct carom_automaton_progress *progress = has(run->begun, piece->slot) ? &run->progress[piece->slot] : &none;
    bool again = (piece->flags & CAROM_PIECE_NEAR_NEXT) && progress->wanted == piece->index + 1u;
    return (progress->wanted == piece->index || again) && start >= progress->end &&
           (!(piece->flags & CAROM_PIECE_NEAR) || is_near(text, progress->end, start));
}

static void advance(struct carom_automaton_run *run, const struct carom_automaton_piece *piece, size_t start, size_t end)
{
    struct carom_automaton_progress *progress = &run->progress[piece->slot];
    set(run->begun, piece->slot);
    if (piece->index == 0)
        progress->start = (uint32_t)start;
    progress->wanted = piece->index + 1u;
    progress->end = (uint32_t)end;
}

/* One piece ends at `end`. true: its pattern is complete with it, for the first time. */
static bool completes(struct carom_automaton_run *run, const struct carom_automaton_piece *piece,
                      struct carom_str text, size_t end, size_t *start_r)
{
    if (piece->index > 0 && !has(run->begun, piece->slot)) /* most are words of many patterns */
        return false;
    bool last = piece->flags & CAROM_PIECE_LAST, only = last && piece->index == 0;
    *start_r = end - piece->length;
    if ((!only && !may_follow(run, piece, text, *start_r)) || has(run->done, piece->pattern) ||
        !is_bounded(piece, text, *start_r, end))
        return false;
    if (!only) {
        advance(run, piece, *start_r, end);
        *start_r = run->progress[piece->slot].start;
    }
    if (last)
        set(run->done, piece->pattern);
    return last;
}

/* From the root over bytes that begin no piece. */
static size_t skip_idle(const struct carom_automaton *a, struct carom_str text, size_t at)
{
    while (at < text.len && a->rows[a->class_of[(unsigned char)text.ptr[at]]] == 0)
        at++;
    return at;
}

/* All pieces that end at `end`, from `first`, 1 + its number, on. false: enough. */
static bool tell(const struct carom_automaton *a, struct carom_automaton_run *run, struct carom_str text, uint32_t first,
                 size_t end, bool (*found)(void *user, uint32_t pattern, size_t start, size_t end), void *user)
{
    size_t start;
    while (first) {
        const struct carom_automaton_piece *piece = &a->pieces[first - 1];
        if (completes(run, piece, text, end, &start) && !found(user, piece->pattern, start, end))
            return false;
        first = piece->flags & CAROM_PIECE_END ? piece->more : first + 1;
    }
    return true;
}

void carom_automaton_search(const struct carom_automaton *automaton, struct carom_automaton_run *run,
                            struct carom_str folded,
                            bool (*found)(void *user, uint32_t pattern, size_t start, size_t end), void *user)
{
    const struct carom_automaton a = *automaton; /* a copy stays in registers: nobody else can change it */
    if (a.patterns == 0)
        return;
    memset(run->done, 0, bits_size(&a));
    folded = carom_str_head(folded, UINT32_MAX);
    uint32_t state = 0;
    for (size_t at = 0; (at = state ? at : skip_idle(&a, folded, at)) < folded.len;) {
        state = next_state(&a, state, a.class_of[(unsigned char)folded.ptr[at++]]);
        uint32_t first = a.states[state].output;
        if (first && !tell(automaton, run, folded, first, at, found, user))
            return;
    }
}
