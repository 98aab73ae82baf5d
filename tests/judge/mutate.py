"""Faults, and things that only look like faults, put into the items and the form of good units.

A mutator changes the unit in place and returns words that say what it did, or None when the unit has nothing it could
work on."""
from facts import layout
from make import quote

MUTATORS = []


def mutator(function):
    MUTATORS.append(function)
    return function


def bare(cell):
    return cell[1:-1].replace('""', '"') if cell.startswith('"') else cell


def pick(unit, wanted, filled=None):
    """A random cell (kind, row, item) whose item is wanted; filled chooses among full or empty cells."""
    found = [(kind, row, item) for kind, records in unit.files.items() for row, cells in enumerate(records)
             for item, cell in zip(layout(unit.version, kind), cells)
             if wanted(item) and (filled is None or bool(bare(cell)) == filled)]
    return unit.rng.choice(found) if found else None


def set_cell(unit, where, value, why):
    if where is None:
        return None
    kind, row, item = where
    before = unit.files[kind][row][item.no - 1]
    unit.files[kind][row][item.no - 1] = value
    return "%s: %s row %d item %d %s: %.60r for %.60r" % (why, kind, row + 1, item.no, item.name_en, value, before)


def some_kind(unit):
    kinds = sorted(k for k in unit.files if unit.files[k])
    return unit.rng.choice(kinds) if kinds else None


def of_type(*names):
    return lambda item: item.type in names


# ---------------------------------------------------------------- items

@mutator
def required_empty(unit):
    return set_cell(unit, pick(unit, lambda i: i.required == "yes", True), unit.rng.choice(("", '""')), "required empty")


@mutator
def doubtful_empty(unit):
    return set_cell(unit, pick(unit, lambda i: "doubtful" in i.notes and "○" in i.notes
                               or "treat empty as a warning" in i.notes, True), "", "doubtful empty")


@mutator
def optional_empty(unit):
    return set_cell(unit, pick(unit, lambda i: i.required == "no" and i.type != "text", True), "", "optional empty")


@mutator
def code_unknown(unit):
    where = pick(unit, lambda i: i.type == "code" and i.values)
    return set_cell(unit, where, unit.rng.choice(("9", "99", "00", "7", "x", "１", "1 ", "A")), "code")


@mutator
def code_other(unit):
    """Any other value of the list is as good."""
    where = pick(unit, lambda i: i.type == "code" and i.values and i.name_en not in ("consult_method", "user_situation"))
    return where and set_cell(unit, where, unit.rng.choice(sorted(where[2].values)), "another code")


@mutator
def date_wrong(unit):
    return set_cell(unit, pick(unit, of_type("ymd")), unit.rng.choice(
        ("20250230", "20250431", "20251301", "20250100", "2025/4/1", "202504", "0250401", "R7.4.1", "２０２５０４０１",
         "20250401 ", "00000000", "99999999", "20230229", "2025-4-1")), "date")


@mutator
def date_right(unit):
    where = pick(unit, lambda i: i.type == "ymd" and i.name_en not in ("plan_date", "consult_date"))
    return set_cell(unit, where, unit.rng.choice(("20240229", "20000229", "19120730", "20991231", "20250531")), "real date")


@mutator
def month_wrong(unit):
    return set_cell(unit, pick(unit, of_type("ym")), unit.rng.choice(
        ("202513", "202500", "20254", "2025-4", "", "000000", "999999", "202602", "202501", "202209", "202003", "x", "２０２５０４")), "month")


@mutator
def time_wrong(unit):
    return set_cell(unit, pick(unit, of_type("hhmm")), unit.rng.choice(
        ("2560", "2401", "0960", "900", "10:00", "99999", "24:00", "9998", "1 00", "-100")), "time")


@mutator
def time_special(unit):
    """9999 where the table has it; 2400 as an end."""
    where = pick(unit, lambda i: i.type == "hhmm" and ("9999" in i.values or i.name_en.endswith("end_time")))
    if where is None:
        return None
    values = ["9999"] if "9999" in where[2].values else []
    return set_cell(unit, where, unit.rng.choice(values + ["2400"] * where[2].name_en.endswith("end_time") + ["0000"]), "time")


@mutator
def time_9999_in_the_week(unit):
    return set_cell(unit, pick(unit, lambda i: i.type == "hhmm" and not i.values), "9999", "no 9999 in the week")


@mutator
def too_long(unit):
    where = pick(unit, lambda i: i.max and i.type in ("int", "digits", "code", "phone", "office_no", "insured_no")
                 and not i.values and i.name_en != "detail_code")
    return where and set_cell(unit, where, "1" * (where[2].max + unit.rng.choice((1, 1, 2, 30))), "too long")


@mutator
def as_long_as_allowed(unit):
    where = pick(unit, lambda i: i.type in ("int", "phone") and i.name_en not in
                 ("units", "issue_no", "goal_no", "support_no", "detail_code"))
    return where and set_cell(unit, where, "1" * where[2].max, "full length")


@mutator
def too_short(unit):
    where = pick(unit, lambda i: i.name_en in ("insurer_no", "service_code", "service_type", "insured_no")
                 or i.type == "office_no", True)
    return where and set_cell(unit, where, bare(unit.files[where[0]][where[1]][where[2].no - 1])[1:], "a figure lost")


@mutator
def not_a_number(unit):
    return set_cell(unit, pick(unit, of_type("int")), unit.rng.choice(
        ("1.5", "x", "１２", "+1", "1e3", " 1", "1 ", "--1", "-", '"1,0"', "0x1")), "not an integer")


@mutator
def number_unusual(unit):
    """Leading zeros and minus signs are not mentioned."""
    where = pick(unit, lambda i: i.type == "int" and i.max > 2 and i.name_en != "units")
    return set_cell(unit, where, unit.rng.choice(("007", "-12", "-1", "00", "0")), "unusual number")


@mutator
def running_number_zero(unit):
    where = pick(unit, lambda i: i.name_en in ("issue_no", "goal_no", "support_no") and "1-99" in i.notes)
    return set_cell(unit, where, unit.rng.choice(("0", "00", "100", "-1")), "not 1 to 99")


@mutator
def decimal_form(unit):
    return set_cell(unit, pick(unit, of_type("decimal")), unit.rng.choice(
        ("10", "10.0", "10.000", "1000.00", ".50", "10,00", "-10.00", "10.00", "100.00", "9.99", "010.00")), "decimal")


@mutator
def flags(unit):
    return set_cell(unit, pick(unit, of_type("flags31")), unit.rng.choice(
        ("0" * 30, "0" * 32, "0" * 30 + "2", "1" * 28 + "000", "0" * 31, "0" * 15 + " " * 16, "1" * 31, "x")), "31 flags")


@mutator
def postal_form(unit):
    return set_cell(unit, pick(unit, of_type("postal")), unit.rng.choice(
        ("0209999", "020-999", "020－9999", "020-99999", "〒020-9999", "020-9999", "abc-defg", "020 9999")), "postal code")


@mutator
def insured_form(unit):
    return set_cell(unit, pick(unit, of_type("insured_no")), unit.rng.choice(
        ("H12345678", "h123456789", "H1234567890", "A123456789", "000000010", "０００００００１０１", "123456789H")), "insured number")


@mutator
def office_form(unit):
    where = pick(unit, of_type("office_no"), True)
    return set_cell(unit, where, unit.rng.choice(
        ("030000010", "03000001000", "030000010a", "0300000-10", "０３００００００１０", "0300000 10", "")), "office number")


@mutator
def office_letter(unit):
    where = pick(unit, lambda i: i.type == "office_no" and i.name_en != "service_office_no", True)
    return set_cell(unit, where, unit.rng.choice(("03A0000005", "AAAAAAAAAA")), "office number with letters")


@mutator
def digits_form(unit):
    where = pick(unit, lambda i: i.type == "digits" and i.name_en != "room_floor")
    return set_cell(unit, where, unit.rng.choice(("03999A", "-39999", "0 9999", "H1", "０３９９９９", "x", "1.")), "digits")


@mutator
def satellite(unit):
    return set_cell(unit, pick(unit, lambda i: i.name_en == "satellite_no"), unit.rng.choice(("1", "01", "99", "100", "A")), "satellite")


@mutator
def unused_filled(unit):
    return set_cell(unit, pick(unit, of_type("unused")), unit.rng.choice(("1", "0", '"1"', "X")), "unused item filled")


@mutator
def service_code_form(unit):
    where = pick(unit, lambda i: i.name_en in ("service_code", "service_type"))
    return set_cell(unit, where, unit.rng.choice(("11111", "1111111", "11111a", "11 111", "１１１１１１", "1", "a2", "11,111")), "service code")


# ---------------------------------------------------------------- form

@mutator
def text_unquoted(unit):
    where = pick(unit, of_type("text"), True)
    return set_cell(unit, where, "".join(c for c in bare(unit.files[where[0]][where[1]][where[2].no - 1])
                                         if c not in '",\r\n') or "文", "text without quotes") if where else None


@mutator
def other_quoted(unit):
    where = pick(unit, lambda i: i.type != "text")
    if where is None:
        return None
    return set_cell(unit, where, quote(bare(unit.files[where[0]][where[1]][where[2].no - 1])), "quotes around another item")


@mutator
def quote_inside(unit):
    where = pick(unit, of_type("text"))
    return set_cell(unit, where, unit.rng.choice((
        '"本人の"歩く"意欲"', '"a"b', 'a"b', '"a" ', ' "a"', '"""', '"a""b"c"', "'a'", '"', "”a”")), "quotes")


@mutator
def quote_unclosed(unit):
    where = pick(unit, of_type("text"))
    return set_cell(unit, where, '"開いたまま', "quote not closed")


@mutator
def break_in_a_number(unit):
    where = pick(unit, lambda i: i.type not in ("text", "phone", "unused"), True)
    if where is None:
        return None
    value = bare(unit.files[where[0]][where[1]][where[2].no - 1])
    return set_cell(unit, where, quote(value + unit.rng.choice(("\r\n", "\n", ",", " "))), "break in an item that is not text")


@mutator
def strange_characters(unit):
    """Bytes into a text: user-defined, undefined, half a character; and good ones of the NEC and IBM rows."""
    where = pick(unit, of_type("text"))
    raw = unit.rng.choice((b"\xf0\x40", b"\xf9\xfc", b"\x85\x40", b"\xfc\x4c", b"\x80", b"\xa0", b"\xff", b"\xfd", b"\x81",
                           b"\x82\x3f", b"\xeb\x40", b"\x87\x40", b"\xed\x40", b"\xfa\x40", b"\xfc\x4b", b"\xa1\xdf",
                           b"\x81\x7f", b"\x81\x5f", b"\x5c\x7e"))
    unit.patches.append(("@@raw@@", raw))
    return set_cell(unit, where, '"前@@raw@@後"', "bytes %s" % raw.hex())


@mutator
def text_like_utf8(unit):
    """Half-width katakana whose bytes are valid UTF-8 by chance, and nothing else that is not ASCII."""
    kind = some_kind(unit)
    for row in unit.files[kind]:
        for item in layout(unit.version, kind):
            if item.type == "text" and bare(row[item.no - 1]) and item.name_en != "family_image_file":
                row[item.no - 1] = quote(unit.rng.choice(("ﾐｶ ﾄｳ", "ﾘｻ", "abc", "ﾏｵ")))
    return "half-width katakana only: %s" % kind


@mutator
def first_record_like_utf8(unit):
    """MS932 whose first record could be UTF-8, and a later one could not."""
    kinds = sorted(k for k in unit.files if len(unit.files[k]) > 1 and k != "UP2KYO")
    if not kinds:
        return None
    kind = unit.rng.choice(kinds)
    for row, value in ((0, unit.rng.choice(("笙子", "笙問居", "ﾐｶ"))), (-1, "訪問看護")):
        for item in layout(unit.version, kind):
            cells = unit.files[kind][row]
            if item.type == "text" and bare(cells[item.no - 1]) and item.name_en != "family_image_file":
                cells[item.no - 1] = quote(value)
    return "a first record that could be UTF-8: %s" % kind


@mutator
def control_character(unit):
    where = pick(unit, of_type("text"))
    return set_cell(unit, where, '"前\t後"', "a tab in a text")


@mutator
def line_ends(unit):
    unit.end = unit.rng.choice(("\n", "\r\n", "\r"))
    unit.last_end = unit.rng.random() < 0.5
    return "line ends %r, at the end %s" % (unit.end, unit.last_end)


def on_bytes(unit, change, why):
    kind = some_kind(unit)
    if kind is None:
        return None
    unit.bytes.setdefault(kind, []).append(change)
    return "%s: %s" % (why, kind)


@mutator
def bom(unit):
    return on_bytes(unit, lambda b: b"\xef\xbb\xbf" + b, "BOM")


@mutator
def other_encoding(unit):
    name = unit.rng.choice(("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "euc-jp", "iso2022-jp"))
    return on_bytes(unit, lambda b: b.decode("cp932", "replace").encode(name, "replace"), name)


@mutator
def flip(unit):
    spot, value = unit.rng.random(), unit.rng.choice(b'",0a \xf0\x81\xe0\x85AZ-9')

    def change(data):
        at = int(spot * len(data))
        return data[:at] + bytes((value,)) + data[at + 1:]
    return on_bytes(unit, change, "byte %02x put at %.4f" % (value, spot))


@mutator
def byte_lost(unit):
    spot = unit.rng.random()
    return on_bytes(unit, lambda b: b[:int(spot * len(b))] + b[int(spot * len(b)) + 1:], "byte lost at %.4f" % spot)


@mutator
def byte_more(unit):
    spot, value = unit.rng.random(), unit.rng.choice(b'",0a\xf0\x81\x40\n')
    return on_bytes(unit, lambda b: b[:int(spot * len(b))] + bytes((value,)) + b[int(spot * len(b)):],
                    "byte %02x more at %.4f" % (value, spot))


@mutator
def cut(unit):
    spot = unit.rng.random()
    return on_bytes(unit, lambda b: b[:int(spot * len(b))], "cut at %.4f" % spot)


@mutator
def header(unit):
    kind = some_kind(unit)
    if kind is None:
        return None
    unit.headers.add(kind)
    return "header row: %s" % kind


@mutator
def empty_file(unit):
    kind = some_kind(unit)
    if kind is None:
        return None
    unit.files[kind] = []
    return "no record: %s" % kind
