/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Waiting for the sockets of a curl multi handle: one poll() for all of them, and curl looks only at those where
   something came. curl_multi_poll would look at each, by a poll() of its own. Part of the HTTP module. */

#ifndef CAROM_OUTBOX_SOCKETS_H
#define CAROM_OUTBOX_SOCKETS_H

#include <curl/curl.h>
#include <poll.h>
#include <stdint.h>

struct carom_sockets {
    CURLM *multi;
    struct pollfd *fds;
    size_t n, room;
    int64_t wake; /* ms of the steady clock: when curl wants to be called; -1 never */
};

/* It stays where it is until the multi handle is gone. */
void carom_sockets_init(struct carom_sockets *sockets, CURLM *multi);
void carom_sockets_deinit(struct carom_sockets *sockets);
/* Waits at most so long for what is due, and has curl do it. */
CURLMcode carom_sockets_wait(struct carom_sockets *sockets, int wait_ms);

#endif
