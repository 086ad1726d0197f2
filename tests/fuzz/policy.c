/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The text of a policy, loaded in the sandbox: it loads or says why not, and the process lives. */

#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char path[64];
    struct carom_error err = {0};
    int file = memfd_create("policy", 0);

    if (file < 0 || write(file, bytes, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    struct carom_policy *policy = carom_policy_load(path, NULL, &err);
    FUZZ_CHECK(policy || err.text[0]);
    carom_policy_free(policy);
    close(file);
    return 0;
}
