"""A model test of the mount: random operations against the mount and against a plain folder. The differences are the closed
list of docs/mount.md; a new one fails."""
import errno
import os
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from world import CARE, SERVICE, SLOW, renumber, sample, wait_until

# Scratch, other and transfer names; good, broken and empty contents.
(GOOD_NAME, GOOD_DATA), = renumber(sample("valid/d_delete_month_plan"), "20250601120000").items()
NAMES = ["a.tmp", "b.tmp", "c.tmp", "~$x.xlsx", GOOD_NAME, GOOD_NAME.replace("120000", "120001"), "notes.doc", "DEADBEEF"]
FOLDERS = ["outbox", "partner"]
CONTENTS = [b"", b"x", GOOD_DATA, GOOD_DATA[:17], os.urandom(10_000), b"y" * 70_000]


class Outcome:
    """What an operation answered: a value, or an errno."""

    def __init__(self, action):
        self.value = self.error = None
        try:
            self.value = action()
        except OSError as e:
            self.error = errno.errorcode[e.errno]

    def __repr__(self):
        return self.error or repr(self.value)[:80]


class MountMachine(RuleBasedStateMachine):
    """`real` is the mount, `plain` a folder beside it."""

    world = care = None

    def __init__(self):
        super().__init__()
        cls = type(self)
        self.real = {"outbox": cls.care.outbox(), "partner": cls.care.partner(cls.care.outbox(), SERVICE)}
        self.plain_dir = tempfile.TemporaryDirectory(dir=cls.world.dir)
        root = Path(self.plain_dir.name)
        self.plain = {"outbox": root / "outbox", "partner": root / "outbox" / "partner"}
        self.plain["partner"].mkdir(parents=True)
        self.open = {}

    def teardown(self):
        for real, plain, _, _ in self.open.values():
            for fd in (real, plain):
                try:
                    os.close(fd)
                except OSError:
                    pass
        for folder in self.real.values():
            for entry in os.listdir(folder):
                if (folder / entry).is_file():
                    try:
                        os.unlink(folder / entry)
                    except FileNotFoundError:
                        pass  # a report that went with its file
        self.plain_dir.cleanup()

    def both(self, action, allowed=()):
        """Runs on mount and plain folder; the answers are equal, or (real, plain) stands in the closed list."""
        real, plain = Outcome(lambda: action(self.real)), Outcome(lambda: action(self.plain))
        if (real.error, plain.error) in allowed:
            return real, plain
        assert real.error == plain.error and real.value == plain.value, f"the mount answered {real}, a plain folder {plain}"
        return real, plain

    @rule(folder=st.sampled_from(FOLDERS), name=st.sampled_from(NAMES), data=st.sampled_from(CONTENTS))
    def save(self, folder, name, data):
        def action(at):
            fd = os.open(at[folder] / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o660)
            try:
                written = os.write(fd, data) if data else 0
            finally:
                os.close(fd)
            return written
        # mount.md 3: faults of content or name fail close() with EINVAL; the content is kept all the same.
        real, _ = self.both(action, allowed=[("EINVAL", None)])
        if real.error:
            assert data and not name.endswith(".tmp") and name not in ("~$x.xlsx", "DEADBEEF"), \
                f"close of {name} answered {real.error}: scratch and empty files are never judged"

    @rule(folder=st.sampled_from(FOLDERS), name=st.sampled_from(NAMES))
    def read(self, folder, name):
        self.both(lambda at: (at[folder] / name).read_bytes())

    @rule(folder=st.sampled_from(FOLDERS), name=st.sampled_from(NAMES))
    def unlink(self, folder, name):
        self.both(lambda at: os.unlink(at[folder] / name))

    @rule(a=st.sampled_from(FOLDERS), b=st.sampled_from(FOLDERS), old=st.sampled_from(NAMES), new=st.sampled_from(NAMES))
    def rename(self, a, b, old, new):
        self.both(lambda at: os.rename(at[a] / old, at[b] / new))  # a rename never fails for content

    @rule(folder=st.sampled_from(FOLDERS), name=st.sampled_from(NAMES), size=st.integers(0, 100_000))
    def truncate(self, folder, name, size):
        self.both(lambda at: os.truncate(at[folder] / name, size))

    @rule(folder=st.sampled_from(FOLDERS), name=st.sampled_from(NAMES), seconds=st.integers(1, 2_000_000_000))
    def utime(self, folder, name, seconds):
        self.both(lambda at: os.utime(at[folder] / name, (seconds, seconds)))

    @rule(folder=st.sampled_from(FOLDERS), name=st.sampled_from(NAMES), key=st.integers(0, 2),
          flags=st.sampled_from([os.O_RDWR, os.O_RDWR | os.O_CREAT, os.O_RDWR | os.O_CREAT | os.O_EXCL, os.O_RDWR | os.O_TRUNC,
                                 os.O_RDWR | os.O_APPEND]))
    def open_file(self, folder, name, key, flags):
        if key in self.open:
            return
        real = Outcome(lambda: os.open(self.real[folder] / name, flags, 0o660))
        plain = Outcome(lambda: os.open(self.plain[folder] / name, flags, 0o660))
        assert real.error == plain.error, f"open of {name}: the mount answered {real}, a plain folder {plain}"
        if not real.error:
            self.open[key] = (real.value, plain.value, name, flags)

    @rule(key=st.integers(0, 2), at=st.integers(0, 90_000), data=st.sampled_from([b"z", b"hello", b"w" * 5000]))
    def write(self, key, at, data):
        if key in self.open:
            real, plain, _, _ = self.open[key]
            assert os.pwrite(real, data, at) == os.pwrite(plain, data, at)

    @rule(key=st.integers(0, 2), at=st.integers(0, 90_000), size=st.integers(0, 20_000))
    def read_open(self, key, at, size):
        if key in self.open:
            real, plain, name, _ = self.open[key]
            assert os.pread(real, size, at) == os.pread(plain, size, at), f"{size} bytes at {at} of the open {name} differ"

    @rule(key=st.integers(0, 2), size=st.integers(0, 100_000))
    def truncate_open(self, key, size):
        if key in self.open:
            real, plain, _, _ = self.open[key]
            os.ftruncate(real, size)
            os.ftruncate(plain, size)

    @rule(key=st.integers(0, 2))
    def fsync(self, key):
        if key in self.open:
            for fd in self.open[key][:2]:
                os.fsync(fd)

    @rule(key=st.integers(0, 2))
    def stat_open(self, key):
        if key in self.open:
            real, plain, name, _ = self.open[key]
            a, b = os.fstat(real), os.fstat(plain)
            assert (a.st_size, a.st_nlink) == (b.st_size, b.st_nlink), f"size and links of the open {name}"

    @rule(key=st.integers(0, 2))
    def close(self, key):
        if key in self.open:
            real, plain, name, _ = self.open.pop(key)
            try:
                os.close(real)
            except OSError as e:
                assert e.errno == errno.EINVAL, f"close of {name} answered {e}"
            os.close(plain)

    @invariant()
    def the_same_names_and_sizes(self):
        for folder in FOLDERS:
            real = {e.name: e.stat().st_size for e in os.scandir(self.real[folder]) if e.is_file()}
            plain = {e.name: e.stat().st_size for e in os.scandir(self.plain[folder]) if e.is_file()}
            # mount.md 2 and 3: reports stand beside their files.
            reports = [n for n in real if n.endswith((".エラー.txt", ".確認.txt", ".未完成.txt"))]
            assert {n: s for n, s in real.items() if n not in reports} == plain, f"{folder}: the listings differ"


def test_the_mount_differs_from_a_plain_folder_only_where_it_says(world):
    hub = world.hub().start()
    care = world.mount("care", "[outbox]\nsettle = 1h\ndocuments_settle = 1h\nunit_wait = 1h\n").enrol(hub, CARE)
    hub.add(SERVICE)
    world.mount("service").enrol(hub, SERVICE, hub.token(SERVICE))
    care.start()
    wait_until(lambda: care.partner(care.outbox(), SERVICE), "the directory arrives")
    MountMachine.world, MountMachine.care = world, care
    run_state_machine_as_test(MountMachine, settings=settings(
        max_examples=int(60 / SLOW), stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck),
        database=None, derandomize=True, print_blob=True))
