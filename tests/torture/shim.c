/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Preloaded into a program under test: the n-th call of a kind fails, once or from there on for good. The program itself
   knows nothing of it, and there is no hook in the library that could be left on.

   CAROM_TORTURE=CALL:N[+][:HOW]   CALL malloc (all that allocate), own (of these, what carom itself calls and no library
                                   that it uses) but resize (its realloc: of buffers, and of all that is Lua's), prepare
                                   and step (SQLite's, sqlite3_exec among them), curl, write, fsync, rename, open, close,
                                   connect, read and what else stands in CALLS; + for good; HOW EIO, ENOSPC, EINTR, EMFILE, EAGAIN, ECHILD,
                                   ENOMEM or short (half of what was asked for, at most 100 bytes)
   CAROM_TORTURE_COUNTS=FILE       at the end of each process a line "CALL N" for each kind is added, and "live N": the
                                   blocks that were never freed, where it did not end by _exit
   CAROM_TORTURE_SERVER=IN,OUT     two descriptors: the program is loaded and linked once, and begins at main, in a
                                   process of its own, for each plan that is read from the one, a line; how it ended
                                   (as waitpid says it) is written to the other, a line. Its stdin, stdout and stderr
                                   are the files ../in (through a pipe), ../out and ../err
   CAROM_TORTURE_LOAD=FILE:FILE    modules that are loaded then, too
   CAROM_TORTURE_UNTIL=main        nothing fails any more, and nothing counts, when main is done */

#undef _FILE_OFFSET_BITS /* open and open64 are two functions here */
#undef _exit             /* which tests/coverage makes another */

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

#define CALLS(X) \
    X(malloc) X(write) X(fsync) X(rename) X(open) X(close) X(connect) X(read) X(stat) X(mkdir) X(unlink) X(opendir) \
    X(flock) X(fork) X(socketpair) X(send) X(recv) X(own) X(resize) X(prepare) X(step) X(mmap) X(poll) X(sleep) X(wait) X(chmod) \
    X(pipe) X(access) X(spawn) X(curl) X(random)
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

/* Must not allocate. */
static void read_plan(const char *text)
{
    static const struct {
        const char *name;
        int number;
    } errors[] = {{"EIO", EIO}, {"ENOSPC", ENOSPC}, {"EINTR", EINTR}, {"EMFILE", EMFILE}, {"EAGAIN", EAGAIN},
                {"ECHILD", ECHILD}, {"ENOMEM", ENOMEM}};
    const char *colon = text ? strchr(text, ':') : NULL;
    char *end;

    plan.call = CALL_COUNT;
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

static _Thread_local bool looking; /* for whom to pass a call on to: that is no call of the program's */

/* Counts a call; true when it is the one that fails. The first of all comes before any constructor of ours. */
static bool fails(enum call call)
{
    int fresh = 0;

    if (looking)
        return false;
    if (atomic_load(&plan.known) != 2 && atomic_compare_exchange_strong(&plan.known, &fresh, 1)) {
        read_plan(getenv("CAROM_TORTURE"));
        atomic_store(&plan.known, 2);
    }
    long n = atomic_fetch_add(&counts[call], 1) + 1;
    return plan.call == (int)call && (plan.for_good ? n >= plan.n : n == plan.n);
}

static void tell_counts(bool and_live)
{
    const char *path = getenv("CAROM_TORTURE_COUNTS");
    char text[1024];
    int n = 0, file = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;

    if (file < 0)
        return;
    for (int call = 0; call < CALL_COUNT; call++)
        n += snprintf(text + n, sizeof(text) - (size_t)n, "%s %ld\n", call_names[call], atomic_load(&counts[call]));
    if (and_live)
        n += snprintf(text + n, sizeof(text) - (size_t)n, "live %ld\n", atomic_load(&live));
    if (syscall(SYS_write, file, text, (size_t)n) != n)
        abort();
    syscall(SYS_close, file);
}

__attribute__((destructor)) static void tell(void) { tell_counts(true); }

/* ---- Memory ---- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *block);

static bool is_own(const void *caller)
{
    Dl_info info;

    if (!dladdr(caller, &info) || !info.dli_fname)
        return false;
    const char *name = strrchr(info.dli_fname, '/');
    return name && !strncmp(name, "/carom", 6);
}

static bool no_memory_of_ours(const void *caller, enum call call)
{
    bool asked = plan.call == (int)call || plan.call == CALL_COUNT, ours = asked && is_own(caller) && fails(call);

    if (ours)
        errno = ENOMEM;
    return ours;
}

static bool no_memory(const void *caller, enum call call)
{
    bool all = fails(CALL_malloc);

    if (!all)
        return no_memory_of_ours(caller, call);
    errno = ENOMEM;
    return true;
}
#define NO_MEMORY no_memory(__builtin_return_address(0), CALL_own)
#define NO_COPY no_memory_of_ours(__builtin_return_address(0), CALL_own)

static void *born(void *block)
{
    if (block)
        atomic_fetch_add(&live, 1);
    return block;
}

EXPORT void *malloc(size_t size) { return NO_MEMORY ? NULL : born(__libc_malloc(size)); }
EXPORT void *calloc(size_t n, size_t size) { return NO_MEMORY ? NULL : born(__libc_calloc(n, size)); }
EXPORT void *memalign(size_t alignment, size_t size)
{
    return NO_MEMORY ? NULL : born(__libc_memalign(alignment, size));
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
    if (size && no_memory(__builtin_return_address(0), CALL_resize))
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

/* What the C library allocates for us is ours all the same. */

EXPORT char *strndup(const char *text, size_t max)
{
    size_t n = strnlen(text, max);
    char *copy = NO_COPY ? NULL : malloc(n + 1);

    if (!copy)
        return NULL;
    copy[n] = '\0';
    return memcpy(copy, text, n);
}

EXPORT char *strdup(const char *text)
{
    size_t n = strlen(text) + 1;
    char *copy = NO_COPY ? NULL : malloc(n);
    return copy ? memcpy(copy, text, n) : NULL;
}

EXPORT void *reallocarray(void *old, size_t n, size_t size)
{
    size_t bytes;
    return NO_COPY || __builtin_mul_overflow(n, size, &bytes) ? NULL : realloc(old, bytes);
}

EXPORT int asprintf(char **text_r, const char *format, ...)
{
    va_list args;

    if (NO_COPY)
        return -1;
    va_start(args, format);
    int n = vasprintf(text_r, format, args);
    va_end(args);
    return n;
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

EXPORT int renameat(int from_directory, const char *from, int to_directory, const char *to)
{
    return refuse(CALL_rename) < 0 ? -1 : (int)syscall(SYS_renameat, from_directory, from, to_directory, to);
}

EXPORT int mkdir(const char *path, mode_t mode)
{
    return refuse(CALL_mkdir) < 0 ? -1 : (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

static int unlink_at(int directory, const char *path, int flags)
{
    return refuse(CALL_unlink) < 0 ? -1 : (int)syscall(SYS_unlinkat, directory, path, flags);
}
EXPORT int unlink(const char *path) { return unlink_at(AT_FDCWD, path, 0); }
EXPORT int unlinkat(int directory, const char *path, int flags) { return unlink_at(directory, path, flags); }

EXPORT ssize_t getrandom(void *bytes, size_t size, unsigned flags)
{
    return refuse(CALL_random) < 0 ? -1 : syscall(SYS_getrandom, bytes, size, flags);
}

EXPORT int fchmod(int fd, mode_t mode) { return refuse(CALL_chmod) < 0 ? -1 : (int)syscall(SYS_fchmod, fd, mode); }

EXPORT int pipe2(int ends[2], int flags) { return refuse(CALL_pipe) < 0 ? -1 : (int)syscall(SYS_pipe2, ends, flags); }

/* The C library maps what it needs for itself without it. */
EXPORT void *mmap64(void *at, size_t size, int protection, int flags, int fd, off64_t offset)
{
    return refuse(CALL_mmap) < 0 ? MAP_FAILED : (void *)syscall(SYS_mmap, at, size, protection, flags, fd, offset);
}
EXPORT void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
    return mmap64(at, size, protection, flags, fd, offset);
}

EXPORT int access(const char *path, int mode)
{
    return refuse(CALL_access) < 0 ? -1 : (int)syscall(SYS_faccessat, AT_FDCWD, path, mode);
}

/* Of the locks that fcntl knows only those of an open file, which SQLite does not take. */
#define FCNTL(name) \
    EXPORT int name(int fd, int command, ...) \
    { \
        va_list args; \
        va_start(args, command); \
        void *argument = va_arg(args, void *); \
        va_end(args); \
        return command == F_OFD_SETLK && refuse(CALL_flock) < 0 ? -1 : (int)syscall(SYS_fcntl, fd, command, argument); \
    }
FCNTL(fcntl)
FCNTL(fcntl64)

EXPORT int flock(int fd, int operation) { return refuse(CALL_flock) < 0 ? -1 : (int)syscall(SYS_flock, fd, operation); }

/* The kernel's structure is the library's, with 64 bits. */
static int stat_at(int directory, const char *path, void *info, int flags)
{
    return refuse(CALL_stat) < 0 ? -1 : (int)syscall(SYS_newfstatat, directory, path, info, flags);
}
#define STAT_CALLS(suffix) \
    EXPORT int stat##suffix(const char *path, struct stat##suffix *info) { return stat_at(AT_FDCWD, path, info, 0); } \
    EXPORT int lstat##suffix(const char *path, struct stat##suffix *info) \
    { \
        return stat_at(AT_FDCWD, path, info, AT_SYMLINK_NOFOLLOW); \
    } \
    EXPORT int fstat##suffix(int fd, struct stat##suffix *info) { return stat_at(fd, "", info, AT_EMPTY_PATH); } \
    EXPORT int fstatat##suffix(int directory, const char *path, struct stat##suffix *info, int flags) \
    { \
        return stat_at(directory, path, info, flags); \
    }
STAT_CALLS()
STAT_CALLS(64)

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

EXPORT ssize_t send(int fd, const void *bytes, size_t size, int flags)
{
    long n = transfer(CALL_send, size);
    return n < 0 ? -1 : syscall(SYS_sendto, fd, bytes, n, flags, NULL, 0);
}

EXPORT ssize_t recv(int fd, void *bytes, size_t size, int flags)
{
    long n = transfer(CALL_recv, size);
    return n < 0 ? -1 : syscall(SYS_recvfrom, fd, bytes, n, flags, NULL, NULL);
}

EXPORT int socketpair(int domain, int type, int protocol, int fds[2])
{
    return refuse(CALL_socketpair) < 0 ? -1 : (int)syscall(SYS_socketpair, domain, type, protocol, fds);
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

/* ---- What the library itself must do ---- */

/* The library's own function, which is not one with a number of its own in the kernel. */
#define THEIRS(name) \
    __typeof__(&name) theirs; \
    *(void **)&theirs = dlsym(RTLD_NEXT, #name)

EXPORT DIR *opendir(const char *path)
{
    THEIRS(opendir);
    return refuse(CALL_opendir) < 0 ? NULL : theirs(path);
}

/* SQLite is loaded with a module of carom, and not where RTLD_NEXT looks. What it calls of itself counts for nothing. */
static void *of_library(const char *file, const char *name)
{
    looking = true;
    void *library = dlopen(file, RTLD_LAZY | RTLD_NOLOAD), *theirs = library ? dlsym(library, name) : NULL;
    looking = false;
    if (!theirs)
        abort(); /* whoever calls it has it */
    return theirs;
}
static void *of_sqlite(const char *name) { return of_library("libsqlite3.so.0", name); }

enum { SQLITE_IOERR = 10 };
struct sqlite3;
struct sqlite3_stmt;
EXPORT int sqlite3_step(struct sqlite3_stmt *statement);
EXPORT int sqlite3_step(struct sqlite3_stmt *statement)
{
    static __typeof__(&sqlite3_step) theirs;
    if (!theirs)
        *(void **)&theirs = of_sqlite("sqlite3_step");
    return is_own(__builtin_return_address(0)) && refuse(CALL_step) < 0 ? SQLITE_IOERR : theirs(statement);
}

EXPORT int sqlite3_prepare_v3(struct sqlite3 *db, const char *sql, int n, unsigned flags, struct sqlite3_stmt **statement_r,
                              const char **tail_r);
EXPORT int sqlite3_prepare_v3(struct sqlite3 *db, const char *sql, int n, unsigned flags, struct sqlite3_stmt **statement_r,
                              const char **tail_r)
{
    static __typeof__(&sqlite3_prepare_v3) theirs;
    if (!theirs)
        *(void **)&theirs = of_sqlite("sqlite3_prepare_v3");
    *statement_r = NULL;
    return is_own(__builtin_return_address(0)) && refuse(CALL_prepare) < 0
               ? SQLITE_IOERR
               : theirs(db, sql, n, flags, statement_r, tail_r);
}

EXPORT int sqlite3_prepare_v2(struct sqlite3 *db, const char *sql, int n, struct sqlite3_stmt **statement_r,
                              const char **tail_r);
EXPORT int sqlite3_prepare_v2(struct sqlite3 *db, const char *sql, int n, struct sqlite3_stmt **statement_r,
                              const char **tail_r)
{
    static __typeof__(&sqlite3_prepare_v2) theirs;
    if (!theirs)
        *(void **)&theirs = of_sqlite("sqlite3_prepare_v2");
    *statement_r = NULL;
    return is_own(__builtin_return_address(0)) && refuse(CALL_prepare) < 0 ? SQLITE_IOERR
                                                                           : theirs(db, sql, n, statement_r, tail_r);
}

EXPORT int sqlite3_exec(struct sqlite3 *db, const char *sql, int (*row)(void *, int, char **, char **), void *user, char **err);
EXPORT int sqlite3_exec(struct sqlite3 *db, const char *sql, int (*row)(void *, int, char **, char **), void *user, char **err)
{
    static __typeof__(&sqlite3_exec) theirs;
    if (!theirs)
        *(void **)&theirs = of_sqlite("sqlite3_exec");
    return is_own(__builtin_return_address(0)) && refuse(CALL_step) < 0 ? SQLITE_IOERR : theirs(db, sql, row, user, err);
}

/* Whom the C library finds without memory: glibc 2.36 crashes (nss_database_check_reload_and_get), and none is told from
   a user that is not there. So memory does not fail in there. */
#define FIND_USER(function, type)                                                        \
    EXPORT struct passwd *function(type user);                                           \
    EXPORT struct passwd *function(type user)                                            \
    {                                                                                    \
        static __typeof__(&function) theirs;                                             \
        looking = true;                                                                  \
        if (!theirs)                                                                     \
            *(void **)&theirs = dlsym(RTLD_NEXT, #function);                             \
        struct passwd *found = theirs(user);                                             \
        looking = false;                                                                 \
        return found;                                                                    \
    }
FIND_USER(getpwuid, uid_t)
FIND_USER(getpwnam, const char *)

/* libcurl comes with a module, too. */
static void *of_curl(const char *name) { return of_library("libcurl.so.4", name); }

enum { CURLE_OUT_OF_MEMORY = 27 };
struct curl_slist;
EXPORT int curl_global_init(long flags);
EXPORT int curl_global_init(long flags)
{
    static __typeof__(&curl_global_init) theirs;
    if (!theirs)
        *(void **)&theirs = of_curl("curl_global_init");
    return is_own(__builtin_return_address(0)) && refuse(CALL_curl) < 0 ? CURLE_OUT_OF_MEMORY : theirs(flags);
}

EXPORT void *curl_easy_init(void);
EXPORT void *curl_easy_init(void)
{
    static __typeof__(&curl_easy_init) theirs;
    if (!theirs)
        *(void **)&theirs = of_curl("curl_easy_init");
    return is_own(__builtin_return_address(0)) && refuse(CALL_curl) < 0 ? NULL : theirs();
}

EXPORT struct curl_slist *curl_slist_append(struct curl_slist *list, const char *text);
EXPORT struct curl_slist *curl_slist_append(struct curl_slist *list, const char *text)
{
    static __typeof__(&curl_slist_append) theirs;
    if (!theirs)
        *(void **)&theirs = of_curl("curl_slist_append");
    return is_own(__builtin_return_address(0)) && refuse(CALL_curl) < 0 ? NULL : theirs(list, text);
}

EXPORT pid_t fork(void)
{
    THEIRS(fork);
    return refuse(CALL_fork) < 0 ? -1 : theirs();
}

/* Their result is the error, not errno. */
EXPORT int posix_spawn_file_actions_init(posix_spawn_file_actions_t *actions)
{
    THEIRS(posix_spawn_file_actions_init);
    return refuse(CALL_spawn) < 0 ? plan.error : theirs(actions);
}

EXPORT int posix_spawn(pid_t *process, const char *path, const posix_spawn_file_actions_t *actions,
                       const posix_spawnattr_t *attributes, char *const argv[], char *const environment[])
{
    THEIRS(posix_spawn);
    return refuse(CALL_spawn) < 0 ? plan.error : theirs(process, path, actions, attributes, argv, environment);
}

EXPORT pid_t waitpid(pid_t process, int *status_r, int options)
{
    return refuse(CALL_wait) < 0 ? -1 : (pid_t)syscall(SYS_wait4, process, status_r, options, NULL);
}

EXPORT int poll(struct pollfd *fds, nfds_t n, int wait_ms)
{
    return refuse(CALL_poll) < 0 ? -1 : (int)syscall(SYS_poll, fds, n, wait_ms);
}

/* Its result is the error, not errno. */
EXPORT int clock_nanosleep(clockid_t clock, int flags, const struct timespec *time, struct timespec *left_r)
{
    THEIRS(clock_nanosleep);
    return refuse(CALL_sleep) < 0 ? plan.error : theirs(clock, flags, time, left_r);
}

/* For a program that has still to write what it counted of itself. */
static void stop(void)
{
    if (!getenv("CAROM_TORTURE_UNTIL"))
        return;
    tell();
    unsetenv("CAROM_TORTURE_COUNTS");
    plan.call = CALL_COUNT;
}

EXPORT _Noreturn void exit(int code)
{
    THEIRS(exit);
    stop();
    theirs(code);
    abort();
}

/* Who ends so runs no destructor, and would not tell; what it has the kernel frees. */
EXPORT _Noreturn void _exit(int code)
{
    tell_counts(false);
    for (;;)
        syscall(SYS_exit_group, code);
}

/* ---- One start for many plans ---- */

static int (*their_main)(int, char **, char **);

/* A line; false at the end. */
static bool next_plan(int in, char *line, size_t size)
{
    size_t n = 0;

    while (n + 1 < size && syscall(SYS_read, in, line + n, 1) == 1 && line[n] != '\n')
        n++;
    bool whole = n + 1 < size && line[n] == '\n';
    line[n] = '\0';
    return whole;
}

static void redirect(int fd, const char *path, int flags)
{
    int file = (int)syscall(SYS_openat, AT_FDCWD, path, flags, 0600);

    if (file < 0 || syscall(SYS_dup2, file, fd) < 0)
        abort();
    syscall(SYS_close, file);
}

/* Through a pipe, as from a mail server. */
static void feed(const char *path)
{
    int ends[2], file = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY, 0);

    if (file < 0 || syscall(SYS_pipe2, ends, 0) != 0 || syscall(SYS_fcntl, ends[1], F_SETPIPE_SZ, 1 << 20) < 0)
        abort();
    while (syscall(SYS_sendfile, ends[1], file, NULL, 1 << 20) > 0)
        continue;
    if (syscall(SYS_dup2, ends[0], 0) < 0)
        abort();
    syscall(SYS_close, ends[0]);
    syscall(SYS_close, ends[1]);
    syscall(SYS_close, file);
}

static void begin(const char *text)
{
    feed("../in");
    redirect(1, "../out", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND);
    redirect(2, "../err", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND);
    setenv("CAROM_TORTURE", text, 1); /* for what it starts */
    read_plan(text);
    for (int call = 0; call < CALL_COUNT; call++)
        atomic_store(&counts[call], 0);
    atomic_store(&live, 0);
}

/* Returns in each child. */
static void serve(int in, int out)
{
    char line[128];

    while (next_plan(in, line, sizeof(line))) {
        THEIRS(fork);
        int status = 0;
        pid_t child = theirs();
        if (child == 0) {
            syscall(SYS_close, in);
            syscall(SYS_close, out);
            begin(line);
            return;
        }
        while (syscall(SYS_wait4, child, &status, 0, NULL) < 0 && errno == EINTR)
            continue;
        int n = snprintf(line, sizeof(line), "%d\n", status);
        if (syscall(SYS_write, out, line, n) != n)
            break;
    }
    syscall(SYS_exit_group, 0);
}

static int our_main(int argc, char **argv, char **environment)
{
    const char *pipes = getenv("CAROM_TORTURE_SERVER"), *named = getenv("CAROM_TORTURE_LOAD");
    char modules[2 * PATH_MAX], *rest = NULL;
    int in, out;

    if (pipes && sscanf(pipes, "%d,%d", &in, &out) == 2) {
        unsetenv("CAROM_TORTURE_SERVER");
        snprintf(modules, sizeof(modules), "%s", named ? named : "");
        for (char *module = strtok_r(modules, ":", &rest); module; module = strtok_r(NULL, ":", &rest))
            if (!dlopen(module, RTLD_NOW | RTLD_LOCAL))
                abort();
        serve(in, out);
    }
    int code = their_main(argc, argv, environment);
    stop();
    return code;
}

EXPORT int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void),
                             void (*fini)(void), void (*rtld_fini)(void), void *stack_end);
EXPORT int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void),
                             void (*fini)(void), void (*rtld_fini)(void), void *stack_end)
{
    THEIRS(__libc_start_main);
    their_main = main;
    return theirs(our_main, argc, argv, init, fini, rtld_fini, stack_end);
}
