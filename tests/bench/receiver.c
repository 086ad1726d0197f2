/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* usage: bench_receiver REQUESTS
   Takes webhooks as fast as one core can, over kept-alive HTTP/1.1 on a port of loopback that it prints: answers each
   request with 204, and ends after so many, or when nothing comes for ten seconds. It looks for the end of the header
   and for Content-Length, and at nothing else. */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PEERS = 512, ROOM = 1 << 16, WAIT_MS = 10000 };
static const char answer[] = "HTTP/1.1 204 No Content\r\n\r\n";

struct peer {
    size_t n;
    char bytes[ROOM];
};

/* The length of the first whole request; 0: not whole yet. */
static size_t request(const char *bytes, size_t n)
{
    const char *end = memmem(bytes, n, "\r\n\r\n", 4);
    if (!end)
        return 0;
    size_t head = (size_t)(end - bytes) + 4;
    const char *length = memmem(bytes, head, "Content-Length: ", 16);
    size_t whole = head + (length ? strtoul(length + 16, NULL, 10) : 0);
    return whole <= n ? whole : 0;
}

/* How many requests were answered; -1 when the peer is gone. */
static long serve(int fd, struct peer *peer)
{
    ssize_t got = recv(fd, peer->bytes + peer->n, ROOM - peer->n, 0);
    size_t used = 0, one;
    long served = 0;
    if (got <= 0)
        return got < 0 && errno == EINTR ? 0 : -1;
    peer->n += (size_t)got;
    for (; (one = request(peer->bytes + used, peer->n - used)) != 0; used += one, served++)
        if (send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL) < 0)
            return -1;
    memmove(peer->bytes, peer->bytes + used, peer->n - used);
    peer->n -= used;
    return peer->n == ROOM ? -1 : served;
}

static int listen_on_loopback(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, PEERS) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        return -1;
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

int main(int argc, char **argv)
{
    static struct peer peers[PEERS];
    static struct pollfd fds[PEERS] = {{.events = POLLIN}};
    long wanted = argc == 2 ? atol(argv[1]) : 0, served = 0;
    nfds_t n = 1;
    if (wanted <= 0 || (fds[0].fd = listen_on_loopback()) < 0)
        return 1;
    while (served < wanted && poll(fds, n, WAIT_MS) > 0) {
        if (fds[0].revents && n < PEERS) {
            int one = 1;
            fds[n] = (struct pollfd){.fd = accept(fds[0].fd, NULL, NULL), .events = POLLIN};
            setsockopt(fds[n].fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
            peers[n++].n = 0;
        }
        for (nfds_t i = 1; i < n; i++) {
            long more = fds[i].revents ? serve(fds[i].fd, &peers[i]) : 0;
            if (more < 0) {
                close(fds[i].fd);
                fds[i] = fds[--n];
                peers[i--] = peers[n];
            } else {
                served += more;
            }
        }
    }
    printf("%ld\n", served);
    return served < wanted;
}
