"""careplanctl as an administrator and as scripts use it (`check` has a file of its own)."""
import json
import os
import re
import shutil
import sqlite3

from test_exchange import PLAN, arrives, sequence_of
from world import CARE, SERVICE, program, run, sample, save, wait_until

def unit_message(mount, sequence, direction="out"):
    return wait_until(lambda: (mount.unit(sequence, direction=direction) or {}).get("message"), f"{sequence} in status")


def test_evidence_proves_an_exchange_and_a_changed_byte_is_named(pair):
    hub, care, service = pair
    files = sample(PLAN)
    save(care.outbox(), files)
    arrives(service, CARE, files)
    sequence = sequence_of(files)
    wait_until(lambda: care.state_of(sequence) in ("received", "taken"), "the receipt comes back")
    for mount, direction in ((care, "out"), (service, "in")):
        target = mount.world.dir / f"evidence-{direction}"
        run(program("careplanctl"), "evidence", "--config", mount.config, "-o", target, unit_message(mount, sequence, direction))
        done = run(program("careplanctl"), "verify", target)
        assert done.returncode == 0
        for path in sorted(p for p in target.rglob("*") if p.is_file()):
            broken = mount.world.dir / "broken"
            shutil.copytree(target, broken)
            changed = broken / path.relative_to(target)
            data = bytearray(path.read_bytes())
            if not data or path.suffix == ".txt" and path.name != "sha256sum.txt":
                shutil.rmtree(broken)
                continue
            data[len(data) // 2] ^= 1
            changed.chmod(0o644)
            changed.write_bytes(data)
            done = run(program("careplanctl"), "verify", broken, check=False)
            assert done.returncode == 1, f"a flipped bit in {path.name} should make verify say no, got {done.returncode}: {done.stdout}{done.stderr}"
            shutil.rmtree(broken)


def test_verify_walks_the_offices_own_ledger(pair):
    hub, care, service = pair
    save(care.outbox(), sample(PLAN))
    arrives(service, CARE, sample(PLAN))
    done = run(program("careplanctl"), "verify", "--config", care.config)
    assert CARE in done.stdout
    care.stop()
    assert run(program("careplanctl"), "verify", "--config", care.config).returncode == 0, "also while the daemon is away"


def test_resend_is_a_new_message_that_names_the_old(pair):
    hub, care, service = pair
    files = sample(PLAN)
    save(care.outbox(), files)
    arrives(service, CARE, files)
    sequence = sequence_of(files)
    wait_until(lambda: care.state_of(sequence) in ("received", "taken"), "the receipt comes back")
    old = unit_message(care, sequence)
    run(program("careplanctl"), "resend", "--config", care.config, old)
    wait_until(lambda: len([u for u in care.status()["units"] if u["sequence"] == sequence and u["message"] != old]) == 1,
               "resend makes one new message")
    wait_until(lambda: sum(u["sequence"] == sequence for u in service.status()["units"]) == 2, "which arrives")
    everything = service.inbox() / "_すべて"
    wait_until(lambda: sorted(os.listdir(everything)) == sorted(files), f"one of the two is shown, whole: {os.listdir(everything)}")
    arrives(service, CARE, files)


def test_resend_of_nothing_is_refused(pair):
    hub, care, service = pair
    for message in (f"{CARE}/out/{'0' * 32}", "nonsense", f"{SERVICE}/out/{'0' * 32}", f"{CARE}/in/{SERVICE}/{'0' * 32}"):
        done = run(program("careplanctl"), "resend", "--config", care.config, message, check=False)
        assert done.returncode in (1, 2) and len(done.stderr.strip().splitlines()) == 1, f"{message}: {done.stderr}"


def test_doctor_names_each_check(pair):
    hub, care, service = pair
    done = run(program("careplanctl"), "doctor", "--config", care.config, check=False)
    lines = done.stdout.strip().splitlines()
    assert len(lines) >= 8 and all(re.match(r"^(ok|warning|error)\b", line) for line in lines), done.stdout
    assert not [line for line in lines if line.startswith("error")], done.stdout
    hub.stop()
    done = run(program("careplanctl"), "doctor", "--config", care.config, check=False)
    assert done.returncode == 1 and [line for line in done.stdout.splitlines() if line.startswith("error") and "hub" in line.lower()], \
        f"a hub that is away is an error that says what to do:\n{done.stdout}"
    assert run(program("careplanctl"), "doctor", check=False).returncode in (0, 1), "works without a configuration"


def test_status_for_people_and_for_programs(pair):
    hub, care, service = pair
    save(care.outbox(), sample(PLAN))
    arrives(service, CARE, sample(PLAN))
    (office,) = json.loads(run(program("careplanctl"), "status", "--config", care.config, "--json").stdout)["offices"]
    assert set(office) == {"office", "hub", "since", "units"} and office["hub"] == "online"
    (unit,) = office["units"]
    assert set(unit) == {"message", "direction", "partner", "sequence", "state", "files", "saved", "sent", "received", "taken", "warnings",
                         "warnings_total"}, unit
    assert unit["warnings"] == [] and unit["warnings_total"] == 0
    assert unit["message"].startswith(f"{CARE}/out/") and unit["partner"] == SERVICE
    assert sorted(unit["files"]) == sorted(sample(PLAN))
    text = run(program("careplanctl"), "status", "--config", care.config, "--lang=ja").stdout
    assert sequence_of(sample(PLAN)) in text and SERVICE in text
    assert run(program("careplanctl"), "status", "--config", care.config, "--json").stdout.endswith("]}\n]}\n")


def test_status_prints_a_whole_object_or_nothing(pair):
    """A ledger that cannot be read shows only when the answer has been begun."""
    hub, care, service = pair
    care.stop()
    ledger = sqlite3.connect(care.state() / "ledger.db")
    ledger.execute("PRAGMA user_version = 1")
    ledger.close()
    done = run(program("careplanctl"), "status", "--config", care.config, "--json", check=False)
    assert done.returncode != 0 and done.stdout == "", f"half an object was printed: {done.stdout!r}"
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
