"""Faults against the rules on versions, months, conditions, table 7 and rented things."""
from facts import layout
from make import record, thing
from mutate import bare, mutator, pick, set_cell, some_kind


@mutator
def version_of_a_record(unit):
    where = pick(unit, lambda i: i.name_en == "csv_version")
    return set_cell(unit, where, unit.rng.choice(("202208", "202407", "202504", "202404", "202003", "201910", "999999", "2024")), "version")


@mutator
def version_of_a_file(unit):
    kind, value = some_kind(unit), unit.rng.choice(("202208", "202407", "202504"))
    for row in unit.files[kind]:
        row[0] = value
    return "version of all records: %s %s" % (kind, value)


def set_month(unit, kinds, month):
    for kind in kinds:
        names = [i.name_en for i in layout(unit.version, kind)]
        for row in unit.files[kind]:
            for name in ("target_ym", "delete_target_ym"):
                if name in names and bare(row[names.index(name)]) != "000000":
                    row[names.index(name)] = month
            if "service_date" in names:
                no = names.index("service_date")
                row[no] = month + bare(row[no])[6:]
        if unit.title_month.get(kind) not in (None, "000000"):
            unit.title_month[kind] = month


@mutator
def month_of_the_other_version(unit):
    """Right in every item, but of a month in which another version applies."""
    dated = [k for k, m in unit.title_month.items() if m != "000000" and k in unit.files]
    if not dated:
        return None
    month = unit.rng.choice(("202503", "202410", "202301") if unit.version == "202407" else ("202504", "202602", "202212", "202003"))
    set_month(unit, dated, month)
    return "service month %s in %s" % (month, unit.version)


@mutator
def month_of_the_version(unit):
    dated = [k for k, m in unit.title_month.items() if m != "000000" and k in unit.files]
    if not dated:
        return None
    month = unit.rng.choice(("202504", "203012") if unit.version == "202407" else ("202301", "202503"))
    set_month(unit, dated, month)
    return "first or last service month %s of %s" % (month, unit.version)


@mutator
def month_of_one_file(unit):
    dated = sorted(k for k, m in unit.title_month.items() if m != "000000" and k in unit.files)
    if not dated:
        return None
    kind = unit.rng.choice(dated)
    set_month(unit, [kind], "202506" if unit.version == "202407" else "202306")
    return "another month in %s and its name" % kind


@mutator
def month_in_the_name(unit):
    dated = sorted(k for k in unit.title_month if k in unit.files)
    if not dated:
        return None
    kind = unit.rng.choice(dated)
    unit.title_month[kind] = unit.rng.choice(("202505", "202302", "000000", "202513"))
    return "month in the name of %s: %s" % (kind, unit.title_month[kind])


@mutator
def date_outside_the_month(unit):
    where = pick(unit, lambda i: i.name_en == "service_date")
    return set_cell(unit, where, unit.rng.choice(("20250331", "20240101", "20300601")), "service date of another month")


# ---------------------------------------------------------------- rules between records

@mutator
def supplement_slots(unit):
    where = pick(unit, lambda i: i.name_en == "type2_service_type")
    if where is None:
        return None
    kind, row, _ = where
    value = unit.rng.choice(("11", "23", "2A", "22"))
    empty = unit.rng.random() < 0.5
    for slot in (1, 2):
        for name in ("service_type", "limit_units", "total_units", "over_units"):
            unit.put(kind, row, "type%d_%s" % (slot, name), "" if slot == 1 and empty else value if name == "service_type" else "10")
    return "slots of the supplement: %s, first empty: %s" % (value, empty)


@mutator
def condition(unit):
    where = pick(unit, lambda i: i.name_en in ("consult_method", "user_situation"))
    if where is None:
        return None
    kind, row, item = where
    other = {"consult_method": "consult_method_other", "user_situation": "user_situation_detail"}[item.name_en]
    value, more = unit.rng.choice(sorted(item.values)), unit.rng.choice(('""', '"文"'))
    unit.put(kind, row, other, more)
    return set_cell(unit, where, value, "condition, other is %s" % more)


@mutator
def two_groups_of_the_week(unit):
    where = pick(unit, lambda i: i.name_en in ("non_weekly_service", "daily_activity")) if "UP3KYO" in unit.files else None
    return set_cell(unit, where, '"二つ目の群"', "second group") if where and where[0] == "UP3KYO" else None


@mutator
def thing_without_code(unit):
    where = pick(unit, lambda i: i.name_en in ("tais_code", "equipment_report_code"), True)
    return set_cell(unit, where, "", "thing without its code")


@mutator
def code_of_a_thing(unit):
    where = pick(unit, lambda i: i.name_en in ("tais_code", "equipment_report_code"), True)
    return set_cell(unit, where, unit.rng.choice(("00001－000010", "00001-000010", "A0001-000010", "00001-0000100",
                                                  "00001ー000010", "00001_000010")),
                    "code of a thing")


@mutator
def detail_code(unit):
    if unit.version != "202407":
        return None
    where = pick(unit, lambda i: i.name_en == "detail_code", unit.rng.random() < 0.8)
    return set_cell(unit, where, unit.rng.choice(("", "1", "2", "4", "0", "x")), "detail code")


# Which of two things, and its number.
THINGS = ("a1 b2", "a2 b1", "a b", "a1 b", "a1 b1", "a1 b3", "a2 b3", "a0 b1", "a1 a1 b2", "a1 a b2", "a1 b2 a", "a1 a2 b3", "a1 a2", "a1", "a01 b2")


@mutator
def rented_things(unit):
    """One or two rented things of the same code and units, in one row or several, told apart or not."""
    kind = next((k for k in ("UPPLAN", "UPJSK") if unit.files.get(k)), None)
    if unit.version != "202407" or kind is None:
        return None
    user = {name: unit.get(kind, 0, name) for name in ("insurer_no", "insured_no")}
    things, rows, sort = {"a": thing(unit.rng), "b": thing(unit.rng)}, unit.rng.choice(THINGS), unit.rng.choice(("17", "17", "67"))
    for day, row in enumerate(rows.split(), 1):
        values = dict(user, target_ym=unit.month, service_date="%s%02d" % (unit.month, day), start_time="9999", end_time="9999",
                      service_count="1", service_code=sort + "999X", units="300", detail_code=row[1:], over30_flag="0",
                      service_office_no=(unit.sender if kind == "UPJSK" else unit.receiver)[0])
        unit.files[kind].append(record(unit, kind, **dict(values, **things[row[0]])))
    return "things of %s with detail codes: %s" % (sort, rows)


SUMS = ("AAAA", "EEEE", "ZZZZ", "9999")


def rows_of_table7(unit, endings):
    return [n for n, _ in enumerate(unit.files.get("UPSIKYU", ())) if unit.get("UPSIKYU", n, "service_code")[2:] in endings]


@mutator
def table7_row(unit):
    """A subtotal or total with units, rates or an office of its own."""
    rows = rows_of_table7(unit, SUMS)
    if not rows:
        return None
    row = unit.rng.choice(rows)
    name, value = unit.rng.choice((("units", "5"), ("discount_rate", "10"), ("discounted_units", "0"),
                                   ("service_office_no", "0300000005"), ("count_days", "3"), ("service_office_no", "9999999999"),
                                   ("office_code", "0300000005"), ("office_code", "")))
    code = unit.get("UPSIKYU", row, "service_code")
    if (name, value) == ("service_office_no", "0300000005") and code != "999999":
        value = unit.receiver[0]
    unit.put("UPSIKYU", row, name, value)
    return "%s of row %s: %s" % (name, code, value)


@mutator
def table7_row_lost(unit):
    rows = rows_of_table7(unit, unit.rng.choice((("9999",), ("AAAA",), ("EEEE", "ZZZZ"))))
    if not rows:
        return None
    row = unit.rng.choice(rows)
    code = unit.get("UPSIKYU", row, "service_code")
    del unit.files["UPSIKYU"][row]
    return "row %s lost" % code


@mutator
def table7_second_code(unit):
    """A second code of a type: a subtotal is asked for; written or not."""
    if not unit.files.get("UPSIKYU"):
        return None
    row = next((n for n, _ in enumerate(unit.files["UPSIKYU"]) if n not in rows_of_table7(unit, SUMS)
                and unit.get("UPSIKYU", n, "service_code")[:2] not in ("17", "67")), None)
    if row is None:
        return None
    more = list(unit.files["UPSIKYU"][row])
    code = unit.get("UPSIKYU", row, "service_code")[:2]
    more[unit.column("UPSIKYU", "service_code")] = code + "999Z"
    unit.files["UPSIKYU"].insert(row, more)
    return "a second code of type %s" % code


@mutator
def order_of_the_plan(unit):
    if len(unit.files.get("UP2KYO", ())) < 2:
        return None
    for row, _ in enumerate(unit.files["UP2KYO"]):
        for name in ("issue_no", "goal_no", "support_no"):
            unit.put("UP2KYO", row, name, str(unit.rng.randint(1, 2)))
    return "running numbers of UP2KYO in any order"
