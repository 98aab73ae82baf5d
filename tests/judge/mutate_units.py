"""Faults between files: columns and rows, names, roles, keys, pictures."""
from facts import layout, scope
from make import CARE_TYPES, quote, some_day, some_office, supplement, table7, visits
from mutate import mutator, pick, set_cell, some_kind


@mutator
def column_less(unit):
    kind = some_kind(unit)
    if kind is None:
        return None
    row = unit.rng.choice(unit.files[kind])
    del row[unit.rng.randrange(len(row))]
    return "a column less: %s" % kind


@mutator
def column_more(unit):
    kind = some_kind(unit)
    if kind is None:
        return None
    row = unit.rng.choice(unit.files[kind])
    row.insert(unit.rng.choice((0, len(row), len(row))), unit.rng.choice(("", '""', "1")))
    return "a column more: %s" % kind


@mutator
def columns_of_the_other_version(unit):
    for kind, first in (("UPPLAN", 15), ("UPJSK", 15), ("UPSIKYU", 9)):
        if kind in unit.files:
            for row in unit.files[kind]:
                row[first:first + 3] = [] if unit.version == "202407" else ["", "", unit.empty_text] + row[first:first + 3]
            return "columns of the other version: %s" % kind
    return None


@mutator
def columns_swapped(unit):
    kind = some_kind(unit)
    if kind is None:
        return None
    a, b = unit.rng.sample(range(1, len(layout(unit.version, kind))), 2)
    for row in unit.files[kind]:
        if max(a, b) < len(row):
            row[a], row[b] = row[b], row[a]
    return "columns %d and %d swapped: %s" % (a + 1, b + 1, kind)


@mutator
def row_twice(unit):
    """Nothing is said of duplicate records."""
    kind = some_kind(unit)
    if kind is None or kind == "UPSIKYU":
        return None
    row = unit.rng.randrange(len(unit.files[kind]))
    unit.files[kind].insert(row, list(unit.files[kind][row]))
    return "row %d twice: %s" % (row + 1, kind)


@mutator
def row_lost(unit):
    kind = some_kind(unit)
    if kind is None or len(unit.files[kind]) < 2:
        return None
    row = unit.rng.randrange(len(unit.files[kind]))
    del unit.files[kind][row]
    return "row %d lost: %s" % (row + 1, kind)


@mutator
def rows_shuffled(unit):
    kind = some_kind(unit)
    if kind is None:
        return None
    unit.rng.shuffle(unit.files[kind])
    return "rows shuffled: %s" % kind


@mutator
def blank_line(unit):
    kind = some_kind(unit)
    if kind is None or len(unit.files[kind]) < 2:
        return None
    unit.files[kind].insert(unit.rng.randrange(1, len(unit.files[kind])), [""])
    return "empty line: %s" % kind


# ---------------------------------------------------------------- names and roles

def rename(unit, kind, name, why):
    unit.names[kind] = name
    return "%s: %s" % (why, name)


@mutator
def sequence_unreal(unit):
    if unit.images:
        return None
    unit.sequence = unit.sequence[:8] + unit.rng.choice(("25", "24", "99")) + unit.sequence[10:]
    return "sequence number of no time: %s" % unit.sequence


@mutator
def sequence_of_one_file(unit):
    kind = some_kind(unit)
    return rename(unit, kind, unit.name(kind).replace(unit.sequence, unit.sequence[:-2] + "59"), "another sequence number")


@mutator
def name_form(unit):
    kind = some_kind(unit)
    name = unit.name(kind)
    parts = name[:-4].split("_")
    return rename(unit, kind, unit.rng.choice((
        name[:-4] + ".TXT", name[:-4], name + ".CSV", name[:-5] + ".CSV", name[:-4] + "0.CSV", "X" + name, name.replace("_", "-"),
        name.replace(unit.sender[0], unit.sender[0][1:]), name.replace(unit.receiver[0], unit.receiver[0] + "0"),
        "_".join(parts[1:]) + ".CSV", name.replace(unit.sender[1] + "_", "1_", 1),
        name.replace(unit.receiver[0], "03000000-5"), name.replace(kind, "UP4KYO"), name.replace(kind, kind + "_202504"))), "name")


@mutator
def name_of_the_other_version(unit):
    kind = some_kind(unit)
    keep, unit.version = unit.version, "202208" if unit.version == "202407" else "202407"
    name = unit.name(kind)
    unit.version = keep
    return rename(unit, kind, name, "name of the other version")


@mutator
def name_of_another_kind(unit):
    kind, other = some_kind(unit), unit.rng.choice(("UP2KYO", "DLT1KYO", "UP1KYO", "UP3KYO", "UPYOBO", "UPKIHON_SUB1"))
    if other in unit.files or kind in unit.title_month or unit.receiver[1] not in CARE_TYPES:
        return None
    return rename(unit, kind, unit.name(kind).replace(kind, other), "name of another kind")


# Pairs of service types the tables of section 7 decide: from, to.
WRONG = {
    "plan": (("15", "11"), ("11", "43"), ("31", "31"), ("33", "11"), ("43", "51")),
    "month": (("15", "11"), ("11", "43"), ("A2", "A6"), ("35", "A2"), ("43", "36")),
    "result": (("43", "11"), ("11", "15"), ("33", "43"), ("11", "54"), ("A2", "A2")),
    "kihon": (("11", "43"), ("A2", "46"), ("A2", "A6"), ("41", "43"), ("46", "81")),
}
# Not mentioned by the standard, or allowed by it.
SILENT = {
    "plan": (("A9", "11"), ("46", "11"), ("43", "A9"), ("99", "98"), ("73", "11"), ("79", "15"),
             ("43", "A2"), ("75", "11")),
    "month": (("43", "43"), ("43", "46"), ("46", "43"), ("00", "11"), ("75", "63"), ("ZZ", "A2"), ("46", "11"), ("AF", "15"), ("43", "A2"), ("69", "15")),
    "result": (("43", "43"), ("43", "46"), ("11", "AF"), ("11", "46"), ("11", "A9"), ("A9", "43")),
    "kihon": (("43", "43"), ("43", "46"), ("A9", "43"), ("46", "A9"), ("AF", "A2"), ("43", "11"), ("46", "15")),
}
OF_KIND = {"UP1KYO": "plan", "DLT1KYO": "plan", "UPPLAN": "month", "DLTPLAN": "month", "UPJSK": "result", "DLTJSK": "result",
           "UPYOBO": "kihon", "DLTKIHON": "kihon", "DLTYOBO": "kihon"}


def send(unit, table, why):
    pairs = next((table[OF_KIND[kind]] for kind in unit.files if kind in OF_KIND), None)
    if pairs is None or unit.images or unit.version != "202407":
        return None
    sender, receiver = unit.rng.choice(pairs)
    unit.sender, unit.receiver = (unit.sender[0], sender), (unit.receiver[0], receiver)
    return "%s: from %s to %s" % (why, sender, receiver)


@mutator
def wrong_roles(unit):
    return send(unit, WRONG, "roles the tables exclude")


@mutator
def other_roles(unit):
    return send(unit, SILENT, "roles the tables allow or do not name")


@mutator
def result_of_another_office(unit):
    where = pick(unit, lambda i: i.name_en == "service_office_no") if "UPJSK" in unit.files or "DLTJSK" in unit.files else None
    return set_cell(unit, where, some_office(unit.rng), "result of another office")


@mutator
def service_out_of_scope(unit):
    if unit.version != "202407":
        return None
    codes = [c for c, linked in scope().items() if not linked]
    where = pick(unit, lambda i: i.name_en in ("service_code", "service_type"))
    if where is None or where[0] == "UPHOSOKU":
        return None
    code = unit.rng.choice(codes) + ("1111" if where[2].name_en == "service_code" else "")
    return set_cell(unit, where, code, "service out of scope")


@mutator
def service_not_mentioned(unit):
    where = pick(unit, lambda i: i.name_en in ("service_code", "service_type", "type1_service_type"))
    if where is None:
        return None
    code = unit.rng.choice(("43", "46", "A9", "99", "ZZ")) + ("1111" if where[2].name_en == "service_code" else "")
    return set_cell(unit, where, code, "service type in no table")


# ---------------------------------------------------------------- units and keys

@mutator
def file_missing(unit):
    kind = unit.rng.choice(sorted(unit.files))
    del unit.files[kind]
    return "without %s" % kind


@mutator
def key_of_a_record(unit):
    dependents = {"UP2KYO": "plan_date", "UP3KYO": "plan_date", "UPHOSOKU": "plan_date", "UPSIKYU": "target_ym",
                  "UPKIHON_SUB1": "consult_date", "UPKIHON_SUB2": "consult_date", "UPYOBO_SUB": "plan_date"}
    name = unit.rng.choice(("insurer_no", "insured_no", "date"))
    where = pick(unit, lambda i: i.name_en in (set(dependents.values()) if name == "date" else {name}))
    if where is None or where[0] not in dependents or (name == "date" and where[2].name_en != dependents[where[0]]):
        return None
    kind, row, item = where
    value = {"insurer_no": "130001", "insured_no": "9999999990"}.get(name) or some_day(unit.rng, "203105")[:item.max]
    return set_cell(unit, where, value, "key")


@mutator
def main_record_lost(unit):
    heads = [k for k in ("UP1KYO", "UPPLAN", "UPKIHON", "UPYOBO") if unit.files.get(k)]
    if not heads:
        return None
    kind = unit.rng.choice(heads)
    user = unit.files[kind][unit.rng.randrange(len(unit.files[kind]))][1:3]
    unit.files[kind] = [r for r in unit.files[kind] if r[1:3] != user]
    return "a user lost from %s" % kind


@mutator
def user_in_the_main_file_only(unit):
    """That a main record has dependents is nowhere said."""
    kinds = [k for k in ("UP2KYO", "UP3KYO", "UPHOSOKU", "UPSIKYU", "UPYOBO_SUB", "UPKIHON_SUB1") if len(unit.files.get(k, ())) > 0]
    if not kinds:
        return None
    kind = unit.rng.choice(kinds)
    user = unit.rng.choice(unit.files[kind])[1:3]
    left = [r for r in unit.files[kind] if r[1:3] != user]
    if not left:
        return None
    unit.files[kind] = left
    return "a user lost from %s" % kind


@mutator
def stranger(unit):
    """A user who takes nothing from the receiving office."""
    if "UPPLAN" not in unit.files:
        return None
    user = {"insurer_no": "039999", "insured_no": "0000000404"}
    taken = [(some_office(unit.rng), {"service_code": "152446", "units": "658", "over30_flag": "0"}, 1)]
    unit.files["UPPLAN"] += visits(unit, "UPPLAN", user, taken, None)
    unit.files.get("UPSIKYU", []).extend(table7(unit, user, taken, "0300000006"))
    unit.files.get("UPHOSOKU", []).append(supplement(unit, user, "00000000", unit.month))
    return "a user who has nothing to do with the receiver"


@mutator
def supplement_zeros(unit):
    where = pick(unit, lambda i: i.name_en in ("plan_date", "target_ym")) if "UPHOSOKU" in unit.files else None
    if where is None or where[0] != "UPHOSOKU":
        return None
    values = ("00000000", "20250320") if where[2].name_en == "plan_date" else ("000000", unit.month)
    return set_cell(unit, where, unit.rng.choice(values), "zeros of the supplement")


@mutator
def picture(unit):
    if "UPKIHON" not in unit.files:
        return None
    if unit.images and unit.rng.random() < 0.5:
        del unit.images[unit.rng.choice(sorted(unit.images))]
        return "a picture is missing"
    if unit.images and unit.rng.random() < 0.3:
        unit.images[unit.rng.choice(sorted(unit.images))] = unit.rng.choice((b"\x89PNG\r\n\x1a\n", b"GIF89a", b"text", b""))
        return "a picture that is no JPEG"
    if unit.rng.random() < 0.5:
        unit.images[unit.name("UPKIHON_IMAGE", ".jpg", "0099")] = b"\xff\xd8\xff\xd9"
        return "a picture more"
    where = pick(unit, lambda i: i.name_en == "family_image_file")
    return set_cell(unit, where, quote(unit.rng.choice(("kazoku.jpg", unit.name("UPKIHON_IMAGE", ".jpg", "01"),
                                                        unit.name("UPKIHON_IMAGE", ".png", "0001")))), "name of a picture")
