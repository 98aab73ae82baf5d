"""Memory does not grow with the file: a large document through the whole house, every process watched."""
import re
import threading
import time
from pathlib import Path

import pytest

from world import CARE, SERVICE, tail, wait_until

SIZE = 1 << 30
GROWTH_KIB = 8 * 1024


def held_kib(pid):
    """What a process holds of its own: private and shared anonymous memory (files mapped and cached count for nobody)."""
    text = Path(f"/proc/{pid}/status").read_text()
    return sum(int(re.search(rf"^{key}:\s+(\d+)", text, re.M)[1]) for key in ("RssAnon", "RssShmem"))


class Watch(threading.Thread):
    def __init__(self, pids):
        super().__init__(daemon=True)
        self.base = {pid: held_kib(pid) for pid in pids}
        self.most = dict(self.base)
        self.stopping = False

    def run(self):
        while not self.stopping:
            for pid in self.most:
                self.most[pid] = max(self.most[pid], held_kib(pid))
            time.sleep(0.02)

    def grown(self):
        return {pid: self.most[pid] - self.base[pid] for pid in self.base}


@pytest.mark.unsanitized
def test_a_document_of_1_gb_raises_no_process_by_more_than_8_mib(world):
    hub, care, service = world.pair("[outbox]\nunit_max = 2147483648\n")
    folder = care.partner(care.outbox(), SERVICE)
    block = bytes(range(256)) * 4096
    names = {pid: name for name, pids in (("hub", [hub.process.pid]), ("care", care.pids()), ("service", service.pids()))
             for pid in pids}
    # A small one first: what every exchange needs is not growth.
    (folder / "first.pdf").write_bytes(b"%PDF-1.7\n" + block * 4)
    wait_until(lambda: "first.pdf" in service.names(CARE), "the small document arrives")
    watch = Watch(names)
    watch.start()
    with open(folder / "scan.pdf", "wb", buffering=0) as f:
        f.write(b"%PDF-1.7\n")
        for _ in range(SIZE // len(block)):
            f.write(block)
    wait_until(lambda: "scan.pdf" in service.names(CARE), f"the document arrives\n{tail(care.log)}\n{tail(service.log)}", 300)
    with open(service.partner(service.inbox(), CARE) / "scan.pdf", "rb", buffering=0) as f:
        assert f.read(9) == b"%PDF-1.7\n"
        for i in range(SIZE // len(block)):
            piece = f.read(len(block))
            while len(piece) < len(block):
                piece += f.read(len(block) - len(piece))
            assert piece == block, f"MiB {i} differs"
        assert f.read(1) == b""
    watch.stopping = True
    watch.join()
    grown = {f"{names[pid]} {pid}": kib for pid, kib in watch.grown().items()}
    print("growth in KiB:", grown)
    assert max(grown.values()) <= GROWTH_KIB, f"no process may grow by more than {GROWTH_KIB} KiB: {grown}"
