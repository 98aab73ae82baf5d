#!/usr/bin/env bash
# The main job in one command, on real sample data: a hub and two offices on this machine, files that travel between them.
#
#   sudo packaging/try.sh           runs, shows, and removes everything it started
#   sudo packaging/try.sh --keep    leaves hub and mounts running and prints how to stop them
#   sudo packaging/try.sh --stop DIR
#
# Everything lives in one new folder under /var/tmp, on loopback ports the kernel chose, under users of its own. An existing
# installation is never touched.
set -u
cd "$(dirname "$0")/.." || exit 2
top=$PWD
. packaging/dependencies.sh

care=0300000100-43 service=0300000005-11
care_name='ケアプランひまわり（架空）' service_name='さくら訪問介護（架空）'
user=careplan-try announcer=careplan-try-ann
step="starting" log="" keep=no work=""

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
ok() { printf '   %s\n' "$*"; }

fail() {
    printf '\nFailed while %s: %s\n' "$step" "$*" >&2
    if [ -n "$log" ] && [ -s "$log" ]; then
        printf 'The end of %s:\n' "$log" >&2
        tail -n 30 "$log" >&2
    fi
    keep=no
    exit 1
}

# stop DIR: ends what runs from there, unmounts, removes it and the users that this script made.
stop() {
    local dir=$1 pid
    for name in care service hub; do
        pid=$(cat "$dir/$name.pid" 2>/dev/null) || continue
        grep -qsF "$dir/" "/proc/$pid/cmdline" || continue # not ours any more
        kill "$pid" 2>/dev/null
        for _ in $(seq 100); do [ -d "/proc/$pid" ] || break; sleep 0.1; done
        kill -9 "$pid" 2>/dev/null
    done
    awk -v w="$dir/" 'index($5, w) == 1 {print $5}' /proc/self/mountinfo | while read -r point; do umount -l "$point"; done
    for name in $(cat "$dir/users" 2>/dev/null); do userdel "$name" 2>/dev/null; done
    rm -rf "$dir"
}

finish() {
    trap '' INT TERM HUP # a second Ctrl-C must not leave half of it behind
    [ -n "$work" ] || return
    if [ "$keep" = yes ]; then
        say "Left running. To stop and remove everything:"
        ok "sudo $top/packaging/try.sh --stop $work"
    else
        stop "$work"
    fi
}

case "${1:-}" in
"") ;;
--keep) keep=yes ;;
--stop)
    dir=${2:-}
    dir=${dir%/}
    case "$dir" in
    /var/tmp/careplan-try-??????) [ -d "$dir" ] && stop "$dir" && echo "Stopped and removed $dir." && exit 0 ;;
    esac
    echo "try.sh: --stop wants the folder that --keep printed (/var/tmp/careplan-try-…)" >&2
    exit 2 ;;
-h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
*) echo "try.sh: no such option: $1 (--keep, --stop DIR, --help)" >&2; exit 2 ;;
esac
[ "$(id -u)" = 0 ] || { echo "try.sh: needs root, to mount and to make users. Do: sudo packaging/try.sh" >&2; exit 2; }

started=$(date +%s%3N)
work=$(mktemp -d /var/tmp/careplan-try-XXXXXX) || exit 2
chmod 755 "$work"
trap finish EXIT
trap 'keep=no; exit 130' INT TERM HUP

step="installing what is missing" log=$work/apt.log
say "1/6  Packages"
# shellcheck disable=SC2086
install_missing "$log" $build_packages || fail "apt could not install the packages"
[ -c /dev/fuse ] || modprobe fuse 2>/dev/null
[ -c /dev/fuse ] || fail "/dev/fuse is missing: this machine (or container) cannot mount FUSE file systems"
ok "there"

step="building" log=$work/build.log
say "2/6  Building (about half a minute)"
meson setup "$work/build" "$top" --buildtype=release >"$log" 2>&1 || fail "meson"
ninja -C "$work/build" src/careplanfs src/ctl/careplanctl src/hub/careplan-hub >>"$log" 2>&1 || fail "ninja"
hub_program=$work/build/src/hub/careplan-hub ctl=$work/build/src/ctl/careplanctl mount_program=$work/build/src/careplanfs
ok "$("$mount_program" --version | head -n 1)"

step="starting the hub" log=$work/hub.log
say "3/6  A hub on loopback, two offices enrolled with one-time tokens"
: >"$work/users"
for name in $user $announcer; do
    id "$name" >/dev/null 2>&1 && continue
    echo "$name" >>"$work/users" # before: an interrupt between the two must not leave the user behind
    useradd --system --no-create-home --shell /usr/sbin/nologin "$name" 2>"$log" || fail "useradd $name"
done
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$hub_program" init --dir "$work/hub" --listen "127.0.0.1:$port" --name 127.0.0.1 >"$log" 2>&1 || fail "careplan-hub init"
# A session of its own: with --keep it lives on when the terminal goes.
setsid "$hub_program" serve --config "$work/hub/hub.conf" >>"$log" 2>&1 &
echo $! >"$work/hub.pid"
for _ in $(seq 200); do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
    [ -d "/proc/$(cat "$work/hub.pid")" ] || fail "the hub ended"
    sleep 0.05
done
cp "$work/hub/ca.pem" "$work/ca.pem" && chmod 644 "$work/ca.pem"
ok "https://127.0.0.1:$port"

enrol() { # enrol NAME OFFICE DISPLAY-NAME
    local token
    printf '[daemon]\nuser = %s\nannouncer = %s\n' $user $announcer >"$work/$1.conf"
    "$hub_program" office add --config "$work/hub/hub.conf" "$2" "$3" --municipality 03201 >>"$log" 2>&1 || fail "office add $2"
    token=$("$hub_program" token --config "$work/hub/hub.conf" "$2" 2>>"$log") || fail "token $2"
    echo "$token" | "$ctl" enrol --config "$work/$1.conf" --hub "https://127.0.0.1:$port" --ca "$work/ca.pem" --office "$2" \
        --token - --state "$work/$1.state" >>"$log" 2>&1 || fail "careplanctl enrol $2"
    ok "$2 $3"
}
step="enrolling" log=$work/enrol.log
enrol care $care "$care_name"
enrol service $service "$service_name"

step="mounting" log=$work/care.log
say "4/6  A mount for each"
start_mount() { # start_mount NAME
    log=$work/$1.log
    mkdir "$work/$1"
    setsid "$mount_program" -f --config "$work/$1.conf" "$work/$1" >"$log" 2>&1 &
    echo $! >"$work/$1.pid"
}
partner_folder() { # partner_folder FOLDER OFFICE: its path, when it is there
    find "$1" -mindepth 1 -maxdepth 1 -name "$2*" -print -quit 2>/dev/null
}
wait_for() { # wait_for SECONDS WHAT COMMAND…
    local until=$(($(date +%s%3N) + $1 * 1000)) what=$2
    shift 2
    until "$@"; do
        [ "$(date +%s%3N)" -lt $until ] || fail "waited in vain for $what"
        sleep 0.02
    done
}
knows() { [ -n "$(partner_folder "$1" "$2")" ]; }
start_mount care
start_mount service
log=$work/care.log
wait_for 20 "the care manager's mount and the partner's folder in it" knows "$work/care/outbox" $service
log=$work/service.log
wait_for 20 "the service office's mount and the partner's folder in it" knows "$work/service/outbox" $care
ok "$work/care      of $care"
ok "$work/service   of $service"

step="sending the samples"
say "5/6  Files travel (each waits the settle time of 2 s for companions)"
table=$work/table
: >"$table"
arrived() { # arrived FOLDER OFFICE UNIT-DIR
    local folder name
    folder=$(partner_folder "$1" "$2")
    [ -n "$folder" ] || return 1
    for name in "$3"/*; do [ -f "$folder/$(basename "$name")" ] || return 1; done
}
send() { # send UNIT-DIR FROM FROM-OFFICE TO
    local unit=$1 folder name before after
    before=$(date +%s%3N)
    cp "$unit"/* "$work/$2/outbox/" 2>"$work/cp.txt" || { cat "$work/cp.txt" >&2; fail "cp of $(basename "$unit")"; }
    log=$work/$2.log
    wait_for 30 "$(basename "$unit") in $4/inbox" arrived "$work/$4/inbox" "$3" "$unit"
    after=$(date +%s%3N)
    folder=$(partner_folder "$work/$4/inbox" "$3")
    for name in "$unit"/*; do
        cmp -s "$name" "$folder/$(basename "$name")" || fail "$(basename "$name") differs in $folder"
        printf '%s\t%s/outbox\t%s/inbox\t%s\t%s\n' "$(basename "$name")" "$2" "$4" "$((after - before))" "same bytes" >>"$table"
    done
    ok "$(basename "$unit"): $(find "$unit" -type f | wc -l) files, $2 -> $4, $((after - before)) ms"
}
for unit in a_plan_43_to_11 b_month_202504_43_to_11 d_delete_month_plan d_delete_plan; do
    send "$top/tests/samples/valid/$unit" care $care service
done
for unit in c_result_202504_11_to_43 d_delete_month_result; do
    send "$top/tests/samples/valid/$unit" service $service care
done

step="saving a broken file" log=$work/care.log
say "6/6  A broken file: 計画書区分 holds 13, which is in no code list"
broken=UP1KYO_0300000100_43_0300000005_11_20250401091400.CSV
if LANG=C cp "$top/tests/samples/broken/B14_code_not_in_list/$broken" "$work/care/outbox/" 2>"$work/cp.txt"; then
    fail "cp should have failed"
fi
ok "cp says:  $(cat "$work/cp.txt")"
report=$work/care/outbox/$broken.エラー.txt
[ -f "$report" ] || fail "no report beside the file"
ok "and beside the file stands $(basename "$report"):"
sed -e 's/^\xef\xbb\xbf//' -e 's/\r$//' -e 's/^/      | /' "$report"

say "What went where"
{
    printf 'FILE\tFROM\tTO\tMS\tRESULT\n'
    cat "$table"
    printf '%s\tcare/outbox\t-\t-\trejected\n' "$broken"
} | column -t -s "$(printf '\t')" | sed 's/^/   /'
say "The care manager's archive, with the evidence of each exchange"
find "$work/care/archive" -type d -name '*-[0-9][0-9]' | sort | sed "s|^|   |"
say "careplanctl status"
"$ctl" status --config "$work/care.conf" 2>&1 | sed 's/^/   /'
say "Done in $((($(date +%s%3N) - started) / 1000)) s."
if [ "$keep" = yes ]; then
    ok "Look at: $work/{care,service}/{outbox,inbox,archive}, $work/care/送受信状況.html"
else
    ok "All of it is removed now; --keep leaves hub and mounts to look at."
fi
