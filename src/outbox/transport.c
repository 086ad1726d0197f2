/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Finds and loads the HTTP module. libcurl costs 6 ms at start, so that nothing but a delivery pays for it. Knows where
   modules lie, not what they do. */

#include "outbox/transport.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/str.h"

#define MODULE "carom-http.so"

/* The directory of the program or library that this code stands in. */
static bool own_directory(char out[PATH_MAX])
{
    Dl_info info;
    char found[PATH_MAX];
    if (!dladdr((void *)(uintptr_t)&own_directory, &info) || !info.dli_fname)
        return false;
    /* A program that the shell found in PATH has a bare name here. */
    if (!realpath(strchr(info.dli_fname, '/') ? info.dli_fname : "/proc/self/exe", found))
        return false;
    char *slash = strrchr(found, '/');
    if (!slash)
        return false;
    *slash = '\0';
    memcpy(out, found, strlen(found) + 1);
    return true;
}

static bool present(char path[PATH_MAX], const char *directory, const char *below)
{
    int n = snprintf(path, PATH_MAX, "%s%s/" MODULE, directory, below);
    return n > 0 && n < PATH_MAX && access(path, R_OK) == 0;
}

/* In a build tree: from the program, from the library, from a program at the tree's root. */
static const char *const beside[] = {"/../outbox", "/outbox", "/src/outbox"};

/* 0, or -1 with the place where it should have been in path. */
static int locate(char path[PATH_MAX])
{
    const char *named = secure_getenv("CAROM_MODULES");
    if (named && *named)
        return present(path, named, "") ? 0 : -1;
    char own[PATH_MAX];
    bool known = own_directory(own);
    for (size_t i = 0; known && i < sizeof beside / sizeof beside[0]; i++)
        if (present(path, own, beside[i]))
            return 0;
    return present(path, CAROM_MODULE_DIR, "") ? 0 : -1;
}

const struct carom_transport_ops *carom_transport_load(struct carom_error *err)
{
    char path[PATH_MAX] = "";
    if (locate(path) != 0) {
        carom_error_set(err, CAROM_ERROR_IO,
                        "%s: the module for HTTP is not there; install it (carom's package brings it), or set "
                        "CAROM_MODULES to the directory that holds " MODULE, path);
        return NULL;
    }
    /* Never closed: libcurl's TLS library leaves exit handlers behind. Loading again gives the same handle. */
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const struct carom_transport_ops *ops = module ? dlsym(module, CAROM_TRANSPORT_SYMBOL) : NULL;
    if (!ops)
        carom_error_set(err, CAROM_ERROR_IO, "%s: cannot load the module for HTTP: %s", path, dlerror());
    return ops;
}
