"""The benchmarks behind tests/bench/run.sh: all in one run, rounds interleaved, medians and ratios."""
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from world import BUILD, CARE, SERVICE, World, free_port, sample, save, wait_until

ROUNDS = int(os.environ.get("CAREPLAN_BENCH_ROUNDS", "5"))
FILES = int(os.environ.get("CAREPLAN_BENCH_FILES", "400"))
WRITERS = (1, 8, 32)
work = Path(sys.argv[1])
number = 0  # sequence numbers never come twice


def result_of_20_kb():
    """A valid UPJSK of about 20 kB: the sample's first record for many invented persons."""
    (name, data), = sample("valid/c_result_202504_11_to_43").items()
    first = data.split(b"\r\n")[0].split(b",")
    rows, size = [], 0
    while size < 20_000:
        row = list(first)
        row[2] = b"%010d" % (100 + len(rows))
        rows.append(b",".join(row) + b"\r\n")
        size += len(rows[-1])
    path = work / name
    path.write_bytes(b"".join(rows))
    return path


def flushes():
    """How often the block device under `work` was asked to flush (Documentation/block/stat.rst, field 16)."""
    device = os.stat(work).st_dev
    path = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}")
    for place in (path / "stat", path.resolve().parent / "stat"):
        fields = place.read_text().split()
        if len(fields) >= 16 and int(fields[15]):
            return int(fields[15])
    return None


def close_rate(folder, how, writers, content):
    global number
    number += FILES
    out = subprocess.run([BUILD / "tests/bench/bench-close", str(folder), how, str(writers), str(FILES), str(content),
                          str(number)], capture_output=True, text=True, check=False)
    if out.returncode:
        raise SystemExit(f"bench-close {folder} {how}: {out.stderr}")
    return [float(x) for x in out.stdout.split()]


def start_sshfs(target):
    """sshfs over loopback with an sshd of its own."""
    for name in ("host_key", "user_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", work / name], check=True)
    shutil.copy(work / "user_key.pub", work / "authorized_keys")
    port = free_port()
    (work / "sshd.conf").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {work}/host_key\nAuthorizedKeysFile {work}/authorized_keys\n"
        f"PidFile {work}/sshd.pid\nStrictModes no\nUsePAM no\nPermitRootLogin yes\nSubsystem sftp internal-sftp\n")
    Path("/run/sshd").mkdir(exist_ok=True)
    subprocess.run(["/usr/sbin/sshd", "-f", work / "sshd.conf"], check=True)
    mountpoint = work / "sshfs"
    mountpoint.mkdir()
    subprocess.run(["sshfs", f"root@127.0.0.1:{target}", mountpoint, "-p", str(port), "-o",
                    f"IdentityFile={work}/user_key,StrictHostKeyChecking=no,UserKnownHostsFile={work}/known_hosts"], check=True)
    return mountpoint


def pss(pids):
    total = {}
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total[pid] = int(line.split()[1])
    return total


def median(values):
    return statistics.median(values)


def bench_close(mount, content):
    local = work / "local"
    local.mkdir()
    remote = work / "remote"
    remote.mkdir()
    sshfs = start_sshfs(remote)
    print(f"\nValidated, durable close() of {content.stat().st_size} bytes; {FILES} files a run, {ROUNDS} rounds, medians\n")
    print(f"{'writers':>7} | {'mount/s':>8} {'p50 ms':>7} {'p99 ms':>7} | {'fsync/s':>8} {'p50':>6} | {'sshfs/s':>8} |"
          f" {'mount/fsync':>11} {'(range)':>13} | {'mount/sshfs':>11}")
    aims = {1: 0.7, 8: 0.6, 32: 0.45}
    for writers in WRITERS:
        ours, ext4, ssh = [], [], []
        for _ in range(ROUNDS):
            before = flushes()
            ext4.append(close_rate(local, "fsync", writers, content))
            middle = flushes()
            ours.append(close_rate(mount.outbox(), "close", writers, content))
            after = flushes()
            ssh.append(close_rate(sshfs, "fsync", writers, content))
            if before is not None and not (middle > before and after > middle):
                raise SystemExit("no flush reached the block device: this disk lies, the figures mean nothing")
            for folder in (local, remote):
                for f in folder.iterdir():
                    f.unlink()
            for f in list(mount.outbox().iterdir()):
                if f.is_file():
                    f.unlink()
        rate = lambda runs: median([r[0] for r in runs])
        ratios = [a[0] / b[0] for a, b in zip(ours, ext4)]
        print(f"{writers:>7} | {rate(ours):8.0f} {median([r[1] for r in ours]):7.2f} {median([r[2] for r in ours]):7.2f} |"
              f" {rate(ext4):8.0f} {median([r[1] for r in ext4]):6.2f} | {rate(ssh):8.0f} | {median(ratios):6.2f} (≥{aims[writers]})"
              f" {min(ratios):6.2f}-{max(ratios):.2f} | {median([a[0] / b[0] for a, b in zip(ours, ssh)]):6.1f} (≥4)")
    if flushes() is None:
        print("(this block device counts no flushes: that fsyncs reach it was not seen)")


def bench_delivery(care, service, settle_ms):
    took = []
    for i in range(30):
        (name, data), = sample("valid/d_delete_month_plan").items()
        name = name.replace(name.split("_")[-1][:14], f"20260101{i // 60:02d}{i % 60:02d}00")
        target = service.partner(service.inbox(), CARE) / name
        save(care.outbox(), {name: data})
        before = time.monotonic()
        while not target.exists():
            if time.monotonic() - before > 30:
                raise SystemExit(f"{name} did not arrive")
            time.sleep(0.0005)
        target.read_bytes()
        took.append((time.monotonic() - before) * 1000 - settle_ms)
    print(f"\nclose() to readable in the partner's inbox on loopback, {settle_ms} ms settle time taken off: "
          f"median {median(took):.1f} ms, worst of {len(took)} {max(took):.1f} ms (aim: under 30 ms)")


def main():
    content = result_of_20_kb()
    world = World(base=work)
    try:
        hub = world.hub().start()
        # Saves are measured with nothing going out beside them; delivery with a short settle time.
        closer = world.mount("closer", "[outbox]\nsettle = 1h\n").enrol(hub, SERVICE).start()
        hub.add(CARE)
        token = hub.token(CARE)
        time.sleep(3)
        memory = pss(closer.pids())
        bench_close(closer, content)
        print(f"\nIdle memory of a mount, PSS: {sum(memory.values())} KiB over {len(memory)} processes "
              f"({', '.join(str(v) for v in memory.values())}); aim: at most 16384 KiB")
        closer.stop()
        # Both are enrolled before either looks: a key that changes later waits for a person.
        care = world.mount("care", "[outbox]\nsettle = 100ms\n").enrol(hub, CARE, token)
        service = world.mount("service").enrol(hub, SERVICE, hub.token(SERVICE)).start()
        care.start()
        wait_until(lambda: service.partner(service.inbox(), CARE) and care.partner(care.outbox(), SERVICE), "the directory", 60)
        time.sleep(2)
        bench_delivery(care, service, 100)
        care.stop()
        service.stop()
    finally:
        world.close()
    print("\nThe full check beside libcsv's bare parse and glibc's iconv (aim: at least half of libcsv or 300 MB/s)", flush=True)
    subprocess.run([shutil.which("sh"), "-c", f"exec $(find {BUILD} -name bench-check -type f | head -n 1)"], check=False)


main()
