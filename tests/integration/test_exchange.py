"""The whole way, in both directions, as users see it."""
import os
import signal

import pytest

from world import CARE, CENTER, PREVENTIVE, SAMPLES, SERVICE, renumber, run, sample, save, wait_until

PLAN = "valid/a_plan_43_to_11"
MONTH = "valid/b_month_202504_43_to_11"
RESULT = "valid/c_result_202504_11_to_43"


def arrives(mount, partner, files, office=None, timeout=20):
    wait_until(lambda: set(files) <= mount.names(partner, office),
               f"{sorted(files)} in the inbox of {mount.name} from {partner}, there are {sorted(mount.names(partner, office))}",
               timeout)
    got = mount.received(partner, office)
    for name, data in files.items():
        assert got[name] == data, f"{name} should arrive byte for byte ({len(data)} bytes), got {len(got[name])} bytes"


def sequence_of(files):
    return next(iter(files)).split("_")[-1][:14]


def test_a_plan_and_a_month_arrive_and_the_results_come_back(pair):
    hub, care, service = pair
    for folder in (PLAN, MONTH):
        save(care.outbox(), sample(folder))
    for folder in (PLAN, MONTH):
        arrives(service, CARE, sample(folder))
    save(service.outbox(), sample(RESULT))
    arrives(care, SERVICE, sample(RESULT))
    wait_until(lambda: care.state_of(sequence_of(sample(PLAN))) in ("received", "taken"),
               "the partner's receipt comes back and shows in careplanctl status")


@pytest.mark.parametrize("folder", ["d_delete_plan", "d_delete_month_plan", "d_delete_month_result"])
def test_deletions_travel_too(pair, folder):
    hub, care, service = pair
    files = sample(f"valid/{folder}")
    sender, receiver, partner = (service, care, SERVICE) if "result" in folder else (care, service, CARE)
    save(sender.outbox(), files)
    arrives(receiver, partner, files)


def test_the_older_csv_version_travels_with_its_own_names(pair):
    hub, care, service = pair
    for folder in sorted(os.listdir(SAMPLES / "valid_202208")):
        files = sample(f"valid_202208/{folder}")
        from_service = any(name.startswith("UPJSK") for name in files)
        save((service if from_service else care).outbox(), files)
        arrives(care if from_service else service, SERVICE if from_service else CARE, files)


def test_two_offices_in_one_daemon_and_two_services_under_one_number(world):
    hub = world.hub().start()
    both = world.mount("both").enrol(hub, CARE).enrol(hub, CENTER)
    services = world.mount("services").enrol(hub, SERVICE).enrol(hub, PREVENTIVE)
    both.start()
    services.start()
    wait_until(lambda: both.partner(both.outbox(CENTER), PREVENTIVE), "the center learns of the preventive service")
    wait_until(lambda: both.partner(both.outbox(CARE), SERVICE), "the care manager learns of the service office")
    save(both.outbox(CARE), sample(PLAN))
    save(both.outbox(CENTER), sample("valid/e_yobo_plan_with_kihon_46_to_A2"))
    arrives(services, CARE, sample(PLAN), SERVICE)
    # The image was saved as .jpg: transfer names are delivered in upper case.
    arrives(services, CENTER, {name.upper(): data for name, data in sample("valid/e_yobo_plan_with_kihon_46_to_A2").items()},
            PREVENTIVE)
    assert not services.names(CENTER, SERVICE), "nothing for A2 may lie in the folder of service 11"
    assert not services.names(CARE, PREVENTIVE), "nothing for 11 may lie in the folder of service A2"


def test_500_files_copied_at_once(pair, tmp_path):
    hub, care, service = pair
    files = {}
    for i in range(500):
        files.update(renumber(sample("valid/d_delete_month_plan"), f"20250401{i // 60:02d}{i % 60:02d}00"))
    assert len(files) == 500, "the test's own names should be different"
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    run("cp", *sorted(tmp_path.iterdir()), care.outbox(), timeout=120)
    arrives(service, CARE, files, timeout=120)


def test_the_hub_restarts_in_between(pair):
    hub, care, service = pair
    hub.stop()
    save(care.outbox(), sample(PLAN))
    assert care.status()["hub"] == "offline" or wait_until(lambda: care.status()["hub"] == "offline", "the hub is seen to be away")
    hub.start()
    arrives(service, CARE, sample(PLAN), timeout=90)
    hub.stop(signal.SIGKILL)
    save(care.outbox(), sample(MONTH))
    hub.start()
    arrives(service, CARE, sample(MONTH), timeout=90)


def test_a_broken_file_fails_close_and_its_report_stands_beside_it(pair):
    hub, care, service = pair
    files = sample("broken/B14_code_not_in_list")
    bad = next(n for n in files if n.startswith("UP1KYO_"))
    with pytest.raises(OSError) as raised:
        save(care.outbox(), {bad: files[bad]})
    assert raised.value.errno == 22, "close() should answer EINVAL"
    report = (care.outbox() / f"{bad}.エラー.txt").read_bytes()
    assert report.startswith(b"\xef\xbb\xbf") and b"\r\n" in report, "the report is UTF-8 with BOM and CRLF"
    text = report.decode("utf-8-sig")
    assert "1行目" in text and "16" in text and "13" in text, f"the report names the place and the value:\n{text}"
    assert (care.outbox() / bad).read_bytes() == files[bad], "the rejected file stays as it was saved"
    done = run("cp", SAMPLES / "broken" / "B14_code_not_in_list" / bad, care.outbox() / "again.tmp", check=False)
    assert done.returncode == 0, f"a scratch name is never judged, but cp said: {done.stderr}"
    assert care.state_of(bad.split("_")[-1][:14]) == "rejected"
    fixed = files[bad].replace(b'"13"', b'"11"').replace(b",13,", b",11,")
    save(care.outbox(), {bad: fixed})
    wait_until(lambda: not (care.outbox() / f"{bad}.エラー.txt").exists(), "the report goes when the file is good")


def test_an_unknown_partner_waits_and_goes_when_it_joins(world):
    hub = world.hub().start()
    care = world.mount("care").enrol(hub, CARE).start()
    save(care.outbox(), sample(PLAN))
    sequence = sequence_of(sample(PLAN))
    wait_until(lambda: care.state_of(sequence) == "waiting", "a unit to an unknown partner waits")
    reports = [n for n in os.listdir(care.outbox()) if n.endswith(".txt")]
    assert reports, "a report should say that the partner has not joined"
    assert "未参加" in (care.outbox() / reports[0]).read_text("utf-8-sig")
    service = world.mount("service").enrol(hub, SERVICE).start()
    arrives(service, CARE, sample(PLAN), timeout=60)


def test_a_document_in_a_partners_own_folder_arrives(pair):
    hub, care, service = pair
    folder = care.partner(care.outbox(), SERVICE)
    pdf = b"%PDF-1.7\n" + os.urandom(50000) + b"\n%%EOF\n"
    save(folder, {"サービス担当者会議.pdf": pdf})
    arrives(service, CARE, {"サービス担当者会議.pdf": pdf})
    assert "サービス担当者会議" not in care.log.read_text(), "names of documents name persons: never in the log"


def test_sigterm_sigint_and_sighup_end_cleanly(world):
    hub = world.hub().start()
    care = world.mount("care").enrol(hub, CARE)
    for how in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        care.start().stop(how)
    hub.stop()
