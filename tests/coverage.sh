#!/usr/bin/env bash
# Lines of src/standard that its tests and its fuzz corpora reach, counted by gcov. Ends with 1 when it is less than
# 95 % by the tests or 80 % by the corpora. Needs no root; half a minute.
#
#   tests/coverage.sh [--lines]     --lines: also which lines are not reached
#   CAREPLAN_COVERAGE_BUILD=FOLDER  build there and keep it
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d "${TMPDIR:-/tmp}/careplan-coverage-XXXXXX")
trap 'rm -rf "$work"' EXIT
build=${CAREPLAN_COVERAGE_BUILD:-$work/build}

quiet() { # its output only when it fails
    "$@" >"$work/log" 2>&1 || { tail -n 60 "$work/log"; exit 2; }
}

[ -f "$build/build.ninja" ] || CC=gcc quiet meson setup "$build" -Db_coverage=true -Dbuildtype=debug
targets=$(ninja -C "$build" -t targets all |
    sed -nE 's,^(tests/(unit/standard/test-standard|unit/library/test-library|fuzz/standard/replay)-[^/:.]*):.*,\1,p')
# shellcheck disable=SC2086
quiet ninja -C "$build" $targets

counts=$build/src/standard # libstandard.a.p, libstandard-words.a.p; the build has counted its own programs beside them
forget() { find "$counts"/libstandard*.p -name '*.gcda' -delete; }
gather() { # gather NAME FOLDER…: what was counted, as gcov's JSON
    local name=$1
    shift
    # shellcheck disable=SC2046
    (cd "$work" && gcov --json-format --stdout $(find "$@" -name '*.gcda')) >"$work/$name.json"
}

failed=
forget
for target in $targets; do
    case $target in
    *-threads | */replay-*) ;; # threads has its own, uncounted copy of the library
    *) "$build/$target" >"$work/log" 2>&1 || { tail -n 40 "$work/log"; failed="$failed $target"; } ;;
    esac
done
gather tests "$counts"/libstandard*.p
forget
for target in $targets; do
    name=${target##*/replay-}
    [ "$name" = "$target" ] || quiet "$build/$target" "tests/fuzz/corpus/$name"
done
gather corpora "$counts"/libstandard*.p
gather build "$counts"/standard-compile.p "$counts"/ms932-codes.p
/usr/bin/python3 tests/coverage_table.py "$work" "$@"
[ -z "$failed" ] || { echo "failed:$failed"; exit 1; }
