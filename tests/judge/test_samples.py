"""The judge alone against the samples: it must end each as the index says before it may judge anything else."""
import csv

import pytest

from facts import TREE, changed_tables
from judge import judge_unit, rejects

SAMPLES = TREE / "tests" / "samples"


def read(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def folders(group):
    return sorted(p for p in (SAMPLES / group).iterdir() if p.is_dir())


def index():
    with open(SAMPLES / "broken" / "INDEX.tsv", encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE))


def test_tables_are_those_the_judge_was_written_for():
    assert changed_tables() == [], "tables of the standard changed: read the judge again, then pin them anew (facts.sha256)"


@pytest.mark.parametrize("folder", folders("valid") + folders("valid_202208"), ids=lambda p: p.name)
def test_valid_units_are_clean(folder):
    assert judge_unit(read(folder)) == [], "nothing to say of a valid unit"


@pytest.mark.parametrize("folder", folders("early"), ids=lambda p: p.name)
def test_early_units_fail_by_their_version_only(folder):
    found = judge_unit(read(folder))
    assert {p.rule for p in found} == {"version_month"}
    assert rejects(found)


@pytest.mark.parametrize("row", index(), ids=lambda r: r["file"][:3])
def test_broken_units_end_as_the_index_says(row):
    folder, name = row["file"].split("/")
    found = judge_unit(read(SAMPLES / "broken" / folder))
    severity = "error" if row["basis"] == "standard" else "warning"
    wanted = severity, row["rule"], int(row["line"] or 0), int(row["column"] or 0)
    there = [(p.severity, p.rule, p.line, p.column) for p in found if name in ("", p.file)]
    assert wanted in there, f"expected {wanted}, found {found}"
    assert rejects(found) == (severity == "error"), f"{row['basis']}: {found}"


def test_every_broken_sample_is_in_the_index():
    assert {p.name for p in folders("broken")} == {row["file"].split("/")[0] for row in index()}
