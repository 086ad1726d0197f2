/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Modules stay loaded: some of the libraries that they bring leave exit handlers behind. */

#include "base/module.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The directory of the program or library that this code stands in. */
static bool own_directory(char out[PATH_MAX])
{
    Dl_info info;
    char found[PATH_MAX];
    if (!dladdr((void *)(uintptr_t)&own_directory, &info) || !info.dli_fname)
        return false;
    /* A program that the shell found in PATH has a bare name here, and one that has left where it started a useless one. */
    if ((!strchr(info.dli_fname, '/') || !realpath(info.dli_fname, found)) && !realpath("/proc/self/exe", found))
        return false;
    char *slash = strrchr(found, '/');
    if (!slash)
        return false;
    *slash = '\0';
    memcpy(out, found, strlen(found) + 1);
    return true;
}

static bool present(char path[PATH_MAX], const char *directory, const char *below, const char *file)
{
    int n = snprintf(path, PATH_MAX, "%s%s/%s", directory, below, file);
    return n > 0 && n < PATH_MAX && access(path, R_OK) == 0;
}

/* From a module, from the library wherever it is installed; in a build tree from the library or the program, from a module
   beside that, from a program at the tree's root. */
static const char *const beside[] = {"", "/carom", "/..", "/src"};

/* 0, or -1 with the place where it should have been in path. */
static int locate(const char *file, char path[PATH_MAX])
{
    const char *named = secure_getenv("CAROM_MODULES");
    if (named && *named)
        return present(path, named, "", file) ? 0 : -1;
    char own[PATH_MAX];
    bool known = own_directory(own);
    for (size_t i = 0; known && i < sizeof beside / sizeof beside[0]; i++)
        if (present(path, own, beside[i], file))
            return 0;
    return present(path, CAROM_MODULE_DIR, "", file) ? 0 : -1;
}

void *carom_module_load(const char *file, const char *symbol, const char *what, struct carom_error *err)
{
    char path[PATH_MAX] = "";
    if (locate(file, path) != 0) {
        carom_error_set(err, CAROM_ERROR_IO,
                        "%s: the module for %s is not there; install it (carom's package brings it), or set "
                        "CAROM_MODULES to the directory that holds %s", path, what, file);
        return NULL;
    }
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL), *found = module ? dlsym(module, symbol) : NULL;
    if (!found)
        carom_error_set(err, CAROM_ERROR_IO, "%s: cannot load the module for %s: %s", path, what, dlerror());
    return found;
}
