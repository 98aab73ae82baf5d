#!/usr/bin/env python3
"""Seeds for the standard's targets from tests/samples: make_seeds.py OUT makes OUT/csv, OUT/name and OUT/unit.

What of them reaches new lines goes into the corpus:
  fuzz-csv -merge=1 tests/fuzz/corpus/csv OUT/csv
"""
import hashlib
import pathlib
import sys

TOP = pathlib.Path(__file__).resolve().parents[3]
STEP = 7  # bytes of a write; odd: little is remembered of the records
PLAN = 0x80  # the UPHOSOKU of a plan, whose name has no month


def kinds():
    """Numbers of the kinds as the targets count them."""
    rows = (TOP / "src/standard/file_kinds.tsv").read_text(encoding="utf-8").splitlines()[1:]
    return {tuple(row.split("\t")[:2]): n for n, row in enumerate(rows)}


def kind_number(numbers, name, old):
    """The kind that a file is meant to be, whatever is wrong with its name."""
    version = "202208" if old else "202407"
    word = name.upper()
    known = sorted((kind for v, kind in numbers if v == version), key=len, reverse=True)
    kind = next((k for k in known if word.startswith(k)), known[-1])
    plan = PLAN if kind == "UPHOSOKU" and "_000000_" in word else 0
    return numbers[version, kind] | plan


def put(folder, data):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)


def main(out):
    numbers = kinds()
    for unit in sorted(p for p in (TOP / "tests/samples").glob("*/*") if p.is_dir()):
        old = unit.parent.name in ("valid_202208", "early")
        parts = []
        for file in sorted(unit.iterdir()):
            content = file.read_bytes()
            put(out / "csv", bytes([kind_number(numbers, file.name, old), STEP]) + content)
            put(out / "name", file.name.encode())
            parts.append(file.name.encode() + b"\n" + content)
        put(out / "unit", b"\x1e".join(parts))


main(pathlib.Path(sys.argv[1]))
