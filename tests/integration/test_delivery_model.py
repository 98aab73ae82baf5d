"""What partners hold in the end, after random work on the outbox while units settle, go and leave it: the last content that
was acknowledged under each name, and never one that was not."""
import os
import random
import time

import pytest

from world import CARE, SERVICE, SLOW, renumber, sample, wait_until

(NAME, DATA), = sample("valid/d_delete_month_plan").items()
ENDINGS = [b"\r\n", b"\n", b"\r\n\r\n", b"\n\n"]  # the same record, four good contents
OPERATIONS = int(os.environ.get("CAREPLAN_MODEL_OPERATIONS", "300")) // int(SLOW)
SEED = int(os.environ.get("CAREPLAN_SEED", "20261125"))


class Office:
    """Random saves as programs do them; remembers what each close(), fsync() and rename() acknowledged."""

    def __init__(self, folder, chance):
        self.folder, self.chance = folder, chance
        self.last = {}  # name: the content that stands under it and was acknowledged
        self.ever = {}  # name: all such contents
        self.names = [next(iter(renumber({NAME: DATA}, f"2025070100{i:02d}00"))) for i in range(12)]

    def content(self):
        return DATA.rstrip(b"\r\n") + self.chance.choice(ENDINGS)

    def acknowledged(self, name, data):
        self.last[name] = data
        self.ever.setdefault(name, set()).add(data)

    def save(self, name):
        data = self.content()
        with open(self.folder / name, "wb", buffering=0) as f:
            f.write(data)
        self.acknowledged(name, data)

    def save_in_pieces_with_fsync(self, name):
        data = self.content()
        with open(self.folder / name, "wb", buffering=0) as f:
            f.write(data[:11])
            os.fsync(f.fileno())
            f.write(data[11:])
        self.acknowledged(name, data)

    def temporary_and_rename(self, name):
        data = self.content()
        path = self.folder / f"export{self.chance.randrange(4)}.tmp"
        path.write_bytes(data)
        os.rename(path, self.folder / name)
        self.acknowledged(name, data)

    def delete_and_save(self, name):
        if (self.folder / name).exists():
            self.delete(name)
        self.save(name)

    def delete(self, name):
        try:
            os.unlink(self.folder / name)
        except FileNotFoundError:
            return  # it left the outbox: sent
        self.last.pop(name, None)

    def size_there_and_back(self, name):
        """Changes and undoes, with an fsync: the content is what it was."""
        try:
            fd = os.open(self.folder / name, os.O_RDWR)
        except FileNotFoundError:
            return
        size = os.fstat(fd).st_size
        os.ftruncate(fd, size + 10)
        os.ftruncate(fd, size)
        os.fsync(fd)
        os.close(fd)

    def rewrite_in_place(self, name):
        """Opens what is there, waits a moment, and writes it anew: the file may be about to leave the outbox."""
        try:
            fd = os.open(self.folder / name, os.O_RDWR)
        except FileNotFoundError:
            return
        time.sleep(self.chance.uniform(0, 0.4))
        data = self.content()
        os.pwrite(fd, data, 0)
        os.ftruncate(fd, len(data))
        os.close(fd)
        self.acknowledged(name, data)

    def aside_and_back(self, name):
        aside = self.folder / f"aside{self.chance.randrange(4)}.tmp"
        try:
            os.rename(self.folder / name, aside)
        except FileNotFoundError:
            return
        os.rename(aside, self.folder / name)

    def work(self):
        name = self.chance.choice(self.names)
        self.chance.choice([self.save, self.save, self.save_in_pieces_with_fsync, self.temporary_and_rename, self.delete_and_save,
                            self.delete, self.size_there_and_back, self.rewrite_in_place, self.aside_and_back])(name)
        if self.chance.random() < 0.3:
            time.sleep(self.chance.uniform(0, 0.5))


@pytest.mark.parametrize("seed", [SEED, pytest.param(SEED + 1, marks=pytest.mark.unsanitized)])
def test_partners_hold_what_was_acknowledged_last(world, seed):
    hub, care, service = world.pair("[outbox]\nlinger = 1s\n")
    office = Office(care.outbox(), random.Random(seed))
    for _ in range(OPERATIONS):
        office.work()

    def quiet():
        time.sleep(0.1)
        states = {u["state"] for u in care.status()["units"] if u["direction"] == "out"}
        return not states & {"queued", "waiting", "sent"}

    wait_until(quiet, f"seed {seed}: every unit ends as received, taken or withdrawn", 60)
    # What has been sent is there; a newer version replaces the one before a moment after its message came.
    folder = service.partner(service.inbox(), CARE)

    def held(name):
        try:
            return (folder / name).read_bytes()
        except FileNotFoundError:
            return None

    for name, data in office.last.items():
        wait_until(lambda: held(name) == data, f"seed {seed}: {name}: the partner should hold {data[-6:]!r}, it holds "
                   f"{(held(name) or b'nothing')[-6:]!r}", 10)
    for path in service.archive().rglob("*.CSV"):
        if path.name in office.ever:
            assert path.read_bytes() in office.ever[path.name], f"seed {seed}: {path}: the partner got what nobody saved: {path.read_bytes()!r}"
