/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* From the paths that a user names to messages, one at a time. What cannot be read is reported and passed over; nothing
   is moved, marked or removed. */

#include "input/source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "input/mbox.h"

struct names {
    char **ptr;
    size_t n, capacity, next;
};

struct carom_source {
    struct names paths;
    struct names files; /* of the directory that is being read, full paths */
    bool maildir;       /* its files are messages, whatever they begin with */

    struct carom_window window;
    int fd; /* -1: no file is open */
    char *name;
    bool mbox;
    uint64_t index;
    int64_t mtime;

    uint64_t done, total; /* done: of the files before this one */
    char *empty;          /* the first file in which there was nothing, and how many there were */
    size_t empties;
};

/* ---- Lists of names ---- */

static int names_add(struct names *names, char *name, struct carom_error *err)
{
    if (name && names->n == names->capacity) {
        size_t capacity = names->capacity ? names->capacity * 2 : 64;
        char **ptr = realloc(names->ptr, capacity * sizeof(*ptr));
        if (!ptr) {
            free(name);
            return carom_error_memory(err);
        }
        names->ptr = ptr;
        names->capacity = capacity;
    }
    if (!name)
        return carom_error_memory(err);
    names->ptr[names->n++] = name;
    return 0;
}

static void names_clear(struct names *names)
{
    for (size_t i = 0; i < names->n; i++)
        free(names->ptr[i]);
    free(names->ptr);
    *names = (struct names){0};
}

static int compare_names(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static char *join(const char *dir, const char *name)
{
    size_t len = strlen(dir);
    char *path = NULL;
    return asprintf(&path, len > 0 && dir[len - 1] == '/' ? "%s%s" : "%s/%s", dir, name) < 0 ? NULL : path;
}

/* ---- Directories ---- */

static int unreadable(struct carom_error *err, const char *path)
{
    return carom_error_set(err, CAROM_ERROR_IO, "%s: cannot be read: %s", path, strerror(errno));
}

/* Pipes, sockets and devices in a directory are no messages; what the file system does not tell now is seen at open. */
static bool may_be_file(const struct dirent *entry)
{
    return entry->d_name[0] != '.' &&
           (entry->d_type == DT_REG || entry->d_type == DT_LNK || entry->d_type == DT_UNKNOWN);
}

static int list_directory(struct names *files, const char *path, struct carom_error *err)
{
    DIR *dir = opendir(path);
    if (!dir)
        return unreadable(err, path);
    int result = 0;
    while (result == 0) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (!entry) {
            result = errno ? unreadable(err, path) : 0;
            break;
        }
        if (may_be_file(entry))
            result = names_add(files, join(path, entry->d_name), err);
    }
    closedir(dir);
    return result;
}

static bool has_directory(const char *path, const char *name)
{
    char *inside = join(path, name);
    struct stat st;
    bool is = inside && stat(inside, &st) == 0 && S_ISDIR(st.st_mode);
    free(inside);
    return is;
}

static int list_inside(struct names *files, const char *path, const char *name, struct carom_error *err)
{
    char *inside = join(path, name);
    int result = inside ? list_directory(files, inside, err) : carom_error_memory(err);
    free(inside);
    return result;
}

/* What else stands in a Maildir (indexes, subscriptions, tmp) is no mail. Half a list is kept: what was seen is read
   after the error. */
static int enter_directory(struct carom_source *source, const char *path, struct carom_error *err)
{
    names_clear(&source->files);
    source->maildir = has_directory(path, "cur") && has_directory(path, "new");
    int result = 0;
    if (!source->maildir)
        result = list_directory(&source->files, path, err);
    else if (list_inside(&source->files, path, "cur", err) < 0)
        result = -1;
    if (source->maildir && list_inside(&source->files, path, "new", err) < 0)
        result = -1;
    if (source->files.n > 1)
        qsort(source->files.ptr, source->files.n, sizeof(char *), compare_names);
    return result;
}

/* ---- Files ---- */

static void close_file(struct carom_source *source)
{
    source->done += source->window.offset;
    source->window.offset = 0;
    if (source->fd > STDIN_FILENO)
        close(source->fd);
    source->fd = -1;
}

/* An archive that logrotate packed would pass for one message that says nothing. NULL: it is not packed. */
static const char *packed_by(struct carom_str view)
{
    static const struct {
        struct carom_str head;
        const char *name;
    } packers[] = {{{"\x1f\x8b", 2}, "gzip"}, {{"\xfd" "7zXZ", 5}, "xz"}, {{"\x28\xb5\x2f\xfd", 4}, "zstd"},
                   {{"BZh", 3}, "bzip2"}, {{"PK\x03\x04", 4}, "zip"}};

    for (size_t i = 0; i < sizeof(packers) / sizeof(packers[0]); i++)
        if (carom_str_starts(view, packers[i].head))
            return packers[i].name;
    return NULL;
}

/* The head of the file tells an mbox. 1: there is a message to read; 0: nothing in it. */
static int begin_file(struct carom_source *source, const struct stat *st, bool in_directory, struct carom_error *err)
{
    enum { HEAD = 4096 };
    source->index = 0;
    source->mtime = source->fd == STDIN_FILENO ? 0 : (int64_t)st->st_mtim.tv_sec;
    if (carom_window_open(&source->window, source->fd, S_ISREG(st->st_mode), err) < 0 ||
        carom_window_fill(&source->window, HEAD, err) < 0)
        return -1;
    struct carom_str view = carom_window_view(&source->window);
    const char *packer = packed_by(view);
    if (packer)
        return carom_error_set(err, CAROM_ERROR_IO, "is packed by %s; unpack it, into a file or a pipe to -", packer);
    source->mbox = !(in_directory && source->maildir) && carom_mbox_starts(view);
    return view.len > 0;
}

/* 1: open; 0: nothing to read here, or a directory that is now listed; -1: err. Takes over name. */
static int open_path(struct carom_source *source, char *name, bool in_directory, struct carom_error *err)
{
    free(source->name);
    source->name = name;
    bool is_stdin = !in_directory && strcmp(name, "-") == 0;
    /* O_NONBLOCK: what took the place of a file that was listed must not stop us. */
    int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | (in_directory ? O_NONBLOCK : 0);
    struct stat st;
    source->fd = is_stdin ? STDIN_FILENO : open(name, flags);
    if (source->fd < 0 || fstat(source->fd, &st) < 0) {
        unreadable(err, name);
        close_file(source);
        return -1;
    }
    int result = 0;
    if (!in_directory && S_ISDIR(st.st_mode)) {
        close_file(source);
        return enter_directory(source, name, err);
    }
    if (!in_directory || S_ISREG(st.st_mode))
        result = begin_file(source, &st, in_directory, err);
    else
        return close_file(source), 0;
    if (result < 0)
        carom_error_prefix(err, "%s", name);
    if (result == 0 && source->empties++ == 0)
        source->empty = strdup(name);
    if (result <= 0)
        close_file(source);
    return result;
}

/* 1: a file is open; 0: no path is left; -1: err. */
static int open_next(struct carom_source *source, struct carom_error *err)
{
    for (;;) {
        bool in_directory = source->files.next < source->files.n;
        struct names *names = in_directory ? &source->files : &source->paths;
        if (names->next == names->n)
            return 0;
        char *name = names->ptr[names->next];
        names->ptr[names->next++] = NULL;
        int result = open_path(source, name, in_directory, err);
        if (result != 0)
            return result;
    }
}

static int next_whole(struct carom_source *source, struct carom_str *bytes_r, struct carom_error *err)
{
    int result = carom_window_fill(&source->window, (size_t)CAROM_INPUT_MAX + 1, err);
    *bytes_r = carom_window_view(&source->window);
    carom_window_skip(&source->window, bytes_r->len);
    if (result == 0 && bytes_r->len > CAROM_INPUT_MAX)
        result = carom_error_set(err, CAROM_ERROR_LIMIT, "larger than %d bytes: not read", CAROM_INPUT_MAX);
    close_file(source);
    return result < 0 ? -1 : 1;
}

static int next_of_mbox(struct carom_source *source, struct carom_str *bytes_r, struct carom_error *err)
{
    int result = carom_mbox_next(&source->window, CAROM_INPUT_MAX, bytes_r, err);
    if (result != 0)
        source->index++;
    if (result < 0)
        carom_error_prefix(err, "message %llu", (unsigned long long)source->index);
    if (result == 0 || (result < 0 && err->code != CAROM_ERROR_LIMIT))
        close_file(source);
    return result;
}

void carom_source_stop_at(struct carom_source *source, const volatile sig_atomic_t *stop) { source->window.stop = stop; }

/* Who opens a pipe waits for who writes into it. */
bool carom_source_would_wait(const struct carom_source *source)
{
    struct pollfd in = {.fd = source->fd, .events = POLLIN};
    struct stat st;

    if (source->fd < 0) {
        if (source->files.next < source->files.n || source->paths.next == source->paths.n)
            return false;
        const char *name = source->paths.ptr[source->paths.next];
        if (strcmp(name, "-") != 0)
            return stat(name, &st) == 0 && S_ISFIFO(st.st_mode);
        in.fd = STDIN_FILENO;
    }
    return !(source->fd >= 0 && source->window.regular) && poll(&in, 1, 0) == 0;
}

int carom_source_next(struct carom_source *source, struct carom_source_item *item_r, struct carom_error *err)
{
    struct carom_error own, *why = err ? err : &own;
    for (;;) {
        if (source->fd < 0) {
            int opened = open_next(source, why);
            if (opened <= 0)
                return opened;
        }
        struct carom_str bytes = CAROM_STR_EMPTY;
        int result = source->mbox ? next_of_mbox(source, &bytes, why) : next_whole(source, &bytes, why);
        if (result < 0)
            return carom_error_prefix(why, "%s", source->name);
        if (result > 0) {
            *item_r = (struct carom_source_item){carom_str(source->name), source->index, bytes, source->mtime};
            return 1;
        }
    }
}

size_t carom_source_empty(const struct carom_source *source, const char **name_r)
{
    *name_r = source->empty ? source->empty : "";
    return source->empties;
}

size_t carom_source_hold(struct carom_source *source, const struct carom_source_item *item)
{
    carom_window_hold(&source->window);
    return (size_t)(item->bytes.ptr - source->window.bytes);
}

int carom_source_hand_over(struct carom_source *source, struct carom_window_memory *memory, struct carom_error *err)
{
    return carom_window_hand_over(&source->window, memory, err);
}

size_t carom_source_rest(const struct carom_source *source)
{
    return carom_window_view(&source->window).len;
}

/* ---- The whole ---- */

/* Known only when every path is a regular file. */
static uint64_t total_size(const char *const *paths, size_t n)
{
    uint64_t total = 0;
    for (size_t i = 0; i < n; i++) {
        struct stat st;
        if (strcmp(paths[i], "-") == 0 || stat(paths[i], &st) < 0 || !S_ISREG(st.st_mode))
            return 0;
        total += (uint64_t)st.st_size;
    }
    return total;
}

struct carom_source *carom_source_open(const char *const *paths, size_t n, struct carom_error *err)
{
    struct carom_source *source = calloc(1, sizeof(*source));
    if (!source) {
        carom_error_memory(err);
        return NULL;
    }
    source->fd = -1;
    source->total = total_size(paths, n);
    for (size_t i = 0; i < n; i++)
        if (names_add(&source->paths, strdup(paths[i]), err) < 0) {
            carom_source_close(source);
            return NULL;
        }
    return source;
}

void carom_source_progress(const struct carom_source *source, uint64_t *done_r, uint64_t *total_r)
{
    *done_r = source->done + source->window.offset;
    *total_r = source->total;
}

void carom_source_close(struct carom_source *source)
{
    if (!source)
        return;
    close_file(source);
    names_clear(&source->paths);
    names_clear(&source->files);
    carom_window_deinit(&source->window);
    free(source->name);
    free(source->empty);
    free(source);
}

int carom_input_slurp(int fd, size_t max, char **bytes_r, size_t *n_r, struct carom_error *err)
{
    struct carom_window window = {0};
    int result = carom_window_open(&window, fd, false, err);
    if (result == 0)
        result = carom_window_fill(&window, max < SIZE_MAX ? max + 1 : max, err);
    size_t n = window.end - window.start;
    if (result == 0 && n > max)
        result = carom_error_set(err, CAROM_ERROR_LIMIT, "larger than %zu bytes: not read", max);
    if (result < 0) {
        carom_window_deinit(&window);
        return -1;
    }
    *bytes_r = window.bytes;
    *n_r = n;
    return 0;
}
