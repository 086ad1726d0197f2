/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What curl asks to be told of, as poll() takes it. A few dozen sockets at a time: they are found by looking. */

#include "outbox/sockets.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/date.h"

static int make_room(struct carom_sockets *sockets)
{
    size_t room = sockets->room ? 2 * sockets->room : 64;
    struct pollfd *fds = reallocarray(sockets->fds, room, sizeof *fds);
    if (!fds)
        return -1;
    sockets->fds = fds;
    sockets->room = room;
    return 0;
}

/* -1 has curl give up what waits for it. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *own)
{
    (void)easy, (void)own;
    struct carom_sockets *sockets = user;
    size_t i = 0;
    while (i < sockets->n && sockets->fds[i].fd != fd)
        i++;
    if (what == CURL_POLL_REMOVE) {
        if (i < sockets->n)
            sockets->fds[i] = sockets->fds[--sockets->n];
        return 0;
    }
    if (i == sockets->room && make_room(sockets) != 0)
        return -1;
    if (i == sockets->n)
        sockets->n++;
    short events = (short)((what & CURL_POLL_IN ? POLLIN : 0) | (what & CURL_POLL_OUT ? POLLOUT : 0));
    sockets->fds[i] = (struct pollfd){.fd = fd, .events = events};
    return 0;
}

static int on_timer(CURLM *multi, long wait_ms, void *user)
{
    (void)multi;
    struct carom_sockets *sockets = user;
    sockets->wake = wait_ms < 0 ? -1 : carom_date_elapsed_ms() + wait_ms;
    return 0;
}

void carom_sockets_init(struct carom_sockets *sockets, CURLM *multi)
{
    *sockets = (struct carom_sockets){.multi = multi, .wake = -1};
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, sockets);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, sockets);
}

void carom_sockets_deinit(struct carom_sockets *sockets)
{
    free(sockets->fds);
}

/* As curl itself reads poll(): who wants to read learns of an end by reading. */
static int what_came(short wanted, short got)
{
    bool reads = wanted & POLLIN && got & (POLLIN | POLLERR | POLLHUP);
    bool broken = got & POLLNVAL || (wanted & POLLOUT && got & (POLLERR | POLLHUP));
    return (reads ? CURL_CSELECT_IN : 0) | (got & POLLOUT ? CURL_CSELECT_OUT : 0) | (broken ? CURL_CSELECT_ERR : 0);
}

/* From the end: curl adds behind it, and what takes the place of one that goes was looked at already. */
static CURLMcode tell_ready(struct carom_sockets *sockets)
{
    CURLMcode bad = CURLM_OK;
    int running;
    for (size_t i = sockets->n; i-- > 0 && bad == CURLM_OK;) {
        short got = i < sockets->n ? sockets->fds[i].revents : 0;
        if (!got)
            continue;
        sockets->fds[i].revents = 0;
        bad = curl_multi_socket_action(sockets->multi, sockets->fds[i].fd, what_came(sockets->fds[i].events, got), &running);
    }
    return bad;
}

static CURLMcode tell_time(struct carom_sockets *sockets)
{
    int running;
    if (sockets->wake < 0 || sockets->wake > carom_date_elapsed_ms())
        return CURLM_OK;
    sockets->wake = -1; /* curl sets it again */
    return curl_multi_socket_action(sockets->multi, CURL_SOCKET_TIMEOUT, 0, &running);
}

CURLMcode carom_sockets_wait(struct carom_sockets *sockets, int wait_ms)
{
    int64_t left = sockets->wake < 0 ? wait_ms : sockets->wake - carom_date_elapsed_ms();
    int wait = left < 0 ? 0 : left < wait_ms ? (int)left : wait_ms;
    if (poll(sockets->fds, (nfds_t)sockets->n, wait) < 0 && errno != EINTR)
        return CURLM_INTERNAL_ERROR;
    CURLMcode bad = tell_ready(sockets);
    return bad == CURLM_OK ? tell_time(sockets) : bad;
}
