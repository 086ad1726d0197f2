/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Preloaded: sleep() takes a millisecond and adds a byte to the file that ROUNDS names, so that hundreds of rounds of
   `carom deliver --watch` are a matter of seconds and can be counted. */

#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

unsigned sleep(unsigned seconds)
{
    (void)seconds;
    const char *path = getenv("ROUNDS");
    int file = path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (file >= 0) {
        (void)!write(file, ".", 1);
        close(file);
    }
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    return 0;
}
