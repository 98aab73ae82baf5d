"""careplanctl check: what it prints, in which language, and how it exits."""
import csv
import json
import os
import pty
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import jsonschema
import pytest

from world import SAMPLES, USER, program, run

LINE = re.compile(r"^(?P<file>.+?):(?P<line>\d+):(?P<column>\d+): (?P<severity>error|warning): (?P<message>.+) \[(?P<code>CP\d{4})\]$")
RESULT = "UPJSK_202504_0300000005_11_0300000100_43_20250502090000.CSV"
SCHEMA = json.loads((SAMPLES.parents[1] / "docs" / "schema" / "check.schema.json").read_text())


def check(*arguments, **options):
    return run(program("careplanctl"), "check", *arguments, check=False, **options)


def problems(done):
    return [LINE.match(line).groupdict() for line in done.stdout.splitlines()]


def answer(*arguments, **options):
    """What --format=json prints, valid by the schema."""
    done = check("--format=json", *arguments, **options)
    printed = json.loads(done.stdout)
    jsonschema.validate(printed, SCHEMA)
    return done, printed


def content():
    return (SAMPLES / "valid" / "c_result_202504_11_to_43" / RESULT).read_bytes()


def index():
    with open(SAMPLES / "broken" / "INDEX.tsv", encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE))


def folders(*groups):
    return sorted(p for group in groups for p in (SAMPLES / group).iterdir() if p.is_dir())


@pytest.fixture(scope="session")
def catalogue():
    rules = json.loads(run(program("careplanctl"), "rules", "--format=json").stdout)["rules"]
    return {r["code"]: r for r in rules}


@pytest.mark.parametrize("folder", folders("valid", "valid_202208"), ids=lambda p: p.name)
def test_valid_units_pass(folder):
    done = check(folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("folder", folders("early"), ids=lambda p: p.name)
def test_early_units_are_refused_for_their_version_alone(folder):
    done = check(folder)
    assert done.returncode == 1
    assert {(p["severity"], p["code"]) for p in problems(done)} == {("error", "CP1106")}, done.stdout


@pytest.mark.parametrize("row", index(), ids=lambda r: r["file"][:3])
def test_broken_units_end_as_the_index_says(row, catalogue):
    folder, name = row["file"].split("/")
    severity = "error" if row["basis"] == "standard" else "warning"
    done = check("--lang=ja", SAMPLES / "broken" / folder)
    wanted = severity, row["rule"], int(row["line"] or 0), int(row["column"] or 0)
    found = [(p["severity"], catalogue[p["code"]]["rule"], int(p["line"]), int(p["column"]))
             for p in problems(done) if p["file"].endswith(name)]
    assert wanted in found, f"expected {wanted}\n{done.stdout}"
    assert done.returncode == (1 if severity == "error" else 0), f"{row['basis']}:\n{done.stdout}"
    assert done.stderr == ""


def test_every_broken_sample_is_in_the_index():
    assert {p.name for p in folders("broken")} == {row["file"].split("/")[0] for row in index()}


def test_json_of_all_samples_is_valid_and_says_what_text_says():
    for folder in folders("valid", "valid_202208", "early", "broken"):
        text, (done, printed) = check("--lang=ja", folder), answer("--lang=ja", folder)
        assert done.returncode == text.returncode, folder
        assert [{**p, "line": str(p["line"]), "column": str(p["column"])} for p in printed["problems"]] == problems(text)
        assert printed["files"] == len([f for f in folder.iterdir()]) and printed["more"] == 0


def test_languages():
    file = next((SAMPLES / "broken" / "B14_code_not_in_list").glob("UP1KYO*"))
    assert "コード表" in check("--lang=ja", file).stdout
    assert "code list" in check("--lang=en", file).stdout
    assert "コード表" in check(file, env={**os.environ, "LC_ALL": "ja_JP.UTF-8"}).stdout
    assert "code list" in check(file, env={**os.environ, "LC_ALL": "C"}).stdout


def test_json():
    folder = SAMPLES / "broken" / "B03_gaiji"
    done, printed = answer("--lang=ja", folder)
    assert done.returncode == 1
    assert list(printed) == ["files", "problems", "more"] and printed["files"] == 3 and printed["more"] == 0
    (one,) = printed["problems"]
    assert list(one) == ["file", "line", "column", "severity", "code", "message"]
    assert (one["line"], one["column"], one["severity"], one["code"]) == (1, 6, "error", "CP1006")
    assert one["file"].startswith(str(folder)) and "F040" in one["message"]


def test_a_file_alone_has_no_unit_rules():
    plan = next((SAMPLES / "broken" / "B43_unit_incomplete").glob("UPPLAN*"))
    assert check(plan).returncode == 0
    assert check(plan.parent).returncode == 1


def test_standard_input_needs_a_name():
    assert check("--name", RESULT, "-", input=content(), text=False).returncode == 0
    cut = check("--name", RESULT, "-", input=content()[:-30], text=False)
    assert cut.returncode == 1 and cut.stdout.startswith(b"-:"), "problems of standard input stand at -"
    assert check("-", input=b"", text=False).returncode == 2
    assert check("--name", RESULT, "x.csv").returncode == 2


def test_warnings_alone_exit_0(tmp_path):
    (tmp_path / RESULT).write_bytes(content().replace(b",202504,0300000100,", b",202504,0300000109,"))
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


def test_a_document_that_is_named_is_not_said_to_be_unfit_to_send(tmp_path):
    (tmp_path / "photo.PDF").write_bytes(b"%PDF-1.7")
    done = check("--lang=en", tmp_path / "photo.PDF")
    assert done.returncode == 1 and len(problems(done)) == 1, done.stdout
    message = problems(done)[0]["message"]
    assert "documents are not judged here" in message and "sent" not in message, message


def test_the_configuration_rules(tmp_path):
    """[rules] of --config: the same severities as the mount's."""
    (tmp_path / RESULT).write_bytes(content().replace(b",202504,0300000100,", b",202504,0300000109,"))
    for severity, code, found in (("error", 1, ["error"]), ("off", 0, []), ("warning", 0, ["warning"])):
        (tmp_path / "careplan.conf").write_text(f"[rules]\nCP1126 = {severity}\n")
        done = check("--config", tmp_path / "careplan.conf", tmp_path / RESULT)
        assert (done.returncode, [p["severity"] for p in problems(done)]) == (code, found), severity
    (tmp_path / "careplan.conf").write_text("[rules]\nCP9999 = off\n")
    done = check("--config", tmp_path / "careplan.conf", tmp_path / RESULT)
    assert (done.returncode, done.stdout) == (2, "") and "careplan.conf:2" in done.stderr


def test_what_cannot_be_read_exits_2_and_the_rest_is_judged(tmp_path):
    os.mkfifo(tmp_path / RESULT)
    (tmp_path / "loop").symlink_to("loop")
    bad = next((SAMPLES / "broken" / "B14_code_not_in_list").glob("UP1KYO*"))
    for path in (tmp_path / "nothing", tmp_path / RESULT, tmp_path, tmp_path / "loop", "/dev/zero", "/dev/null", f"{bad}/", ""):
        done = check(path, bad, timeout=10)
        assert done.returncode == 2, path
        assert [p["code"] for p in problems(done)] == ["CP1034"], f"the file after {path!r} is judged"
        assert all(line.startswith(f"careplanctl check: {path}") for line in done.stderr.splitlines()), done.stderr
    assert len(check(tmp_path / "nothing").stderr.splitlines()) == 1
    assert len(check(tmp_path / "loop").stderr.splitlines()) == 1
    closed = run("/bin/sh", "-c", '"$@" <&-', "sh", program("careplanctl"), "check", "--name", RESULT, "-", check=False)
    assert closed.returncode == 2 and closed.stderr.startswith("careplanctl check: -: ")


def test_a_folder_with_what_cannot_be_read(tmp_path):
    """Rights, a pipe, a loop: each has its line, the other files are judged."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("CAREPLAN_TMP", "/var/tmp")) as folder:
        folder = Path(folder)
        folder.chmod(0o755)
        shutil.copy(SAMPLES / "broken" / "B40_result_of_other_office" / os.listdir(SAMPLES / "broken" / "B40_result_of_other_office")[0], folder)
        (folder / RESULT).write_bytes(content())
        (folder / RESULT).chmod(0)
        os.mkfifo(folder / RESULT.replace("090000", "090001"))
        (folder / RESULT.replace("090000", "090002")).symlink_to(RESULT.replace("090000", "090002"))
        done = check(folder, user=USER, timeout=10)
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 3 and "Permission denied" in done.stderr, done.stderr
        assert "20250401094000" in done.stdout


ODD = [b"\x1b[2J", b"a\nb", b"\r", b"\x7f", b"\xff\xfe", b"\xc2\x9b31m", b'"quoted"', b"back\\slash", "\u202egnp".encode(),
       "\u2028".encode(), b"\xe3\x81", "日本語".encode(), b"%s%n", b"'; ls"]


def test_odd_names_are_harmless(tmp_path):
    """Text stays one line a problem which no terminal obeys; JSON stays valid, and exact for names in UTF-8."""
    paths = [os.fsencode(tmp_path) + b"/" + RESULT[:-4].encode() + odd + b".CSV" for odd in ODD] + \
            [os.fsencode(tmp_path) + b"/" + odd + b".csv" for odd in ODD]
    for path in paths:
        Path(os.fsdecode(path)).write_bytes(b"x")
    text = check(tmp_path, text=False)
    assert text.returncode == 1 and text.stderr == b""
    lines = text.stdout.decode().splitlines()
    assert len(lines) == len(paths) and all(LINE.match(line) for line in lines), "one line a problem, UTF-8"
    assert not re.search("[\\x00-\\x1f\\x7f-\\x9f\\u2028-\\u202e]", "".join(lines))
    done = check("--format=json", tmp_path, text=False)
    assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", done.stdout)
    printed = json.loads(done.stdout.decode())
    jsonschema.validate(printed, SCHEMA)
    names = {p["file"] for p in printed["problems"]}
    for path in paths:
        try:
            assert path.decode() in names, path
        except UnicodeDecodeError:
            pass
    for path in paths:
        done = check(os.fsdecode(path), text=False)
        assert done.returncode == 1 and len(done.stdout.decode().splitlines()) == 1, path


def test_problems_beyond_a_thousand_are_counted_and_decide(tmp_path):
    """1,000 of a file are said, the rest counted; an error behind so many warnings is said all the same."""
    fields = content().split(b"\r\n")[0].split(b",")
    rows = [b",".join(fields[:2] + [b"%010d" % i] + fields[3:9] + [b"20250501"] + fields[10:]) for i in range(1201)]
    (tmp_path / RESULT).write_bytes(b"\r\n".join(rows) + b"\r\n")
    done = check(tmp_path / RESULT)
    assert (done.returncode, len(problems(done))) == (0, 1000), "warnings alone"
    assert f"{RESULT}: 201 more problems" in done.stderr
    (tmp_path / RESULT).write_bytes(b"\r\n".join(rows + [b"202407"]) + b"\r\n")
    done = check(tmp_path / RESULT)
    assert (done.returncode, len(problems(done))) == (1, 1001), "the error stands behind 1,000 warnings"
    assert ":1202:0: error: " in done.stdout
    done, printed = answer(tmp_path)
    assert (done.returncode, len(printed["problems"]), printed["more"], done.stderr) == (1, 1001, 201, "")


def test_a_unit_is_judged_by_its_users_and_the_rest_counted(tmp_path):
    """Users of a part that its main file lacks: said at the part's file and line, 1,000 of them, the rest counted."""
    number = "0300000200_46_0300000005_A2_20250401090000.CSV"
    def record(items, user):
        return b"202407,039999,%010d,20250401" % user + b"," * (items - 4)
    (tmp_path / f"UPYOBO_{number}").write_bytes(record(57, 7))
    (tmp_path / f"UPYOBO_SUB_{number}").write_bytes(b"\r\n".join(record(17, i) for i in range(1205)))
    rules = tmp_path / "rules.conf"
    rules.write_text("[rules]\nCP1031=off\n")
    done = check("--lang=en", f"--config={rules}", tmp_path)
    found = [(Path(p["file"]).name, p["code"]) for p in problems(done) if p["code"].startswith("CP13")]
    assert found == [(f"UPYOBO_SUB_{number}", "CP1311")] * 1000
    assert [p["line"] for p in problems(done) if p["code"] == "CP1311"][6:8] == ["7", "9"], "user 7 alone has a plan"
    assert f"UPYOBO_SUB_{number}: 204 more problems" in done.stderr and done.returncode == 1


def measured(*command):
    """Runs it; its result, its seconds and its largest size in KiB (of that process alone)."""
    script = ("import json, resource, subprocess, sys, time; t = time.monotonic();"
              "r = subprocess.run(sys.argv[1:], capture_output=True, text=True);"
              "print(json.dumps([r.returncode, r.stdout, r.stderr, time.monotonic() - t,"
              " resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss]))")
    return json.loads(run("/usr/bin/python3", "-c", script, *command).stdout)


@pytest.fixture(scope="module")
def many():
    """A folder of 10,000 small files, each a unit of its own."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("CAREPLAN_TMP", "/var/tmp")) as folder:
        (source,) = (SAMPLES / "valid" / "d_delete_month_plan").iterdir()
        data, head = source.read_bytes(), source.name[:-18]
        for i in range(10_000):
            (Path(folder) / f"{head}2025040{i // 3600 + 1}{i // 3600 + 10}{i // 60 % 60:02d}{i % 60:02d}.CSV").write_bytes(data)
        yield folder


@pytest.mark.unsanitized
def test_ten_thousand_files(many):
    code, out, err, seconds, kib = measured(program("careplanctl"), "check", many)
    print(f"10,000 files: {seconds:.2f} s, {kib} KiB")
    assert (code, out, err) == (0, "", "")
    assert kib < 32 * 1024, f"names and results of 10,000 files took {kib} KiB"


def on_terminal(*command, slowly=()):
    """Runs it with stderr on a terminal; exit status, stdout, what the terminal got, seconds. `slowly`: its input, in pieces."""
    master, slave = pty.openpty()
    before = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=slave)
    os.close(slave)
    for piece in slowly:
        process.stdin.write(piece)
        process.stdin.flush()
        time.sleep(0.05)
    process.stdin.close()
    shown = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:  # the terminal's other side is closed
            break
        if not piece:
            break
        shown += piece
    os.close(master)
    out = process.stdout.read()
    return process.wait(), out.decode(), shown.decode(), time.monotonic() - before


def pieces(n):
    data, size = content(), len(content()) // n + 1
    return [data[i:i + size] for i in range(0, len(data), size)]


def test_progress_on_a_terminal_only(many):
    """One line, rewritten at most ten times a second, gone at the end; then one word on how it ended."""
    code, out, shown, seconds = on_terminal(program("careplanctl"), "check", "--lang=en", many, "--name", RESULT, "-",
                                            slowly=pieces(20))
    *lines, last = shown.replace("\r\n", "\n").split("\r")
    assert (code, out) == (0, "")
    assert last == "\x1b[K10001 files, no problem\n", "the progress line is removed, and the end is said"
    assert lines[0] == "" and all(re.fullmatch(r"\d+ of 1000[01] files, \d+ MB\x1b\[K", line) for line in lines[1:]), lines
    assert 2 <= len(lines) - 1 <= seconds * 10 + 2
    code, out, shown, _ = on_terminal(program("careplanctl"), "check", "--lang=ja", "--format=json", "--name", RESULT, "-",
                                      slowly=pieces(10))
    assert json.loads(out)["files"] == 1 and "0／1ファイル" in shown and "問題" not in shown


def test_a_word_at_the_end_on_a_terminal():
    ends = {"valid/c_result_202504_11_to_43": "1 file, no problem", "broken/B03_gaiji": "3 files, 1 error, 0 warnings",
            "broken/B40_result_of_other_office": "1 file, 0 errors, 1 warning"}
    for folder, words in ends.items():
        _, _, shown, _ = on_terminal(program("careplanctl"), "check", "--lang=en", SAMPLES / folder)
        assert shown == words + "\r\n"
    _, _, shown, _ = on_terminal(program("careplanctl"), "check", "--lang=ja", SAMPLES / "valid/c_result_202504_11_to_43")
    assert shown == "1ファイル：問題ありません\r\n"
    code, _, shown, _ = on_terminal(program("careplanctl"), "check", SAMPLES / "nothing")
    assert code == 2 and "no problem" not in shown


@pytest.mark.unsanitized
def test_memory_does_not_grow_with_the_file(tmp_path):
    file = tmp_path / RESULT
    with open(file, "wb") as f:
        for _ in range(100_000_000 // len(content())):
            f.write(content())
    code, _, _, seconds, kib = measured(program("careplanctl"), "check", file)
    print(f"100 MB: {seconds:.2f} s, {kib} KiB")
    assert kib < 32 * 1024


@pytest.mark.unsanitized
def test_memory_does_not_grow_with_the_files_of_a_sequence_number(tmp_path):
    """Forty files of one sequence number with 20,000 users each: what a unit's judgement keeps is bounded, and said."""
    (plan,) = (SAMPLES / "valid" / "b_month_202504_43_to_11").glob("UPPLAN*")
    fields = plan.read_bytes().split(b"\r\n")[0].split(b",")
    data = tmp_path / "data"
    data.write_bytes(b"".join(b",".join(fields[:2] + [b"%010d" % i] + fields[3:]) + b"\r\n" for i in range(20_000)))
    folder = tmp_path / "unit"
    folder.mkdir()
    for i in range(40):
        kind = "".join(c.lower() if i >> bit & 1 else c for bit, c in enumerate("UPPLAN"))
        (folder / (kind + plan.name[6:])).symlink_to(data)
    code, out, err, seconds, kib = measured(program("careplanctl"), "check", folder)
    print(f"40 files of 20,000 users: {seconds:.2f} s, {kib} KiB")
    assert code == 2 and "was not compared with the other files of its sequence number" in err
    assert kib < 48 * 1024
