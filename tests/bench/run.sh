#!/usr/bin/env bash
# Benchmarks: a table of medians and ratios, all in one run on one real disk.
#
#   sudo tests/bench/run.sh [FOLDER]     FOLDER lies on a real disk (default /var/tmp); tmpfs and overlay are refused
#
# CAREPLAN_BENCH_ROUNDS (5) and CAREPLAN_BENCH_FILES (400) set how much is measured. Never part of CI: a time fails no build.
set -u
cd "$(dirname "$0")/../.." || exit 2
. packaging/dependencies.sh
[ "$(id -u)" = 0 ] || { echo "tests/bench/run.sh: needs root" >&2; exit 2; }
folder=$(readlink -f "${1:-/var/tmp}") || exit 2
kind=$(stat -f -c %T "$folder")
case $kind in
tmpfs | ramfs | overlayfs | fuseblk | nfs) echo "tests/bench/run.sh: $folder is $kind; give a folder on a real disk" >&2; exit 2 ;;
esac
work=$(mktemp -d "$folder/careplan-bench-XXXXXX") && chmod 755 "$work" || exit 2
made=""
finish() {
    [ -f "$work/sshd.pid" ] && kill "$(cat "$work/sshd.pid")" 2>/dev/null
    awk -v w="$work" 'index($5, w) == 1 {print $5}' /proc/self/mountinfo | while read -r point; do umount -l "$point"; done
    for user in $made; do userdel "$user" 2>/dev/null; done
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM
# shellcheck disable=SC2086
install_missing "$work/apt.log" $build_packages sshfs openssh-server openssh-client || { cat "$work/apt.log"; exit 2; }
for user in careplan-test careplan-test-ann; do
    id "$user" >/dev/null 2>&1 || { useradd --system --no-create-home --shell /usr/sbin/nologin "$user" && made="$made $user"; }
done
meson setup "$work/build" . --buildtype=release >"$work/build.log" 2>&1 && ninja -C "$work/build" >>"$work/build.log" 2>&1 ||
    { tail -n 30 "$work/build.log"; exit 2; }
CAREPLAN_BUILD=$work/build CAREPLAN_TMP=$work PYTHONPATH=tests/integration /usr/bin/python3 tests/bench/run.py "$work"
