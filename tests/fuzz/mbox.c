/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The splitter of mboxes: the same messages whether the file lies there or comes through a socket in small pieces. */

#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "fuzz.h"
#include "input/mbox.h"

enum { PIECES = 100, MAX = 1 << 14 };

static struct carom_buf split(int fd, bool regular)
{
    struct carom_buf out = CAROM_BUF_INIT(1 << 20);
    struct carom_window window = {0};
    struct carom_str message;
    struct carom_error err;
    int got = carom_window_open(&window, fd, regular, &err) == 0;

    for (size_t n = 0; got != 0 && n <= MAX; n++)
        if ((got = carom_mbox_next(&window, 4096, &message, &err)) > 0)
            carom_buf_printf(&out, "[%zu]", message.len), carom_buf_add_str(&out, message);
        else if (got < 0)
            carom_buf_add_char(&out, '!');
    FUZZ_CHECK(got == 0);
    carom_window_deinit(&window);
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    int file = memfd_create("mbox", 0), ends[2];
    size_t piece;

    if (size > MAX)
        size = MAX;
    piece = size / PIECES + 1;
    /* Each read of a socket that keeps its packets apart gives one of them. */
    if (file < 0 || write(file, bytes, size) != (ssize_t)size || lseek(file, 0, SEEK_SET) != 0 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) != 0)
        abort();
    for (size_t at = 0; at < size; at += piece)
        if (send(ends[1], bytes + at, size - at < piece ? size - at : piece, MSG_DONTWAIT) < 0)
            abort();
    close(ends[1]);
    struct carom_buf whole = split(file, true), pieces = split(ends[0], false);
    FUZZ_CHECK(carom_str_eq(carom_buf_str(&whole), carom_buf_str(&pieces)));
    carom_buf_deinit(&whole);
    carom_buf_deinit(&pieces);
    close(file);
    close(ends[0]);
    return 0;
}
