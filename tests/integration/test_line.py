"""Bad lines: nothing on the mount waits for the network, and what was cut goes on where it was."""
import os
import signal
import time

import pytest

from proxy import Proxy
from test_exchange import MONTH, PLAN, arrives, sequence_of
from world import CARE, SERVICE, SLOW, renumber, sample, save, tail, wait_until

LONGEST_MS = 1000 * SLOW  # far above what a local commit takes, far below any network timeout


def worked_through(mount, number):
    """Every kind of operation on the mount; returns the slowest, in milliseconds."""
    files = renumber(sample(PLAN), f"2025040112{number:02d}00")
    slowest = ("none", 0.0)

    def timed(what, action):
        nonlocal slowest
        before = time.monotonic()
        action()
        took = (time.monotonic() - before) * 1000
        if took > slowest[1]:
            slowest = (what, took)

    outbox = mount.outbox()
    name = next(iter(files))
    timed("save and close", lambda: save(outbox, files))
    timed("read", lambda: (outbox / name).read_bytes())
    timed("stat", lambda: os.stat(outbox / name))
    timed("list outbox", lambda: os.listdir(outbox))
    timed("list inbox", lambda: [os.listdir(mount.inbox() / d) for d in os.listdir(mount.inbox())])
    timed("list archive", lambda: os.listdir(mount.archive()))
    timed("status page", lambda: (mount.top() / "送受信状況.html").read_bytes())
    timed("rename", lambda: os.rename(outbox / name, outbox / "aside.bin"))
    timed("rename back", lambda: os.rename(outbox / "aside.bin", outbox / name))
    timed("truncate", lambda: os.truncate(outbox / name, 0))
    timed("unlink", lambda: os.unlink(outbox / name))
    timed("statfs", lambda: os.statvfs(mount.mountpoint))
    return slowest


@pytest.mark.parametrize("trouble", ["stopped", "SIGSTOP", "black hole", "a byte a minute"])
def test_no_operation_waits_for_the_network(world, trouble):
    hub = world.hub()
    proxy = Proxy(hub.port)
    hub.url = f"https://127.0.0.1:{proxy.port}"
    hub.start()
    care = world.mount("care").enrol(hub, CARE).start()
    hub.add(SERVICE)
    token = hub.token(SERVICE)
    service = world.mount("service").enrol(hub, SERVICE, token)
    wait_until(lambda: care.partner(care.outbox(), SERVICE), "the directory arrives")
    wait_until(lambda: care.status()["hub"] == "online", "the hub is online")
    if trouble == "stopped":
        hub.stop()
    elif trouble == "SIGSTOP":
        hub.process.send_signal(signal.SIGSTOP)
    else:
        proxy.mode = "hole" if trouble == "black hole" else "drip"
    try:
        for round_ in range(3):
            what, took = worked_through(care, round_)
            assert took < LONGEST_MS, f"with the hub {trouble}, {what} took {took:.0f} ms; nothing may wait for the network"
            time.sleep(0.5)
        save(care.outbox(), sample(MONTH))
    finally:
        if trouble == "SIGSTOP":
            hub.process.send_signal(signal.SIGCONT)
    proxy.mode = "pass"
    if trouble == "stopped":
        hub.start()
    service.start()
    arrives(service, CARE, sample(MONTH), timeout=150)
    proxy.close()


def test_a_large_document_gets_through_a_line_that_is_cut_every_few_seconds(world):
    hub = world.hub()
    proxy = Proxy(hub.port)
    hub.url = f"https://127.0.0.1:{proxy.port}"
    hub.start()
    care = world.mount("care").enrol(hub, CARE).start()
    service = world.mount("service").enrol(hub, SERVICE).start()
    wait_until(lambda: care.partner(care.outbox(), SERVICE), "the directory arrives")
    proxy.mode, proxy.life = "cut", 1.5
    size = 100 * 1000 * 1000 if SLOW == 1 else 20 * 1000 * 1000
    block = os.urandom(1000 * 1000)
    pdf = b"%PDF-1.7\n" + (block * (size // len(block)))
    save(care.partner(care.outbox(), SERVICE), {"scan.pdf": pdf})
    arrives(service, CARE, {"scan.pdf": pdf}, timeout=240)
    assert proxy.cuts > 3, f"the line should have been cut several times, was {proxy.cuts} times"
    assert proxy.bytes_up < 3 * size, f"{proxy.bytes_up} bytes went up for {size}: it begins anew instead of resuming"
    wait_until(lambda: any(u["state"] in ("received", "taken") for u in care.status()["units"]), "the receipt comes back", 60)
    proxy.close()
