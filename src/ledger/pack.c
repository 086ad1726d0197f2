/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* zstd with contexts that are used again: making one costs more than compressing a bounce. It does not know what the bytes
   are. */

#include "ledger/pack.h"

#include <zstd.h>

enum { PLAIN = 0, ZSTD = 1, WORTH_TRYING = 256, SPARES = 8 /* they are large */ };
/* Of a few hundred bytes, as headers have, making the tables is most of the work. */
enum { SMALL = 2048, FAST = -1, THOROUGH = 1 };
static const size_t unpacked_max = (size_t)1 << 30;

void carom_pack_init(struct carom_pack *pack)
{
    pthread_mutex_init(&pack->contexts.lock, NULL);
    pack->contexts.n = 0;
    pack->contexts.max = SPARES;
}

void carom_pack_deinit(struct carom_pack *pack)
{
    for (ZSTD_CCtx *context; (context = carom_spares_take(&pack->contexts));)
        ZSTD_freeCCtx(context);
    pthread_mutex_destroy(&pack->contexts.lock);
}

/* Behind what out holds. false: it does not pay, and out is as it was. */
static bool compress(struct carom_pack *pack, struct carom_str bytes, struct carom_buf *out)
{
    size_t bound = ZSTD_compressBound(bytes.len);
    ZSTD_CCtx *context = carom_buf_reserve(out, bound) ? carom_spares_take(&pack->contexts) : NULL;
    if (out->failed || (!context && !(context = ZSTD_createCCtx())))
        return false;
    size_t n = ZSTD_compressCCtx(context, out->ptr + out->len, bound, bytes.ptr, bytes.len, bytes.len < SMALL ? FAST : THOROUGH);
    bool pays = !ZSTD_isError(n) && n < bytes.len - bytes.len / 8;
    if (pays)
        out->len += n;
    if (!carom_spares_put(&pack->contexts, context))
        ZSTD_freeCCtx(context);
    return pays;
}

int carom_pack(struct carom_pack *pack, struct carom_str bytes, struct carom_buf *out, struct carom_error *err)
{
    carom_buf_clear(out);
    if (bytes.len) {
        carom_buf_add_char(out, ZSTD);
        if (bytes.len < WORTH_TRYING || !compress(pack, bytes, out)) {
            carom_buf_clear(out);
            carom_buf_add_char(out, PLAIN);
            carom_buf_add_str(out, bytes);
        }
    }
    return out->failed ? carom_error_memory(err) : 0;
}

int carom_unpack(struct carom_arena *arena, struct carom_str packed, struct carom_str *bytes_r,
                 struct carom_error *err)
{
    struct carom_str body = carom_str_from(packed, 1);
    *bytes_r = CAROM_STR_EMPTY;
    if (!packed.len)
        return 0;
    if (packed.ptr[0] == PLAIN)
        return *bytes_r = carom_arena_str(arena, body), 0;
    unsigned long long size = packed.ptr[0] == ZSTD ? ZSTD_getFrameContentSize(body.ptr, body.len) : ZSTD_CONTENTSIZE_ERROR;
    if (size >= unpacked_max) /* also the two error values */
        return carom_error_set(err, CAROM_ERROR_IO, "the ledger holds a damaged block of headers or message");
    char *room = carom_arena_alloc(arena, (size_t)size + 1);
    size_t n = ZSTD_decompress(room, (size_t)size, body.ptr, body.len);
    if (ZSTD_isError(n))
        return carom_error_set(err, CAROM_ERROR_IO, "the ledger holds a damaged block of headers or message: %s",
                               ZSTD_getErrorName(n));
    *bytes_r = carom_str_n(room, n);
    return 0;
}
