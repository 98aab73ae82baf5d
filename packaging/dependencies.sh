# What building and testing need, by Debian's package names; sourced by try.sh and tests/run.sh.

# shellcheck disable=SC2034
build_packages="gcc meson ninja-build pkg-config python3 libfuse3-dev fuse3 libcurl4-openssl-dev libssl-dev openssl
    libcsv-dev libsqlite3-dev libevent-dev libutf8proc-dev libjansson-dev libinih-dev libcmocka-dev libxxhash-dev bsdextrautils"
# shellcheck disable=SC2034
test_packages="clang g++ groff-base llvm libclang-rt-14-dev python3-pytest python3-hypothesis python3-jsonschema python3-yaml strace attr
    sqlite3 procps"

# install_missing LOG PACKAGE…: installs those that are missing with apt, what apt says goes to LOG. Needs root.
install_missing() {
    apt_log=$1
    shift
    missing=""
    for package in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing="$missing $package"
    done
    [ -z "$missing" ] && return 0
    echo "Installing with apt:$missing"
    export DEBIAN_FRONTEND=noninteractive
    # Splitting into words is meant: a list of names.
    # shellcheck disable=SC2086
    apt-get update -q >"$apt_log" 2>&1 && apt-get install -y -q --no-install-recommends $missing >>"$apt_log" 2>&1
}
