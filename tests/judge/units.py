"""Send units: who sends what to whom, completeness, relation keys across files, images (sections 6 to 8, 10)."""
from facts import columns, error, marks, scope, warning
from items import text

KEEPERS = {"68", "69", "73", "75", "77", "79"}  # 小規模多機能 and the like count as care-management offices too (section 7)
CM, CENTER = "居宅介護支援事業所", "地域包括支援センター等"
SERVICE = {"居宅サービス事業所", "介護予防・総合事業サービス事業所"}

# What must come with a main file. Whether a SUB file comes that would hold no record is not said.
NEEDS = {
    "202407": {"UP1KYO": ("UP2KYO", "UP3KYO", "UPHOSOKU"), "UPPLAN": ("UPSIKYU", "UPHOSOKU")},
    "202208": {"UP1KYO": ("UP2KYO", "UPHOSOKU"), "UPPLAN": ("UPSIKYU", "UPHOSOKU")},
}
HEADS = {"UP2KYO": ("UP1KYO",), "UP3KYO": ("UP1KYO",), "UPHOSOKU": ("UP1KYO", "UPPLAN"), "UPSIKYU": ("UPPLAN",),
         "UPKIHON_SUB1": ("UPKIHON",), "UPKIHON_SUB2": ("UPKIHON",), "UPKIHON_IMAGE": ("UPKIHON",),
         "UPYOBO_SUB": ("UPYOBO",)}
KEYS = {"UP1KYO": "plan_date", "UPPLAN": "target_ym", "UPKIHON": "consult_date", "UPYOBO": "plan_date"}


def roles_of(type_):
    """The roles a service type may have, or None when the standard does not say: of 46 and AF it is known outside only.
    Which types make a 居宅サービス事業所 and which one of 介護予防・総合事業 is not said; its examples of names write 11 in both."""
    if type_ in KEEPERS:
        return SERVICE | {CM}
    if type_ == "43":
        return {CM, CENTER}  # its examples write 43 for the whole care-management side
    if scope().get(type_) is not None:
        return SERVICE
    return None


def judge_roles(file, name, out):
    """Only where the name tells the types; a type the standard does not mention may do anything."""
    if name.version != "202407":
        return
    for type_ in (name.sender_type, name.receiver_type):
        if scope().get(type_) is False:
            out.append(error("scope", file, note=type_))
            return
    sender, receiver = roles_of(name.sender_type), roles_of(name.receiver_type)
    kind = "UPKIHON" if name.kind.startswith("UPKIHON") else "UPYOBO" if name.kind.startswith("UPYOBO") else name.kind
    if sender is not None and not sender & marks("output").get(kind, set()):
        out.append(error("sender", file, note="%s from %s" % (kind, name.sender_type)))
    elif receiver is not None and not may_receive(kind, name.receiver_type, receiver):
        out.append(error("sender", file, note="%s to %s" % (kind, name.receiver_type)))
    elif kind in ("UPJSK", "DLTJSK") and sender == {CM, CENTER} and receiver == SERVICE:
        out.append(error("sender", file, note="results from the care-management side go to 包括 only"))


def may_receive(kind, type_, receiver):
    if receiver & marks("import").get(kind, set()):
        return True
    # Section 16, 9: the table gives the center no import of a commissioned office's plan, the text expects it.
    return kind in ("UPPLAN", "DLTPLAN") and type_ not in scope()


def key_of(record, version, kind, item):
    place = columns(version, kind)
    return tuple(text(record, place, n) for n in ("insurer_no", "insured_no", item))


def judge_group(group, out):
    """The files of one sender, receiver and 連番."""
    by_kind = {}
    for file, name, read in group:
        by_kind.setdefault(name.kind, []).append((file, name, read))
    version = group[0][1].version
    for kind, needs in NEEDS[version].items():
        for need in needs:
            if kind in by_kind and need not in by_kind:
                out.append(error("unit", by_kind[kind][0][0], note="%s is missing" % need))
    for kind, files in by_kind.items():
        for file, name, read in files:
            judge_member(kind, file, name, read, by_kind, out)
    if "UPPLAN" in by_kind:
        for file, name, read in by_kind["UPPLAN"]:
            judge_relation(file, name, read or [], out)
    for file, name, read in by_kind.get("UPKIHON", ()):
        judge_images(file, name, read or [], by_kind, out)


def judge_member(kind, file, name, read, by_kind, out):
    """A dependent file needs its main file, and its records a record there with the same key."""
    heads = HEADS.get(kind)
    if not heads:
        return
    if kind == "UPHOSOKU":
        heads = ("UP1KYO",) if name.month == "000000" else ("UPPLAN",)
    present = [h for h in heads if h in by_kind]
    if not present:
        out.append(error("unit", file, note="without %s" % " or ".join(heads)))
        return
    head = present[0]
    if kind == "UPKIHON_IMAGE" or read is None:
        return
    if head == "UPPLAN" and not read and name.month not in {n.month for _, n, _ in by_kind[head]}:
        out.append(error("unit_key", file, note="month of the name"))  # no record tells it
    item = KEYS[head]
    if any(r is None for _, _, r in by_kind[head]):
        return  # the main file cannot be read, and is refused for that
    known = {key_of(record, n.version, head, item) for _, n, records in by_kind[head] for record in records}
    place = columns(name.version, kind)
    for record in read:
        key = key_of(record, name.version, kind, item)
        if key not in known:
            no = place[first_difference(key, known, item)]
            out.append(error("unit_key", file, record[no - 1].line, no, "/".join(key)))


def first_difference(key, known, item):
    if not any(k[0] == key[0] for k in known):
        return "insurer_no"
    if not any(k[:2] == key[:2] for k in known):
        return "insured_no"
    return item


def judge_relation(file, name, read, out):
    """Nobody in table 6 who has nothing to do with the receiving office (section 10)."""
    if name.receiver_type is not None and name.receiver_type not in scope():
        return  # to the care-management side: the plan is its own business
    place = columns(name.version, "UPPLAN")
    users = {}
    for record in read:
        user = text(record, place, "insurer_no"), text(record, place, "insured_no")
        users.setdefault(user, []).append(record)
    strangers = [rows for rows in users.values() if all(text(r, place, "service_office_no") != name.receiver for r in rows)]
    if len(strangers) == len(users):
        strangers = strangers[:1]  # of none of them: then the receiver is wrong, which is one fault
    for rows in strangers:
        cell = rows[0][place["insured_no"] - 1]
        out.append(error("user_relation", file, cell.line, place["insured_no"], cell.text))


def judge_images(file, name, read, by_kind, out):
    """Item 62 names a picture by the rule, and the picture is there."""
    no = columns(name.version, "UPKIHON")["family_image_file"]
    there = {image for image, _, _ in by_kind.get("UPKIHON_IMAGE", ())}
    named = set()
    for record in read:
        cell = record[no - 1]
        if cell.text and cell.text not in there:
            out.append(error("unit", file, cell.line, no, cell.text))
        named.add(cell.text)
    for image in sorted(there - named):
        out.append(warning("unit", image, note="no record names it"))
