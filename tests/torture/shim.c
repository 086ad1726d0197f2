/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Preloaded into a program under test: the n-th call of a kind fails, once or from there on for good. The program itself
   knows nothing of it, and there is no hook in the library that could be left on.

   CAROM_TORTURE=CALL:N[+][:HOW]   CALL malloc (all that allocate), write, fsync, rename, open, close, connect, read;
                                   + for good; HOW EIO, ENOSPC, EINTR, EMFILE or short (half of what was asked for, at
                                   most 100 bytes)
   CAROM_TORTURE_COUNTS=FILE       at the end of each process a line "CALL N" for each kind is added, and "live N": the
                                   blocks that were never freed */

#undef _FILE_OFFSET_BITS /* open and open64 are two functions here */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

#define CALLS(X) X(malloc) X(write) X(fsync) X(rename) X(open) X(close) X(connect) X(read)
#define CALL_ENUM(name) CALL_##name,
#define CALL_NAME(name) #name,
enum call { CALLS(CALL_ENUM) CALL_COUNT };
static const char *const call_names[] = {CALLS(CALL_NAME)};

static struct {
    atomic_int known; /* 0 not read, 1 being read, 2 read */
    int call;         /* CALL_COUNT: none */
    long n;
    bool for_good, cut; /* cut: short counts */
    int error;
} plan = {.call = CALL_COUNT};
static atomic_long counts[CALL_COUNT], live;

/* At the first call of all, which comes before any constructor of ours. Must not allocate. */
static void read_plan(void)
{
    static const struct {
        const char *name;
        int number;
    } errors[] = {{"EIO", EIO}, {"ENOSPC", ENOSPC}, {"EINTR", EINTR}, {"EMFILE", EMFILE}};
    const char *text = getenv("CAROM_TORTURE"), *colon = text ? strchr(text, ':') : NULL;
    char *end;

    plan.error = EIO;
    if (!colon)
        return;
    plan.n = strtol(colon + 1, &end, 10);
    plan.for_good = *end == '+';
    plan.cut = strstr(end, "short") != NULL;
    for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++)
        if (strstr(end, errors[i].name))
            plan.error = errors[i].number;
    for (int call = 0; call < CALL_COUNT; call++)
        if (!strncmp(text, call_names[call], (size_t)(colon - text)) && !call_names[call][colon - text])
            plan.call = call;
}

/* Counts a call; true when it is the one that fails. */
static bool fails(enum call call)
{
    int fresh = 0;

    if (atomic_load(&plan.known) != 2 && atomic_compare_exchange_strong(&plan.known, &fresh, 1)) {
        read_plan();
        atomic_store(&plan.known, 2);
    }
    long n = atomic_fetch_add(&counts[call], 1) + 1;
    return plan.call == (int)call && (plan.for_good ? n >= plan.n : n == plan.n);
}

__attribute__((destructor)) static void tell(void)
{
    const char *path = getenv("CAROM_TORTURE_COUNTS");
    char text[512];
    int n = 0, file = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;

    if (file < 0)
        return;
    for (int call = 0; call < CALL_COUNT; call++)
        n += snprintf(text + n, sizeof(text) - (size_t)n, "%s %ld\n", call_names[call], atomic_load(&counts[call]));
    n += snprintf(text + n, sizeof(text) - (size_t)n, "live %ld\n", atomic_load(&live));
    if (syscall(SYS_write, file, text, (size_t)n) != n)
        abort();
    syscall(SYS_close, file);
}

/* ---- Memory ---- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *block);

static bool no_memory(void)
{
    if (!fails(CALL_malloc))
        return false;
    errno = ENOMEM;
    return true;
}

static void *born(void *block)
{
    if (block)
        atomic_fetch_add(&live, 1);
    return block;
}

EXPORT void *malloc(size_t size) { return no_memory() ? NULL : born(__libc_malloc(size)); }
EXPORT void *calloc(size_t n, size_t size) { return no_memory() ? NULL : born(__libc_calloc(n, size)); }
EXPORT void *memalign(size_t alignment, size_t size)
{
    return no_memory() ? NULL : born(__libc_memalign(alignment, size));
}
EXPORT void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

EXPORT int posix_memalign(void **block_r, size_t alignment, size_t size)
{
    void *block = memalign(alignment, size);

    if (block)
        *block_r = block;
    return block ? 0 : ENOMEM;
}

/* Shrinking and freeing never fail: Lua, for one, is promised that. */
EXPORT void *realloc(void *old, size_t size)
{
    if (size && no_memory())
        return NULL;
    void *block = __libc_realloc(old, size);
    if (!old)
        return born(block);
    if (!size)
        atomic_fetch_sub(&live, 1);
    return block;
}

EXPORT void free(void *block)
{
    if (block)
        atomic_fetch_sub(&live, 1);
    __libc_free(block);
}

/* ---- Files and sockets ---- */

/* -1 and errno, or n or a part of it. */
static long transfer(enum call call, size_t n)
{
    if (!fails(call))
        return (long)n;
    if (plan.cut)
        return (long)(n > 200 ? 100 : n > 1 ? n / 2 : n);
    errno = plan.error;
    return -1;
}

static int refuse(enum call call)
{
    if (!fails(call) || plan.cut)
        return 0;
    errno = plan.error;
    return -1;
}

EXPORT ssize_t write(int fd, const void *bytes, size_t size)
{
    long n = transfer(CALL_write, size);
    return n < 0 ? -1 : syscall(SYS_write, fd, bytes, n);
}

EXPORT ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at)
{
    long n = transfer(CALL_write, size);
    return n < 0 ? -1 : syscall(SYS_pwrite64, fd, bytes, n, at);
}
EXPORT ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at) { return pwrite64(fd, bytes, size, at); }

EXPORT ssize_t read(int fd, void *bytes, size_t size)
{
    long n = transfer(CALL_read, size);
    return n < 0 ? -1 : syscall(SYS_read, fd, bytes, n);
}

EXPORT ssize_t pread64(int fd, void *bytes, size_t size, off64_t at)
{
    long n = transfer(CALL_read, size);
    return n < 0 ? -1 : syscall(SYS_pread64, fd, bytes, n, at);
}
EXPORT ssize_t pread(int fd, void *bytes, size_t size, off_t at) { return pread64(fd, bytes, size, at); }

EXPORT int fsync(int fd) { return refuse(CALL_fsync) < 0 ? -1 : (int)syscall(SYS_fsync, fd); }
EXPORT int fdatasync(int fd) { return refuse(CALL_fsync) < 0 ? -1 : (int)syscall(SYS_fdatasync, fd); }

EXPORT int rename(const char *from, const char *to)
{
    return refuse(CALL_rename) < 0 ? -1 : (int)syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
}

/* Linux has closed the descriptor even where it says EINTR or EIO. */
EXPORT int close(int fd)
{
    int refused = refuse(CALL_close), error = errno;
    int result = (int)syscall(SYS_close, fd);

    if (refused < 0)
        errno = error;
    return refused < 0 ? -1 : result;
}

/* The type is glibc's, a union of all pointers to addresses. */
EXPORT int connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t size)
{
    return refuse(CALL_connect) < 0 ? -1 : (int)syscall(SYS_connect, fd, address.__sockaddr__, size);
}

static int open_at(int directory, const char *path, int flags, mode_t mode)
{
    return refuse(CALL_open) < 0 ? -1 : (int)syscall(SYS_openat, directory, path, flags, mode);
}

#define MODE(mode, flags) \
    do { \
        va_list args; \
        va_start(args, flags); \
        mode = (flags) & (O_CREAT | __O_TMPFILE) ? va_arg(args, mode_t) : 0; \
        va_end(args); \
    } while (0)

EXPORT int open64(const char *path, int flags, ...)
{
    mode_t mode;
    MODE(mode, flags);
    return open_at(AT_FDCWD, path, flags, mode);
}
EXPORT int open(const char *path, int flags, ...)
{
    mode_t mode;
    MODE(mode, flags);
    return open_at(AT_FDCWD, path, flags, mode);
}
EXPORT int openat64(int directory, const char *path, int flags, ...)
{
    mode_t mode;
    MODE(mode, flags);
    return open_at(directory, path, flags, mode);
}
EXPORT int openat(int directory, const char *path, int flags, ...)
{
    mode_t mode;
    MODE(mode, flags);
    return open_at(directory, path, flags, mode);
}
