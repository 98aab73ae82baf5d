#!/usr/bin/env bash
# All tests: builds with warnings as errors, runs unit tests, the second judge and integration tests, fuzzes each target shortly,
# then builds with ASan+UBSan and runs unit and integration tests again. Needs root (FUSE mounts, own users). Ends with one line "N passed, N failed".
#
#   sudo tests/run.sh [plain|fuzz|sanitized|coverage]…     only these parts; default: all but coverage
#   CAREPLAN_FUZZ_SECONDS=60 sudo -E tests/run.sh fuzz
set -u
cd "$(dirname "$0")/.." || exit 2
top=$PWD
. packaging/dependencies.sh

say() { printf '\n== %s\n' "$*"; }
fail() { printf 'tests/run.sh: %s\n' "$*" >&2; exit 2; }

[ "$(id -u)" = 0 ] || fail "needs root: FUSE mounts and users of their own. Do: sudo tests/run.sh"
work=$(mktemp -d /var/tmp/careplan-tests-XXXXXX) || fail "no temporary folder in /var/tmp"
chmod 755 "$work"
made_users=""

finish() {
    # Whatever a test left: mounts and processes of this run only, known by the folder of this run.
    awk -v w="$work" 'index($5, w) == 1 {print $5}' /proc/self/mountinfo | while read -r point; do umount -l "$point"; done
    for process in /proc/[0-9]*; do
        if { tr '\0' ' ' <"$process/cmdline"; } 2>/dev/null | grep -qF -- "$work/"; then
            [ "${process#/proc/}" = $$ ] || kill -9 "${process#/proc/}" 2>/dev/null
        fi
    done
    for user in $made_users; do userdel "$user" 2>/dev/null; done
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

# shellcheck disable=SC2086
install_missing "$work/apt.log" $build_packages $test_packages || { cat "$work/apt.log"; fail "apt could not install what is missing"; }
[ -c /dev/fuse ] || modprobe fuse 2>/dev/null
for user in careplan-test careplan-test-ann; do
    if ! id "$user" >/dev/null 2>&1; then
        useradd --system --no-create-home --shell /usr/sbin/nologin "$user" || fail "could not make the test user $user"
        made_users="$made_users $user"
    fi
done

passed=0 failed=0
count() { # count PASSED FAILED
    passed=$((passed + $1)) failed=$((failed + $2))
}

targets() { # targets FOLDER PATTERN: those of the build whose path is PATTERN
    ninja -C "$1" -t targets all | sed -nE "s,^($2):.*,\\1,p"
}

# What is built for counting leaves its counts where it is run, unless it is told where: `fuzz_one` tells.
export LLVM_PROFILE_FILE=/dev/null

compile() { # compile NAME CC PATTERN OPTION…: everything, or what is PATTERN
    local name=$1 cc=$2 pattern=$3
    shift 3
    # shellcheck disable=SC2046
    CC=$cc meson setup "$work/$name" "$top" -Dwerror=true "$@" &&
        ninja -C "$work/$name" $([ -z "$pattern" ] || targets "$work/$name" "$pattern")
}

build() { # as compile, told and counted
    say "build $1"
    if ! compile "$@" >"$work/$1.build.log" 2>&1; then
        tail -n 60 "$work/$1.build.log"
        count 0 1
        return 1
    fi
}

# What the parts are built with.
plain=(plain gcc "")
fuzzing=(fuzz clang 'tests/fuzz/[^/]*/fuzz-[^/:.]*' -Dfuzzing=true -Db_sanitize=address,undefined -Db_lundef=false
    -Dc_args='-fprofile-instr-generate -fcoverage-mapping' -Dc_link_args=-fprofile-instr-generate)
sanitized=(sanitized gcc "" -Db_sanitize=address,undefined)

ahead() { # the builds of the parts to come, while integration tests mostly wait; `build` finds them done, or tells why not
    renice -n 15 "$BASHPID"
    case " $parts " in *" fuzz "*) compile "${fuzzing[@]}" ;; esac
    case " $parts " in *" sanitized "*) compile "${sanitized[@]}" ;; esac
}

unit() { # unit NAME: cmocka counts
    say "unit tests, $1"
    meson test -C "$work/$1" --suite unit --no-rebuild --print-errorlogs --num-processes 2 >"$work/$1.unit.log" 2>&1
    grep -E '^ *[0-9]+/[0-9]+ ' "$work/$1.unit.log"
    local good bad
    good=$(grep -ch '^\[       OK \]' "$work/$1/meson-logs/testlog.txt")
    bad=$(grep -Ec '^ *[0-9]+/[0-9]+ .*(FAIL|TIMEOUT|ERROR)' "$work/$1.unit.log")
    [ "$bad" = 0 ] || sed -n '/FAILED\|AddressSanitizer\|runtime error\|Summary of Failures/,$p' "$work/$1.unit.log" | head -n 120
    count "$good" "$bad"
}

tests_of() { # tests_of XML STATUS: counts what pytest wrote
    if [ ! -s "$1" ]; then
        echo "pytest ended with $2 and left no result"
        count 0 1
        return
    fi
    # shellcheck disable=SC2046
    count $(/usr/bin/python3 - "$1" <<'P'
import sys
import xml.etree.ElementTree as tree
suites = tree.parse(sys.argv[1]).getroot().iter("testsuite")
total = bad = 0
for s in suites:
    # A skipped test counts as failed: what cannot be tested here has not been shown.
    bad += sum(int(s.get(k, 0)) for k in ("failures", "errors", "skipped"))
    total += int(s.get("tests", 0))
print(total - bad, bad)
P
    )
}

judge() { # judge NAME: the program and the second judge over 10,000 random files
    say "the second judge, $1"
    CAREPLAN_BUILD="$work/$1" TMPDIR="$work" \
        /usr/bin/python3 -m pytest -q -p no:cacheprovider --tb=short --junitxml="$work/$1.judge.xml" tests/judge
    tests_of "$work/$1.judge.xml" $?
}

integration() { # integration NAME SLOW
    say "integration tests, $1"
    mkdir -p "$work/$1.traces" "$work/$1.tmp"
    chmod 755 "$work/$1.tmp"
    CAREPLAN_BUILD="$work/$1" CAREPLAN_TRACES="$work/$1.traces" CAREPLAN_TMP="$work/$1.tmp" CAREPLAN_SLOW="$2" \
        /usr/bin/python3 -m pytest -q -p no:cacheprovider --tb=short --durations=10 --junitxml="$work/$1.xml" tests/integration
    tests_of "$work/$1.xml" $?
    say "the hub's answers against docs/hub-api.yaml, $1"
    if /usr/bin/python3 tests/validate_trace.py "$work/$1.traces"/*.jsonl; then count 1 0; else count 0 1; fi
}

fuzz_one() { # fuzz_one TARGET SECONDS: what is to be said of it; 1: it found something, whose input stays in tests/fuzz
    local target=$1 seconds=$2 name=${1##*/fuzz-} words found dictionary=
    found=$work/fuzz.new/$name
    mkdir -p "$found"
    for words in tests/fuzz/*/"$name".dict; do [ ! -f "$words" ] || dictionary=-dict=$words; done
    if ! UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 LLVM_PROFILE_FILE=/dev/null \
        "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        ${dictionary:+"$dictionary"} -artifact_prefix="tests/fuzz/finding-$name-" \
        "$found" "tests/fuzz/corpus/$name" >"$work/fuzz.$name.log" 2>&1; then
        tail -n 40 "$work/fuzz.$name.log"
        return 1
    fi
    LLVM_PROFILE_FILE="$work/fuzz.$name.profraw" "$target" -runs=0 "$found" "tests/fuzz/corpus/$name" >/dev/null 2>&1
    llvm-profdata-14 merge -sparse "$work/fuzz.$name.profraw" -o "$work/fuzz.$name.profdata"
    printf '%-12s %s s, no finding, %s runs; lines reached:' "$name" "$seconds" \
        "$(sed -n 's/stat::number_of_executed_units: *//p' "$work/fuzz.$name.log")"
    llvm-cov-14 export -summary-only -instr-profile="$work/fuzz.$name.profdata" "$target" | /usr/bin/python3 -c '
import json, os, sys
files = [(os.path.relpath(f["filename"], sys.argv[1]), f["summary"]["lines"]) for f in json.load(sys.stdin)["data"][0]["files"]]
reached = [(n, l) for n, l in files if n.startswith("src/") and l["covered"]]
print(", ".join("%s %d/%d" % (n[4:], l["covered"], l["count"]) for n, l in reached),
      "together %.0f %%" % (100 * sum(l["covered"] for _, l in reached) / max(1, sum(l["count"] for _, l in reached))))' "$top"
}

fuzz() { # each target for a short while from its corpus, two at a time; then the lines that corpus and findings reach
    build "${fuzzing[@]}" || return
    local seconds=${CAREPLAN_FUZZ_SECONDS:-4} target name
    for target in "$work"/fuzz/tests/fuzz/*/fuzz-*; do
        [ -f "$target" ] && [ -x "$target" ] || continue
        name=${target##*/fuzz-}
        while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n; done
        { fuzz_one "$target" "$seconds" >"$work/fuzz.$name.said" 2>&1 && : >"$work/fuzz.$name.good"; } &
    done
    wait
    for target in "$work"/fuzz.*.said; do
        cat "$target"
        if [ -e "${target%.said}.good" ]; then count 1 0; else count 0 1; fi
    done
}

coverage() { # lines of src/standard by its tests and its fuzz corpora
    say "coverage of src/standard, by gcov"
    if TMPDIR=$work tests/coverage.sh >"$work/coverage.log" 2>&1; then
        grep -E '^(src/standard|together) ' "$work/coverage.log"
        count 1 0
    else
        tail -n 80 "$work/coverage.log"
        count 0 1
    fi
}

parts=${*:-plain fuzz sanitized}
for part in $parts; do
    case $part in
    plain)
        build "${plain[@]}" && {
            unit plain
            judge plain
            ahead >/dev/null 2>&1 &
            integration plain 1
            wait
        }
        ;;
    fuzz) fuzz ;;
    coverage) coverage ;;
    sanitized)
        # LeakSanitizer needs ptrace of itself, which a daemon that has dropped its rights may not: leaks are looked for in
        # the unit tests only.
        export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
        build "${sanitized[@]}" &&
            { ASAN_OPTIONS=detect_leaks=1 unit sanitized; ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 integration sanitized 4; } ;;
    *) fail "no such part: $part (plain, fuzz, sanitized, coverage)" ;;
    esac
done

echo
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
