#!/bin/sh
# Makes the static library: one object in which only the public names are left, so that it clashes with nothing of the
# program it is linked into.
#
# usage: archive.sh OBJCOPY AR OUTPUT WHOLE.a REST.a COMPILER…
set -eu
objcopy=$1 ar=$2 output=$3 whole=$4 rest=$5
shift 5
object=$output.careplan.o
"$@" -r -nostdlib -o "$object" -Wl,--whole-archive "$whole" -Wl,--no-whole-archive "$rest"
"$objcopy" --wildcard --keep-global-symbol='careplan_*' "$object"
rm -f "$output"
"$ar" rcsD "$output" "$object"
rm -f "$object"
