"""Bad input gets one clear line that says what and what to do, exit 2 (or the hub's problem), and nothing changes."""
import os
import shutil
import socket
import subprocess

import pytest

from world import ANNOUNCER, CARE, SERVICE, USER, is_mounted, program, run, tail, wait_until


def refused(done, *words):
    assert done.returncode == 2, f"expected exit 2, got {done.returncode}: {done.stdout}{done.stderr}"
    text = done.stderr.strip()
    assert text and len(text.splitlines()) == 1, f"expected one line, got:\n{done.stderr}"
    for word in words:
        assert word in text, f"expected '{word}' in: {text}"


@pytest.fixture
def care(world):
    hub = world.hub().start()
    return world.mount("care").enrol(hub, CARE)


def start(mount, *options, mountpoint=None):
    return run(program("careplanfs"), "-f", *options, "--config", mount.config, mountpoint or mount.mountpoint, check=False)


def test_an_unknown_configuration_key(care):
    text = care.config.read_text()
    care.config.write_text(text + "[outbox]\nsettel = 2s\n")
    line = text.count("\n") + 2
    refused(start(care), f"{care.config}:{line}", "settel")


def test_a_mount_point_that_is_not_empty(care):
    (care.mountpoint / "letter.txt").write_text("mine")
    refused(start(care), str(care.mountpoint), "empty")
    assert (care.mountpoint / "letter.txt").read_text() == "mine"
    assert not is_mounted(care.mountpoint)


def test_a_mount_point_that_is_missing(care):
    refused(start(care, mountpoint=care.world.dir / "nowhere"), "nowhere")


def test_a_second_daemon_on_the_same_state_folder(care):
    care.start()
    other = care.world.dir / "other.mnt"
    other.mkdir()
    refused(start(care, mountpoint=other), str(care.state()))
    assert not is_mounted(other)
    assert is_mounted(care.mountpoint), "the first goes on"


def test_a_key_readable_by_others(care):
    key = care.state() / "office.key"
    key.chmod(0o644)
    refused(start(care), str(key), "chmod")
    assert not is_mounted(care.mountpoint)


def test_a_user_that_does_not_exist(care):
    care.config.write_text(care.config.read_text().replace(f"user = {USER}", "user = nobody-of-that-name"))
    refused(start(care), "nobody-of-that-name")


def test_a_stale_mount_is_cleared_and_used(care):
    care.start()
    care.kill()
    with pytest.raises(OSError):
        os.listdir(care.mountpoint)
    care.start()
    assert "outbox" in os.listdir(care.mountpoint)


def test_a_port_in_use(world):
    hub = world.hub()
    with socket.create_server(("127.0.0.1", hub.port)):
        done = run(program("careplan-hub"), "serve", "--config", hub.conf, check=False)
    refused(done, str(hub.port))


def test_init_does_not_overwrite_a_hub(world):
    hub = world.hub()
    before = {p.name: p.read_bytes() for p in hub.dir.iterdir() if p.is_file()}
    refused(run(program("careplan-hub"), "init", "--dir", hub.dir, "--listen", "127.0.0.1:1", "--name", "x", check=False),
            str(hub.dir))
    assert before == {p.name: p.read_bytes() for p in hub.dir.iterdir() if p.is_file()}


def enrol(mount, hub, office, token, ca=None):
    return run(program("careplanctl"), "enrol", "--config", mount.config, "--hub", hub.url, "--ca", ca or hub.public_ca,
               "--office", office, "--token", token, "--state", mount.state(office), check=False)


def test_wrong_and_used_tokens(world):
    hub = world.hub().start()
    mount = world.mount("care")
    hub.add(CARE)
    token = hub.token(CARE)
    before = mount.config.read_text()
    for bad in ("0" * 32, token[::-1], "secret-of-no-form"):
        done = enrol(mount, hub, CARE, bad)
        assert done.returncode in (1, 2) and len(done.stderr.strip().splitlines()) == 1, done.stderr
        assert "token" in done.stderr and token not in done.stderr and bad not in done.stderr
    assert mount.config.read_text() == before, "nothing changes"
    assert enrol(mount, hub, CARE, token).returncode == 0
    other = world.mount("other")
    done = enrol(other, hub, CARE, token)
    assert done.returncode in (1, 2) and "token" in done.stderr, "a used token is refused"
    assert not (other.state(CARE) / "office.pem").exists()


def test_five_wrong_tries_end_a_token(world):
    hub = world.hub().start()
    mount = world.mount("care")
    hub.add(CARE)
    token = hub.token(CARE)
    for _ in range(5):
        assert enrol(mount, hub, CARE, "f" * 32).returncode in (1, 2)
    assert enrol(mount, hub, CARE, token).returncode in (1, 2), "after five tries the right token is refused too"


def test_a_hub_of_another_ca(world):
    one, two = world.hub().start(), world.hub().start()
    mount = world.mount("care")
    one.add(CARE)
    done = enrol(mount, one, CARE, one.token(CARE), ca=two.public_ca)
    assert done.returncode in (1, 2) and "certificate" in done.stderr.lower(), done.stderr


def test_a_foreign_certificate_is_refused_by_the_hub(world):
    ours, foreign = world.hub().start(), world.hub().start()
    mount = world.mount("foreign").enrol(foreign, CARE)
    ours.add(CARE)
    state = mount.state(CARE)
    done = run("curl", "-sS", "--cacert", ours.public_ca, "--cert", state / "office.pem", "--key", state / "office.key",
               "-o", "/dev/null", "-w", "%{http_code}", f"{ours.url}/v1/directory", check=False)
    assert done.returncode != 0 or done.stdout in ("401", "403"), f"expected a refusal, got {done.stdout} {done.stderr}"


def test_a_name_that_fits_no_rule_is_kept_with_its_report(pair):
    hub, care, service = pair
    name = "UPPLAN_202504_0300000100_43_030000005_11_20250401091100.CSV"  # a digit too few
    with pytest.raises(OSError) as raised:
        (care.outbox() / name).write_bytes(b"202407\r\n")
    assert raised.value.errno == 22
    assert (care.outbox() / name).read_bytes() == b"202407\r\n", "kept"
    assert (care.outbox() / f"{name}.エラー.txt").exists(), "with its report"


@pytest.mark.parametrize("command", ["careplanfs", "careplanctl", "careplan-hub"])
def test_help_version_and_usage(command):
    assert run(program(command), "--help").stdout.strip()
    assert run(program(command), "--version").stdout.strip()
    assert run(program(command), "--no-such-option", check=False).returncode == 2
    assert run(program(command), check=False).returncode == 2
