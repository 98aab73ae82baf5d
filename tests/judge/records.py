"""Records of one file against each other: 福祉用具, 第7表's rows, the order of UP2KYO, what belongs together."""
from collections import defaultdict

from facts import columns, error, warning
from items import ROWS_7, text

TOTAL = "999999"
NINES = "9999999999"
EQUIPMENT = ("17", "67")


def place_of(record, place, name):
    return record[place[name] - 1].line, place[name]


def judge_pairs(version, kind, record, file, out):
    """Items of one record that ask for one another (the notes columns)."""
    place = columns(version, kind)

    def value(name):
        return text(record, place, name)

    def wants(name, rule):
        out.append(error(rule, file, *place_of(record, place, name)))

    if kind == "UPKIHON":
        if value("consult_method") == "03" and not value("consult_method_other"):
            wants("consult_method_other", "conditional")
        if value("user_situation") == "02" and not value("user_situation_detail"):
            wants("user_situation_detail", "conditional")
    elif kind == "UP3KYO":
        groups = (("service_content", "weekday", "start_time", "end_time"),
                  ("daily_activity", "activity_start_time", "activity_end_time"), ("non_weekly_service",))
        if sum(any(value(n) for n in group) for group in groups) > 1:
            out.append(warning("groups", file, record.line, 0, "from the record example"))
    elif kind in ("UPPLAN", "UPJSK", "UPSIKYU") and "tais_code" in place:
        code = value("service_code")
        subtotal = kind == "UPSIKYU" and ROWS_7.fullmatch(code)
        if len(code) == 6 and code[:2] in EQUIPMENT and not subtotal \
                and not value("tais_code") and not value("equipment_report_code"):
            wants("tais_code", "equipment_code")


def judge_detail_codes(version, kind, records, file, out):
    """17 福祉用具貸与, same code and units, different things: 1, 2, 3 …; everywhere else empty. In 202208 part of this
    may not have been said, and without the TAIS code one thing cannot be told from another.

    67, the preventive 福祉用具貸与, is let pass: the note names 17 alone where the note on the TAIS code names both, but what
    tells rented things of the one apart is meant for the other too, so nothing of it is stated."""
    if version != "202407":
        return
    place = columns(version, kind)
    groups = defaultdict(list)
    for record in records:
        code = text(record, place, "service_code")
        if code[:2] == "17":
            user = text(record, place, "insurer_no"), text(record, place, "insured_no")
            groups[user + (code, text(record, place, "units"))].append(record)
        elif text(record, place, "detail_code") and code[:2] != "67":
            out.append(error("detail_code", file, *place_of(record, place, "detail_code"), "not 17"))
    for group in groups.values():
        judge_things(kind, group, place, file, out)


def judge_things(kind, group, place, file, out):
    """The rented things of one user, code and number of units.

    A plan holds the services of all offices of the user (section 10), so 1, 2, 3 … is seen whole in it. Results are gathered by
    office: theirs may have but 2 of the user's 1 and 2, so what is missing there is a warning. Things that have no number, or
    share one, are not told apart in either."""
    numbers = defaultdict(set)
    for record in group:
        thing = tuple(text(record, place, n) for n in ("tais_code", "equipment_report_code", "equipment_name"))
        number = text(record, place, "detail_code")
        numbers[thing].add(int(number) if number.lstrip("-").isdigit() else number)
    every = [n for of_thing in numbers.values() for n in of_thing]
    run = len(every) == len(numbers) and set(every) == set(range(1, len(numbers) + 1))
    if len(numbers) == 1 and set(every) == {""} or len(numbers) > 1 and run:
        return
    apart = len(numbers) == 1 or ("" not in every and len(set(every)) == len(every))
    bad = next((r for r in group if not text(r, place, "detail_code")), group[0])
    tell = warning if apart and kind == "UPJSK" else error
    out.append(tell("detail_code", file, *place_of(bad, place, "detail_code"), "1, 2, 3 … of different things only"))


def judge_table7(version, records, file, out):
    place = columns(version, "UPSIKYU")
    users = defaultdict(list)
    for record in records:
        users[text(record, place, "insurer_no"), text(record, place, "insured_no")].append(record)
        code = text(record, place, "service_code")
        subtotal = ROWS_7.fullmatch(code)
        if code != TOTAL and not subtotal:
            continue
        rule = "table7_total" if code == TOTAL else "table7_subtotal"
        if text(record, place, "units") != "0":
            out.append(error(rule, file, *place_of(record, place, "units"), "0 asked for"))
        for name in ("discount_rate", "discounted_units"):
            if text(record, place, name):
                out.append(error(rule, file, *place_of(record, place, name), "to be empty"))
        if code == TOTAL and text(record, place, "service_office_no") != NINES:
            out.append(error(rule, file, *place_of(record, place, "service_office_no"), "nines asked for"))
    for (_, insured), rows in users.items():
        codes = [text(record, place, "service_code") for record in rows]
        if TOTAL not in codes:
            out.append(error("table7_total", file, 0, place["service_code"], insured))
        judge_subtotals(rows, place, file, insured, out)


def judge_subtotals(rows, place, file, insured, out):
    """「サービスコードが複数行の場合」 a 区分支給限度対象種類別小計 is required. The text names no office, and the row carries one: so it is
    asked for when the rows are of one office, and when one of them is inside the limit (給付管理単位数 is filled), for of what
    is outside there is nothing to sum. Whether another office's row will do is not said."""
    of_office, summed = defaultdict(list), set()
    for record in rows:
        code, office = text(record, place, "service_code"), text(record, place, "service_office_no")
        if len(code) == 6 and code.endswith("AAAA"):
            summed.add((code[:2], office))
        elif len(code) == 6 and code != TOTAL and not ROWS_7.fullmatch(code):
            of_office[code[:2], office].append(text(record, place, "managed_units"))
    for (type_, office), managed in of_office.items():
        if len(managed) > 1 and any(managed) and not {(type_, office), (type_, NINES)} & summed:
            tell = warning if type_ in {t for t, _ in summed} else error
            out.append(tell("table7_subtotal", file, 0, place["service_code"], insured + " " + type_))


def judge_order(version, records, file, out):
    """UP2KYO: a user's records stand by 課題ＮＯ, 援助目標ＮＯ, 援助内容ＮＯ. An empty number is that of the record before, so that a
    課題 that falls is seen though its 援助内容 has none; where that record had none either, the order is open."""
    place = columns(version, "UP2KYO")
    last = {}
    for record in records:
        key = tuple(text(record, place, n) for n in ("insurer_no", "insured_no", "plan_date"))
        numbers = [text(record, place, n) for n in ("issue_no", "goal_no", "support_no")]
        if not all(n.isdigit() or n == "" for n in numbers):
            continue
        numbers = [int(n) if n else None for n in numbers]
        before = last.get(key, numbers)
        at = next((i for i in range(3) if numbers[i] is not None and numbers[i] != before[i]), 3)
        if at < 3 and before[at] is not None and numbers[at] < before[at]:
            out.append(error("order", file, *place_of(record, place, "issue_no")))
        last[key] = before[:at] + numbers[at:]
