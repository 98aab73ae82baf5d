"""Random send units that the standard finds good: every shape of section 6, both versions. All persons are invented."""
import datetime
import random
import string

from facts import days_in, layout, scope

ALNUM = string.digits + string.ascii_uppercase
CARE_TYPES = [t for t in "11 12 13 14 15 16 17 21 22 31 71 76 72 78 73 77".split()]
PREVENTIVE_TYPES = [t for t in "62 63 64 66 67 24 25 34 74 A2 A6".split()]
MONTHS = {"202407": ("202504", "202512", "202602", "202802"), "202208": ("202301", "202402", "202410", "202503")}
BEGIN = datetime.datetime(2025, 5, 1)


def characters():
    """Every character of MS932 that text may hold, without the user-defined area."""
    out = []
    for lead in list(range(0x81, 0xA0)) + list(range(0xE0, 0xF0)) + [0xFA, 0xFB, 0xFC]:
        for trail in range(0x40, 0xFD):
            try:
                out.append(bytes((lead, trail)).decode("cp932"))
            except UnicodeDecodeError:
                continue
    return out + [bytes((b,)).decode("cp932") for b in range(0xA1, 0xE0)]


POOL = characters()
COMMON = "あいうえおかきくけこサシスソタチ居宅介護支援訪問看護計画表ソ能髙㈱①～－"


def quote(text):
    return '"' + text.replace('"', '""') + '"'


class Unit:
    """Files of one send unit: kind to records, a record a list of cells in their CSV form."""

    def __init__(self, rng, number, version, sender, receiver, month):
        self.rng, self.version, self.month = rng, version, month
        self.sender, self.receiver = sender, receiver
        self.sequence = (BEGIN + datetime.timedelta(minutes=number)).strftime("%Y%m%d%H%M%S")
        self.files, self.images, self.names, self.patches, self.bytes, self.headers = {}, {}, {}, [], {}, set()
        self.end = rng.choice(("\r\n", "\r\n", "\n"))
        self.last_end = rng.random() < 0.9
        self.quote_all = rng.random() < 0.1
        self.empty_text = rng.choice(('""', '""', ""))
        self.title_month = {}

    def name(self, kind, ext=".CSV", branch=None):
        parts = [kind]
        if kind in self.title_month:
            parts.append(self.title_month[kind])
        for office in (self.sender, self.receiver):
            parts += list(office) if self.version == "202407" else [office[0]]
        return "_".join(parts + [self.sequence] + ([branch] if branch else [])) + ext

    def add(self, kind, records, month=None):
        self.files[kind] = records
        if month:
            self.title_month[kind] = month

    def column(self, kind, name):
        return [item.name_en for item in layout(self.version, kind)].index(name)

    def get(self, kind, row, name):
        return self.files[kind][row][self.column(kind, name)].strip('"')

    def put(self, kind, row, name, value):
        self.files[kind][row][self.column(kind, name)] = value

    def data(self, kind):
        lines = [",".join(record) for record in self.files[kind]]
        data = self.end.join(lines) + (self.end if self.last_end and lines else "")
        data = data.encode("cp932")
        for marker, raw in self.patches:
            data = data.replace(marker.encode(), raw)
        for change in self.bytes.get(kind, ()):
            data = change(data)
        if kind in self.headers:  # last, so that nothing else spoils it: how much of a header is one is not said
            data = ",".join(item.name_ja for item in layout(self.version, kind)).encode("cp932") + self.end.encode() + data
        return data

    def rendered(self):
        """File name to bytes."""
        out = {self.names.get(kind, self.name(kind)): self.data(kind) for kind in self.files}
        out.update(self.images)
        return out


def some_text(rng, least=0):
    length = rng.choice((1, 3, 8, 20)) if least or rng.random() < 0.8 else 0
    out = [rng.choice(COMMON) if rng.random() < 0.7 else rng.choice(POOL) for _ in range(length)]
    if length and rng.random() < 0.2:
        out.insert(rng.randrange(length), rng.choice((",", '"', "\r\n", "\n", '","', '""', "a b", "1,2")))
    return "".join(out)


def some_day(rng, month=None):
    month = month or "%d%02d" % (rng.randint(1930, 2030), rng.randint(1, 12))
    return "%s%02d" % (month, rng.randint(1, days_in(month)))


def some_office(rng):
    return "".join(rng.choice(string.digits) for _ in range(9)) + rng.choice(string.digits + "A")


def some_value(rng, item):
    """A value of the item's type that breaks nothing by itself; not yet in CSV form."""
    kind = item.type
    if item.values and kind not in ("ym", "ymd", "hhmm"):
        return rng.choice(sorted(item.values))
    if kind == "text":
        return some_text(rng, 1)
    if kind == "ymd":
        return some_day(rng)
    if kind == "hhmm":
        return "%02d%02d" % (rng.randrange(24), rng.randrange(60))
    if kind == "int":
        value = str(rng.randrange(10 ** rng.randint(1, item.max)))
        return rng.choice(("-", "0")) + value if len(value) < item.max and rng.random() < 0.05 else value
    if kind == "decimal":
        return "%d.%02d" % (rng.choice((9, 10, 11, 100)), rng.randrange(100))
    if kind == "postal":
        return "%03d-%04d" % (rng.randrange(1000), rng.randrange(10000))
    if kind == "phone":
        return rng.choice(("019-999-0001", "0199990001", "(019)999-0001", "019-9999-00010"))
    if kind == "office_no":
        return some_office(rng)
    if kind == "digits":
        return "".join(rng.choice(string.digits) for _ in range(item.max))
    return "".join(rng.choice(ALNUM) for _ in range(item.max))


def record(unit, kind, **given):
    """A record: what is given, and random values elsewhere; items with conditions stay empty unless given."""
    rng, cells = unit.rng, []
    given.setdefault("csv_version", unit.version)
    for item in layout(unit.version, kind):
        if item.name_en in given:
            value = given[item.name_en]
        elif item.type == "unused" or (item.required == "cond" and "treat empty as a warning" not in item.notes):
            value = ""
        elif item.required != "no" or rng.random() < 0.4:
            value = some_value(rng, item)
        else:
            value = ""
        if item.type == "text":
            cells.append(quote(value) if value else unit.empty_text)
        else:
            cells.append(quote(value) if unit.quote_all else value)
    return cells


def users(rng):
    out = []
    for _ in range(rng.choice((1, 1, 2, 3))):
        insured = "".join(rng.choice(string.digits) for _ in range(10))
        out.append({"insurer_no": "%06d" % rng.randrange(1000000),
                    "insured_no": "H" + insured[1:] if rng.random() < 0.2 else insured})
    return out


def supplement(unit, user, plan_date, month):
    rng, more = unit.rng, {}
    for n in range(1, rng.choice((0, 0, 0, 1, 3, 9)) + 1):
        more["type%d_service_type" % n] = rng.choice(("11", "15", "22", "78", "A2"))
        for name in ("limit", "total", "over"):
            more["type%d_%s_units" % (n, name)] = str(rng.randrange(30000))
    return record(unit, "UPHOSOKU", **user, plan_date=plan_date, target_ym=month, **more)


def plan(unit):
    rng, files = unit.rng, {"UP1KYO": [], "UP2KYO": [], "UP3KYO": [], "UPHOSOKU": []}
    for user in users(rng):
        key = dict(user, plan_date=some_day(rng, unit.month))
        files["UP1KYO"].append(record(unit, "UP1KYO", **key))
        numbers = sorted((rng.randint(1, 4), rng.randint(1, 3), rng.randint(1, 99)) for _ in range(rng.randint(1, 5)))
        for i, (issue, goal, support) in enumerate(numbers):
            more = {"service_office_no": unit.receiver[0]} if i == 0 else {}
            files["UP2KYO"].append(record(unit, "UP2KYO", **key, issue_no=str(issue), goal_no=str(goal),
                                          support_no=str(support), **more))
        for _ in range(rng.randint(1, 4)):
            if unit.version == "202407":
                files["UP3KYO"].append(record(unit, "UP3KYO", **key, **week(rng)))
        files["UPHOSOKU"].append(supplement(unit, user, key["plan_date"], "000000"))
    for kind, records in files.items():
        if records:
            unit.add(kind, records, "000000" if kind == "UPHOSOKU" else None)
    return unit


def week(rng):
    """UP3KYO: one of three groups of items a record."""
    groups = {"service_content": some_text(rng, 1), "weekday": rng.choice("1234567"), "start_time": "0900",
              "end_time": rng.choice(("1000", "2400"))}, \
        {"daily_activity": some_text(rng, 1), "activity_start_time": "0600", "activity_end_time": "0630"}, \
        {"non_weekly_service": some_text(rng, 1)}
    chosen = rng.choice(groups)
    return {name: chosen.get(name, "") for group in groups for name in group}


def thing(rng):
    code = "%05d%s%06d" % (rng.randrange(100000), rng.choice("--－"), rng.randrange(1000000))
    return {rng.choice(("tais_code", "equipment_report_code")): code, "equipment_name": some_text(rng, 1)}


def services(unit, sorts):
    """What one user takes in the month: the receiver's (or for results the sender's) service first."""
    rng, out, rentals = unit.rng, [], ("17", "67")
    for i in range(rng.choice((1, 2, 3))):
        sort = rng.choice(sorts)
        code = sort + "".join(rng.choice("123456789B") for _ in range(4))
        base = {"service_code": code, "units": str(rng.randrange(1000)), "over30_flag": rng.choice("01")}
        office = None if i == 0 else some_office(rng)
        if unit.version == "202407" and sort in rentals and rng.random() < 0.6:
            several = sort == "17" and rng.random() < 0.7
            pieces = [dict(base, **thing(rng)) for _ in range(rng.randint(2, 3) if several else 1)]
            for n, piece in enumerate(pieces, 1):
                out.append((office, dict(piece, detail_code=str(n)) if several else piece, 1))
        elif sort not in rentals or unit.version == "202208":
            out.append((office, base, rng.randint(1, 4)))
        else:
            out.append((office, dict(base, **thing(rng)), 1))
    return out


def times(rng):
    start, end = rng.choice((("9999", "9999"), ("0930", "1640"), ("2300", "2400"), ("0000", "2359")))
    flags = rng.random() < 0.1
    return {"start_time": start, "end_time": end, "service_count": "1",
            "prorated_days": "0" * 15 + "1" * 13 + "000" if flags else ""}


def in_layout(unit, kind, values):
    known = {item.name_en for item in layout(unit.version, kind)}
    return {k: v for k, v in values.items() if k in known}


def visits(unit, kind, user, taken, office):
    out = []
    for place, service, count in taken:
        for day in unit.rng.sample(range(1, 29), count):
            values = dict(user, target_ym=unit.month, service_date="%s%02d" % (unit.month, day), **times(unit.rng))
            values.update(service, service_office_no=place or office)
            out.append(record(unit, kind, **in_layout(unit, kind, values)))
    return out


def table7(unit, user, taken, office):
    out, count = [], {}
    key = dict(user, target_ym=unit.month)
    for place, service, n in taken:
        values = dict(key, **service)
        values.update(service_office_no=place or office, count_days=str(n))
        out.append(record(unit, "UPSIKYU", **in_layout(unit, "UPSIKYU", values)))
        sort = service["service_code"][:2]
        count[sort] = count.get(sort, 0) + 1
    fixed = dict(key, units="0", discount_rate="", discounted_units="", count_days="0")
    for sort, n in count.items():
        endings = [e for e in ("AAAA", "EEEE", "ZZZZ") if e == "AAAA" and n > 1 or unit.rng.random() < 0.15]
        out += [record(unit, "UPSIKYU", **fixed, service_office_no=office, service_code=sort + e) for e in endings]
    return out + [record(unit, "UPSIKYU", **fixed, service_office_no="9999999999", service_code="999999")]


def month(unit):
    own = unit.receiver[1] if unit.receiver[1] in scope() else "11"
    sorts = sorted({own, "11", "15", "17"} if own in CARE_TYPES else {own, "A2", "63", "67"})
    files = {"UPPLAN": [], "UPSIKYU": [], "UPHOSOKU": []}
    for user in users(unit.rng):
        taken = services(unit, sorts)
        files["UPPLAN"] += visits(unit, "UPPLAN", user, taken, unit.receiver[0])
        files["UPSIKYU"] += table7(unit, user, taken, unit.receiver[0])
        files["UPHOSOKU"].append(supplement(unit, user, "00000000", unit.month))
    for kind, records in files.items():
        unit.add(kind, records, unit.month)
    return unit


def result(unit):
    own = unit.sender[1] if unit.sender[1] in scope() else "11"
    records = []
    for user in users(unit.rng):
        taken = [(None, service, n) for _, service, n in services(unit, [own])]
        records += visits(unit, "UPJSK", user, taken, unit.sender[0])
    unit.add("UPJSK", records, unit.month)
    return unit


def delete(kind):
    def make(unit):
        more = {"DLTPLAN": {"delete_target_ym": unit.month},
                "DLTJSK": {"delete_target_ym": unit.month, "service_office_no": unit.sender[0],
                           "service_type": unit.sender[1] if unit.sender[1] in scope() else "11"}}.get(kind, {})
        unit.add(kind, [record(unit, kind, **user, **more) for user in users(unit.rng)],
                 unit.month if "delete_target_ym" in more else None)
        return unit
    return make


def kihon(unit):
    rng, files = unit.rng, {"UPKIHON": [], "UPKIHON_SUB1": [], "UPKIHON_SUB2": []}
    for i, user in enumerate(users(rng), 1):
        key = dict(user, consult_date=some_day(rng, unit.month))
        image = unit.name("UPKIHON_IMAGE", rng.choice((".jpg", ".JPG")), "%04d" % i) if rng.random() < 0.7 else ""
        if image:
            unit.images[image] = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xd9"
        method, situation = rng.choice(("01", "02", "03", "")), rng.choice(("01", "02", ""))
        files["UPKIHON"].append(record(
            unit, "UPKIHON", **key, family_image_file=image, consult_method=method, user_situation=situation,
            consult_method_other=some_text(rng, 1) if method == "03" else "",
            user_situation_detail=some_text(rng, 1) if situation == "02" else ""))
        for kind in ("UPKIHON_SUB1", "UPKIHON_SUB2"):
            files[kind] += [record(unit, kind, **key) for _ in range(rng.randint(1, 3))]
    for kind, records in files.items():
        unit.add(kind, records)
    return unit


def yobo(unit):
    rng, files = unit.rng, {"UPYOBO": [], "UPYOBO_SUB": []}
    for user in users(rng):
        key = dict(user, plan_date=some_day(rng, unit.month))
        files["UPYOBO"].append(record(unit, "UPYOBO", **key))
        for n in range(1, rng.randint(1, 3) + 1):
            files["UPYOBO_SUB"].append(record(unit, "UPYOBO_SUB", **key, issue_no="1", support_plan_no=str(n), service_no="1"))
    for kind, records in files.items():
        unit.add(kind, records)
    return unit


def yobo_with_kihon(unit):
    return yobo(kihon(unit))


TO_CARE, TO_CENTER = [("43", t) for t in CARE_TYPES] + [("73", "11"), ("77", "15")], [("43", "46"), ("46", "43"), ("AF", "43")]
TO_PREVENTIVE = [(s, t) for s in ("43", "46", "AF") for t in PREVENTIVE_TYPES]
FROM_SERVICE = [(t, "43") for t in CARE_TYPES] + [(t, c) for t in PREVENTIVE_TYPES for c in ("43", "46", "AF")] + [("43", "46")]
# shape: (how it is made, in which versions, who sends to whom)
SHAPES = {
    "plan": (plan, ("202407", "202208"), TO_CARE),
    "month": (month, ("202407", "202407", "202208"), TO_CARE + TO_PREVENTIVE),
    "result": (result, ("202407", "202208"), FROM_SERVICE),
    "DLT1KYO": (delete("DLT1KYO"), ("202407", "202208"), TO_CARE),
    "DLTPLAN": (delete("DLTPLAN"), ("202407", "202208"), TO_CARE + TO_PREVENTIVE),
    "DLTJSK": (delete("DLTJSK"), ("202407", "202208"), FROM_SERVICE),
    "kihon": (kihon, ("202407",), TO_PREVENTIVE + TO_CENTER),
    "yobo": (yobo, ("202407",), TO_PREVENTIVE + TO_CENTER),
    "yobo_with_kihon": (yobo_with_kihon, ("202407",), TO_PREVENTIVE + TO_CENTER),
    "DLTKIHON": (delete("DLTKIHON"), ("202407",), TO_PREVENTIVE + TO_CENTER),
    "DLTYOBO": (delete("DLTYOBO"), ("202407",), TO_PREVENTIVE + TO_CENTER),
}


def make(shape, seed, number):
    """The unit of that shape and seed; number keeps its 連番 apart from the others of a folder."""
    rng = random.Random("%s %d %d" % (shape, seed, number))
    how, versions, flows = SHAPES[shape]
    version = rng.choice(versions)
    sender, receiver = rng.choice(flows)
    unit = Unit(rng, number, version, (some_office(rng), sender), (some_office(rng), receiver), rng.choice(MONTHS[version]))
    return how(unit)
