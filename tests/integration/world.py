"""A small world to test in: a hub, offices, mounts: the built programs, driven from outside.

Everything lives in one private folder and on loopback ports that the kernel chose; `World.close` unmounts and stops
whatever was started, also when a test failed in between.
"""
import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

BUILD = Path(os.environ.get("CAREPLAN_BUILD", "/nonexistent"))
SAMPLES = Path(__file__).resolve().parents[1] / "samples"
USER = os.environ.get("CAREPLAN_TEST_USER", "careplan-test")
ANNOUNCER = os.environ.get("CAREPLAN_TEST_ANNOUNCER", "careplan-test-ann")
TRACES = os.environ.get("CAREPLAN_TRACES", "")
SLOW = float(os.environ.get("CAREPLAN_SLOW", "1"))  # sanitizers: waits grow, assertions do not change

CARE = "0300000100-43"
SERVICE = "0300000005-11"
CENTER = "0300000200-46"
PREVENTIVE = "0300000005-A2"
NAMES = {CARE: "ケアプランひまわり（架空）", SERVICE: "さくら訪問介護（架空）",
         CENTER: "架空市地域包括支援センター", PREVENTIVE: "さくら訪問型サービス（架空）"}


def program(name):
    places = {"careplan-hub": "src/hub/careplan-hub", "careplanctl": "src/ctl/careplanctl", "careplanfs": "src/careplanfs"}
    path = BUILD / places[name]
    assert path.exists(), f"{path} is not built; set CAREPLAN_BUILD to a meson build folder"
    return str(path)


def run(*command, check=True, timeout=60, **options):
    """Runs a program to its end; a failure shows what it said."""
    options.setdefault("text", True)
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=timeout * SLOW, **options)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}: exit {done.returncode}, expected 0\n{done.stdout}\n{done.stderr}")
    return done


def wait_until(condition, what, timeout=20.0):
    """Waits for a condition; says what was expected when it does not come. Returns its value."""
    end = time.monotonic() + timeout * SLOW
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"expected within {timeout * SLOW:.0f} s: {what}")
        time.sleep(0.01)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def is_mounted(path):
    return any(line.split()[4] == str(path) for line in open("/proc/self/mountinfo"))


def is_alive(pid):
    """Until its last thread has ended: a process whose first thread is a zombie may still hold a mount."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        return state not in "ZX" or len(os.listdir(f"/proc/{pid}/task")) > 1
    except OSError:
        return False


def tail(path, lines=40):
    try:
        return "\n".join(Path(path).read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return "(no log)"


class Hub:
    def __init__(self, world, name="hub", url_port=None):
        self.world, self.dir = world, world.dir / name
        self.port = free_port()
        self.log, self.process, self.n = world.dir / f"{name}.log", None, 0
        self.url = f"https://127.0.0.1:{url_port or self.port}"
        run(program("careplan-hub"), "init", "--dir", self.dir, "--listen", f"127.0.0.1:{self.port}", "--name", "127.0.0.1")
        self.conf, self.ca = self.dir / "hub.conf", self.dir / "ca.pem"
        self.public_ca = world.dir / f"{name}-ca.pem"
        shutil.copy(self.ca, self.public_ca)
        self.public_ca.chmod(0o644)

    def add(self, office, name=None, municipality="03201"):
        run(program("careplan-hub"), "office", "add", "--config", self.conf, office, name or NAMES.get(office, f"架空事業所{office}"),
            "--municipality", municipality)

    def token(self, office):
        token = run(program("careplan-hub"), "token", "--config", self.conf, office).stdout
        assert token.count("\n") == 1, f"expected one line, got {token!r}"
        return token.strip()

    def start(self):
        command = [program("careplan-hub"), "serve", "--config", str(self.conf)]
        if TRACES:
            self.n += 1
            command += ["--trace", f"{TRACES}/{os.getpid()}-{self.world.number}-{self.dir.name}-{self.n}.jsonl"]
        self.process = subprocess.Popen(command, stdout=open(self.log, "a"), stderr=subprocess.STDOUT)
        wait_until(self.listening, f"the hub listens on port {self.port}; its log:\n{tail(self.log)}")
        return self

    def listening(self):
        assert self.process.poll() is None, f"the hub ended with {self.process.returncode}:\n{tail(self.log)}"
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self, how=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            code = self.process.wait(timeout=30 * SLOW)
            assert how != signal.SIGTERM or code == 0, f"SIGTERM should end the hub with 0, got {code}:\n{tail(self.log)}"
        self.process = None


class Mount:
    """One careplanfs with one or more offices."""

    def __init__(self, world, name, options=""):
        self.world, self.name = world, name
        self.config, self.mountpoint = world.dir / f"{name}.conf", world.dir / f"{name}.mnt"
        self.log, self.process, self.offices = world.dir / f"{name}.log", None, []
        self.mountpoint.mkdir()
        self.config.write_text(f"[daemon]\nuser = {USER}\nannouncer = {ANNOUNCER}\n"
                               "[outbox]\nsettle = 200ms\ndocuments_settle = 200ms\n" + options)

    def enrol(self, hub, office, token=None):
        if token is None:
            hub.add(office)
            token = hub.token(office)
        run(program("careplanctl"), "enrol", "--config", self.config, "--hub", hub.url, "--ca", hub.public_ca,
            "--office", office, "--token", "-", "--state", self.state(office), input=token + "\n")
        self.offices.append(office)
        return self

    def state(self, office=None):
        return self.world.dir / f"{self.name}-{office or self.offices[0]}.state"

    def start(self, wait=True):
        self.process = subprocess.Popen([program("careplanfs"), "-f", "--config", str(self.config), str(self.mountpoint)],
                                        stdout=open(self.log, "a"), stderr=subprocess.STDOUT)
        if wait:
            wait_until(self.ready, f"{self.mountpoint} is mounted; its log:\n{tail(self.log)}")
        return self

    def ready(self):
        assert self.process.poll() is None, f"careplanfs ended with {self.process.returncode}:\n{tail(self.log)}"
        if not is_mounted(self.mountpoint):
            return False
        try:
            return bool(os.listdir(self.mountpoint))
        except OSError:
            return False

    def stop(self, how=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            code = self.process.wait(timeout=30 * SLOW)
            assert how == signal.SIGKILL or code == 0, f"{how.name} should end careplanfs with 0, got {code}:\n{tail(self.log)}"
        self.process = None
        if how != signal.SIGKILL:
            assert not is_mounted(self.mountpoint), f"{self.mountpoint} is still mounted after {how.name}"

    def pids(self):
        """Keeper, announcer, worker: every process of this mount, the keeper first."""
        found, todo = [], [self.process.pid]
        while todo:
            pid = todo.pop(0)
            found.append(pid)
            try:
                for task in os.listdir(f"/proc/{pid}/task"):
                    todo += [int(p) for p in Path(f"/proc/{pid}/task/{task}/children").read_text().split()]
            except OSError:
                pass
        return found

    def kill(self, pids=None):
        """SIGKILL to every process of the mount at once, as a power cut would."""
        pids = pids or self.pids()
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait(timeout=30)
        self.process = None
        wait_until(lambda: not any(is_alive(p) for p in pids), f"{self.name}'s killed processes {pids} are gone")

    def top(self, office=None):
        return self.mountpoint if len(self.offices) == 1 else self.mountpoint / (office or self.offices[0])

    def outbox(self, office=None):
        return self.top(office) / "outbox"

    def inbox(self, office=None):
        return self.top(office) / "inbox"

    def archive(self, office=None):
        return self.top(office) / "archive"

    def partner(self, folder, partner):
        """The partner's own folder in inbox or outbox, None while it is not there."""
        for entry in os.listdir(folder):
            if entry.startswith(partner):
                return folder / entry
        return None

    def received(self, partner, office=None):
        """{name: bytes} of what lies in the inbox folder of `partner`."""
        folder = self.partner(self.inbox(office), partner)
        if not folder:
            return {}
        result = {}
        for name in os.listdir(folder):
            try:
                result[name] = (folder / name).read_bytes()
            except FileNotFoundError:  # taken away between the listing and the reading
                pass
        return result

    def names(self, partner, office=None):
        folder = self.partner(self.inbox(office), partner)
        return set(os.listdir(folder)) if folder else set()

    def status(self, office=None):
        text = run(program("careplanctl"), "status", "--config", self.config, "--json").stdout
        offices = {o["office"]: o for o in json.loads(text)["offices"]}
        return offices[office or self.offices[0]]

    def unit(self, sequence, office=None, direction="out"):
        """The newest unit with this sequence number, or None."""
        units = [u for u in self.status(office)["units"] if u["sequence"] == sequence and u["direction"] == direction]
        return max(units, key=lambda u: (u["saved"] or "", u["received"] or ""), default=None)

    def state_of(self, sequence, office=None, direction="out"):
        unit = self.unit(sequence, office, direction)
        return unit and unit["state"]


class World:
    count = 0

    def __init__(self, base=None):
        World.count += 1
        self.number = World.count
        self.dir = Path(tempfile.mkdtemp(prefix="careplan-test-", dir=base or os.environ.get("CAREPLAN_TMP", "/var/tmp")))
        self.dir.chmod(0o711)
        self.hubs, self.mounts = [], []
        pwd.getpwnam(USER)  # KeyError here: tests/run.sh makes the users

    def hub(self, **options):
        hub = Hub(self, f"hub{len(self.hubs)}" if self.hubs else "hub", **options)
        self.hubs.append(hub)
        return hub

    def mount(self, name, options=""):
        mount = Mount(self, name, options)
        self.mounts.append(mount)
        return mount

    def pair(self, options=""):
        """A running hub, the care manager's and the service office's running mounts."""
        hub = self.hub().start()
        care = self.mount("care", options).enrol(hub, CARE)
        service = self.mount("service", options).enrol(hub, SERVICE)
        care.start()
        service.start()
        for mount, partner in ((care, SERVICE), (service, CARE)):
            wait_until(lambda: mount.partner(mount.outbox(), partner),
                       f"{mount.name} learns of {partner} from the directory; its log:\n{tail(mount.log)}")
        return hub, care, service

    def logs(self):
        return "\n".join(f"--- {path.name}\n{tail(path)}" for path in sorted(self.dir.glob("*.log")))

    def close(self):
        for mount in self.mounts:
            if mount.process and mount.process.poll() is None:
                mount.kill()
            while is_mounted(mount.mountpoint):
                subprocess.run(["umount", "-l", str(mount.mountpoint)], check=False)
        for hub in self.hubs:
            if hub.process and hub.process.poll() is None:
                hub.process.kill()
                hub.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


def sample(folder):
    """{name: bytes} of a sample unit such as "valid/a_plan_43_to_11"."""
    return {p.name: p.read_bytes() for p in sorted((SAMPLES / folder).iterdir())}


def renumber(files, sequence, old=None):
    """The same unit under another sequence number."""
    return {re.sub(r"_(\d{14})(?=[._])", f"_{sequence}", name): data for name, data in files.items()}


def save(folder, files):
    """Saves as a program does: open, write, close. An error of close() is raised."""
    for name, data in files.items():
        with open(folder / name, "wb", buffering=0) as f:
            f.write(data)
