/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The store, as the user who must work with it sees it: rights and owners of what is there, the lock, the disk, and
   whether anybody delivers. Makes no ledger. */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/date.h"
#include "base/error.h"
#include "cli/health.h"
#include "cli/room.h"
#include "cli/setup.h"
#include "input/spool.h"
#include "ledger/netfs.h"

enum { SPACE_LEAST = 100, SPACE_LITTLE = 1024 }; /* MiB */

struct place {
    struct carom_str url, file, directory; /* NUL-terminated */
    struct stat info;                      /* of the directory */
};

static bool may(const char *path, int mode)
{
    return faccessat(AT_FDCWD, path, mode, AT_EACCESS) == 0;
}

static struct carom_str owner(struct carom_setup *setup, const struct stat *info)
{
    return carom_cli_user_name(setup->arena, info->st_uid);
}

/* ---- The directory ---- */

static bool find_place(struct carom_setup *setup, struct place *place)
{
    struct carom_error err = {0};
    const struct carom_str scheme = CAROM_STR("sqlite:");

    if (carom_engine_store_url(setup->arena, setup->place->store, setup->config, setup->place->state, &place->url, &err) != 0) {
        carom_setup_say(setup, CAROM_SETUP_FAILURE, "directory", carom_setup_text(setup, "%s", err.text), CAROM_STR_EMPTY);
        return false;
    }
    place->file = carom_str_from(place->url, carom_str_starts(place->url, scheme) ? scheme.len : 0);
    place->directory = carom_room_above(setup->arena, place->file);
    return true;
}

/* It is made at the first message, but for that its parent must let us. */
static void check_missing(struct carom_setup *setup, const struct place *place)
{
    struct carom_str above = place->directory;
    struct stat info;
    do
        above = carom_room_above(setup->arena, above);
    while (above.len > 1 && stat(above.ptr, &info) != 0);
    if (may(above.ptr, W_OK | X_OK))
        carom_setup_say(setup, CAROM_SETUP_OK, "directory",
                        carom_setup_text(setup, "%s is not there yet; it is made with the first message", place->directory.ptr),
                        CAROM_STR_EMPTY);
    else
        carom_setup_say(setup, CAROM_SETUP_FAILURE, "directory",
                        carom_setup_text(setup, "%s is not there, and %s may not make it", place->directory.ptr, setup->user.ptr),
                        carom_setup_text(setup, "install -d -m 2770 -o USER -g GROUP %s, for the user as whom the mail server runs carom",
                                         place->directory.ptr));
}

static bool check_directory(struct carom_setup *setup, struct place *place)
{
    const char *path = place->directory.ptr;

    if (stat(path, &place->info) != 0) {
        if (errno == ENOENT)
            check_missing(setup, place);
        else
            carom_setup_say(setup, CAROM_SETUP_FAILURE, "directory",
                            carom_setup_text(setup, "%s cannot look at %s: %s", setup->user.ptr, path, strerror(errno)),
                            CAROM_STR("let that user enter all directories above it, or name another with --state"));
        return false;
    }
    const struct carom_owner user = {geteuid(), getegid()};
    int denied = carom_room_denied(path, user);
    if (denied) {
        struct carom_str remedy = carom_room_remedy(setup->arena, path, denied, user);
        bool strange = denied != EROFS && place->info.st_uid != user.user;
        carom_setup_say(setup, CAROM_SETUP_FAILURE, "directory",
                        carom_setup_text(setup, "%s may not write in %s, which belongs to %s (mode %o): %s", setup->user.ptr, path,
                                         owner(setup, &place->info).ptr, (unsigned)place->info.st_mode & 07777, strerror(denied)),
                        strange ? carom_setup_text(setup, "run carom as %s, or make the directory that of %s: %s",
                                                   owner(setup, &place->info).ptr, setup->user.ptr, remedy.ptr) : remedy);
        return false;
    }
    if (place->info.st_mode & 07)
        carom_setup_say(setup, CAROM_SETUP_WARNING, "directory",
                        carom_setup_text(setup, "%s can be entered by everybody (mode %o); it holds people's addresses", path,
                                         (unsigned)place->info.st_mode & 07777),
                        carom_setup_text(setup, "chmod o= %s", path));
    else
        carom_setup_say(setup, CAROM_SETUP_OK, "directory",
                        carom_setup_text(setup, "%s belongs to %s, and %s may write there", path,
                                         owner(setup, &place->info).ptr, setup->user.ptr), CAROM_STR_EMPTY);
    return true;
}

/* ---- What lies there ---- */

/* Another owner is harmless only while the group may write. */
static bool check_file(struct carom_setup *setup, const struct place *place, const struct carom_store_file *file)
{
    const char *path = file->path.ptr, *name = owner(setup, &place->info).ptr;
    bool strange = file->info.st_uid != place->info.st_uid, usable = file->usable && may(path, R_OK | W_OK);

    if (usable && !strange)
        return true;
    if (!S_ISREG(file->info.st_mode))
        carom_setup_say(setup, CAROM_SETUP_FAILURE, "files", carom_setup_text(setup, "%s is no regular file", path),
                        CAROM_STR("find out who made it, and move it away"));
    else
        carom_setup_say(setup, usable ? CAROM_SETUP_WARNING : CAROM_SETUP_FAILURE, "files",
                        carom_setup_text(setup, "%s belongs to %s (mode %o)%s%s", path, owner(setup, &file->info).ptr,
                                         (unsigned)file->info.st_mode & 07777, usable ? "" : ", and cannot be used by ",
                                         usable ? "" : setup->user.ptr),
                        strange ? carom_setup_text(setup, "chown %s: %s", name, path)
                                : carom_setup_text(setup, "chmod u+rw,g+rw %s", path));
    return usable;
}

static bool check_files(struct carom_setup *setup, const struct place *place)
{
    struct carom_store_file files[CAROM_STORE_FILES];
    struct stat directory;
    size_t n = carom_cli_store_files(setup->arena, place->url, &directory, files);
    bool good = true;

    for (size_t i = 0; i < n; i++)
        good = check_file(setup, place, &files[i]) && good;
    return good;
}

static void check_space(struct carom_setup *setup, const struct place *place)
{
    struct carom_error err = {0};
    struct carom_room room;
    if (carom_netfs_check(place->file.ptr, &err) != 0)
        carom_setup_say(setup, CAROM_SETUP_FAILURE, "disk", carom_setup_text(setup, "%s", err.text), CAROM_STR_EMPTY);
    if (!carom_room_look(place->directory.ptr, &room))
        return;
    bool full = room.mib < SPACE_LEAST || !room.files;
    carom_setup_say(setup, full ? CAROM_SETUP_FAILURE : room.mib < SPACE_LITTLE ? CAROM_SETUP_WARNING : CAROM_SETUP_OK, "disk",
                    carom_setup_text(setup, "%llu MiB are free under %s%s", room.mib, place->directory.ptr,
                                     room.files ? "" : ", and no file can be made"),
                    full || room.mib < SPACE_LITTLE ? CAROM_STR("make room: without it mail waits in the mail server")
                                                    : CAROM_STR_EMPTY);
}

/* ---- The spool ---- */

/* All that a message costs on its way in, but for the name. */
static int write_draft(const char *directory, struct carom_error *err)
{
    static const char block[4096] = "carom check-setup was here\n";
    const struct carom_envelope nobody = {.sender = ""};
    struct carom_spool_draft draft = {.directory = -1, .fd = -1};
    int result = carom_spool_begin(&draft, directory, &nobody, err) == 0 ? carom_spool_write(&draft, block, sizeof(block), err) : -1;

    if (result == 0 && (fsync(draft.fd) != 0 || fsync(draft.directory) != 0))
        result = carom_error_set(err, CAROM_ERROR_IO, "the spool %s: cannot sync it to disk: %s", directory, strerror(errno));
    carom_spool_drop(&draft);
    return result;
}

/* The safety net of carom pipe. Makes no directory. */
static void check_spool(struct carom_setup *setup)
{
    struct carom_error err = {0};
    struct carom_str spool;

    if (carom_spooled_directory(setup->arena, setup->place, setup->spool, &spool, &err) != 0) {
        carom_setup_say(setup, CAROM_SETUP_FAILURE, "spool", carom_setup_text(setup, "%s", err.text), CAROM_STR_EMPTY);
        return;
    }
    struct carom_str above = carom_room_above(setup->arena, spool);
    bool there = access(spool.ptr, F_OK) == 0, missing = !there && errno == ENOENT;
    int result = there     ? write_draft(spool.ptr, &err)
                 : missing ? 0
                           : carom_error_set(&err, CAROM_ERROR_IO, "the spool %s: cannot find it: %s", spool.ptr, strerror(errno));
    if (missing && !may(above.ptr, W_OK | X_OK))
        result = carom_error_set(&err, CAROM_ERROR_IO, "%s is not there, and %s may not make it in %s", spool.ptr, setup->user.ptr, above.ptr);
    if (result != 0)
        carom_setup_say(setup, CAROM_SETUP_FAILURE, "spool", carom_setup_text(setup, "%s", err.text),
                        CAROM_STR("until it can be written, what cannot be decided waits in the mail server, for days at most"));
    else
        carom_setup_say(setup, CAROM_SETUP_OK, "spool",
                        carom_setup_text(setup, missing ? "%s is not there yet; it is made with the first message that needs it"
                                                        : "%s can be written", spool.ptr), CAROM_STR_EMPTY);
}

/* ---- The ledger ---- */

static void say_health(struct carom_setup *setup, struct carom_ledger *ledger, struct carom_str url)
{
    struct carom_health health = {.arena = setup->arena, .now = setup->now, .url = url};
    struct carom_error err = {0};
    bool tells = setup->config && (setup->config->sinks || setup->config->endpoints || setup->config->smtp);
    struct carom_str spool;

    if (carom_spooled_directory(setup->arena, setup->place, setup->spool, &spool, NULL) == 0)
        carom_spooled_look(setup->arena, spool.ptr, &health.spool);
    if (carom_health_read(&health, ledger, &err) != 0) {
        carom_setup_say(setup, CAROM_SETUP_FAILURE, "ledger", carom_setup_text(setup, "%s", err.text), CAROM_STR_EMPTY);
        return;
    }
    for (const struct carom_finding *finding = health.first; finding; finding = finding->next)
        carom_setup_say(setup, finding->level == CAROM_HEALTH_RED ? CAROM_SETUP_FAILURE : CAROM_SETUP_WARNING, "status",
                        finding->what, finding->remedy);
    if (health.standing.delivered)
        carom_setup_say(setup, CAROM_SETUP_OK, "delivery",
                        carom_setup_text(setup, "the last run was %s ago",
                                         carom_health_span(setup->arena, setup->now - health.standing.delivered).ptr),
                        CAROM_STR_EMPTY);
    else if (tells)
        carom_setup_say(setup, CAROM_SETUP_WARNING, "delivery", CAROM_STR("carom deliver never ran on this ledger"),
                        CAROM_STR("start carom deliver --watch as a service: without it no sink hears anything"));
}

static void check_ledger(struct carom_setup *setup, const struct place *place)
{
    struct carom_error err = {0};
    struct carom_ledger ledger;

    if (access(place->file.ptr, F_OK) != 0 && errno == ENOENT) {
        carom_setup_say(setup, CAROM_SETUP_OK, "ledger",
                        carom_setup_text(setup, "%s is not there yet; it is made with the first message", place->file.ptr),
                        CAROM_STR_EMPTY);
        return;
    }
    if (carom_ledger_open(place->url.ptr, CAROM_LEDGER_WRITE, &ledger, &err) == 0) {
        if (ledger.ops->begin(ledger.store, &err) == 0) {
            ledger.ops->rollback(ledger.store);
            carom_setup_say(setup, CAROM_SETUP_OK, "ledger",
                            carom_setup_text(setup, "%s opens, and its lock can be taken", place->file.ptr), CAROM_STR_EMPTY);
        }
        say_health(setup, &ledger, place->url);
        carom_ledger_close(&ledger);
    }
    if (err.text[0])
        carom_setup_say(setup, err.code == CAROM_ERROR_BUSY ? CAROM_SETUP_WARNING : CAROM_SETUP_FAILURE, "ledger",
                        carom_setup_text(setup, "%s", err.text), CAROM_STR_EMPTY);
}

/* Retries, suppressions and signatures go by it. Nothing was recorded before there was a carom. */
static void check_clock(struct carom_setup *setup)
{
    char text[32];
    bool sane = setup->now / 1000 > carom_date_parse_rfc3339(CAROM_STR("2025-01-01T00:00:00Z"));
    carom_date_format(setup->now / 1000, text);
    carom_setup_say(setup, sane ? CAROM_SETUP_OK : CAROM_SETUP_FAILURE, "clock", carom_setup_text(setup, "it is %s", text),
                    sane ? CAROM_STR_EMPTY : CAROM_STR("set the clock, and have it kept by NTP"));
}

void carom_setup_check_state(struct carom_setup *setup)
{
    struct place place;

    check_clock(setup);
    if (!find_place(setup, &place) || !check_directory(setup, &place))
        return;
    check_space(setup, &place);
    check_spool(setup);
    if (check_files(setup, &place))
        check_ledger(setup, &place);
}
