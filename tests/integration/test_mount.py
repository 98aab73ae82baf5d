"""The mount as local programs see it: the L items of our checklist of what breaks elsewhere."""
import ctypes
import errno
import fcntl
import mmap
import os
import random
import shutil
import stat
import subprocess
import threading
import time
from pathlib import Path

import pytest

from test_exchange import PLAN, arrives, sequence_of
from world import CARE, SERVICE, SLOW, USER, renumber, run, sample, save, tail, wait_until

GOOD = next(iter(sample("valid/d_delete_month_plan").items()))


def good(n):
    """A good file that is a unit of its own."""
    (name, data), = renumber(sample("valid/d_delete_month_plan"), f"20250501{n // 3600 % 24:02d}{n // 60 % 60:02d}{n % 60:02d}").items()
    return name, data


@pytest.fixture
def care(world):
    """A mount whose partner is known; units settle late, so that the outbox holds still."""
    hub = world.hub().start()
    care = world.mount("care", "[outbox]\nsettle = 60s\n").enrol(hub, CARE)
    hub.add(SERVICE)
    world.mount("service").enrol(hub, SERVICE, hub.token(SERVICE))
    care.start()
    wait_until(lambda: care.partner(care.outbox(), SERVICE), "the directory arrives")
    return care


def errno_of(action):
    try:
        action()
    except OSError as e:
        return errno.errorcode[e.errno]
    return "0"


def arrives_unread(mount, partner, names):
    """As `arrives`, but takes nothing: reading a file whole is taking it."""
    wait_until(lambda: set(names) <= mount.names(partner), f"{sorted(names)} in the inbox of {mount.name}")


def restart(mount):
    mount.kill()
    mount.start()


# 33
def test_random_writes_and_truncations_from_8_threads_match_a_model(care):
    size, path = 300_000, care.outbox() / "random.tmp"
    model, lock = bytearray(size), threading.Lock()
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    os.ftruncate(fd, size)

    def work(seed):
        chance = random.Random(seed)
        lane = range(seed * size // 8, (seed + 1) * size // 8)
        for _ in range(int(400 / SLOW)):
            at = chance.choice(lane)
            data = chance.randbytes(min(chance.randrange(1, 5000), lane.stop - at))
            os.pwrite(fd, data, at)
            with lock:
                model[at:at + len(data)] = data
            at = chance.choice(lane)
            assert os.pread(fd, 100, at)[:max(0, lane.stop - at)] == bytes(model[at:min(at + 100, lane.stop)])

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    os.close(fd)
    assert path.read_bytes() == model


# 34
def test_what_is_not_allowed_gets_the_fitting_errno(care):
    out, inb, archive = care.outbox(), care.inbox(), care.archive()
    name, data = good(1)
    save(out, {name: data})
    assert errno_of(lambda: os.mkdir(out / "x")) == "EPERM"
    assert errno_of(lambda: os.rmdir(care.partner(out, SERVICE))) == "EPERM"
    assert errno_of(lambda: os.symlink("a", out / "x")) == "EPERM"
    assert errno_of(lambda: os.link(out / name, out / "x")) == "EPERM"
    assert errno_of(lambda: os.mkfifo(out / "x")) == "EPERM"
    assert errno_of(lambda: os.chown(out / name, 0, 0)) == "EPERM"
    assert errno_of(lambda: os.rename(care.partner(out, SERVICE), out / "x")) == "EPERM"
    assert errno_of(lambda: open(archive / "x", "w")) in ("EROFS", "EACCES")
    assert errno_of(lambda: open(inb / "x", "w")) in ("EACCES", "EPERM")
    assert errno_of(lambda: open(care.top() / "x", "w")) in ("EACCES", "EPERM")
    assert errno_of(lambda: open(out / f"{name}.エラー.txt", "w")) in ("EACCES", "EPERM")
    assert errno_of(lambda: open(out / (name.lower()), "w")) == "EEXIST", "twins by case"
    assert errno_of(lambda: os.rename(out / name, out / ("あ" * 71))) == "ENAMETOOLONG", "213 bytes"
    assert errno_of(lambda: open(out / "a:b.tmp", "w")) == "EINVAL", "Windows cannot hold it"
    assert errno_of(lambda: open(out / "absent.CSV")) == "ENOENT"
    assert errno_of(lambda: os.rmdir(out / name)) == "ENOTDIR"
    assert errno_of(lambda: os.unlink(care.partner(out, SERVICE))) in ("EISDIR", "EPERM")
    os.rename(out / name, out / "aside.tmp")
    libc = ctypes.CDLL(None, use_errno=True)
    (out / "other.tmp").write_bytes(b"x")
    for flags, expected in ((1, errno.EEXIST), (2, errno.EINVAL), (4, errno.EINVAL)):
        r = libc.renameat2(-100, bytes(out / "aside.tmp"), -100, bytes(out / "other.tmp"), flags)
        assert (r, ctypes.get_errno()) == (-1, expected), f"renameat2 flags {flags}"
    fd = os.open(out / "other.tmp", os.O_RDWR)
    for request in (0x5401, 0x80086601, 0xC0185879):
        assert errno_of(lambda: fcntl.ioctl(fd, request, bytearray(64))) in ("ENOTTY", "EOPNOTSUPP", "ENOTSUP")
    assert errno_of(lambda: os.posix_fallocate(fd, 0, 4096)) in ("0", "EOPNOTSUPP")
    os.close(fd)


def test_modes_and_owners_are_those_of_the_design(care):
    for folder in (care.top() / "outbox", care.top() / "inbox", care.partner(care.outbox(), SERVICE)):
        assert stat.S_IMODE(os.stat(folder).st_mode) == 0o2770, folder
    name, data = good(2)
    save(care.outbox(), {name: data})
    status = os.stat(care.outbox() / name)
    os.chmod(care.outbox() / name, 0o444)
    assert stat.S_IMODE(os.stat(care.outbox() / name).st_mode) & 0o222 == 0, "chmod takes the w bit of drafts"
    os.chmod(care.outbox() / name, 0o4777)
    assert stat.S_IMODE(os.stat(care.outbox() / name).st_mode) & 0o7111 == stat.S_IMODE(status.st_mode) & 0o7111, "and nothing else"


# 35
# Root's plain "cp -p" also changes the owner, which is refused everywhere (mount.md 3), and says so.
@pytest.mark.parametrize("way", ["cp", "cp --preserve=mode,timestamps", "mv", "dd", "rsync", "sed -i", "append", "install", "tee"])
def test_common_tools(care, way, tmp_path):
    name, data = good(3)
    source, target = tmp_path / name, care.outbox() / name
    source.write_bytes(data)
    if way == "rsync" and not shutil.which("rsync"):
        run("cp", source, care.outbox() / f".{name}.AbCdEf.tmp")
        os.rename(care.outbox() / f".{name}.AbCdEf.tmp", target)
    elif way == "rsync":
        run("rsync", source, target)
    elif way == "dd":
        run("dd", f"if={source}", f"of={target}", "bs=7", "status=none")
    elif way == "sed -i":
        run("cp", source, target)
        run("sed", "-i", "s/x/x/", target)
    elif way == "append":
        subprocess.run(["sh", "-c", f'head -c 10 "{source}" > "{target}.tmp"; tail -c +11 "{source}" >> "{target}.tmp"; mv "{target}.tmp" "{target}"'], check=True)
    elif way == "tee":
        run("sh", "-c", f'tee "{target}" < "{source}" > /dev/null')
    else:
        run(*way.split(), source, target)
    assert target.read_bytes() == data
    state = wait_until(lambda: care.unit(name.split("_")[-1][:14]), f"the save by {way} makes a unit")
    assert name in state["files"] and state["state"] in ("waiting", "queued"), state
    restart(care)
    assert target.read_bytes() == data, f"what {way} saved is there after kill -9"


def test_touch_and_rm_send_nothing(care):
    name, _ = good(4)
    (care.outbox() / name).touch()
    os.unlink(care.outbox() / name)
    assert care.unit(name.split("_")[-1][:14]) is None


def test_a_child_that_inherits_the_descriptor_does_not_end_the_save(care):
    name, data = good(5)
    fd = os.open(care.outbox() / name, os.O_WRONLY | os.O_CREAT)
    os.write(fd, data[:10])
    subprocess.run(["true"], pass_fds=[fd], check=True)  # its exit flushes our half file
    os.write(fd, data[10:])
    os.close(fd)
    assert (care.outbox() / name).read_bytes() == data
    assert care.unit(name.split("_")[-1][:14])["state"] in ("waiting", "queued")


# 36
def test_dup_then_write_after_the_first_close_is_one_message(pair):
    hub, care, service = pair
    name, data = good(6)
    fd = os.open(care.outbox() / name, os.O_WRONLY | os.O_CREAT)
    other = os.dup(fd)
    os.write(fd, data[:20])
    try:
        os.close(fd)
    except OSError:
        pass  # half a record is a broken file at this moment
    time.sleep(0.5)
    os.write(other, data[20:])
    os.close(other)
    arrives(service, CARE, {name: data})
    units = [u for u in service.status()["units"] if name in u["files"]]
    assert len(units) == 1, f"one message, the final content; got {units}"


# 37
def test_unlink_while_open_and_rename_over_an_open_file(care):
    name, data = good(7)
    path = care.outbox() / name
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    os.write(fd, data)
    os.unlink(path)
    assert os.fstat(fd).st_nlink == 0
    assert os.pread(fd, len(data), 0) == data
    os.write(fd, b"more")
    os.close(fd)
    assert care.unit(name.split("_")[-1][:14]) is None, "an unlinked file is never sent"
    a, b = care.outbox() / "a.tmp", care.outbox() / "b.tmp"
    a.write_bytes(b"aaa")
    b.write_bytes(b"bbb")
    fd = os.open(b, os.O_RDONLY)
    os.rename(a, b)
    assert os.pread(fd, 3, 0) == b"bbb" and os.fstat(fd).st_nlink == 0
    assert b.read_bytes() == b"aaa"
    os.close(fd)


def test_a_half_written_file_renamed_while_open_keeps_its_data(care):
    name, data = good(8)
    fd = os.open(care.outbox() / "export.tmp", os.O_WRONLY | os.O_CREAT)
    os.write(fd, data[:15])
    os.rename(care.outbox() / "export.tmp", care.outbox() / name)
    os.write(fd, data[15:])
    os.close(fd)
    assert (care.outbox() / name).read_bytes() == data
    restart(care)
    assert (care.outbox() / name).read_bytes() == data


# 38
def test_a_shared_mapping_is_in_the_ledger_after_munmap_and_close(care):
    name, data = good(9)
    path = care.outbox() / name
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    os.ftruncate(fd, len(data))
    with mmap.mmap(fd, len(data), mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE) as m:
        m[:] = data
        m.flush()
    os.close(fd)
    assert path.read_bytes() == data
    wait_until(lambda: care.state_of(name.split("_")[-1][:14]) in ("waiting", "queued"), "the mapped file is judged good")
    restart(care)
    assert path.read_bytes() == data


# 39
def test_open_flags_and_holes(care):
    path = care.outbox() / "flags.tmp"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(fd, b"one")
    os.pwrite(fd, b"two", 0)  # Linux appends whatever the offset
    os.close(fd)
    assert path.read_bytes() == b"onetwo"
    fd = os.open(path, os.O_RDWR | os.O_DIRECT)
    buffer = mmap.mmap(-1, 4096)
    buffer[:] = b"d" * 4096
    assert os.pwritev(fd, [buffer], 0) == 4096
    os.close(fd)
    assert path.read_bytes() == b"d" * 4096
    os.close(os.open(path, os.O_WRONLY | os.O_TRUNC))
    assert path.read_bytes() == b""
    name, data = good(10)
    fd = os.open(care.outbox() / name, os.O_WRONLY | os.O_CREAT)
    os.write(fd, data)
    os.pwrite(fd, b"\r\n", len(data) + 5000)  # Explorer's broken copy: a range nobody wrote
    with pytest.raises(OSError) as raised:
        os.close(fd)
    assert raised.value.errno == errno.EINVAL, "a never-written range is a fault"
    fd = os.open(care.outbox() / "far.tmp", os.O_WRONLY | os.O_CREAT)
    assert errno_of(lambda: os.pwrite(fd, b"x", 1 << 40)) == "EFBIG", "bounded"
    os.close(fd)


# 41: test_bad_input has the stale mount and the second daemon

# 44
def test_xattrs(care):
    path = care.outbox() / "x.tmp"
    path.write_bytes(b"x")
    os.setxattr(path, "user.DOSATTRIB", b"0x20")
    assert os.getxattr(path, "user.DOSATTRIB") == b"0x20", "the name arrives whole (libfuse 730)"
    assert os.listxattr(path) == ["user.DOSATTRIB"]
    big = os.urandom(65536)
    os.setxattr(path, "user.big", big)
    assert os.getxattr(path, "user.big") == big
    assert errno_of(lambda: os.setxattr(path, "user.big", big + b"x")) in ("E2BIG", "ENOSPC")
    assert errno_of(lambda: os.setxattr(path, "user.big", b"", os.XATTR_CREATE)) == "EEXIST"
    assert errno_of(lambda: os.setxattr(path, "user.no", b"", os.XATTR_REPLACE)) == "ENODATA"
    assert errno_of(lambda: os.getxattr(path, "security.capability")) in ("ENODATA", "EOPNOTSUPP", "ENOTSUP")
    libc = ctypes.CDLL(None, use_errno=True)
    small = ctypes.create_string_buffer(10)
    assert libc.getxattr(bytes(path), b"user.big", None, 0) == 65536, "size 0 asks for the length"
    assert libc.getxattr(bytes(path), b"user.big", small, 10) == -1 and ctypes.get_errno() == errno.ERANGE
    os.removexattr(path, "user.big")
    assert errno_of(lambda: os.getxattr(path, "user.big")) == "ENODATA"
    name, data = good(11)
    save(care.outbox(), {name: data})
    os.setxattr(care.outbox() / name, "user.mark", b"m")
    os.sync()
    time.sleep(1.5)
    restart(care)
    assert os.getxattr(care.outbox() / name, "user.mark") == b"m"


# 45
def test_other_users_get_eacces(care):
    name, data = good(12)
    save(care.outbox(), {name: data})
    for command in (["ls", care.outbox()], ["cat", care.outbox() / name], ["touch", care.outbox() / "x.tmp"]):
        done = run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *command, check=False)
        assert done.returncode != 0 and "Permission denied" in done.stderr, f"{command}: {done.stderr}"


# 48
def test_readdir_neither_skips_nor_doubles_while_files_come_and_go(care):
    stay = {f"stay{i:05d}.tmp" for i in range(3000)}
    for n in stay:
        os.close(os.open(care.outbox() / n, os.O_CREAT | os.O_WRONLY))
    stop = threading.Event()

    def churn():
        i = 0
        while not stop.is_set():
            path = care.outbox() / f"churn{i % 200:03d}.tmp"
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
            if i >= 100:
                try:
                    os.unlink(care.outbox() / f"churn{(i - 100) % 200:03d}.tmp")
                except FileNotFoundError:
                    pass
            i += 1

    t = threading.Thread(target=churn)
    t.start()
    try:
        for _ in range(10):
            seen = os.listdir(care.outbox())
            assert len(seen) == len(set(seen)), "a name came twice"
            assert stay <= set(seen), f"{len(stay - set(seen))} names were skipped"
    finally:
        stop.set()
        t.join()


def test_statfs_tells_the_true_free_space(care):
    here, there = os.statvfs(care.mountpoint), os.statvfs(care.state())
    assert here.f_frsize == here.f_bsize
    assert abs(here.f_bavail * here.f_frsize - there.f_bavail * there.f_frsize) < 256 << 20
    assert here.f_namemax <= 212


def test_inodes_are_stable_over_restarts(care):
    name, data = good(13)
    save(care.outbox(), {name: data})
    before = {p: os.stat(p).st_ino for p in (care.top(), care.outbox(), care.inbox(), care.outbox() / name)}
    restart(care)
    assert before == {p: os.stat(p).st_ino for p in before}


def test_times_are_kept_and_are_never_a_save(pair):
    hub, care, service = pair
    name, data = good(14)
    save(care.outbox(), {name: data})
    arrives(service, CARE, {name: data})
    os.utime(care.outbox() / name, (1_600_000_000, 1_600_000_000))
    assert os.stat(care.outbox() / name).st_mtime == 1_600_000_000
    time.sleep(1)
    assert len([u for u in care.status()["units"] if name in u["files"]]) == 1


def test_fsync_is_a_draft_and_a_draft_found_after_a_restart_is_held(care):
    name, data = good(15)
    fd = os.open(care.outbox() / name, os.O_WRONLY | os.O_CREAT)
    os.write(fd, data)
    os.fsync(fd)
    care.kill()
    try:
        os.close(fd)
    except OSError:
        pass
    care.start()
    assert (care.outbox() / name).read_bytes() == data
    wait_until(lambda: care.state_of(name.split("_")[-1][:14]) == "held", "the draft is held")
    note = care.outbox() / f"{name}.確認.txt"
    assert note.exists(), "with a note beside it"
    os.unlink(note)
    wait_until(lambda: care.state_of(name.split("_")[-1][:14]) in ("waiting", "queued"), "deleting the note lets it go")


def test_a_program_killed_by_a_signal_has_not_closed(care):
    name, data = good(16)
    script = f"import os,signal; fd=os.open({str(care.outbox() / name)!r}, os.O_WRONLY|os.O_CREAT); os.write(fd, {data!r}); os.kill(os.getpid(), signal.SIGKILL)"
    subprocess.run(["python3", "-c", script])
    wait_until(lambda: care.state_of(name.split("_")[-1][:14]) == "held", "what a killed program left is held")
    name, data = good(17)
    script = f"import os; fd=os.open({str(care.outbox() / name)!r}, os.O_WRONLY|os.O_CREAT); os.write(fd, {data!r}); os._exit(0)"
    subprocess.run(["python3", "-c", script])
    wait_until(lambda: care.state_of(name.split("_")[-1][:14]) in ("waiting", "queued"), "a program that just ends has closed")


def test_the_inbox_is_for_reading_and_taking(pair):
    hub, care, service = pair
    name, data = good(18)
    save(care.outbox(), {name: data})
    arrives(service, CARE, {name: data})
    folder = service.partner(service.inbox(), CARE)
    path = folder / name
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o440
    assert errno_of(lambda: open(path, "r+b")) == "EACCES"
    assert errno_of(lambda: (folder / "mine.CSV").write_bytes(b"mine")) == "EACCES", "only what came from there may be put back"
    os.unlink(path)
    wait_until(lambda: service.state_of(name.split("_")[-1][:14], direction="in") == "taken", "deleting is taking")
    wait_until(lambda: care.state_of(name.split("_")[-1][:14]) == "taken", "the sender sees it")
    (folder / name).write_bytes(data)
    assert (folder / name).read_bytes() == data, "put back"


def test_the_inbox_shows_everything_in_order_and_in_one_folder(pair):
    hub, care, service = pair
    save(care.outbox(), sample(PLAN))
    arrives_unread(service, CARE, sample(PLAN))
    everything = service.inbox() / "_すべて"
    assert set(os.listdir(everything)) == set(sample(PLAN))
    (one,) = os.listdir(service.inbox() / "_順番")
    assert one.startswith("001_") and set(os.listdir(service.inbox() / "_順番" / one)) == set(sample(PLAN))
    name = sorted(sample(PLAN))[0]
    inodes = {os.stat(p).st_ino for p in (everything / name, service.inbox() / "_順番" / one / name,
                                          service.partner(service.inbox(), CARE) / name)}
    assert len(inodes) == 1, "several entries lead to one node"
    for n in sample(PLAN):
        (everything / n).read_bytes()
    wait_until(lambda: service.state_of(sequence_of(sample(PLAN)), direction="in") == "taken", "reading everything is taking")


def test_inotify_sees_an_arrival_as_moved_to(pair):
    hub, care, service = pair
    wait_until(lambda: service.partner(service.inbox(), CARE), "the folder of the partner")
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.inotify_init1(os.O_NONBLOCK)
    assert libc.inotify_add_watch(fd, bytes(service.partner(service.inbox(), CARE)), 0x80) >= 0  # IN_MOVED_TO
    name, data = good(19)
    save(care.outbox(), {name: data})

    def moved():
        try:
            return name.encode() in os.read(fd, 4096)
        except BlockingIOError:
            return False
    wait_until(moved, "IN_MOVED_TO in the inbox folder wakes desktops")
    os.close(fd)


def test_pages_are_there_and_hold_no_surprise(pair):
    hub, care, service = pair
    save(care.outbox(), sample(PLAN))
    arrives(service, CARE, sample(PLAN))
    page = (care.top() / "送受信状況.html").read_text()
    assert "Content-Security-Policy" in page and "<script" not in page and sequence_of(sample(PLAN)) in page
    table = (care.top() / "送受信一覧.csv").read_bytes()
    assert table.startswith(b"\xef\xbb\xbf") and sequence_of(sample(PLAN)).encode() in table


def test_100000_files_in_a_folder_do_not_slow_readdirplus(care):
    count = 100_000 if SLOW == 1 else 10_000
    empty = care.partner(care.outbox(), SERVICE)
    for i in range(count):
        os.close(os.open(empty / f"f{i:06d}.tmp", os.O_CREAT | os.O_WRONLY))

    def rate(n):
        before, seen = time.monotonic(), 0
        with os.scandir(empty) as entries:
            for entry in entries:
                entry.stat()
                seen += 1
                if seen == n:
                    break
        return seen / (time.monotonic() - before)

    rate(1000)
    first, all_ = rate(2000), rate(count)
    assert len(os.listdir(empty)) == count
    assert all_ > first / 4, f"{all_:.0f} entries/s over {count} files, {first:.0f}/s over the first 2,000: it slows down"


def as_another_user_at_close(path, data, opener=None):
    """Opens and writes as the share's user and lets the kernel flush as root: what smbd does for a client that is gone."""
    import pwd
    uid = opener if opener is not None else pwd.getpwnam(USER).pw_uid
    gid = os.stat(path.parent).st_gid
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setegid(gid)
            os.seteuid(uid)
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o660)
            os.write(fd, data)
            os.seteuid(0)
            try:
                os.close(fd)
            except OSError:
                pass
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0, "the child should have opened and written"


def test_a_close_by_another_uid_than_the_open_is_held(care):
    name, data = good(20)
    path = care.outbox() / name
    as_another_user_at_close(path, data)
    assert care.state_of(name.split("_")[-1][:14]) == "held", "what its client did not close is not sent"
    assert (care.outbox() / f"{name}.確認.txt").exists()
    save(care.outbox(), {name: data})
    wait_until(lambda: care.state_of(name.split("_")[-1][:14]) in ("waiting", "queued"), "saving again heals it")
    assert not (care.outbox() / f"{name}.確認.txt").exists(), "the note goes"


def test_an_overwrite_that_breaks_off_loses_neither_content(pair):
    hub, care, service = pair
    name, data = good(21)
    save(care.outbox(), {name: data})
    arrives(service, CARE, {name: data})
    before = [u["message"] for u in service.status()["units"]]
    as_another_user_at_close(care.outbox() / name, data[:15])
    assert (care.outbox() / name).read_bytes() == data[:15]
    time.sleep(1)
    assert [u["message"] for u in service.status()["units"]] == before, "half an overwrite sends nothing"
    kept = [p for p in care.archive().rglob(name)]
    assert kept and kept[0].read_bytes() == data, "what was sent is still in the archive"


def test_a_newer_version_replaces_one_that_nobody_took(pair):
    hub, care, service = pair
    name, data = good(22)
    save(care.outbox(), {name: data})
    arrives_unread(service, CARE, {name: data})
    path = service.partner(service.inbox(), CARE) / name
    old_inode = os.stat(path).st_ino
    newer = data.replace(b"\r\n", b"\n") if b"\r\n" in data else data + b"\r\n"
    save(care.outbox(), {name: newer})
    wait_until(lambda: path.exists() and os.stat(path).st_ino != old_inode, "the newer version takes the place")
    assert os.stat(path).st_size == len(newer)
    assert os.listdir(service.inbox() / "_すべて") == [name]
    assert sorted(u["state"] for u in service.status()["units"] if u["direction"] == "in") == ["arrived", "superseded"]


def test_a_listing_or_the_tail_takes_nothing_and_a_shared_mapping_is_refused(pair):
    hub, care, service = pair
    name, data = good(23)
    save(care.outbox(), {name: data})
    arrives_unread(service, CARE, {name: data})
    path = service.partner(service.inbox(), CARE) / name
    os.listdir(path.parent)
    os.stat(path)
    with open(path, "rb", buffering=0) as f:
        f.seek(len(data) - 5)
        f.read()
    fd = os.open(path, os.O_RDONLY)
    assert errno_of(lambda: mmap.mmap(fd, len(data), mmap.MAP_SHARED, mmap.PROT_READ)) == "ENODEV"
    os.close(fd)
    time.sleep(0.5)
    assert service.state_of(name.split("_")[-1][:14], direction="in") == "arrived"
    assert path.read_bytes() == data
    wait_until(lambda: service.state_of(name.split("_")[-1][:14], direction="in") == "taken", "reading every byte takes it")
    assert path.exists(), "and leaves it there"


def test_logs_name_no_person_and_no_content(pair):
    hub, care, service = pair
    save(care.outbox(), sample(PLAN))
    arrives(service, CARE, sample(PLAN))
    persons = {"太郎"} | {field.decode("cp932", "ignore").strip('"') for data in sample(PLAN).values() for field in data.split(b",")
                              if len(field) > 8 and field.startswith(b'"')}
    for log in (hub.log, care.log, service.log):
        text = log.read_text(errors="replace")
        assert sequence_of(sample(PLAN)) in text or log == hub.log, f"{log.name} names the transfer files"
        for word in persons:
            assert word not in text, f"{log.name} holds {word}"
