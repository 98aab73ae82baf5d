"""The program and the second judge over random units, good and spoilt: both must accept, or both reject.

Only what the standard decides is drawn. Left out, because nothing is said of it or the facts call it open: NUL in a text,
lower case in names, more than one unit under a 連番.
"""
import json
import os
import random
import subprocess
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import mutate_rules  # these two fill the list of mutators
import mutate_units
from facts import layout
from judge import judge_unit, rejects, undecided
from make import SHAPES, make
from mutate import MUTATORS

BUILD = Path(os.environ.get("CAREPLAN_BUILD", "/nonexistent"))
BATCH = 60  # units a folder
BATCHES = int(os.environ.get("CAREPLAN_JUDGE_BATCHES", "70"))
FILES = 10_000 * BATCHES // 70
CHOICES = st.lists(st.tuples(st.integers(0, 2**64 - 1), st.sampled_from(range(20)),
                             st.lists(st.sampled_from(MUTATORS), min_size=3, max_size=3)), min_size=BATCH, max_size=BATCH)

assert {mutate_rules.__name__, mutate_units.__name__} < {m.__module__ for m in MUTATORS}


def workable(unit):
    """Another fault can be put in: there are records, and every one has all its items."""
    return bool(unit.files) and all(records and all(len(r) == len(layout(unit.version, kind)) for r in records)
                                    for kind, records in unit.files.items())


def draw(batch, number, seed, kind, mutators):
    """A unit and what was done to it: of twenty one is left good, fifteen get one fault, four two or three."""
    rng = random.Random("%d %d %d" % (batch, number, seed))  # hypothesis likes small seeds, and the same ones again
    faults = mutators[:0 if kind == 0 else 1 if kind < 16 else 2 if kind < 18 else 3]
    while True:
        unit, done = make(rng.choice(sorted(SHAPES)), rng.getrandbits(60), number), []
        for mutator in faults:
            said = mutator(unit) if workable(unit) else None
            if said:
                done.append((mutator.__name__, said))
            elif not done:
                break  # the first does not fit this unit: another one
        if done or not faults:
            return unit.rendered(), done


def write(folder, units):
    owner = {}
    for number, (files, _) in units.items():
        for name, data in files.items():
            assert name not in owner, f"two units of one folder hold {name}"
            owner[name] = number
            Path(folder, name).write_bytes(data)
    return owner


def program(units):
    """What the program says, by unit: problems of all units of one folder."""
    with tempfile.TemporaryDirectory(prefix="careplan-judge-") as folder:
        owner = write(folder, units)
        done = subprocess.run([BUILD / "src/ctl/careplanctl", "check", "--format=json", "--lang=en", folder],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    assert done.returncode in (0, 1), f"exit {done.returncode}: {done.stderr.decode()}"
    answer = json.loads(done.stdout)
    assert answer["files"] == len(owner), "the program judges every file"
    if answer["more"] and len(units) > 1:  # the list was cut: ask again for fewer
        half = sorted(units)[:len(units) // 2]
        return {**program({n: units[n] for n in half}), **program({n: units[n] for n in units if n not in half})}
    said = {number: [] for number in units}
    for problem in answer["problems"]:
        said[owner[Path(problem["file"]).name]].append(problem)
    return said


def why(mine, theirs):
    """What disagreements are gathered under: the rules that only one of them finds broken."""
    rules = sorted({p.rule for p in mine if p.severity == "error"})
    codes = sorted({p["code"] for p in theirs if p["severity"] == "error"})
    return "only the judge rejects: " + " ".join(rules) if rules else "only the program rejects: " + " ".join(codes)


def places(errors):
    """Files at fault, and lines; a problem of a whole file has line 0."""
    errors = list(errors)
    return {file for file, _ in errors}, set(errors)


def same_places(mine, theirs):
    """How well both agree on where a rejected unit is wrong. They need not: the program says some things once a file or user and
    the judge in every record, and what cannot be read at all each reads in its own way."""
    judge = places((p.file, p.line) for p in mine if p.severity == "error")
    program_ = places((Path(p["file"]).name, p["line"]) for p in theirs if p["severity"] == "error")
    return Counter(both=1, same_files=judge[0] == program_[0], same_lines=judge[1] == program_[1])


def words(files, done, mine, theirs):
    """One disagreement in full: what was done, both verdicts, the files that either blames."""
    errors = [p for p in mine if p.severity == "error"]
    said = [p for p in theirs if p["severity"] == "error"]
    blamed = sorted({p.file for p in errors} | {Path(p["file"]).name for p in said})[:2]
    lines = ["- " + "; ".join(text for _, text in done)]
    lines += ["  judge:   %s" % ([tuple(p) for p in errors[:3]] or "accepts")]
    lines += ["  program: %s" % ([(p["line"], p["column"], p["code"], p["message"]) for p in said[:3]] or "accepts")]
    for name in blamed:
        lines.append("  %s: %r" % (name, files[name][:1500].decode("cp932", "backslashreplace")))
    return "\n".join(lines)


def test_program_and_judge_agree(capsys):
    assert (BUILD / "src/ctl/careplanctl").exists(), f"careplanctl is not built in {BUILD}; set CAREPLAN_BUILD"
    count, apart, distinct = Counter(), defaultdict(list), set()

    @settings(max_examples=BATCHES, derandomize=True, database=None, deadline=None, phases=(Phase.generate,),
              suppress_health_check=list(HealthCheck))
    @given(CHOICES)
    def compare(choices):
        batch = count["batches"]
        count["batches"] += 1
        units = {n: draw(batch, n, *choice) for n, choice in enumerate(choices)}
        said = program(units)
        for number, (files, done) in units.items():
            mine, theirs = judge_unit(files), said[number]
            if undecided(mine):
                count.update(undecided=1)
                continue
            verdicts = rejects(mine), any(p["severity"] == "error" for p in theirs)
            count.update(units=1, files=len(files), mutated=bool(done), judge=verdicts[0], program=verdicts[1])
            if all(verdicts):
                count.update(same_places(mine, theirs))
            distinct.add(hash(tuple(sorted(files.items()))))
            if verdicts[0] != verdicts[1]:
                apart[why(mine, theirs)].append(words(files, done, mine, theirs))

    compare()
    with capsys.disabled():
        print("\n%(files)d files in %(units)d units, %(mutated)d of these mutated; rejected: %(judge)d by the judge, "
              "%(program)d by the program, %(same_files)d for the same files and %(same_lines)d for the same lines" % count, end=" ")
    assert count["undecided"] < count["units"] / 100, "hardly a unit is left out because its encoding cannot be told"
    assert count["files"] >= FILES, "enough files were compared"
    assert len(distinct) > 0.9 * count["units"], "the units differ from one another"
    assert 0.2 < count["judge"] / count["units"] < 0.9, "good and bad units are both well in sight"
    assert count["same_files"] > 0.9 * count["both"], "both blame the same files of a rejected unit"
    assert count["same_lines"] > 0.75 * count["both"], "both blame the same lines"
    report = ["%d disagreements:" % sum(map(len, apart.values()))]
    for name, found in sorted(apart.items(), key=lambda e: -len(e[1])):
        report += ["== %s: %d" % (name, len(found))] + found[:2]
    if apart:
        pytest.fail("\n".join(report), pytrace=False)
