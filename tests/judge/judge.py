"""The second judge of transfer files: slow and plain, written from the standard's facts (section numbers are those of the
facts), not from the program. What the standard states is an error, what only follows from it a warning; what is doubtful or
not said passes.
"""
import re
import sys
from pathlib import Path

import records as between
from facts import (APPLIES, VERSIONS, Problem, columns, error, layout, parse_name, real_month, real_sequence, warning)
from items import judge_item, judge_prorated, judge_slots, judge_types_of_service, text
from scan import scan
from units import judge_group, judge_roles

MONTHS = {"UPPLAN": "target_ym", "UPJSK": "target_ym", "UPSIKYU": "target_ym", "UPHOSOKU": "target_ym",
          "DLTPLAN": "delete_target_ym", "DLTJSK": "delete_target_ym"}


def judge_name(file, name, out):
    if name is None:
        out.append(error("file_name", file))
        return
    if not real_sequence(name.sequence):
        out.append(warning("file_name", file, note="連番"))
    if name.month is not None and not real_month(name.month) and (name.kind, name.month) != ("UPHOSOKU", "000000"):
        out.append(error("file_name", file, note="month"))
    judge_roles(file, name, out)


def without_header(name, read, file, out):
    """A first row of which at least half are printed names of the items: nothing is said of header rows; a warning, and the
    row is not judged further."""
    names = {item.name_ja for item in layout(name.version, name.kind)}
    if read and 2 * sum(c.text in names for c in read[0]) >= len(read[0]):
        out.append(warning("header_row", file, 1, 1))
        return read[1:]
    return read


def judge_versions(name, read, file, out):
    """Column 1: a known version, one a file, the one of the file's name."""
    first = None
    for record in read:
        cell = record[0]
        if cell.bad or not re.fullmatch("[0-9]{6}", cell.text):
            if cell.text and not cell.bad:
                out.append(error("version", file, cell.line, 1, cell.text))
        elif cell.text not in VERSIONS:
            out.append(error("version", file, cell.line, 1, cell.text))
        elif first and cell.text != first:
            out.append(error("mixed_version", file, cell.line, 1, cell.text))
        elif not first:
            first = cell.text
            if first != name.version:
                out.append(error("file_name", file, note="name of %s, content of %s" % (name.version, first)))


def judge_months(name, read, file, out):
    """Name against content, one month a file, the version's months (sections 4, 10 and 14)."""
    item = MONTHS.get(name.kind)
    if not item:
        return
    place = columns(name.version, name.kind)
    no, first = place[item], None
    for record in read:
        month, line = text(record, place, item), record[no - 1].line
        if not re.fullmatch("[0-9]{6}", month):
            continue
        if name.kind == "UPHOSOKU" and name.month == "000000":
            if month != "000000":
                out.append(error("hosoku_zero", file, line, no, month))
            continue
        if first and month != first and name.kind != "UPHOSOKU":
            out.append(error("one_month", file, line, no, month))
        elif month != name.month:
            out.append(error("month_mismatch", file, line, no, month))
        first = first or month
        begins, ends = APPLIES[name.version]
        if month != "000000" and not begins <= month <= ends:
            out.append(error("version_month", file, record.line, 1, month))
        date = text(record, place, "service_date")
        if re.fullmatch("[0-9]{8}", date) and date[:6] != month:
            out.append(warning("month_mismatch", file, line, place["service_date"], date))


def judge_hosoku_date(name, read, file, out):
    no = columns(name.version, "UPHOSOKU")["plan_date"]
    for record in read:
        zero = record[no - 1].text == "00000000"
        if (name.month != "000000") != zero and record[no - 1].text:
            out.append(error("hosoku_zero", file, record[no - 1].line, no, record[no - 1].text))


def judge_sender_in_results(name, read, file, out):
    """A service office sends its own results (follows from the flows)."""
    if name.kind not in ("UPJSK", "DLTJSK") or name.sender_type in (None, "43", "46", "AF"):
        return
    place = columns(name.version, name.kind)
    for record in read:
        if text(record, place, "service_office_no") not in ("", name.sender):
            out.append(warning("sender", file, *between.place_of(record, place, "service_office_no")))


def judge_records(name, read, file, out):
    kind, version = name.kind, name.version
    items = layout(version, kind)
    for record in read:
        for item, cell in zip(items, record):
            if item.name_en != "csv_version" or not cell.text:
                judge_item(item, cell, kind, file, cell.line, out)
        between.judge_pairs(version, kind, record, file, out)
        judge_types_of_service(version, kind, record, file, out)
        if kind == "UPHOSOKU":
            judge_slots(version, record, file, out)
        if kind in ("UPPLAN", "UPJSK"):
            judge_prorated(version, kind, record, file, out)
    judge_months(name, read, file, out)
    judge_sender_in_results(name, read, file, out)
    if kind == "UPHOSOKU":
        judge_hosoku_date(name, read, file, out)
    elif kind == "UP2KYO":
        between.judge_order(version, read, file, out)
    elif kind in ("UPPLAN", "UPJSK"):
        between.judge_detail_codes(version, kind, read, file, out)
    elif kind == "UPSIKYU":
        between.judge_table7(version, read, file, out)


def judge_file(file, data, out):
    """Judges one file by itself; returns its name's parts and its records of the right width."""
    name = parse_name(file)
    judge_name(file, name, out)
    if name is None or name.kind == "UPKIHON_IMAGE":
        if name and not data.startswith(b"\xff\xd8\xff"):
            out.append(error("image", file, note="no JPEG"))  # section 3
        return name, []
    read = scan(data, file, out)
    if read is None:
        return name, None
    read = without_header(name, read, file, out)
    if not read:
        out.append(warning("empty_file", file))
    judge_versions(name, read, file, out)
    wide = len(layout(name.version, name.kind))
    for record in read:
        if len(record) != wide:
            out.append(error("column_count", file, record.line, 0, "%d of %d" % (len(record), wide)))
    whole = [record for record in read if len(record) == wide]
    judge_records(name, whole, file, out)
    return name, whole


def judge_unit(files):
    """Judges files lying in one folder (name to bytes): a list of Problem."""
    out, groups = [], {}
    for file in sorted(files):
        name, read = judge_file(file, files[file], out)
        if name:
            key = name.sender, name.sender_type, name.receiver, name.receiver_type, name.sequence
            groups.setdefault(key, []).append((file, name, read))
    for group in groups.values():
        judge_group(group, out)
    return out


def rejects(problems):
    return any(p.severity == "error" for p in problems)


def undecided(problems):
    """Nothing is wrong, and something cannot be told from the file alone."""
    return not rejects(problems) and any(p.severity == "open" for p in problems)


def main(folders):
    for folder in folders:
        found = judge_unit({p.name: p.read_bytes() for p in Path(folder).iterdir()})
        for problem in found:
            print(*Problem(*problem), sep="\t")


if __name__ == "__main__":
    main(sys.argv[1:])
