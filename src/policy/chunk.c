/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Reading Lua files and require. Text only: bytecode can be made to crash any interpreter. All files go into the hash
   that names the version of the policy in the ledger. */

#include "policy/chunk.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/calls.h"
#include "policy/host.h"
#include "policy/value.h"

static const char modules_key;

static int read_all(int fd, const char *path, struct carom_buf *buf, struct carom_error *err)
{
    char bytes[8192];
    struct stat st;
    ssize_t n = -1;
    if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode))
        return carom_error_set(err, CAROM_ERROR_IO, "%s: not a regular file", path);
    do {
        n = read(fd, bytes, sizeof(bytes));
        if (n > 0)
            carom_buf_add(buf, bytes, (size_t)n);
    } while (!buf->failed && (n > 0 || (n < 0 && errno == EINTR)));
    if (n < 0)
        return carom_error_set(err, CAROM_ERROR_IO, "%s: cannot be read: %s", path, strerror(errno));
    if (buf->failed && buf->len + sizeof(bytes) > CAROM_CHUNK_MAX)
        return carom_error_set(err, CAROM_ERROR_LIMIT, "%s: larger than 1 MiB, which no policy is", path);
    return buf->failed ? carom_error_memory(err) : 0;
}

int carom_chunk_read(const char *path, struct carom_buf *buf, struct carom_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hold us */
    if (fd < 0)
        return carom_error_set(err, CAROM_ERROR_IO, "%s: cannot be opened: %s", path, strerror(errno));
    int result = read_all(fd, path, buf, err);
    close(fd);
    return result;
}

int carom_policy_file_text(struct carom_arena *arena, const struct carom_policy_file *file, struct carom_str *text_r,
                           struct carom_error *err)
{
    struct carom_buf buf = CAROM_BUF_INIT(CAROM_CHUNK_MAX);
    int result = carom_chunk_read(file->path.ptr, &buf, err);
    char *copy = result == 0 ? carom_arena_try(arena, buf.len + 1) : NULL;
    if (result == 0 && !copy)
        result = carom_error_memory(err);
    if (copy) {
        memcpy(copy, carom_buf_str(&buf).ptr, buf.len);
        *text_r = carom_str_n(copy, buf.len);
    }
    carom_buf_deinit(&buf);
    return result;
}

/* What lua(1) forgives too: a byte order mark, and a first line that starts with '#'. */
static struct carom_str skip_prologue(struct carom_str text)
{
    if (carom_str_starts(text, CAROM_STR("\xef\xbb\xbf")))
        text = carom_str_from(text, 3);
    if (text.len && text.ptr[0] == '#') {
        size_t end = carom_str_chr(text, '\n');
        text = end == SIZE_MAX ? CAROM_STR_EMPTY : carom_str_from(text, end); /* the line end keeps the numbers right */
    }
    return text;
}

static void add_to_hash(struct carom_policy *policy, struct carom_str text, const char *name)
{
    uint64_t size = text.len;
    sha256_update(&policy->hash, strlen(name) + 1, (const uint8_t *)name);
    sha256_update(&policy->hash, sizeof(size), (const uint8_t *)&size);
    sha256_update(&policy->hash, text.len, (const uint8_t *)text.ptr);
}

static void note_file(lua_State *L, const char *name)
{
    struct carom_policy *policy = carom_host_policy(L);
    struct carom_policy_file *file = carom_value_new(L, policy->arena, sizeof(*file));
    const char *path = lua_pushfstring(L, "%s%s", policy->directory.ptr, name);
    *file = (struct carom_policy_file){.name = carom_value_keep(L, policy->arena, carom_str(name)),
                                       .path = carom_value_keep(L, policy->arena, carom_str(path))};
    lua_pop(L, 1);
    *policy->files_end = file;
    policy->files_end = &file->next;
}

void carom_chunk_run(lua_State *L, struct carom_str text, const char *name)
{
    add_to_hash(carom_host_policy(L), text, name);
    carom_sandbox_charge(L, text.len);
    text = skip_prologue(text);
    carom_calls_find(text, carom_host_policy(L)->calls);
    note_file(L, name);
    const char *chunk = lua_pushfstring(L, "@%s", name);
    int status = luaL_loadbufferx(L, text.ptr, text.len, chunk, "t");
    if (status == LUA_ERRSYNTAX && text.len && text.ptr[0] == LUA_SIGNATURE[0])
        lua_pushfstring(L, "%s:1: %s", name, lua_tostring(L, -1)); /* Lua names no place for bytecode */
    if (status != LUA_OK)
        lua_error(L);
    lua_remove(L, -2);
    if (carom_host_policy(L)->coverage)
        carom_coverage_add(L, carom_host_policy(L)->coverage, name, text);
    lua_call(L, 0, 1);
}

/* ---- require ---- */

static void check_module_name(lua_State *L, struct carom_str name)
{
    bool good = name.len > 0 && name.len <= 64;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        good = good && (carom_is_alpha(c) || carom_is_digit(c) || c == '_' || c == '-');
    }
    if (!good)
        luaL_error(L, "require: \"%s\" is no name of a file beside the policy; write require \"rules\" for rules.lua",
                   name.ptr);
}

static void run_module(lua_State *L, struct carom_str name)
{
    struct carom_policy *policy = carom_host_policy(L);
    struct carom_error err = {0};
    const char *path = lua_pushfstring(L, "%s%s.lua", policy->directory.ptr, name.ptr);
    struct carom_buf *buf = carom_value_buffer(L, CAROM_CHUNK_MAX);
    if (carom_chunk_read(path, buf, &err) != 0) {
        if (err.code == CAROM_ERROR_MEMORY)
            carom_sandbox_no_memory(L);
        luaL_error(L, "require: %s", err.text);
    }
    carom_chunk_run(L, carom_buf_str(buf), lua_pushfstring(L, "%s.lua", name.ptr));
}

static int require(lua_State *L)
{
    struct carom_str name;
    name.ptr = luaL_checklstring(L, 1, &name.len);
    check_module_name(L, name);
    lua_settop(L, 1);
    carom_chunk_push_modules(L);
    int type = lua_getfield(L, 2, name.ptr);
    if (type == LUA_TBOOLEAN && !lua_toboolean(L, -1))
        return luaL_error(L, "require: %s.lua is still being loaded: two files require each other", name.ptr);
    if (type != LUA_TNIL)
        return 1;
    if (!carom_host_policy(L)->loading)
        return luaL_error(L, "require belongs at the top of the file: \"%s\" was not loaded there", name.ptr);
    lua_pushboolean(L, false);
    lua_setfield(L, 2, name.ptr);
    run_module(L, name);
    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1);
        lua_pushboolean(L, true);
    }
    lua_pushvalue(L, -1);
    lua_setfield(L, 2, name.ptr);
    return 1;
}

void carom_chunk_push_modules(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &modules_key);
}

void carom_chunk_open(lua_State *L)
{
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &modules_key);
    lua_pushglobaltable(L);
    lua_pushcfunction(L, require);
    lua_setfield(L, -2, "require");
    lua_pop(L, 1);
}
