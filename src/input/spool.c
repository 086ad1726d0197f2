/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The way in: create, write, fsync, rename, fsync the directory. "NAME.mail" is the envelope, a line for each part of it
   with control bytes and % as %XX, an empty line, and the message's bytes as they came; it never changes. "NAME.mark" is
   replaced after each attempt and may be lost. ".NAME" is on its way in, and locked while whoever writes it lives. Names
   begin with the time, so that they sort by it; a number of chance follows, since in containers that share a spool
   processes have the same number. */

#include "input/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/date.h"

#define FIRST_LINE "carom-spool 1\n"
#define LOCK_NAME ".lock"
enum { HEADER_MAX = 1 << 20, MARKS_MAX = 4096, LOCK_STEP_NS = 10 * 1000 * 1000, SWEEP_AGE_S = 60, TIME_DIGITS = 15 };

static int fail(struct carom_error *err, const char *directory, const char *what)
{
    return carom_error_set(err, CAROM_ERROR_IO, "the spool %s: cannot %s: %s", directory, what, strerror(errno));
}

static int file_name(char out[static 2 * CAROM_SPOOL_NAME], const char *before, const char *name, const char *behind)
{
    return snprintf(out, 2 * CAROM_SPOOL_NAME, "%s%s%s", before, name, behind);
}

static int open_directory(const char *directory, struct carom_error *err)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 ? fd : fail(err, directory, "open it");
}

static int write_all(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t written = write(fd, bytes, n);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            errno = written == 0 ? ENOSPC : errno;
            return -1;
        }
        bytes += written;
        n -= (size_t)written;
    }
    return 0;
}

/* ---- The envelope ---- */

static void add_line(struct carom_buf *buf, const char *name, const char *value)
{
    if (!value)
        return;
    carom_buf_printf(buf, "%s ", name);
    for (const char *c = value; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f || *c == '%')
            carom_buf_printf(buf, "%%%02X", (unsigned)(unsigned char)*c);
        else
            carom_buf_add_char(buf, *c);
    carom_buf_add_char(buf, '\n');
}

static int write_envelope(struct carom_spool_draft *draft, const struct carom_envelope *envelope)
{
    struct carom_buf buf = CAROM_BUF_INIT(HEADER_MAX);

    carom_buf_add_str(&buf, CAROM_STR(FIRST_LINE));
    carom_buf_printf(&buf, "received %" PRId64 "\n", envelope->received);
    add_line(&buf, "sender", envelope->sender);
    add_line(&buf, "recipient", envelope->recipient);
    add_line(&buf, "list", envelope->list);
    carom_buf_add_char(&buf, '\n');
    struct carom_str text = carom_buf_str(&buf);
    draft->message = text.len;
    errno = ENOMEM;
    int result = buf.failed ? -1 : write_all(draft->fd, text.ptr, text.len);
    carom_buf_deinit(&buf);
    return result;
}

static int hex(char c)
{
    return carom_is_digit(c) ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static const char *decode(struct carom_arena *arena, struct carom_str value)
{
    char *out = carom_arena_alloc(arena, value.len + 1);
    size_t n = 0;

    for (size_t i = 0; i < value.len; i++) {
        bool coded = value.ptr[i] == '%' && i + 2 < value.len && hex(value.ptr[i + 1]) >= 0 && hex(value.ptr[i + 2]) >= 0;
        out[n++] = coded ? (char)(hex(value.ptr[i + 1]) * 16 + hex(value.ptr[i + 2])) : value.ptr[i];
        i += coded ? 2 : 0;
    }
    return out;
}

/* Up to the first LF; the message may hold anything. */
static bool take_line(struct carom_str *rest, struct carom_str *name_r, struct carom_str *value_r)
{
    size_t end = carom_str_chr(*rest, '\n');
    struct carom_str line = carom_str_head(*rest, end);
    if (end == SIZE_MAX)
        return false;
    *rest = carom_str_from(*rest, end + 1);
    size_t space = carom_str_chr(line, ' ');
    *name_r = carom_str_head(line, space);
    *value_r = space == SIZE_MAX ? CAROM_STR_EMPTY : carom_str_from(line, space + 1);
    return true;
}

static bool read_envelope(struct carom_arena *arena, struct carom_str file, struct carom_spool_message *message)
{
    struct carom_str name, value;

    *message = (struct carom_spool_message){.bytes = CAROM_STR_EMPTY};
    if (!carom_str_starts(file, CAROM_STR(FIRST_LINE)))
        return false;
    while (take_line(&file, &name, &value)) {
        if (!name.len) {
            message->bytes = file;
            return true;
        }
        if (carom_str_eq(name, CAROM_STR("received")))
            message->envelope.received = carom_str_number(value);
        else if (carom_str_eq(name, CAROM_STR("sender")))
            message->envelope.sender = decode(arena, value);
        else if (carom_str_eq(name, CAROM_STR("recipient")))
            message->envelope.recipient = decode(arena, value);
        else if (carom_str_eq(name, CAROM_STR("list")))
            message->envelope.list = decode(arena, value);
    }
    return false;
}

/* ---- The way in ---- */

static int open_draft(struct carom_spool_draft *draft)
{
    char name[2 * CAROM_SPOOL_NAME];
    uint64_t chance;

    if (getrandom(&chance, sizeof(chance), 0) != (ssize_t)sizeof(chance))
        return -1;
    snprintf(draft->name, sizeof(draft->name), "%0*" PRId64 "-%016" PRIx64, TIME_DIGITS, carom_date_now_ms(),
             chance);
    file_name(name, ".", draft->name, "");
    draft->fd = openat(draft->directory, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0660);
    return draft->fd < 0 ? -1 : flock(draft->fd, LOCK_EX | LOCK_NB);
}

/* A directory that was made now must be there after a crash as well. */
static int make_directory(const char *directory, struct carom_error *err)
{
    if (mkdir(directory, 0770) != 0)
        return errno == EEXIST ? 0 : fail(err, directory, "make it");
    int made = open_directory(directory, err), above = made < 0 ? -1 : openat(made, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (made < 0)
        return -1;
    int result = above >= 0 && fsync(above) == 0 ? 0 : fail(err, directory, "sync what it lies in to disk");
    if (above >= 0)
        close(above);
    close(made);
    return result;
}

int carom_spool_begin(struct carom_spool_draft *draft, const char *directory, const struct carom_envelope *envelope,
                      struct carom_error *err)
{
    *draft = (struct carom_spool_draft){.directory = -1, .fd = -1};
    if (make_directory(directory, err) != 0 || (draft->directory = open_directory(directory, err)) < 0)
        return -1;
    if (open_draft(draft) == 0 && write_envelope(draft, envelope) == 0)
        return 0;
    fail(err, directory, "write a message");
    carom_spool_drop(draft);
    return -1;
}

int carom_spool_write(struct carom_spool_draft *draft, const void *bytes, size_t n, struct carom_error *err)
{
    if (write_all(draft->fd, bytes, n) == 0)
        return 0;
    return carom_error_set(err, CAROM_ERROR_IO, "the spool: cannot write a message: %s", strerror(errno));
}

static void close_draft(struct carom_spool_draft *draft)
{
    if (draft->fd >= 0)
        close(draft->fd);
    if (draft->directory >= 0)
        close(draft->directory);
    draft->fd = draft->directory = -1;
}

void carom_spool_drop(struct carom_spool_draft *draft)
{
    char name[2 * CAROM_SPOOL_NAME];

    if (draft->fd >= 0) {
        file_name(name, ".", draft->name, "");
        unlinkat(draft->directory, name, 0);
    }
    close_draft(draft);
}

/* Not synced: what is lost of it costs an attempt. */
static int write_marks(int directory, const char *name, const struct carom_spool_marks *marks)
{
    char temporary[2 * CAROM_SPOOL_NAME], final[2 * CAROM_SPOOL_NAME], text[MARKS_MAX];
    int n = snprintf(text, sizeof(text), "tries %" PRId64 "\nkills %" PRId64 "\ndue %" PRId64 "\npolicy %" PRIu64 "\nwhy %s\n",
                     marks->tries, marks->kills, marks->due, marks->policy, marks->why);

    file_name(temporary, ".", name, ".mark");
    file_name(final, "", name, ".mark");
    int fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0660);
    if (fd < 0)
        return -1;
    int result = write_all(fd, text, (size_t)n);
    if (close(fd) != 0 || result != 0 || renameat(directory, temporary, directory, final) != 0) {
        int error = errno;
        unlinkat(directory, temporary, 0);
        errno = error;
        return -1;
    }
    return 0;
}

static int rename_draft(struct carom_spool_draft *draft)
{
    char temporary[2 * CAROM_SPOOL_NAME], final[2 * CAROM_SPOOL_NAME];

    file_name(temporary, ".", draft->name, "");
    file_name(final, "", draft->name, ".mail");
    return renameat(draft->directory, temporary, draft->directory, final);
}

/* The marks go first: whoever finds the message finds them. Without them it is a message all the same. */
int carom_spool_keep(struct carom_spool_draft *draft, const struct carom_spool_marks *marks, struct carom_error *err)
{
    char name[2 * CAROM_SPOOL_NAME];
    const char *doing = "sync a message to disk";

    write_marks(draft->directory, draft->name, marks);
    if (fsync(draft->fd) == 0) {
        doing = "give a message its name";
        if (rename_draft(draft) == 0) {
            doing = "sync itself to disk";
            if (fsync(draft->directory) == 0) {
                close_draft(draft);
                return 0;
            }
            /* The server will send it again: a second copy would do no harm, and a lost one is worse. */
        }
    }
    carom_error_set(err, CAROM_ERROR_IO, "the spool: cannot %s: %s", doing, strerror(errno));
    file_name(name, "", draft->name, ".mark");
    unlinkat(draft->directory, name, 0);
    carom_spool_drop(draft);
    return -1;
}

/* ---- What waits ---- */

static void read_marks(int directory, const char *name, struct carom_spool_marks *marks)
{
    char path[2 * CAROM_SPOOL_NAME], text[MARKS_MAX];
    struct carom_str rest, field, value;

    *marks = (struct carom_spool_marks){0};
    file_name(path, "", name, ".mark");
    int fd = openat(directory, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return;
    ssize_t n = read(fd, text, sizeof(text));
    close(fd);
    rest = carom_str_n(text, n > 0 ? (size_t)n : 0);
    while (take_line(&rest, &field, &value)) {
        int64_t number = carom_str_number(value);
        if (carom_str_eq(field, CAROM_STR("tries")) && number > 0)
            marks->tries = number;
        else if (carom_str_eq(field, CAROM_STR("kills")) && number > 0)
            marks->kills = number;
        else if (carom_str_eq(field, CAROM_STR("due")) && number > 0)
            marks->due = number;
        else if (carom_str_eq(field, CAROM_STR("policy")) && number > 0)
            marks->policy = (uint64_t)number;
        else if (carom_str_eq(field, CAROM_STR("why")))
            snprintf(marks->why, sizeof(marks->why), CAROM_STR_FMT, CAROM_STR_ARG(value));
    }
}

static bool is_message(const char *file, char name_r[static CAROM_SPOOL_NAME])
{
    struct carom_str whole = carom_str(file), end = CAROM_STR(".mail");
    if (file[0] == '.' || whole.len <= end.len || whole.len - end.len >= CAROM_SPOOL_NAME || !carom_str_iends(whole, end))
        return false;
    memcpy(name_r, file, whole.len - end.len);
    name_r[whole.len - end.len] = '\0';
    return true;
}

static int compare_entries(const void *a, const void *b)
{
    return strcmp(((const struct carom_spool_entry *)a)->name, ((const struct carom_spool_entry *)b)->name);
}

static size_t read_names(struct carom_arena *arena, DIR *files, struct carom_spool_entry **entries_r)
{
    size_t n = 0, capacity = 0;
    const struct dirent *entry;
    char name[CAROM_SPOOL_NAME];

    while ((entry = readdir(files))) {
        if (!is_message(entry->d_name, name))
            continue;
        if (n == capacity) {
            capacity = capacity ? 2 * capacity : 16;
            struct carom_spool_entry *more = carom_arena_array(arena, struct carom_spool_entry, capacity);
            if (n)
                memcpy(more, *entries_r, n * sizeof(*more));
            *entries_r = more;
        }
        memcpy((*entries_r)[n++].name, name, sizeof(name));
    }
    return n;
}

/* The time with which its name begins (open_draft); of what somebody put there by hand, the file's own. */
static int64_t time_of(int directory, const char *name)
{
    struct carom_str whole = carom_str(name);
    size_t hyphen = carom_str_chr(whole, '-');
    char file[2 * CAROM_SPOOL_NAME];
    struct stat info;

    if (hyphen == TIME_DIGITS && carom_str_number(carom_str_head(whole, hyphen)) > 0)
        return carom_str_number(carom_str_head(whole, hyphen));
    file_name(file, "", name, ".mail");
    return fstatat(directory, file, &info, AT_SYMLINK_NOFOLLOW) == 0 ? (int64_t)info.st_mtime * 1000 : 0;
}

int carom_spool_list(struct carom_arena *arena, const char *directory, struct carom_spool_entry **entries_r, size_t *n_r,
                     struct carom_error *err)
{
    DIR *files = opendir(directory);

    *entries_r = NULL;
    *n_r = 0;
    if (!files)
        return errno == ENOENT ? 0 : fail(err, directory, "read it");
    if (carom_arena_guard(arena)) {
        closedir(files);
        return carom_error_memory(err);
    }
    *n_r = read_names(arena, files, entries_r);
    carom_arena_unguard(arena);
    for (size_t i = 0; i < *n_r; i++) {
        (*entries_r)[i].since = time_of(dirfd(files), (*entries_r)[i].name);
        read_marks(dirfd(files), (*entries_r)[i].name, &(*entries_r)[i].marks);
    }
    closedir(files);
    if (*n_r > 1)
        qsort(*entries_r, *n_r, sizeof(**entries_r), compare_entries);
    return 0;
}

static int read_whole(struct carom_arena *arena, int fd, struct carom_str *file_r)
{
    struct stat info;
    size_t n = 0;

    if (fstat(fd, &info) != 0)
        return -1;
    if (!S_ISREG(info.st_mode)) {
        errno = S_ISDIR(info.st_mode) ? EISDIR : EINVAL;
        return -1;
    }
    char *bytes = carom_arena_try(arena, (size_t)info.st_size + 1);
    if (!bytes) {
        errno = ENOMEM;
        return -1;
    }
    while (n < (size_t)info.st_size) {
        ssize_t got = pread(fd, bytes + n, (size_t)info.st_size - n, (off_t)n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return -1;
        n += (size_t)got;
    }
    *file_r = carom_str_n(bytes, n);
    return 0;
}

static int fail_at(struct carom_error *err, const char *directory, const char *doing, const char *file)
{
    return carom_error_set(err, CAROM_ERROR_IO, "the spool %s: cannot %s %s: %s", directory, doing, file, strerror(errno));
}

int carom_spool_read(struct carom_arena *arena, const char *directory, const char *name,
                     struct carom_spool_message *message_r, struct carom_error *err)
{
    char file[2 * CAROM_SPOOL_NAME];
    struct carom_str whole = CAROM_STR_EMPTY;
    int from = open_directory(directory, err);

    if (from < 0)
        return -1;
    file_name(file, "", name, ".mail");
    int fd = openat(from, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    int error = errno;
    close(from);
    errno = error;
    if (fd < 0)
        return error == ENOENT ? 0 : fail_at(err, directory, "open", file);
    int result = read_whole(arena, fd, &whole) == 0 ? 1 : fail_at(err, directory, "read", file);
    close(fd);
    if (result > 0 && !read_envelope(arena, whole, message_r))
        return carom_error_set(err, CAROM_ERROR_LIMIT, "the spool %s: %s is no message of carom's: move it away", directory, file);
    return result;
}

int carom_spool_mark(const char *directory, const char *name, const struct carom_spool_marks *marks, struct carom_error *err)
{
    int fd = open_directory(directory, err);
    if (fd < 0)
        return -1;
    int result = write_marks(fd, name, marks) == 0 ? 0 : fail(err, directory, "mark a message");
    close(fd);
    return result;
}

int carom_spool_remove(const char *directory, const char *name, struct carom_error *err)
{
    static const char *const endings[] = {".mail", ".mark"};
    char file[2 * CAROM_SPOOL_NAME];
    int result = 0, fd = open_directory(directory, err);

    if (fd < 0)
        return -1;
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]) && result == 0; i++) {
        file_name(file, "", name, endings[i]);
        if (unlinkat(fd, file, 0) != 0 && errno != ENOENT)
            result = fail(err, directory, "remove a message");
    }
    close(fd);
    return result;
}

/* ---- One at a time ---- */

int carom_spool_lock(const char *directory, int64_t wait_ms, struct carom_error *err)
{
    int64_t steps = wait_ms * 1000 * 1000 / LOCK_STEP_NS;
    int from = open_directory(directory, err);

    if (from < 0)
        return -1;
    int fd = openat(from, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0660);
    if (fd < 0)
        fail(err, directory, "open its lock");
    close(from);
    while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if ((errno != EWOULDBLOCK && errno != EINTR) || steps-- <= 0) {
            carom_error_set(err, errno == EWOULDBLOCK ? CAROM_ERROR_BUSY : CAROM_ERROR_IO,
                            "the spool %s: %s", directory,
                            errno == EWOULDBLOCK ? "somebody else works it off; try again later" : strerror(errno));
            close(fd);
            return -1;
        }
        nanosleep(&(struct timespec){.tv_nsec = LOCK_STEP_NS}, NULL);
    }
    return fd;
}

void carom_spool_unlock(int lock)
{
    if (lock >= 0)
        close(lock);
}

static bool is_old(int directory, const char *name)
{
    struct stat info;
    return fstatat(directory, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info.st_mode) &&
           time(NULL) - info.st_mtime > SWEEP_AGE_S;
}

/* A draft is locked as long as its writer lives; one that was made just now may not be locked yet. */
static void sweep_draft(int directory, const char *name)
{
    int fd = is_old(directory, name) ? openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;

    if (fd < 0)
        return;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        unlinkat(directory, name, 0);
    close(fd);
}

static void sweep_mark(int directory, const char *name)
{
    char message[2 * CAROM_SPOOL_NAME];
    struct stat info;
    struct carom_str end = CAROM_STR(".mark"), whole = carom_str(name);

    if (!carom_str_iends(whole, end) || whole.len >= CAROM_SPOOL_NAME || !is_old(directory, name))
        return;
    snprintf(message, sizeof(message), "%.*s.mail", (int)(whole.len - end.len), name);
    if (fstatat(directory, message, &info, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT)
        unlinkat(directory, name, 0);
}

void carom_spool_sweep(const char *directory)
{
    DIR *files = opendir(directory);
    const struct dirent *entry;

    while (files && (entry = readdir(files)))
        if (entry->d_name[0] == '.' && carom_is_digit(entry->d_name[1]))
            sweep_draft(dirfd(files), entry->d_name);
        else if (carom_is_digit(entry->d_name[0]))
            sweep_mark(dirfd(files), entry->d_name);
    if (files)
        closedir(files);
}
