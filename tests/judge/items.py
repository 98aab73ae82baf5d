"""One item against its line of the layout table. What the table's notes call doubtful is accepted or a warning."""
import re

from facts import columns, days_in, error, real_day, real_month, scope, warning

# Rules by type as INDEX.tsv of the samples calls them.
RULES = {"ym": "date", "ymd": "date", "hhmm": "time", "int": "number", "decimal": "number", "flags31": "flags31",
         "postal": "postal", "insured_no": "insured_no", "office_no": "office_no", "code": "code", "digits": "number",
         "phone": "length", "unused": "unused"}
PATTERNS = {"int": "-?[0-9]+", "decimal": r"[0-9]{1,3}\.[0-9]{2}", "flags31": "[01]{31}", "postal": "[0-9]{3}-[0-9]{4}",
            "insured_no": "[0-9]{10}|H[0-9]{9}", "office_no": "[0-9A-Z]{10}", "digits": "[0-9]+", "code": "[0-9A-Z-]+"}
RUNNING = {"UP2KYO": ("issue_no", "goal_no", "support_no")}  # the notes: 1-99
EXACT = {"insurer_no": 6, "service_code": 6, "service_type": 2}
ROWS_7 = re.compile("([0-9A-Z]{2})(AAAA|EEEE|ZZZZ)")


def judge_item(item, cell, kind, file, line, out):
    """Appends the problems of one cell."""
    value = cell.text

    def fault(rule, note=""):
        out.append(error(rule, file, line, item.no, note or value))

    if cell.bad:
        return
    if value == "":
        if item.required == "yes" and "doubtful" in item.notes and "○" in item.notes:
            out.append(warning("required", file, line, item.no, "doubtful"))
        elif item.required == "yes":
            fault("required")
        elif "treat empty as a warning" in item.notes:
            out.append(warning("required", file, line, item.no, "doubtful"))
        return
    if item.type == "text":
        if not cell.quoted:
            fault("csv_quote", "free text is not quoted")
    elif not value.isascii() and item.type not in ("phone", "unused") and not item.name_en.endswith(("tais_code", "report_code")):
        fault(RULES[item.type])
    else:
        rule = breaks_type(item, value, kind)
        if rule:
            fault(rule)


def breaks_type(item, value, kind):
    """The rule a filled item other than free text breaks, or None."""
    rule, kinds = RULES[item.type], item.type
    if kinds == "unused":
        return rule
    if kinds == "phone":
        return rule if len(value) > item.max else None
    if kinds in ("ym", "ymd", "hhmm"):
        return None if value in item.values or clock(kinds, value, item, kind) else rule
    if item.values:
        return None if value in item.values else rule
    if item.name_en in ("tais_code", "equipment_report_code"):
        value = value.replace("－", "-")  # the example's hyphen may be a wide one
        return rule if not re.fullmatch("[0-9A-Z-]+", value) else "length" if len(value) > 12 else None
    if "doubtful: no format given" in item.notes:
        return "length" if len(value) > item.max else None
    if not re.fullmatch(PATTERNS[kinds], value):
        return rule
    if item.name_en in EXACT:
        return "length" if len(value) != EXACT[item.name_en] else None
    if kinds in ("int", "digits", "code") and len(value) > item.max and "length is not readable" not in item.notes:
        return "length"
    if item.name_en in RUNNING.get(kind, ()) and not 1 <= int(value) <= 99:
        return "number"
    return None


def clock(type_, value, item, kind):
    """A real month, day or time. 2400 is not stated for end times, and for the sheet of the week's starts."""
    if type_ == "ym":
        return real_month(value)
    if type_ == "ymd":
        return real_day(value)
    if not re.fullmatch("[0-9]{4}", value):
        return False
    if value == "2400":
        return "2400" in item.notes
    return int(value[:2]) < 24 and int(value[2:]) < 60


def judge_types_of_service(version, kind, record, file, out):
    """Service types: allowed values of the notes, and scope (section 12), which is known for 202407 only."""
    place, known, scoped = columns(version, kind), scope(), version == "202407"

    def at(name, rule, note):
        cell = record[place[name] - 1]
        out.append(error(rule, file, cell.line, place[name], note))

    if kind in ("UPPLAN", "UPJSK", "UPSIKYU"):
        code = text(record, place, "service_code")
        if scoped and len(code) == 6 and known.get(code[:2]) is False:
            at("service_code", "scope", code)
    elif kind == "DLTJSK":
        code = text(record, place, "service_type")
        if code and code not in known:
            at("service_type", "code", code)
        elif scoped and code and not known[code]:
            at("service_type", "scope", code)
    elif kind == "UPHOSOKU":
        for n in range(1, 10):
            name = "type%d_service_type" % n
            code = text(record, place, name)
            if code and (code not in known or code in ("23", "2A")):  # short stays are entered as 22
                at(name, "code", code)


def judge_slots(version, record, file, out):
    """UPHOSOKU 20-55: nine slots, each item of which is "set from slot 1 in order": nothing stands behind a slot that is
    wholly empty. That a slot has all four items is not said."""
    place = columns(version, "UPHOSOKU")
    names = ("type%d_service_type", "type%d_limit_units", "type%d_total_units", "type%d_over_units")
    gap = 0
    for n in range(1, 10):
        filled = [name % n for name in names if text(record, place, name % n)]
        if filled and gap:
            no = place[filled[0]]
            out.append(error("slots", file, record[no - 1].line, no, "slot %d is empty" % gap))
            return
        gap = gap or (0 if filled else n)


def judge_prorated(version, kind, record, file, out):
    """A flag on a day the month does not have: not said, but plainly not a day that can be billed."""
    place = columns(version, kind)
    flags, month = text(record, place, "prorated_days"), text(record, place, "target_ym")
    if re.fullmatch("[01]{31}", flags) and real_month(month) and "1" in flags[days_in(month):]:
        no = place["prorated_days"]
        out.append(warning("flags31", file, record[no - 1].line, no, month))


def text(record, place, name):
    """What stands in the item of that name; empty when the layout has no such item."""
    return record[place[name] - 1].text if name in place else ""
