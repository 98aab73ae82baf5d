"""Tables of one's own: an invented next version, CSVバージョン 202604, as a folder of layouts."""
import errno
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from test_exchange import arrives
from world import CARE, program, run, sample, save

SOURCE = Path(__file__).resolve().parents[2] / "src" / "standard" / "layouts" / "202407"
MONTH = "valid/b_month_202504_43_to_11"
VERSIONS = ("version\tname_ja\tapplies_from\tapplies_until\treplaced_by\tservices_in_name\tpreventive\n"
            "202407\t第4.1版\t202504\t202603\t\tyes\tyes\n202604\t第5版\t202604\t\t\tyes\tyes\n")


@pytest.fixture
def layouts(tmp_path):
    """Version 202604: the month's three kinds, UPPLAN with one item more."""
    folder = tmp_path / "layouts"
    (folder / "202604").mkdir(parents=True)
    for kind in ("UPPLAN", "UPSIKYU", "UPHOSOKU"):
        text = (SOURCE / f"{kind}.tsv").read_text().replace("\t202407=第4.1版\t", "\t202604=第5版\t")
        if kind == "UPPLAN":
            text += "26\t備考\tmemo\ttext\t-\tno\t\t\n"
        (folder / "202604" / f"{kind}.tsv").write_text(text)
    (folder / "versions.tsv").write_text(VERSIONS)
    (folder / "README.txt").write_text("what lies beside the tables is not looked at")
    return folder


def next_month():
    """The sample's month as one of the invented version."""
    files = {}
    for name, data in sample(MONTH).items():
        data = data.replace(b"202407,", b"202604,").replace(b"202504", b"202604")
        if name.startswith("UPPLAN"):
            data = data.replace(b"\r\n", b',"\x94\xf5\x8d\x6c"\r\n')
        files[name.replace("202504", "202604").replace("_2025", "_2026")] = data
    return files


def check(*arguments):
    return run(program("careplanctl"), "check", "--lang=en", *arguments, check=False)


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "files"
    path.mkdir()
    save(path, next_month())
    return path


def test_check_knows_the_version_by_its_tables_only(layouts, folder, tmp_path):
    done = check("--layouts", layouts, folder)
    assert (done.returncode, done.stdout) == (0, ""), f"expected no problem:\n{done.stdout}{done.stderr}"
    config = tmp_path / "careplan.conf"
    config.write_text(f"[standard]\nlayouts = {layouts}\n")
    assert check("--config", config, folder).returncode == 0
    done = check(folder)
    assert done.returncode == 1 and done.stdout.count("[CP1101]") == 3, f"expected an unknown version:\n{done.stdout}"


def test_the_version_ends_where_the_next_begins(layouts, tmp_path):
    files = {name.replace("202504", "202604"): data.replace(b"202504", b"202604") for name, data in sample(MONTH).items()}
    save(tmp_path, files)
    done = check("--layouts", layouts, *(tmp_path / name for name in files))
    assert done.stdout.count("[CP1106]") == 3 and "that month is of version 202604" in done.stdout, done.stdout
    assert check(*(tmp_path / name for name in files)).returncode == 0


@pytest.mark.parametrize("edit, line, reason", [
    (("\tymd\t8\t", "\tdate\t8\t"), 5, "unknown type 'date'"),
    (("\n10\t", "\n11\t"), 11, "no is '11', expected 10"),
    (("\tyes\t\t", "\tyes\t"), 3, "7 cells, expected 8"),
    (("備考", "備考\udc95"), 27, "is not UTF-8 (byte 95); save it as UTF-8"),
])
def test_a_bad_table_is_refused_with_line_and_reason(layouts, folder, tmp_path, edit, line, reason):
    table = layouts / "202604" / "UPPLAN.tsv"
    table.write_bytes(table.read_text().replace(*edit, 1).encode(errors="surrogateescape"))
    config = tmp_path / "careplan.conf"
    config.write_text(f"[standard]\nlayouts = {layouts}\n")
    mountpoint = tmp_path / "mnt"
    mountpoint.mkdir()
    daemon = subprocess.run([program("careplanfs"), "-f", "--config", config, mountpoint], capture_output=True, text=True, timeout=60)
    for done in (check("--layouts", layouts, folder), check("--config", config, folder), daemon):
        assert done.returncode == 2, f"expected 2:\n{done.stdout}{done.stderr}"
        assert done.stderr.count("\n") == 1 and f"{table}:{line}: {reason}" in done.stderr, done.stderr
        assert "; do: " in done.stderr, done.stderr
    doctor = run(program("careplanctl"), "doctor", "--config", config, check=False)
    assert f"error: layouts: {table}:{line}: {reason}" in doctor.stdout, doctor.stdout


def test_a_folder_without_tables_and_a_name_that_is_none_are_refused(layouts, folder, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    for path, reason in ((empty, "holds no table"), (tmp_path / "nowhere", "No such file or directory")):
        done = check("--layouts", path, folder)
        assert done.returncode == 2 and reason in done.stderr, done.stderr
    (layouts / "version.tsv").write_text(VERSIONS)
    done = check("--layouts", layouts, folder)
    assert done.returncode == 2 and "version.tsv: is no table of the standard" in done.stderr, done.stderr
    shutil.move(layouts / "version.tsv", layouts / "rules.tsv")
    done = check("--layouts", layouts, folder)
    assert done.returncode == 2 and "cannot be replaced" in done.stderr, done.stderr


def test_offices_exchange_files_of_the_next_version_when_both_have_its_tables(world, layouts):
    hub, care, service = world.pair(f"[standard]\nlayouts = {layouts}\n")
    files = next_month()
    save(care.outbox(), files)
    arrives(service, CARE, files)
    assert "第6表" in (service.mountpoint / "送受信状況.html").read_text(encoding="utf-8")
    care.stop()
    care.config.write_text(care.config.read_text().replace(f"layouts = {layouts}\n", ""))
    care.start()
    name = next(n for n in files if n.startswith("UPPLAN"))
    with pytest.raises(OSError) as refused:
        save(care.outbox(), {name.replace("2000.CSV", "2001.CSV"): files[name]})
    assert refused.value.errno == errno.EINVAL
    report, = (n for n in os.listdir(care.outbox()) if n.endswith(".エラー.txt"))
    assert "CSVバージョン「202604」は正しくありません" in (care.outbox() / report).read_text("utf-8-sig")
