"""What a judgement means beyond one file: units whose records do not fit, and warnings of what is sent all the same."""
import errno
import json
import os
import time

import pytest

from test_exchange import arrives, sequence_of
from world import CARE, CENTER, PREVENTIVE, SERVICE, program, renumber, run, sample, save, wait_until

REPORT = ".エラー.txt"
ACTUAL = "broken/B37_service_date_outside"  # a day of another month: not stated in the standard, so a warning


def reports(folder):
    return {name: (folder / name).read_text(encoding="utf-8-sig") for name in os.listdir(folder) if name.endswith(REPORT)}


def rejected(mount, sequence, code):
    """The unit is rejected long before unit_wait, with its reports beside it."""
    wait_until(lambda: mount.state_of(sequence) == "rejected", f"unit {sequence} is rejected", 10)
    wait_until(lambda: reports(mount.outbox()), "a report stands beside it")
    text = run(program("careplanctl"), "status", "--config", mount.config, "--lang=ja").stdout
    assert code in text, f"expected {code} in the status:\n{text}"
    return reports(mount.outbox())


def only_report(found, kind, place, files):
    """Beside the one file at fault, with its place; the others are said to be good."""
    (name, text), = found.items()
    file = name[:-len(REPORT)]
    assert file.startswith(kind + "_") and file in files, f"expected the report beside {kind}, got {name}"
    assert place in text, f"expected {place} in:\n{text}"
    good = text.split("■ 問題のないファイル", 1)[1]
    assert file not in good and all(f.upper() in good for f in files if f != file), f"expected the other files to be called good:\n{text}"
    return file


def page(mount):
    return (mount.mountpoint / "送受信状況.html").read_text(encoding="utf-8")


def test_a_unit_whose_records_do_not_fit_is_not_sent_until_they_do(pair):
    hub, care, service = pair
    files = sample("broken/B45_unit_user_mismatch")
    save(care.outbox(), files)  # each is good: no close() fails
    sequence = sequence_of(files)
    found = rejected(care, sequence, "CP1311")
    name = only_report(found, "UPHOSOKU", "1行目 3列目", files)
    assert "CP1311：利用者補足情報 1行目 3列目：「被保険者番号」" in page(care), "the page names row and item"
    assert not service.names(CARE) and care.unit(sequence)["sent"] is None, "nothing is sent"
    (care.outbox() / (name + REPORT)).unlink()
    plan = next(f for f in files if f.startswith("UPPLAN"))
    save(care.outbox(), {plan: files[plan]})  # the same bytes: the fault stays
    wait_until(lambda: reports(care.outbox()) == found, "the deleted report comes back when the unit is saved again")
    files[name] = files[name].replace(b"0000000109", b"0000000101")
    save(care.outbox(), {name: files[name]})
    arrives(service, CARE, files)
    assert not reports(care.outbox())


def test_the_corrected_main_file_heals_its_unit_also_after_a_restart(pair):
    hub, care, service = pair
    plan = sample("broken/B47_unit_plan_date_mismatch")
    save(care.outbox(), plan)
    found = rejected(care, sequence_of(plan), "CP13")
    only_report(found, "UP2KYO", "3行目 5列目", plan)

    month = renumber(sample("valid/b_month_202504_43_to_11"), "20250401094848")
    main = next(name for name in month if name.startswith("UPPLAN"))
    wrong = dict(month, **{main: month[main].replace(b"0000000101", b"0000000109")})
    save(care.outbox(), wrong)
    wait_until(lambda: len(reports(care.outbox())) == 3, "both parts of the month have a report, and the plan's one stays")
    before = reports(care.outbox())
    care.kill()
    care.start()
    wait_until(lambda: care.state_of("20250401094848") == "rejected", "rejected after a restart too")
    save(care.outbox(), {main: month[main]})
    arrives(service, CARE, month)
    wait_until(lambda: reports(care.outbox()) == found, "the other unit's report stays as it was, these are gone")
    assert all(before[name] == text for name, text in found.items())
    at_fault = care.outbox() / next(name for name in plan if name.startswith("UP2KYO"))
    at_fault.rename(care.outbox() / "away.tmp")
    wait_until(lambda: not reports(care.outbox()), "without the file at fault nothing is at fault")
    wait_until(lambda: care.state_of(sequence_of(plan)) == "waiting", "but a file is missing")
    (care.outbox() / "away.tmp").rename(at_fault)
    wait_until(lambda: reports(care.outbox()) == found, "it is judged anew when it comes back")
    at_fault.unlink()
    wait_until(lambda: not reports(care.outbox()), "nor when it is gone")


def test_a_table_of_a_preventive_plan_without_its_record(world):
    hub = world.hub().start()
    center = world.mount("center").enrol(hub, CENTER)
    world.mount("preventive").enrol(hub, PREVENTIVE)
    center.start()
    wait_until(lambda: center.partner(center.outbox(), PREVENTIVE), "the directory arrives")
    files = sample("broken/B61_yobo_sub_orphan")
    save(center.outbox(), files)
    found = rejected(center, sequence_of(files), "CP13")
    name = only_report(found, "UPYOBO_SUB", "3行目 4列目", files)
    save(center.outbox(), {name: files[name].replace(b"20250319", b"20250318")})
    wait_until(lambda: center.state_of(sequence_of(files)) == "sent", "it goes")
    assert not reports(center.outbox())


def test_a_warning_is_told_in_the_status_and_not_beside_the_file(pair):
    hub, care, service = pair
    files = sample(ACTUAL)
    (name, data), = files.items()
    save(service.outbox(), files)  # close() accepts it
    arrives(care, SERVICE, files)
    assert not reports(service.outbox())
    unit = service.unit(sequence_of(files))
    assert unit["warnings_total"] == 1, unit
    (warning,) = unit["warnings"]
    message = warning.pop("message")
    assert warning == {"file": name, "line": 2, "column": 10, "code": "CP1113"}, warning
    for language, words in (("ja", "「サービス利用日」の「…」が対象年月「…」の日ではありません。"), ("en", "item 10 ")):
        text = run(program("careplanctl"), "status", "--config", service.config, "--json", f"--lang={language}").stdout
        (unit,) = json.loads(text)["offices"][0]["units"]
        assert words in unit["warnings"][0]["message"], unit
        assert "20250501" not in unit["warnings"][0]["message"], "what stands there is not kept"
    text = run(program("careplanctl"), "status", "--config", service.config, "--lang=ja").stdout
    assert "念のため確かめるところ：1 件" in text and f"{name} 2行目 10列目：「サービス利用日」" in text, text
    html = page(service)
    assert "念のため確かめるもの（送信は、このまま進みます）" in html and "実績情報 2行目 10列目：「サービス利用日」" in html
    assert care.unit(sequence_of(files), direction="in")["warnings"] == [], "the receiver has nothing to correct"
    assert message, "in the language of the locale"


def test_rules_decide_what_a_warning_is(world):
    hub = world.hub().start()
    service = world.mount("service", "[rules]\nCP1113 = error\n").enrol(hub, SERVICE)
    world.mount("care").enrol(hub, CARE)
    service.start()
    wait_until(lambda: service.partner(service.outbox(), CARE), "the directory arrives")
    files = sample(ACTUAL)
    with pytest.raises(OSError) as refused:
        save(service.outbox(), files)
    assert refused.value.errno == errno.EINVAL
    assert any("2行目 10列目" in text for text in reports(service.outbox()).values())
    assert service.state_of(sequence_of(files)) == "rejected"
    assert "CP1113：実績情報 2行目 10列目：「サービス利用日」" in page(service)
    service.stop()
    service.config.write_text(service.config.read_text().replace("CP1113 = error", "CP1113 = off"))
    service.start()
    save(service.outbox(), files)
    wait_until(lambda: service.state_of(sequence_of(files)) == "sent", "it goes")
    unit = service.unit(sequence_of(files))
    assert unit["warnings"] == [] and unit["warnings_total"] == 0, "and nothing is said of it"
    assert not reports(service.outbox())


def test_what_the_partner_refuses_stays_is_told_to_both_and_goes_when_it_is_saved_again(world):
    hub = world.hub().start()
    care = world.mount("care", "[rules]\nCP1113 = error\n").enrol(hub, CARE)
    service = world.mount("service", "[outbox]\nsettle = 500ms\nlinger = 1s\n").enrol(hub, SERVICE)
    care.start()
    service.start()
    wait_until(lambda: service.partner(service.outbox(), CARE), "the directory arrives")
    files = sample(ACTUAL)
    (name, _), = files.items()
    sequence = sequence_of(files)
    save(service.outbox(), files)  # a warning here
    wait_until(lambda: service.state_of(sequence) == "refused", "an error there")
    wait_until(lambda: reports(service.outbox()), "a report beside the file")
    (report,) = reports(service.outbox()).values()
    assert CARE in report and "CP1113：実績情報 2行目 10列目：「サービス利用日」" in report, report
    html = page(service)
    assert "念のため確かめるもの（送信は" not in html, "it does not go on"
    assert "相手の設定か版が違う可能性" in html and "［CP1113：実績情報 2行目 10列目：" in html, html
    html = page(care)
    assert f"連番 {sequence}" in html and "実績情報" in html and "内容不明" not in html, "the receiver can name it"
    assert "CP1113：ある項目の値が対象年月の日ではありません。" in html, html
    assert care.unit(sequence, direction="in")["files"] == [name]
    care.stop()
    care.config.write_text(care.config.read_text().replace("CP1113 = error", "CP1113 = warning"))
    care.start()
    time.sleep(2)
    assert (service.outbox() / name).exists(), "linger is long over, but nobody has it"
    save(service.outbox(), files)
    arrives(care, SERVICE, files)
    wait_until(lambda: os.listdir(service.outbox()) == [service.partner(service.outbox(), CARE).name], "file and report go")
    states = [u["state"] for u in service.status()["units"] if u["sequence"] == sequence]
    assert len(states) == 2 and "refused" in states, states
