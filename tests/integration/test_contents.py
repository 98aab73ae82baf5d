"""What goes is what stands there and was judged: also with a full disk, and for what was half closed."""
import errno
import json
import os
import pwd
import subprocess
import time

import pytest

from world import CARE, SERVICE, USER, is_mounted, program, renumber, run, sample, save, wait_until

OPTIONS = "[outbox]\nsettle = 500ms\nlinger = 1h\n"


def good(sequence):
    (name, data), = renumber(sample("valid/d_delete_month_plan"), sequence).items()
    return name, data


@pytest.fixture
def small_disk(world):
    """An office whose state lies on a disk of 24 MB, and its partner."""
    hub = world.hub().start()
    care = world.mount("care", OPTIONS).enrol(hub, CARE)
    service = world.mount("service").enrol(hub, SERVICE)
    state, copy, owner = care.state(), world.dir / "copy", pwd.getpwnam(USER)
    subprocess.check_call(["cp", "-a", str(state), str(copy)])
    subprocess.check_call(["mount", "-t", "tmpfs", "-o", f"size=24m,mode=700,uid={owner.pw_uid},gid={owner.pw_gid}",
                           "tmpfs", str(state)])
    try:
        subprocess.check_call(["cp", "-a", f"{copy}/.", str(state)])
        care.start()
        service.start()
        wait_until(lambda: care.partner(care.outbox(), SERVICE), "the directory arrives", 60)
        yield care, service
    finally:
        for mount in world.mounts:
            if mount.process:
                mount.kill()
            while is_mounted(mount.mountpoint):
                subprocess.run(["umount", "-l", str(mount.mountpoint)])
        subprocess.run(["umount", "-l", str(state)])


def fill(state, left):
    free = os.statvfs(state)
    with open(state / "filler", "wb") as f:
        f.write(b"x" * (free.f_bavail * free.f_frsize - left))


def test_a_rename_that_finds_no_room_renames_nothing_and_sends_nothing(small_disk):
    care, service = small_disk
    sequence = "20250501000030"
    name, data = good(sequence)
    scratch, content = care.outbox() / "x.tmp", data * 25000
    fd = os.open(scratch, os.O_RDWR | os.O_CREAT)
    os.write(fd, b"GARBAGE-HALF")
    os.fsync(fd)  # the ledger has this
    os.pwrite(fd, content, 0)
    os.close(fd)
    time.sleep(3)  # the ledger's idle work is done
    fill(care.state(), 300 * 1024)
    with pytest.raises(OSError) as refused:
        os.rename(scratch, care.outbox() / name)
    assert refused.value.errno == errno.ENOSPC
    os.unlink(care.state() / "filler")
    assert scratch.read_bytes() == content and not (care.outbox() / name).exists()
    time.sleep(2)
    assert care.unit(sequence) is None, "nothing was begun"
    os.rename(scratch, care.outbox() / name)
    wait_until(lambda: name in service.names(CARE), "it goes when there is room")
    assert service.received(CARE)[name] == content


@pytest.mark.unsanitized
def test_a_save_that_found_no_room_is_tried_again(small_disk):
    care, service = small_disk
    sequence = "20250501000031"
    name, data = good(sequence)
    content = data * 25000
    time.sleep(3)
    fill(care.state(), 300 * 1024)
    with pytest.raises(OSError) as refused:
        with open(care.outbox() / name, "wb", buffering=0) as f:
            f.write(content)
    assert refused.value.errno == errno.ENOSPC
    time.sleep(2)  # its release has tried, too
    os.unlink(care.state() / "filler")
    assert (care.outbox() / name).read_bytes() == content
    wait_until(lambda: name in service.names(CARE), "it goes a minute later", 90)
    assert service.received(CARE)[name] == content


def test_an_emptied_file_is_rejected_and_its_old_content_does_not_go(world):
    hub, care, service = world.pair("[outbox]\nsettle = 1500ms\nlinger = 1h\n")
    sequence = "20250501000051"
    name, data = good(sequence)
    save(care.outbox(), {name: data})
    fd = os.open(care.outbox() / name, os.O_WRONLY | os.O_TRUNC)
    os.fsync(fd)
    os.close(fd)
    wait_until(lambda: care.state_of(sequence) == "rejected", "it is judged as empty")
    assert (care.outbox() / (name + ".エラー.txt")).exists()
    assert not service.names(CARE)


def test_a_size_changed_and_back_sends_the_content(world):
    hub, care, service = world.pair(OPTIONS)
    name, data = good("20250501000052")
    save(care.outbox(), {name: data})
    fd = os.open(care.outbox() / name, os.O_RDWR)
    os.ftruncate(fd, len(data) + 10)
    os.ftruncate(fd, len(data))
    os.fsync(fd)
    os.close(fd)
    wait_until(lambda: name in service.names(CARE), "it goes")
    assert service.received(CARE)[name] == data


def test_an_older_version_is_not_sent_again_over_the_newer_one(world):
    hub, care, service = world.pair(OPTIONS)
    sequence = "20250501000055"
    name, data = good(sequence)
    inbox = lambda: service.partner(service.inbox(), CARE) / name
    save(care.outbox(), {name: data})
    wait_until(lambda: care.state_of(sequence) in ("sent", "received"), "the first goes")
    first = care.unit(sequence)["message"]
    save(care.outbox(), {name: data + data})
    wait_until(lambda: name in service.names(CARE) and inbox().stat().st_size == 2 * len(data), "the second goes")
    done = run(program("careplanctl"), "resend", "--config", care.config, first, check=False)
    assert done.returncode != 0 and "newer version" in done.stderr
    time.sleep(1)
    assert inbox().stat().st_size == 2 * len(data)


def test_the_same_name_in_two_places_goes_once(world):
    hub, care, service = world.pair("[outbox]\nsettle = 1500ms\nlinger = 1h\n")
    name, data = good("20250501000056")
    folder = care.partner(care.outbox(), SERVICE)
    save(care.outbox(), {name: data})
    with pytest.raises(OSError) as refused:
        with open(folder / name, "wb", buffering=0) as f:
            f.write(data + data)
    assert refused.value.errno == errno.EINVAL
    report = (folder / (name + ".エラー.txt")).read_text(encoding="utf-8-sig")
    assert "「outbox」" in report
    os.unlink(folder / name)
    wait_until(lambda: name in service.names(CARE), "the first goes though the second was deleted")
    assert service.received(CARE)[name] == data


def test_a_rename_that_meets_the_last_release_is_judged(world):
    """The kernel waits for no RELEASE: write, close and rename at once, and the release may come within the rename."""
    hub = world.hub().start()
    care = world.mount("care", "[outbox]\nsettle = 1h\n").enrol(hub, CARE)
    hub.add(SERVICE)
    world.mount("service").enrol(hub, SERVICE, hub.token(SERVICE))
    care.start()
    wait_until(lambda: care.partner(care.outbox(), SERVICE), "the directory arrives")
    (name, data), = sample("valid/d_delete_month_plan").items()
    names = [next(iter(renumber({name: data}, f"20250601{i // 3600:02d}{i // 60 % 60:02d}{i % 60:02d}"))) for i in range(2000)]
    for n in names:
        (care.outbox() / "export.tmp").write_bytes(data)
        os.rename(care.outbox() / "export.tmp", care.outbox() / n)

    def unjudged():
        text = run(program("careplanctl"), "status", "--config", care.config, "--json", "--limit", "100000").stdout
        return set(names) - {f for u in json.loads(text)["offices"][0]["units"] for f in u["files"]}

    wait_until(lambda: not unjudged(), "every one of 2,000 saves by rename has a unit")
