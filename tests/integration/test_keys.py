"""Keys that change: an office that enrols again loses nothing that was under way, and a refused token changes nothing."""
import json
import os
import pwd

import pytest

from test_exchange import PLAN, arrives, sequence_of
from world import CARE, SERVICE, USER, program, run, sample, save, tail, wait_until


def enrol_again(mount, hub, office):
    mount.stop()
    hub.start()
    mount.enrol(hub, office, hub.token(office))
    mount.offices = [office]
    mount.start()


def test_what_waited_goes_out_with_the_new_key(pair):
    hub, care, service = pair
    hub.stop()
    files = sample(PLAN)
    sequence = sequence_of(files)
    save(care.outbox(), files)
    wait_until(lambda: care.state_of(sequence) == "queued", "it is queued")
    wait_until(lambda: "sealed" in audit(care), "it is sealed")
    enrol_again(care, hub, CARE)
    arrives(service, CARE, files)
    wait_until(lambda: care.state_of(sequence) in ("received", "taken"), f"the receipt comes back; {tail(care.log)}")


def audit(mount):
    """What the ledger has noted, read without disturbing it."""
    import sqlite3
    db = sqlite3.connect(f"file:{mount.state()}/ledger.db?mode=ro", uri=True)
    try:
        return {row[0] for row in db.execute("SELECT event FROM audit")}
    finally:
        db.close()


def test_receipts_go_out_with_the_new_key(pair):
    hub, care, service = pair
    files = sample(PLAN)
    sequence = sequence_of(files)
    save(care.outbox(), files)
    wait_until(lambda: set(files) <= service.names(CARE), "it has arrived")  # unread: not taken
    wait_until(lambda: care.state_of(sequence) == "received", "the first receipt has come")
    hub.stop()
    folder = service.partner(service.inbox(), CARE)
    for name in files:
        os.unlink(folder / name)
    wait_until(lambda: service.state_of(sequence, direction="in") == "taken", "it is taken")
    wait_until(lambda: "receipt-signed" in audit(service), "the receipt is signed")
    enrol_again(service, hub, SERVICE)
    wait_until(lambda: care.state_of(sequence) == "taken", f"the receipt comes; {tail(service.log)}")


def test_a_partner_with_a_new_key_waits_for_a_person_and_status_says_so(pair):
    hub, care, service = pair
    enrol_again_running(care, hub)
    wait_until(lambda: "key-unconfirmed" in tail(service.log, 200), "the new key is seen")
    files = sample("valid/c_result_202504_11_to_43")
    save(service.outbox(), files)
    def status(language):
        return run(program("careplanctl"), "status", "--config", service.config, f"--lang={language}").stdout
    wait_until(lambda: "waits to be confirmed" in status("en"), "it waits, and status says for what")
    assert "key-unconfirmed" not in status("ja") and "確認" in status("ja"), status("ja")
    assert service.state_of(sequence_of(files)) == "queued"


def enrol_again_running(mount, hub):
    mount.stop()
    office = mount.offices[0]
    mount.enrol(hub, office, hub.token(office))
    mount.offices = [office]


def test_an_enrolment_that_was_cut_leaves_a_folder_that_works(world):
    """A retired key whose certificate never reached the folder, beside the pair in force."""
    hub = world.hub().start()
    care = world.mount("care").enrol(hub, CARE)
    user, retired = pwd.getpwnam(USER), care.state() / "retired"
    retired.mkdir(mode=0o700)
    os.chown(retired, user.pw_uid, user.pw_gid)
    os.link(care.state() / "office.key", retired / ("a" * 32 + ".key"))
    care.start()
    assert "key-retired" in tail(care.log, 100)


@pytest.mark.parametrize("known", [False, True], ids=["a new office", "an office that is enrolled"])
def test_a_refused_token_changes_nothing(world, known):
    hub = world.hub().start()
    care = world.mount("care")
    hub.add(CARE)
    above = world.dir / "new" / "folders"
    state = above / "care"
    if known:
        care.enrol(hub, CARE, hub.token(CARE))
        state = care.state()
    before = {p: p.read_bytes() for p in state.rglob("*") if p.is_file()}
    config = care.config.read_bytes()
    done = run(program("careplanctl"), "enrol", "--config", care.config, "--hub", hub.url, "--ca", hub.public_ca, "--office", CARE,
               "--token", "-", "--state", state, input="A" * 26 + "\n", check=False)
    assert done.returncode != 0 and "token" in done.stderr
    assert {p: p.read_bytes() for p in state.rglob("*") if p.is_file()} == before
    assert care.config.read_bytes() == config
    assert known or not above.parent.exists(), f"folders were left: {list(world.dir.rglob('new/**'))}"


def test_check_in_json_of_a_name_that_is_not_utf8(tmp_path):
    name = "計画".encode("cp932") + b".CSV"
    with open(os.path.join(os.fsencode(tmp_path), name), "wb") as f:
        f.write(b"x")
    for language in ("ja", "en"):
        done = run(program("careplanctl"), "check", "--format=json", f"--lang={language}", tmp_path, check=False)
        assert done.returncode == 1, done.stderr
        answer = json.loads(done.stdout)
        assert answer["problems"] and "?" in answer["problems"][0]["file"]
    assert any("\u3040" < c < "\u9fff" for c in json.loads(run(program("careplanctl"), "check", "--format=json", "--lang=ja", tmp_path,
                                                              check=False).stdout)["problems"][0]["message"])
