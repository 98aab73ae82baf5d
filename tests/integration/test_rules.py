"""careplanctl rules: the catalogue as a list, whole rules, JSON and the page docs/rules.md."""
import json
import os
import re
import unicodedata

import jsonschema

from world import SAMPLES, program, run

DOCS = SAMPLES.parents[1] / "docs"
SCHEMA = json.loads((DOCS / "schema" / "rules.schema.json").read_text())


def rules(*arguments, check=True, **options):
    return run(program("careplanctl"), "rules", *arguments, check=check, **options)


def catalogue(*arguments):
    printed = json.loads(rules("--format=json", *arguments).stdout)
    jsonschema.validate(printed, SCHEMA)
    return printed["rules"]


def configuration(tmp_path, text):
    path = tmp_path / "careplan.conf"
    path.write_text(text)
    return path


def width(text):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def test_the_list_has_every_rule_sorted():
    lines = rules("--lang=en").stdout.splitlines()
    codes = [line.split()[0] for line in lines]
    assert codes == sorted(set(codes)) == [r["code"] for r in catalogue()]
    assert all(re.match(r"CP\d{4}  (error|warning) +\S", line) for line in lines)
    assert "{" not in "".join(lines), "placeholders are words"


def test_the_language_is_the_locales_or_the_options():
    assert "ITEM is empty; it is required." in rules(env={**os.environ, "LC_ALL": "C"}).stdout
    assert "「○○」が空です。必須項目です。" in rules(env={**os.environ, "LC_ALL": "ja_JP.UTF-8"}).stdout
    assert "「○○」が空です。必須項目です。" in rules("--lang=ja", env={**os.environ, "LC_ALL": "C"}).stdout


def test_columns_stand_below_each_other_also_in_japanese(tmp_path):
    config = configuration(tmp_path, "[rules]\nCP1042 = warning\nCP1053 = off\n")
    for lang in ("ja", "en"):
        lines = rules("--lang", lang, "--config", config).stdout.splitlines()
        starts = {width(re.match(r"CP\d{4}  \S+(?: \(\S+\))? +", line).group()) for line in lines}
        assert len(starts) == 1, f"messages begin in columns {starts}"


def test_one_rule_whole():
    text = rules("--lang=en", "cp1042", "CP3001").stdout
    for words in ("CP1042  length\n", '"X" of ITEM has Y characters; it must have Z.', "Correct it to Z characters and export again.", "標準仕様 別紙 項目長",
                  "error, by the catalogue", "[rules] CP1042 = error|warning|off", "CP3001  unknown_name\n", "it is fixed"):
        assert words in text, f"{words!r} is missing in\n{text}"


def test_the_ruling_in_force_and_where_it_comes_from(tmp_path):
    config = configuration(tmp_path, "[rules]\nCP1042 = warning\nCP1053 = off\nCP1031 = error\n")
    assert f"warning, by [rules] of {config} (catalogue: error)" in rules("--lang=en", "--config", config, "CP1042").stdout
    assert f"error, by [rules] of {config} (catalogue: error)" in rules("--lang=en", "--config", config, "CP1031").stdout
    assert "error, by the catalogue" in rules("--lang=en", "--config", config, "CP1034").stdout
    lines = {line[:6]: line for line in rules("--lang=en", "--config", config).stdout.splitlines()}
    assert "  warning (error)  " in lines["CP1042"] and "  off (error)  " in lines["CP1053"]
    assert "(" not in lines["CP1031"].split("  ")[1]
    found = {r["code"]: (r["severity"], r["catalogue_severity"], r["severity_from"]) for r in catalogue("--config", config)}
    assert found["CP1042"] == ("warning", "error", "config") and found["CP1053"] == ("off", "error", "config")
    assert found["CP1031"] == ("error", "error", "config") and found["CP1034"] == ("error", "error", "catalogue")


def test_a_configuration_that_is_wrong_is_refused(tmp_path):
    fixed = next(r["code"] for r in catalogue() if r["fixed"])
    for line in ("CP9999 = off", f"{fixed} = off", "CP1042 = loud"):
        done = rules("--config", configuration(tmp_path, f"[rules]\n{line}\n"), check=False)
        assert (done.returncode, done.stdout) == (2, "") and "careplan.conf:2" in done.stderr, line
    assert rules("--config", tmp_path / "nothing", check=False).returncode == 2


def test_an_unknown_code_is_said_and_the_others_are_shown():
    done = rules("--lang=en", "CP9999", "CP1042", check=False)
    assert done.returncode == 1 and done.stdout.startswith("CP1042")
    assert done.stderr == "careplanctl rules: CP9999: there is no such rule; do: careplanctl rules lists all [unknown-rule]\n"
    done = rules("--format=json", "CP1042\x1b[2J", check=False)
    assert (done.returncode, json.loads(done.stdout)) == (1, {"rules": []}) and "\x1b" not in done.stderr


def test_wrong_options():
    for arguments in (["--format=xml"], ["--lang=fr"], ["--format=markdown", "CP1042"], ["--format=markdown", "--config", "x"]):
        assert rules(*arguments, check=False).returncode == 2, arguments


def test_the_page_in_the_tree_is_the_programs():
    page = rules("--format=markdown").stdout
    assert (DOCS / "rules.md").read_text() == page, \
        "docs/rules.md is not what the table says; make it anew: BUILD/src/ctl/careplanctl rules --format=markdown > docs/rules.md"


def test_the_page_has_every_rule_whole():
    page = rules("--format=markdown").stdout
    sections = dict(re.findall(r"^### (CP\d{4})\n(.*?)(?=^##|\Z)", page, re.M | re.S))
    table = catalogue()
    assert list(sections) == [r["code"] for r in table]
    for rule in table:
        text = sections[rule["code"]]
        assert rule["severity"] in text and ("/ fixed" in text) == rule["fixed"], rule["code"]
        assert "{" not in text and text.count("→") >= 2 and "source: " in text, rule["code"]


def test_the_fixed_rules_are_those_the_configuration_page_names():
    fixed = {r["code"] for r in catalogue() if r["fixed"]}
    text = (DOCS / "configuration.md").read_text()
    said = re.search(r"Fixed are (.*?)\n- ", text, re.S).group(1)
    said = re.sub(r"but not CP\d{4}|CP\d{4}, may be lowered", "", said)
    codes = set(re.findall(r"CP\d{4}", said))
    for first, last in [*re.findall(r"(CP\d{4}) to (CP\d{4})", said), ("CP3001", "CP9999")]:
        codes |= {r["code"] for r in catalogue() if first <= r["code"] <= last} - {"CP1204"}
    assert fixed == codes, "say in docs/configuration.md, [rules], which rules are fixed"


def test_rules_without_which_no_record_is_read_are_fixed():
    fixed = {r["code"] for r in catalogue() if r["fixed"]}
    assert fixed >= {f"CP{n}" for n in (1001, 1002, 1004, 1005, 1007, 1011, 1012, 1014, 1015, 1016, 1021, 1022, 1101, 1102, 1103, 1104)}
