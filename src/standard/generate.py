#!/usr/bin/python3
"""Compiles the standard's TSV files into constant C tables.

usage: generate.py SOURCE_DIR OUTPUT.c

A table with a fault ends the build with its file, line and reason.
"""
import os
import re
import sys

TYPES = {t: "ITEM_" + t.upper() for t in (
    "ym ymd hhmm digits code int decimal text flags31 postal phone insured_no office_no unused").split()}
UNIT_PARTS = 4  # as in layout.h
RECORD_ITEMS = 12
EXACT = {"ym", "ymd", "hhmm", "flags31", "postal", "insured_no", "office_no"}
VERSION_COLUMNS = "version name_ja applies_from applies_until replaced_by services_in_name preventive".split()
RULE_COLUMNS = "code rule severity message_ja message_en remedy_ja remedy_en source fixed".split()
ROLES = {"居宅介護支援事業所": "ROLE_CARE_MANAGER", "居宅サービス事業所": "ROLE_CARE_SERVICE",
         "地域包括支援センター等": "ROLE_CENTER", "介護予防・総合事業サービス事業所": "ROLE_PREVENTIVE"}


class TableError(Exception):
    pass


def read_table(path, columns):
    """Rows as dictionaries; comment lines at the head are skipped."""
    rows = []
    header = None
    with open(path, encoding="utf-8", newline="") as f:
        for number, line in enumerate(f, 1):
            line = line.rstrip("\r\n")
            if header is None and line.startswith("#"):
                continue
            cells = line.split("\t")
            if header is None:
                header = cells
                if header != columns:
                    raise TableError(f"{path}:{number}: columns are {header}, expected {columns}")
                continue
            if len(cells) != len(columns):
                raise TableError(f"{path}:{number}: {len(cells)} cells, expected {len(columns)}")
            row = dict(zip(columns, cells))
            row["_place"] = f"{path}:{number}"
            rows.append(row)
    return rows


def c_string(text):
    out = []
    for byte in text.encode("utf-8"):
        c = chr(byte)
        if c in '"\\':
            out.append("\\" + c)
        elif 0x20 <= byte < 0x7F and c != "?":
            out.append(c)
        else:
            out.append("\\%03o" % byte)
    return '"' + "".join(out) + '"'


def c_bool(value):
    return "true" if value else "false"


def symbol(*parts):
    return "_".join(re.sub(r"[^A-Za-z0-9]", "_", p).lower() for p in parts)


def parse_values(text, place):
    values = []
    for part in filter(None, text.split("|")):
        code, equals, meaning = part.partition("=")
        if not equals or not code:
            raise TableError(f"{place}: values must be code=meaning|…, not {part!r}")
        values.append((code, meaning))
    return values


def is_exact(row):
    """標準仕様 prints 項目長 as a bare number: exact by nature, or the longest (data's README, section 1)."""
    name, kind, length = row["name_en"], row["type"], row["max"]
    if kind in EXACT or name == "insurer_no":
        return True
    return kind == "code" and not row["values"] and (name == "service_code" or length == "2")


def is_doubtful(row):
    notes = row["notes"]
    return row["required"] == "cond" and "treat empty as a warning" in notes and "optional for" not in notes


def write_values(out, name, row):
    values = parse_values(row["values"], row["_place"])
    if not values:
        return "NULL", 0, '""'
    out.append(f"static const struct item_value {name}[] = {{")
    out.extend(f"    {{{c_string(c)}, {c_string(m)}}}," for c, m in values)
    out.append("};")
    words = "、".join(f"{c}:{m}" if len(values) <= 4 else c for c, m in values)
    return name, len(values), c_string(words)


def write_item(out, base, row):
    if row["type"] not in TYPES or row["required"] not in ("yes", "no", "cond"):
        raise TableError(f"{row['_place']}: unknown type or required mark")
    if row["max"] != "-" and not row["max"].isdigit():
        raise TableError(f"{row['_place']}: max must be a number or -")
    values, count, words = write_values(out, f"{base}_values_{row['no']}", row)
    required = {"yes": "REQUIRED_YES", "no": "REQUIRED_NO", "cond": "REQUIRED_NO"}[row["required"]]
    if is_doubtful(row):
        required = "REQUIRED_DOUBTFUL"
    any_code = (row["type"] == "code" and not row["values"] and "no format given" in row["notes"]
                or row["type"] == "digits" and "doubtful: no format given" in row["notes"])
    return "    {%s}," % ", ".join((
        c_string(row["name_ja"]), c_string(row["name_en"]), values, words, str(count),
        "0" if row["max"] == "-" else row["max"], TYPES[row["type"]], required, c_bool(is_exact(row)),
        c_bool("service type codes of 1.3/1.4" in row["notes"] or row["name_en"] == "service_type"),
        c_bool(any_code), c_bool("wide or narrow hyphen" in row["notes"] or row["name_en"] == "equipment_report_code")))


def write_rules(out, base, kind, rows, rules):
    index = {row["name_en"]: i for i, row in enumerate(rows)}
    lines = []
    for rule in rules:
        if kind not in rule["kinds"].split():
            continue
        # An item that an older version does not have takes the rule with it, unless it ends in '?'.
        names = [n.rstrip("?") for n in rule["items"].split() if n[-1] != "?" or n[:-1] in index]
        if any(name not in index for name in names):
            continue
        if len(names) > RECORD_ITEMS:
            raise TableError(f"{rule['_place']}: more than {RECORD_ITEMS} items")
        items = ", ".join(str(index[name]) for name in names)
        lines.append("    {RECORD_%s, %s, {%s}, %d, %s}," % (
            rule["check"].upper(), c_string(rule["code"]), items, len(names), c_string(rule["values"])))
    if not lines:
        return "NULL", 0
    out.append(f"static const struct record_rule {base}_rules[] = {{")
    out.extend(lines)
    out.append("};")
    return f"{base}_rules", len(lines)


def write_layout(out, directory, version, kind, expected, rules):
    path = os.path.join(directory, "layouts", version, kind + ".tsv")
    rows = read_table(path, "no name_ja name_en type max required values notes".split())
    if [row["no"] for row in rows] != [str(i + 1) for i in range(len(rows))]:
        raise TableError(f"{path}: items are not numbered 1 to {len(rows)}")
    if len(rows) != expected:
        raise TableError(f"{path}: {len(rows)} items, file_kinds.tsv says {expected}")
    if len({row["name_en"] for row in rows}) != len(rows):
        raise TableError(f"{path}: an item name stands twice")
    base = symbol("layout", version, kind)
    items = [write_item(out, base, row) for row in rows]
    out.append(f"static const struct layout_item {base}_items[] = {{")
    out.extend(items)
    out.append("};")
    rule_name, rule_count = write_rules(out, base, kind, rows, rules)
    names = [row["name_en"] for row in rows]
    month = next((names.index(n) for n in ("target_ym", "delete_target_ym") if n in names), -1)
    zero = month >= 0 and rows[month]["values"].startswith("000000=")
    out.append(f"static const struct careplan_layout {base} = {{{c_string(version)}, {c_string(kind)}, {base}_items, "
               f"{len(rows)}, {rule_name}, {rule_count}, {month}, {c_bool(zero)}}};")
    return f"&{base}"


def write_versions(out, directory):
    rows = read_table(os.path.join(directory, "versions.tsv"), VERSION_COLUMNS)
    count = write_array(out, "struct careplan_version table_versions", [
        "    {%s, %s, %s}," % (", ".join(c_string(row[c]) for c in VERSION_COLUMNS[:5]),
                               c_bool(row["services_in_name"] == "yes"), c_bool(row["preventive"] == "yes"))
        for row in rows])
    return [row["version"] for row in rows], count


def write_kinds(out, directory, words, versions):
    rules = read_table(os.path.join(directory, "records.tsv"), "kinds check code items values".split())
    kinds = read_table(os.path.join(directory, "file_kinds.tsv"),
                       "version kind name_ja items month_in_name regex example remark".split())
    lines = []
    for row in kinds:
        image = row["items"] == "-"
        layout = "NULL" if image else write_layout(out, directory, row["version"], row["kind"], int(row["items"]), rules)
        lines.append("    {%s}," % ", ".join((
            f"&table_versions[{versions.index(row['version'])}]", c_string(row["kind"]), c_string(row["name_ja"]),
            c_bool(row["month_in_name"] == "yes"), c_bool(image), c_bool(words[row["kind"]]["main"] == "yes"),
            c_bool(row["kind"].startswith("DLT")), layout, "&table_standard")))
    out.append("static const struct careplan_standard table_standard;")
    return write_array(out, "struct careplan_kind table_kinds", lines)


def write_array(out, declaration, lines):
    out.append(f"static const {declaration}[] = {{")
    out.extend(lines)
    out.append("};")
    return len(lines)


def write_units(out, directory):
    path = os.path.join(directory, "file_kinds.tsv")
    kinds = {(row["version"], row["kind"]) for row in read_table(
        path, "version kind name_ja items month_in_name regex example remark".split())}
    lines = []
    for row in read_table(os.path.join(directory, "units.tsv"), "version main needs subs images".split()):
        needs, subs = row["needs"].split(), row["subs"].split()
        if len(needs) > UNIT_PARTS or len(subs) > UNIT_PARTS:
            raise TableError(f"{row['_place']}: more than {UNIT_PARTS} parts")
        for kind in [row["main"]] + needs + subs:
            if (row["version"], kind) not in kinds:
                raise TableError(f"{row['_place']}: {kind} is no kind of {row['version']}")
        lines.append("    {%s, %s, {%s}, {%s}, %s}," % (
            c_string(row["version"]), c_string(row["main"]), ", ".join(map(c_string, needs)) or "NULL",
            ", ".join(map(c_string, subs)) or "NULL", c_bool(row["images"] == "yes")))
    return write_array(out, "struct unit_pattern table_units", lines)


def write_services(out, directory):
    services = {}
    for row in read_table(os.path.join(directory, "service_types.tsv"), "code name_ja table linked".split()):
        service = services.setdefault(row["code"], {"name": row["name_ja"], "care": False, "preventive": False})
        service["care" if row["table"].startswith("1.3") else "preventive"] = True
        service["linked"] = row["linked"] == "yes"
    return write_array(out, "struct service_type table_services", [
        "    {%s, %s, %s, %s, %s}," % (c_string(code), c_bool(s["linked"]), c_bool(s["care"]),
                                       c_bool(s["preventive"]), c_string(s["name"]))
        for code, s in sorted(services.items())])


def write_flows(out, directory):
    flows = {}
    for row in read_table(os.path.join(directory, "flows.tsv"), "table no file_ja kinds role output import".split()):
        for kind in row["kinds"].split():
            flow = flows.setdefault((kind, row["table"].startswith("3.2")), {"output": [], "import": []})
            for way in ("output", "import"):
                if row[way] in ("○", "△"):
                    flow[way].append(ROLES[row["role"]])
    return write_array(out, "struct flow table_flows", [
        "    {%s, %s, %s, %s}," % (c_string(kind), c_bool(preventive), "|".join(sorted(set(flow["output"]))) or "0",
                                   "|".join(sorted(set(flow["import"]))) or "0")
        for (kind, preventive), flow in flows.items()])


def write_catalogue(out, directory):
    rows = sorted(read_table(os.path.join(directory, "rules.tsv"), RULE_COLUMNS), key=lambda row: row["code"])
    lines = []
    for before, row in zip([{"code": ""}] + rows, rows):
        if row["code"] == before["code"] or not re.fullmatch(r"CP[0-9]{4}", row["code"]):
            raise TableError(f"{row['_place']}: code {row['code']!r} is not CPnnnn or stands twice")
        if row["severity"] not in ("error", "warning") or not all(row[c] for c in RULE_COLUMNS[:8]):
            raise TableError(f"{row['_place']}: unknown severity or an empty cell")
        lines.append("    {%s, %s, CAREPLAN_%s, %s, %s}," % (
            c_string(row["code"]), c_string(row["rule"]), row["severity"].upper(),
            ", ".join(c_string(row[c]) for c in RULE_COLUMNS[3:8]), c_bool(row["fixed"] == "yes")))
    return write_array(out, "struct careplan_rule table_rules", lines)


def write_ms932(out):
    cells = []
    for lead in list(range(0x81, 0xA0)) + list(range(0xE0, 0xFD)):
        for trail in range(0x40, 0xFD):
            try:
                text = bytes((lead, trail)).decode("cp932")
            except UnicodeDecodeError:
                text = ""
            gaiji = 0xF0 <= lead <= 0xF9
            cells.append(str(ord(text)) if len(text) == 1 and not gaiji else "0")
    out.append("const uint16_t table_ms932[60 * MS932_COLUMNS] = {")
    for i in range(0, len(cells), 24):
        out.append("    " + ", ".join(cells[i:i + 24]) + ",")
    out.append("};")


def main():
    directory, output = sys.argv[1:]
    words = {row["kind"]: row for row in read_table(os.path.join(directory, "kind_words.tsv"),
                                                    "kind title_ja title_en main".split())}
    out = ["/* Generated by generate.py from the TSV files of src/standard. */", '#include "standard/layout.h"', ""]
    versions, n_versions = write_versions(out, directory)
    n_kinds = write_kinds(out, directory, words, versions)
    n_words = write_array(out, "struct kind_words table_kind_words", [
        "    {%s, %s, %s}," % (c_string(k), c_string(w["title_ja"]), c_string(w["title_en"]))
        for k, w in words.items()])
    n_units = write_units(out, directory)
    n_services = write_services(out, directory)
    n_flows = write_flows(out, directory)
    out.append("static const struct careplan_standard table_standard = {"
               f"table_versions, {n_versions}, table_kinds, {n_kinds}, table_kind_words, {n_words}, "
               f"table_units, {n_units}, table_services, {n_services}, table_flows, {n_flows}, NULL}};")
    out.append("const struct careplan_standard *careplan_standard_builtin(void)\n{\n    return &table_standard;\n}")
    n_rules = write_catalogue(out, directory)
    out.append(f"size_t careplan_rules(const struct careplan_rule **first)\n{{\n    *first = table_rules;\n    return {n_rules};\n}}")
    write_ms932(out)
    with open(output, "w", encoding="ascii", newline="\n") as f:
        f.write("\n".join(out) + "\n")


if __name__ == "__main__":
    try:
        main()
    except (TableError, OSError, KeyError) as error:
        sys.exit(f"generate.py: {error}")
