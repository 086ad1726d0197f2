/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* SHA-256, cut to 128 bits. It knows which headers change on the way, nothing of what they mean. */

#include "classify/identity.h"

#include <nettle/sha2.h>

#include "base/str.h"
#include "mail/address.h"

static struct carom_str digest(struct carom_arena *arena, struct sha256_ctx *ctx)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t hash[16];
    char *hex = (char *)carom_arena_alloc(arena, 2 * sizeof hash + 1);

    sha256_digest(ctx, sizeof hash, hash);
    for (size_t i = 0; i < sizeof hash; i++) {
        hex[2 * i] = digits[hash[i] >> 4];
        hex[2 * i + 1] = digits[hash[i] & 15];
    }
    return carom_str_n(hex, 2 * sizeof hash);
}

static void add(struct sha256_ctx *ctx, struct carom_str text)
{
    sha256_update(ctx, text.len, (const uint8_t *)text.ptr);
    sha256_update(ctx, 1, (const uint8_t *)"");
}

/* Every line with NUL for its end: the same message with CRLF and with LF is one. In blocks, not by line: a message of
   nothing but line ends has millions of them. */
static void add_lines(struct sha256_ctx *ctx, struct carom_str text)
{
    char block[4096];
    size_t n = 0;

    while (text.len > 0) {
        size_t run = carom_str_line_length(carom_str_head(text, sizeof block - 1 - n));

        memcpy(block + n, text.ptr, run);
        n += run;
        text = carom_str_from(text, run);
        if (text.len == 0 || text.ptr[0] == '\r' || text.ptr[0] == '\n') {
            block[n++] = '\0';
            text = carom_str_from(text, carom_str_starts(text, CAROM_STR("\r\n")) ? 2 : 1);
        }
        if (n + 1 >= sizeof block || text.len == 0) {
            sha256_update(ctx, n, (const uint8_t *)block);
            n = 0;
        }
    }
}

static bool is_trace(struct carom_str name)
{
    static const char *const names[] = {"Received", "Return-Path", "Delivered-To", "X-Original-To", "Envelope-To",
                                        "X-Envelope-To", "X-Envelope-From", "X-Delivered-To", "Authentication-Results",
                                        "Received-SPF", "X-UIDL", "X-UID", "Status", "X-Status", "X-Keywords",
                                        "Content-Length", "Lines", "X-Mozilla-Status", "X-Mozilla-Status2"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (carom_str_ieq(name, carom_str(names[i])))
            return true;
    }
    return carom_str_istarts(name, CAROM_STR("X-Spam")) || carom_str_istarts(name, CAROM_STR("ARC-"));
}

struct carom_str carom_identity_message(struct carom_arena *arena, const struct carom_message *message)
{
    const struct carom_headers *headers = &message->root->headers;
    struct carom_str id = carom_header_token(arena, carom_headers_get(headers, "Message-ID"));
    struct sha256_ctx ctx;

    sha256_init(&ctx);
    if (id.len > 0) {
        add(&ctx, id);
        return digest(arena, &ctx);
    }
    for (size_t i = 0; i < headers->n; i++) {
        if (is_trace(headers->list[i].name))
            continue;
        add(&ctx, headers->list[i].name);
        add_lines(&ctx, headers->list[i].value);
    }
    add_lines(&ctx, message->root->body);
    return digest(arena, &ctx);
}

struct carom_str carom_identity_fact(struct carom_arena *arena, struct carom_str origin, const struct carom_fact *fact)
{
    struct sha256_ctx ctx;

    sha256_init(&ctx);
    add(&ctx, origin);
    add(&ctx, fact->recipient.len > 0 ? carom_address_key(arena, fact->recipient) : fact->recipient);
    add(&ctx, fact->token);
    add(&ctx, fact->list);
    add(&ctx, fact->delivery);
    add(&ctx, carom_str(carom_kind_name(fact->kind)));
    return digest(arena, &ctx);
}
