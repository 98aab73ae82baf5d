"""The standard's tables as the judge reads them, and what MS932 is. Nothing here comes from the program or its generator.

The tables under src/standard are copies, byte for byte, of the facts the standard was written down in; facts.sha256 pins
them, so an edit of a table does not silently change both judges.
"""
import calendar
import csv
import hashlib
import re
from collections import namedtuple
from functools import lru_cache
from pathlib import Path

TREE = Path(__file__).resolve().parents[2]
TABLES = TREE / "src" / "standard"
PINS = Path(__file__).with_name("facts.sha256")

VERSIONS = ("202407", "202208")
# Section 14: first and last service month of a version. 202208 begins with Ver.3 and ends where 202407 begins.
APPLIES = {"202208": ("202301", "202503"), "202407": ("202504", "999912")}

Item = namedtuple("Item", "no name_ja name_en type max required values notes")
Problem = namedtuple("Problem", "severity rule file line column note")
Name = namedtuple("Name", "kind version month sender sender_type receiver receiver_type sequence branch")


def error(rule, file, line=0, column=0, note=""):
    return Problem("error", rule, file, line, column, note)


def warning(rule, file, line=0, column=0, note=""):
    return Problem("warning", rule, file, line, column, note)


def rows(path):
    with open(path, encoding="utf-8", newline="") as f:
        lines = [line.rstrip("\n") for line in f if not line.startswith("# ")]
    return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def changed_tables():
    """The pinned tables that are no longer what the judge was written for."""
    bad = []
    for line in PINS.read_text().splitlines():
        digest, name = line.split()
        path = TREE / name
        if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            bad.append(name)
    return bad


@lru_cache(maxsize=None)
def layout(version, kind):
    def item(row):
        values = dict(v.split("=", 1) for v in row["values"].split("|")) if row["values"] else {}
        length = None if row["max"] == "-" else int(row["max"])
        return Item(int(row["no"]), row["name_ja"], row["name_en"], row["type"], length, row["required"], values,
                    row["notes"])
    return tuple(item(r) for r in rows(TABLES / "layouts" / version / (kind + ".tsv")))


@lru_cache(maxsize=None)
def columns(version, kind):
    """Column numbers by English name."""
    return {item.name_en: item.no for item in layout(version, kind)}


@lru_cache(maxsize=None)
def kinds():
    return tuple((r["version"], r["kind"], re.compile(r["regex"])) for r in rows(TABLES / "file_kinds.tsv"))


@lru_cache(maxsize=None)
def scope():
    """Service types of tables 1.3 and 1.4: True in scope, False out of scope."""
    return {r["code"]: r["linked"] == "yes" for r in rows(TABLES / "service_types.tsv")}


@lru_cache(maxsize=None)
def marks(column):
    """Roles with a mark (mandatory or optional) by kind: column is 'output' or 'import'."""
    out = {}
    for r in rows(TABLES / "flows.tsv"):
        for kind in r["kinds"].split():
            out.setdefault(kind, {}).setdefault(r["role"], set()).add(r[column])
    return {kind: {role for role, seen in roles.items() if seen & {"○", "△"}} for kind, roles in out.items()}


def parse_name(name):
    """The parts of a transfer name, or None when it follows neither version's rule (section 4)."""
    for version, kind, regex in kinds():
        if not regex.fullmatch(name):
            continue
        parts = name.rsplit(".", 1)[0][len(kind) + 1:].split("_")
        month = parts.pop(0) if len(parts[0]) == 6 and kind != "UPKIHON_IMAGE" else None
        if version == "202407":
            sender, sender_type, receiver, receiver_type, sequence = parts[:5]
            branch = parts[5] if len(parts) > 5 else None
        else:
            (sender, receiver, sequence), sender_type, receiver_type, branch = parts, None, None, None
        return Name(kind, version, month, sender, sender_type, receiver, receiver_type, sequence, branch)
    return None


def real_month(text):
    return bool(re.fullmatch("[0-9]{6}", text)) and 1 <= int(text[4:]) <= 12


def real_day(text):
    if not re.fullmatch("[0-9]{8}", text) or not real_month(text[:6]) or int(text[:4]) < 1:
        return False
    return 1 <= int(text[6:]) <= days_in(text[:6])


def days_in(month):
    return calendar.monthrange(int(month[:4]), int(month[4:]))[1]


def real_sequence(text):
    return real_day(text[:8]) and int(text[8:10]) < 24 and int(text[10:12]) < 60 and int(text[12:]) < 60


OUTSIDE = re.compile("[\x80\xa0\ue000-\uf8ff]")  # what Python's cp932 makes of the user-defined area and of 80, A0, FD-FF


class NotMs932(Exception):
    """Bytes that are no MS932 character, or one of the user-defined area: at, code and rule say which."""

    def __init__(self, at, code, rule):
        super().__init__("%s at byte %d" % (code, at))
        self.at, self.code, self.rule = at, code, rule


def ms932(data):
    """Decodes MS932 or raises NotMs932. The user-defined area F040-F9FC is told apart; the single bytes 80, A0 and
    FD-FF, which Python's codec lets through, are no characters of MS932."""
    try:
        text = data.decode("cp932")
        if not OUTSIDE.search(text):
            return text
    except UnicodeDecodeError:
        pass
    at, out = 0, []
    while at < len(data):
        first = data[at]
        if first < 0x80 or 0xA1 <= first <= 0xDF:
            out.append(data[at:at + 1])
            at += 1
            continue
        pair = data[at:at + 2]
        if len(pair) == 2 and 0xF0 <= first <= 0xF9 and 0x40 <= pair[1] <= 0xFC and pair[1] != 0x7F:
            raise NotMs932(at, pair.hex().upper(), "gaiji")
        try:
            if first in (0x80, 0xA0) or first >= 0xFD:
                raise UnicodeDecodeError("cp932", pair, 0, 1, "no character")
            pair.decode("cp932")
        except UnicodeDecodeError:
            raise NotMs932(at, pair.hex().upper(), "encoding") from None
        if len(pair) < 2:
            raise NotMs932(at, pair.hex().upper(), "encoding")
        out.append(pair)
        at += 2
    return b"".join(out).decode("cp932")
