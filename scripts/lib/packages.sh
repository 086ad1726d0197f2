# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
#
# Installs what a build or a test needs and the machine lacks, with Debian's apt-get. Sourced by scripts, POSIX sh.
# Refuses to know where packages come from: that is the machine's configuration. On another system it only names
# what is missing.

build_packages="gcc libc6-dev meson ninja-build pkg-config liblua5.4-dev libsqlite3-dev nettle-dev libzstd-dev \
libjansson-dev libcurl4-openssl-dev"
test_packages="clang libcmocka-dev python3 groff-base binutils lua5.4"
fuzz_packages="libclang-rt-14-dev" # libFuzzer and the sanitizers of Debian 12's clang

# Is there what the Debian package of this name brings? Asked by capability, so that other systems answer too.
package_present()
{
    case $1 in
    gcc | meson | clang | pkg-config | python3 | valgrind | lua5.4) command -v "$1" ;;
    ninja-build) command -v ninja ;;
    binutils) command -v readelf && command -v nm ;;
    groff-base) command -v groff ;;
    libc6-dev) echo '#include <stdio.h>' | gcc -E -x c - ;;
    liblua5.4-dev) pkg-config --exists lua5.4 || pkg-config --exists lua-5.4 || pkg-config --exists lua54 ;;
    libsqlite3-dev) pkg-config --exists sqlite3 ;;
    nettle-dev) pkg-config --exists nettle ;;
    libzstd-dev) pkg-config --exists libzstd ;;
    libjansson-dev) pkg-config --exists jansson ;;
    libcurl4-openssl-dev) pkg-config --exists libcurl ;;
    libcmocka-dev) pkg-config --exists cmocka ;;
    *) dpkg-query -W -f='${Status}' "$1" | grep -q '^install ok installed' ;;
    esac >/dev/null 2>&1
}

# As root, or through sudo; says so and fails where neither is possible.
as_root()
{
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        echo "this needs root, and sudo is not installed: run as root: $*" >&2
        return 1
    fi
}

# need PACKAGE…: 0 when all are there, installing the missing ones; 1 with a sentence on stderr otherwise.
need()
{
    missing=
    for package in "$@"; do
        package_present "$package" || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "missing, by their Debian names:$missing. Install them and start again." >&2
        return 1
    fi
    echo "installing:$missing" >&2
    apt_log=$(mktemp)
    # shellcheck disable=SC2086 # a list of words
    if as_root env DEBIAN_FRONTEND=noninteractive apt-get -q update >"$apt_log" 2>&1 &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends $missing \
            >>"$apt_log" 2>&1 </dev/null; then
        rm -f "$apt_log"
        return 0
    fi
    cat "$apt_log" >&2
    rm -f "$apt_log"
    echo "could not install:$missing. What apt-get said stands above." >&2
    return 1
}
