/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The driver of a target without libFuzzer: every seed and every input that once broke something, in each test run.

   usage: fuzz_TARGET [--lines] FILE|DIRECTORY…
   --lines: from there on each line of a file is an input, "\n" in it a line end. An input that takes more than five
   seconds of the processor fails, so that time which grows faster than the input is seen. */

#include <ftw.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "fuzz.h"

enum { LIMIT_SECONDS = 5 };

static size_t inputs;
static bool lines;

static void try(const char *name, const char *bytes, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1); /* of just that size: a byte read behind it is seen */
    clock_t start = clock();

    if (!copy)
        abort();
    memcpy(copy, bytes, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    inputs++;
    if (clock() - start > (clock_t)LIMIT_SECONDS * CLOCKS_PER_SEC) {
        fprintf(stderr, "not ok %s: %zu bytes took %.1f s\n", name, size, (double)(clock() - start) / CLOCKS_PER_SEC);
        exit(1);
    }
}

static size_t unescape(char *line)
{
    char *out = line;

    for (const char *c = line; *c; c++)
        if (c[0] == '\\' && c[1] == 'n')
            *out++ = '\n', c++;
        else
            *out++ = *c;
    return (size_t)(out - line);
}

static void try_lines(const char *name, char *text)
{
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        try(name, line, unescape(line));
}

static int try_file(const char *path, const struct stat *about, int type, struct FTW *where)
{
    FILE *file = type == FTW_F ? fopen(path, "rb") : NULL;
    char *bytes;

    (void)where;
    if (!file)
        return type == FTW_F || type == FTW_NS || type == FTW_DNR ? (perror(path), 1) : 0;
    bytes = calloc(1, (size_t)about->st_size + 1);
    if (!bytes || fread(bytes, 1, (size_t)about->st_size, file) != (size_t)about->st_size)
        abort();
    fclose(file);
    if (lines)
        try_lines(path, bytes);
    else
        try(path, bytes, (size_t)about->st_size);
    free(bytes);
    return 0;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (!strcmp(argv[i], "--lines"))
            lines = true;
        else if (nftw(argv[i], try_file, 16, FTW_PHYS) != 0)
            return 1;
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    printf("%zu inputs\n", inputs);
    return inputs == 0;
}
