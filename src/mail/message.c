/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The tree of parts, found in one forward scan: each line that begins with "--" is compared with the boundaries of all
   multiparts that are open, the innermost first, so that no byte is looked at once per level. A boundary of an outer
   multipart closes what is open inside it. It decodes nothing but a message that travels encoded as a part. */

#include "mail/message.h"

#include "mail/chars.h"
#include "mail/charset.h"
#include "mail/html.h"

/* An open part. The stack of them is the way from the root to where the scan is. */
struct frame {
    struct carom_part *part;
    struct carom_str boundary; /* empty: a leaf, a message, or a multipart that has none */
    struct carom_part **tail;  /* where its next child is hung */
    bool limited;              /* stays a body because it lies too deep */
};

struct parser {
    struct carom_arena *arena;
    struct carom_message *message;
    struct carom_str bytes;
    struct frame frames[CAROM_MESSAGE_DEPTH + 1];
    size_t depth;     /* open frames */
    size_t base;      /* depth of the part whose content `bytes` is, when it was decoded */
    size_t *decoded;  /* bytes that may still be made by decoding embedded messages */
};

static void parse_encoded(struct parser *parser, const struct frame *frame);

/* ---- One part ---- */

/* The end of the token at s[i]; *classes: what all of its characters are. */
static size_t type_token(struct carom_str s, size_t i, unsigned *classes)
{
    for (unsigned class; i < s.len && (class = carom_chars[(unsigned char)s.ptr[i]]) & CAROM_CHAR_TYPE; i++)
        *classes &= class;
    return i;
}

static bool in_digest(const struct parser *parser)
{
    return parser->depth > 1 && carom_part_is(parser->frames[parser->depth - 2].part, "multipart/digest");
}

/* "Type/Subtype" in lower case. What is missing or is none ("text" alone): text/plain, and in a digest message/rfc822
   (RFC 2046 5.1.5). A wrong subtype ("multipart/mx6d") stays: the part is still a multipart. */
static struct carom_str read_type(struct parser *parser, struct carom_str value)
{
    unsigned classes = CAROM_CHAR_SMALL;
    size_t start = value.len > 0 && value.ptr[0] == '"', slash = type_token(value, start, &classes), end;

    if (value.len == 0)
        return in_digest(parser) ? CAROM_STR("message/rfc822") : CAROM_STR("text/plain");
    if (slash == value.len || value.ptr[slash] != '/') {
        struct carom_str word = carom_str_n(value.ptr + start, slash - start);

        return carom_str_ieq(word, CAROM_STR("multipart")) ? CAROM_STR("multipart/mixed") : CAROM_STR("text/plain");
    }
    end = type_token(value, slash + 1, &classes);
    if (slash == start || end == slash + 1)
        return CAROM_STR("text/plain");
    value = carom_str_n(value.ptr + start, end - start);
    return classes ? value : carom_arena_lower(parser->arena, value);
}

/* Not text/rfc822-headers: its headers end where they like, and the readers look at them by themselves. */
static bool is_message(const struct carom_part *part)
{
    return carom_part_is(part, "message/rfc822") || carom_part_is(part, "message/global");
}

static bool is_multipart(const struct carom_part *part)
{
    return carom_part_is(part, "multipart/");
}

/* Empty lines before the headers of a message: some servers leave one behind the headers of the part. */
static size_t skip_empty_lines(struct carom_str s, size_t i)
{
    for (size_t next; (next = carom_str_skip_line_end(s, i)) > i;)
        i = next;
    return i;
}

/* The headers at offset i of a message (which has some) or of a part (which may have none). Returns where they end. */
static size_t read_headers(struct parser *parser, struct carom_part *part, size_t i, bool message)
{
    struct carom_str rest = carom_str_from(parser->bytes, i), body;

    if (message) {
        part->headers = carom_headers_parse(parser->arena, carom_str_from(rest, skip_empty_lines(rest, 0)), &body);
        if (part->headers.n > 0)
            return parser->bytes.len - body.len;
    }
    part->headers = carom_headers_parse(parser->arena, rest, &body);
    return parser->bytes.len - body.len;
}

/* A message whose headers are plainly readable is not base64, whatever its header says. */
static enum carom_encoding read_encoding(const struct carom_part *part, struct carom_str bytes, size_t body)
{
    enum carom_encoding encoding;
    struct carom_str rest, line;

    if (is_multipart(part))
        return CAROM_ENCODING_NONE; /* RFC 2045 6.4 */
    encoding = carom_encoding_parse(carom_headers_get(&part->headers, "Content-Transfer-Encoding"));
    if (encoding == CAROM_ENCODING_BASE64 && is_message(part)) {
        rest = carom_str_head(carom_str_from(bytes, skip_empty_lines(bytes, body)), 1000);
        if (carom_str_line(&rest, &line) && carom_str_chr(line, ':') != SIZE_MAX)
            return CAROM_ENCODING_NONE;
    }
    return encoding;
}

static struct carom_str read_boundary(struct parser *parser, const struct carom_part *part)
{
    struct carom_str charset;

    if (!is_multipart(part))
        return CAROM_STR_EMPTY;
    return carom_str_trim(carom_header_param_bytes(parser->arena, part->content_type, "boundary", &charset));
}

/* ---- The scan ---- */

/* Hangs a part under the innermost frame, and opens it. */
static struct frame *push_frame(struct parser *parser, struct carom_part *part)
{
    struct frame *above = parser->depth > 0 ? &parser->frames[parser->depth - 1] : NULL;
    struct frame *frame = &parser->frames[parser->depth++];

    if (above) {
        part->parent = above->part;
        *above->tail = part;
        above->tail = &part->next;
    }
    *frame = (struct frame){.part = part, .tail = &part->child, .boundary = CAROM_STR_EMPTY};
    parser->message->parts++;
    return frame;
}

/* Opens the part that starts at offset i, and, while it is a message, the message in it. Returns where the body of the
   innermost starts. The body's end is not known yet. */
static size_t open_part(struct parser *parser, size_t i, bool message)
{
    for (;;) {
        struct carom_part *part = carom_arena_new_of(parser->arena, struct carom_part);
        struct frame *frame = push_frame(parser, part);

        i = read_headers(parser, part, i, message);
        part->content_type = carom_headers_get(&part->headers, "Content-Type");
        part->type = read_type(parser, part->content_type);
        part->encoding = read_encoding(part, parser->bytes, i);
        part->body = carom_str_n(parser->bytes.ptr + i, 0);
        if (!is_message(part) && !is_multipart(part))
            return i;
        if (parser->depth > CAROM_MESSAGE_DEPTH || parser->message->parts >= CAROM_MESSAGE_PARTS) {
            frame->limited = parser->message->limited = true;
            return i;
        }
        frame->boundary = read_boundary(parser, part);
        if (!is_message(part) || part->encoding != CAROM_ENCODING_NONE)
            return i;
        message = true;
    }
}

/* The body without the line end before the boundary, which belongs to that (RFC 2046 5.1.1). */
static void set_body_end(struct parser *parser, struct carom_part *part, size_t end)
{
    size_t start = (size_t)(part->body.ptr - parser->bytes.ptr);
    bool lf = end > start && parser->bytes.ptr[end - 1] == '\n';

    end -= lf;
    if (end > start && parser->bytes.ptr[end - 1] == '\r')
        end--;
    part->body.len = end - start;
}

/* Is part inside a message that this message carries? That one may be cut as its bearer likes. */
static bool is_carried(const struct carom_part *part)
{
    while ((part = part->parent))
        if (is_message(part))
            return true;
    return false;
}

/* Closes the innermost frame; its content ends before the boundary at offset end, or with the bytes. */
static void close_frame(struct parser *parser, size_t end, bool eof)
{
    struct frame *frame = &parser->frames[parser->depth - 1];
    struct carom_part *part = frame->part;

    if (eof)
        part->body.len = (size_t)(parser->bytes.ptr + end - part->body.ptr);
    else
        set_body_end(parser, part, end);
    if (frame->boundary.len > 0 && !part->closed && !parser->message->limited &&
        ((eof && parser->base == 0) || !is_carried(part)))
        parser->message->truncated = true;
    parser->depth--;
    if (is_message(part) && part->encoding != CAROM_ENCODING_NONE && !frame->limited)
        parse_encoded(parser, frame);
}

enum delimiter { NO_DELIMITER, NEXT_PART, LAST_PART };

/* Is line (behind the two hyphens, without its end) a delimiter of that boundary? White space may follow. */
static enum delimiter match(struct carom_str line, struct carom_str boundary)
{
    if (boundary.len == 0 || !carom_str_starts(line, boundary))
        return NO_DELIMITER;
    line = carom_str_from(line, boundary.len);
    if (line.len == 0)
        return NEXT_PART;
    return carom_str_eq(line, CAROM_STR("--")) ? LAST_PART : NO_DELIMITER;
}

/* The line at offset i as a delimiter of an open multipart, that of *frame_r. Behind its closing delimiter a multipart
   has no more: the same boundary may then be an outer one's (forwarding agents that reuse it). */
static enum delimiter find_frame(struct parser *parser, struct carom_str line, size_t *frame_r)
{
    for (size_t k = parser->depth; k-- > parser->base;) {
        enum delimiter found = parser->frames[k].part->closed ? NO_DELIMITER : match(line, parser->frames[k].boundary);

        if (found != NO_DELIMITER) {
            *frame_r = k;
            return found;
        }
    }
    return NO_DELIMITER;
}

/* Offset of the next line at or after i that begins with "--"; the end if there is none. In a row of hyphens there are no
   others. */
static size_t next_dashes(struct carom_str s, size_t i)
{
    for (size_t next; (next = carom_str_find(carom_str_from(s, i), CAROM_STR("--"))) != SIZE_MAX;) {
        i += next;
        if (i == 0 || s.ptr[i - 1] == '\n' || s.ptr[i - 1] == '\r')
            return i;
        while (i < s.len && s.ptr[i] == '-')
            i++;
    }
    return s.len;
}

static size_t line_end(struct carom_str s, size_t i)
{
    return i + carom_str_line_length(carom_str_from(s, i));
}

/* Is there a multipart whose next boundary may come? Behind the last one is nothing to look for. */
static bool has_open(const struct parser *parser)
{
    for (size_t k = parser->depth; k-- > parser->base;)
        if (parser->frames[k].boundary.len > 0 && !parser->frames[k].part->closed)
            return true;
    return false;
}

/* Reads on from offset i, where the innermost part's body starts, to the end of the bytes. */
static void scan(struct parser *parser, size_t i)
{
    struct carom_str bytes = parser->bytes;

    while (has_open(parser) && (i = next_dashes(bytes, i)) < bytes.len) {
        size_t end = line_end(bytes, i), frame;
        struct carom_str line = carom_str_trim(carom_str_n(bytes.ptr + i, end - i));
        enum delimiter found = find_frame(parser, carom_str_from(line, 2), &frame);

        while (found != NO_DELIMITER && parser->depth > frame + 1)
            close_frame(parser, i, false);
        if (found == NEXT_PART && parser->message->parts >= CAROM_MESSAGE_PARTS) {
            parser->message->limited = true;
            break;
        }
        if (found == LAST_PART)
            parser->frames[frame].part->closed = true;
        i = carom_str_skip_line_end(bytes, end);
        if (found == NEXT_PART)
            i = open_part(parser, i, false);
    }
    while (parser->depth > parser->base)
        close_frame(parser, bytes.len, true);
}

/* A message that travels encoded (RFC 6532 allows it for message/global; others do it anyway): its bytes are decoded
   and read as a document of their own under the same limits. All decoding together makes no more bytes than came in,
   since nested messages could have each level decoded anew. */
static void parse_encoded(struct parser *parser, const struct frame *frame)
{
    struct carom_part *part = frame->part;
    size_t depth = parser->depth;
    struct parser inner = {.arena = parser->arena, .message = parser->message, .decoded = parser->decoded,
                           .depth = depth + 1, .base = depth + 1};

    if (part->body.len > *parser->decoded || parser->message->parts >= CAROM_MESSAGE_PARTS) {
        parser->message->limited = true;
        return;
    }
    *parser->decoded -= part->body.len;
    inner.bytes = carom_encoding_decode(parser->arena, part->encoding, part->body, part->body.len);
    inner.frames[depth] = *frame;
    scan(&inner, open_part(&inner, 0, true));
}

/* ---- Entry points ---- */

/* Its frames are filled when they are pushed. */
static void init_parser(struct parser *parser, struct carom_arena *arena, struct carom_message *message,
                        struct carom_str bytes, size_t *decoded)
{
    *decoded = bytes.len;
    parser->arena = arena;
    parser->message = message;
    parser->bytes = bytes;
    parser->depth = parser->base = 0;
    parser->decoded = decoded;
}

/* "From sender date" of an mbox, and the empty line that ends a message in one. */
static void strip_mbox(struct carom_message *message)
{
    struct carom_str rest = message->bytes;

    if (!carom_str_starts(rest, CAROM_STR("From ")) || !carom_str_line(&rest, &message->from_line))
        return;
    if (carom_str_iends(rest, CAROM_STR("\n\n")))
        rest.len -= 1;
    else if (carom_str_iends(rest, CAROM_STR("\n\r\n")))
        rest.len -= 2;
    message->bytes = rest;
}

struct carom_message *carom_message_parse(struct carom_arena *arena, struct carom_str bytes)
{
    struct carom_message *message = carom_arena_new_of(arena, struct carom_message);
    struct parser parser;
    size_t decoded, body;

    if (carom_str_starts(bytes, CAROM_STR("\xef\xbb\xbf"))) /* files saved by editors */
        bytes = carom_str_from(bytes, 3);
    message->bytes = bytes;
    message->from_line = CAROM_STR_EMPTY;
    strip_mbox(message);
    init_parser(&parser, arena, message, message->bytes, &decoded);
    body = open_part(&parser, 0, true);
    message->root = parser.frames[0].part;
    message->truncated =
        bytes.len == 0 || message->root->headers.block.ptr + message->root->headers.block.len == bytes.ptr + bytes.len;
    scan(&parser, body);
    return message;
}

struct carom_part *carom_part_parse(struct carom_arena *arena, struct carom_str bytes)
{
    return carom_message_parse(arena, bytes)->root;
}

struct carom_part *carom_part_split(struct carom_arena *arena, struct carom_str body, struct carom_str boundary)
{
    struct carom_message *message = carom_arena_new_of(arena, struct carom_message);
    struct carom_part *root = carom_arena_new_of(arena, struct carom_part);
    size_t decoded;
    struct parser parser;

    init_parser(&parser, arena, message, body, &decoded);
    root->headers.block = root->content_type = CAROM_STR_EMPTY;
    root->type = CAROM_STR("multipart/mixed");
    root->body = body;
    push_frame(&parser, root)->boundary = boundary;
    scan(&parser, 0);
    return root;
}

/* ---- Walking and reading ---- */

static struct carom_part *after(const struct carom_part *root, struct carom_part *part)
{
    while (part && part != root && !part->next)
        part = part->parent;
    return part && part != root ? part->next : NULL;
}

struct carom_part *carom_part_walk(const struct carom_part *root, struct carom_part *part)
{
    return part->child ? part->child : after(root, part);
}

struct carom_part *carom_part_walk_own(const struct carom_part *root, struct carom_part *part)
{
    return part->child && !is_message(part) ? part->child : after(root, part);
}

struct carom_str carom_part_name(struct carom_arena *arena, struct carom_part *part)
{
    if (!part->named)
        part->name = carom_header_param(arena, part->content_type, "name");
    if (!part->named && part->name.len == 0)
        part->name = carom_header_param(arena, carom_headers_get(&part->headers, "Content-Disposition"), "filename");
    part->named = true;
    return part->name;
}

struct carom_str carom_part_bytes(struct carom_arena *arena, const struct carom_part *part, size_t max)
{
    return carom_encoding_decode(arena, part->encoding, part->body, max);
}

/* More is decoded than asked for, as charsets and markup shrink: mails of 64 KiB of text have up to 500 KiB of HTML. */
struct carom_str carom_part_text(struct carom_arena *arena, const struct carom_part *part, size_t max)
{
    bool html = carom_part_is(part, "text/html");
    size_t factor = html ? 8 : 3, enough = max < SIZE_MAX / factor ? max * factor : SIZE_MAX;
    struct carom_str bytes = carom_part_bytes(arena, part, enough);
    struct carom_str charset = carom_header_param(arena, part->content_type, "charset");

    if (html)
        return carom_html_text(arena, carom_charset_to_utf8(arena, charset, bytes, enough), max);
    return carom_charset_to_utf8(arena, charset, bytes, max);
}
