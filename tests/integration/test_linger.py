"""After the linger time a sent file leaves the outbox: never one that somebody writes or has saved anew."""
import os
import signal
import time

from world import SERVICE, renumber, sample, save, wait_until

SENT = ("sent", "received", "taken")


def plan(sequence):
    (name, data), = renumber(sample("valid/d_delete_month_plan"), sequence).items()
    lines = data.split(b"\r\n")
    return name, data, data + lines[-2] + b"\r\n"


def newest(mount, sequence):
    return mount.unit(sequence)["state"]


def announcer_of(mount):
    return next(p for p in mount.pids() if "careplan-announ" in open(f"/proc/{p}/comm").read())


def test_a_file_that_is_written_keeps_its_name_and_what_is_saved_last_is_sent(world):
    hub, care, service = world.pair("[outbox]\nsettle = 500ms\nlinger = 1s\n")
    sequence = "20250501000013"
    name, data, _ = plan(sequence)
    path = care.outbox() / name
    save(care.outbox(), {name: data})
    wait_until(lambda: newest(care, sequence) in SENT, "the first version is sent")
    fd = os.open(path, os.O_RDWR)
    os.pwrite(fd, data + data, 0)
    os.ftruncate(fd, len(data) - 1)
    time.sleep(3)
    assert path.exists(), "the file went while a program was writing it"
    os.ftruncate(fd, 0)
    os.pwrite(fd, data, 0)
    os.close(fd)
    assert path.exists()
    wait_until(lambda: not path.exists(), "the same content once more: it lingers, and goes")


def test_a_late_removal_does_not_take_a_version_saved_meanwhile(world):
    hub, care, service = world.pair("[outbox]\nsettle = 500ms\nlinger = 1s\n")
    sequence = "20250501000003"
    name, data, changed = plan(sequence)
    path = care.outbox() / name
    announcer = announcer_of(care)
    save(care.outbox(), {name: data})
    wait_until(lambda: newest(care, sequence) in SENT, "the first version is sent")
    assert path.exists()
    os.kill(announcer, signal.SIGSTOP)
    try:
        time.sleep(4)  # the settler has asked by now
        save(care.outbox(), {name: changed})
    finally:
        os.kill(announcer, signal.SIGCONT)
    states = lambda: [u["state"] for u in care.status()["units"] if u["sequence"] == sequence]
    wait_until(lambda: len(states()) == 2 and all(s in SENT for s in states()), f"both versions are sent: {states()}")
    assert "withdrawn" not in states()
    wait_until(lambda: not path.exists(), "the second version lingers, and goes")
