"""careplanctl check: what it prints, in which language, and how it exits."""
import csv
import json
import os
import re
import shutil

import pytest

from world import SAMPLES, program, run

LINE = re.compile(r"^(?P<file>.+?):(?P<line>\d+):(?P<column>\d+): (?P<severity>error|warning): (?P<message>.+) \[(?P<code>CP\d{4})\]$")
RESULT = "UPJSK_202504_0300000005_11_0300000100_43_20250502090000.CSV"
WAITS = {"B45", "B47", "B48", "B51", "B52", "B57", "B61"}  # rules of the next issue


def check(*arguments, **options):
    return run(program("careplanctl"), "check", *arguments, check=False, **options)


def problems(done):
    return [LINE.match(line).groupdict() for line in done.stdout.splitlines()]


def broken():
    with open(SAMPLES / "broken" / "INDEX.tsv", encoding="utf-8", newline="") as f:
        return [row for row in csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE)]


@pytest.mark.parametrize("folder", sorted(p for group in ("valid", "valid_202208") for p in (SAMPLES / group).iterdir()),
                         ids=lambda p: p.name)
def test_valid_units_pass(folder):
    done = check(folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("row", [r for r in broken() if r["file"][:3] not in WAITS], ids=lambda r: r["file"][:3])
def test_broken_units_are_refused_at_their_place(row):
    """What the standard states is an error; what is only derived is a warning, and the unit passes."""
    folder, name = row["file"].split("/")
    severity = {"standard": "error", "derived": "warning"}[row["basis"]]
    done = check("--lang=ja", SAMPLES / "broken" / folder)
    assert done.returncode == (1 if severity == "error" else 0), done.stdout
    place = (int(row["line"] or 0), int(row["column"] or 0))
    found = [(int(p["line"]), int(p["column"])) for p in problems(done) if p["severity"] == severity and p["file"].endswith(name)]
    assert place in found, done.stdout


def test_languages():
    file = next((SAMPLES / "broken" / "B14_code_not_in_list").glob("UP1KYO*"))
    assert "コード表" in check("--lang=ja", file).stdout
    assert "code list" in check("--lang=en", file).stdout
    assert "コード表" in check(file, env={**os.environ, "LC_ALL": "ja_JP.UTF-8"}).stdout
    assert "code list" in check(file, env={**os.environ, "LC_ALL": "C"}).stdout


def test_json():
    folder = SAMPLES / "broken" / "B03_gaiji"
    done = check("--format=json", "--lang=ja", folder)
    answer = json.loads(done.stdout)
    assert done.returncode == 1
    assert list(answer) == ["files", "problems", "more"] and answer["files"] == 3 and answer["more"] == 0
    (one,) = answer["problems"]
    assert list(one) == ["file", "line", "column", "severity", "code", "message"]
    assert (one["line"], one["column"], one["severity"], one["code"]) == (1, 6, "error", "CP1006")
    assert one["file"].startswith(str(folder)) and "F040" in one["message"]


def test_a_file_alone_has_no_unit_rules():
    plan = next((SAMPLES / "broken" / "B43_unit_incomplete").glob("UPPLAN*"))
    assert check(plan).returncode == 0
    assert check(plan.parent).returncode == 1


def test_standard_input_needs_a_name():
    content = (SAMPLES / "valid" / "c_result_202504_11_to_43" / RESULT).read_bytes()
    assert check("--name", RESULT, "-", input=content, text=False).returncode == 0
    assert check("--name", RESULT, "-", input=content[:-30], text=False).returncode == 1
    assert check("-", input=b"", text=False).returncode == 2
    assert check("--name", RESULT, "x.csv").returncode == 2


def test_warnings_alone_exit_0(tmp_path):
    content = (SAMPLES / "valid" / "c_result_202504_11_to_43" / RESULT).read_bytes()
    (tmp_path / RESULT).write_bytes(content.replace(b",202504,0300000100,", b",202504,0300000109,"))
    done = check(tmp_path)
    assert done.returncode == 0
    assert [p["severity"] for p in problems(done)] == ["warning"]


def test_a_folder_with_folders_is_said_and_judged_without_them(tmp_path):
    shutil.copytree(SAMPLES / "valid" / "c_result_202504_11_to_43", tmp_path / "unit")
    done = check(tmp_path)
    assert done.returncode == 2 and "unit: is a folder inside and was not judged" in done.stderr
    shutil.copy(tmp_path / "unit" / RESULT, tmp_path)
    (tmp_path / "notes.txt").write_text("x")
    done = check(tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    assert "notes.txt: is no transfer file" in done.stderr and "unit: is a folder" in done.stderr


def test_what_cannot_be_read_exits_2(tmp_path):
    os.mkfifo(tmp_path / RESULT)
    for path in (tmp_path / "nothing", tmp_path / RESULT, tmp_path, "/dev/zero"):
        done = check(path, timeout=10)
        assert done.returncode == 2 and done.stderr, path


def test_names_that_a_terminal_would_obey_are_harmless(tmp_path):
    evil = tmp_path / "UPJSK_202504_0300000005_11_0300000100_43_20250502090000\x1b[2J.CSV"
    evil.write_bytes(b"x")
    for arguments in ([evil], ["--format=json", evil], [tmp_path]):
        done = check(*arguments)
        assert done.returncode == 1 and "\x1b" not in done.stdout + done.stderr


@pytest.mark.unsanitized
def test_memory_does_not_grow_with_the_file(tmp_path):
    file = tmp_path / RESULT
    content = (SAMPLES / "valid" / "c_result_202504_11_to_43" / RESULT).read_bytes()
    with open(file, "wb") as f:
        for _ in range(100_000_000 // len(content)):
            f.write(content)
    done = run("/usr/bin/python3", "-c", "import resource, subprocess, sys; r = subprocess.run(sys.argv[1:]);"
               "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(r.returncode)",
               program("careplanctl"), "check", file)
    assert int(done.stdout) < 32 * 1024
