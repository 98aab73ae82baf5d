"""Bytes to records by section 2: comma, quotes, quotes doubled inside. Line ends are not stated: CRLF, LF and CR all end
a record outside quotes, and an empty line holds no record."""
import re
from collections import namedtuple

from facts import NotMs932, Problem, error, ms932, warning

Cell = namedtuple("Cell", "text quoted line bad")


class Record(list):
    """The cells of one record; line is the physical line on which it begins."""

    def __init__(self, line):
        super().__init__()
        self.line = line


def line_end(data, at):
    if data[at:at + 2] == b"\r\n":
        return 2
    return 1 if data[at:at + 1] in (b"\r", b"\n") else 0


def quoted_cell(data, at):
    """Reads from the quote at `at`: value, next position, fault ('open', 'inner' or '')."""
    value, fault, n = bytearray(), "", len(data)
    at += 1
    while True:
        end = data.find(b'"', at)
        if end < 0:
            return bytes(value + data[at:]), n, "open"
        value += data[at:end]
        if data[end + 1:end + 2] == b'"':
            value += b'"'
            at = end + 2
        elif end + 1 == n or data[end + 1:end + 2] == b"," or line_end(data, end + 1):
            return bytes(value), end + 1, fault
        else:  # a quote inside that is not doubled: read on, so that the rest of the file is still judged
            fault = "inner"
            value += b'"'
            at = end + 1


def plain_cell(data, at):
    end = at
    while end < len(data) and data[end:end + 1] != b"," and not line_end(data, end):
        end += 1
    return data[at:end], end, "inner" if b'"' in data[at:end] else ""


def scan(data, file, problems):
    """The records of a file; what is wrong with its bytes and quotes goes to problems."""
    if data.startswith(b"\xef\xbb\xbf"):
        problems.append(warning("encoding", file, 1, 1, "BOM"))
        data = data[3:]
    if data.endswith(b"\x1a"):  # Ctrl-Z: nothing is said of it, and it is no record
        problems.append(warning("end_mark", file))
        data = data[:-1]
    if re.search(rb"\x1b(\$[B@]|\(I)", data):
        problems.append(error("encoding", file, note="ISO-2022-JP"))
        return None
    meant = reading(data)
    if meant == "either":
        problems.append(Problem("open", "encoding", file, 0, 0, "MS932 or UTF-8"))
    if meant == "utf-8":
        problems.append(error("encoding", file, note="UTF-8"))
        return None
    records, at, line = [], 0, 1
    while at < len(data):
        if line_end(data, at):
            at += line_end(data, at)
            line += 1
            continue
        record = Record(line)
        while True:
            read = quoted_cell if data[at:at + 1] == b'"' else plain_cell
            quoted, raw_from = read is quoted_cell, at
            value, at, fault = read(data, at)
            if fault:
                problems.append(error("csv_quote", file, line, len(record) + 1, fault))
            record.append(cell(value, quoted, file, line, len(record) + 1, problems))
            line += breaks(data[raw_from:at])
            if data[at:at + 1] != b",":
                break
            at += 1
        records.append(record)
        if at < len(data):
            at += line_end(data, at)
            line += 1
    return records


def cell(value, quoted, file, line, column, problems):
    try:
        return Cell(ms932(value), quoted, line, False)
    except NotMs932 as fault:
        problems.append(error(fault.rule, file, line, column, fault.code))
        return Cell("", quoted, line, True)


def breaks(raw):
    return raw.count(b"\r\n") + raw.replace(b"\r\n", b"").count(b"\r") + raw.replace(b"\r\n", b"").count(b"\n")


def reading(data):
    """'utf-8' for what is UTF-8 and no MS932: the whole file is in the wrong encoding, not one character of it. 'either' for
    MS932 that is UTF-8 from end to end as well, with sequences of three bytes, as UTF-8 writes kana and kanji: bytes alone
    do not tell which was meant. (Sequences of two bytes are pairs of half-width katakana; they are MS932.)"""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return "ms932"
    try:
        ms932(data)
    except NotMs932 as fault:
        return "ms932" if fault.rule == "gaiji" else "utf-8"
    return "either" if any(c >= "\u0800" for c in text) else "ms932"
