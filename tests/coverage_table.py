"""The table of tests/coverage.sh: coverage_table.py FOLDER [--lines]; FOLDER holds gcov's JSON, one document a line."""
import json
import pathlib
import sys

TOP = pathlib.Path(__file__).resolve().parents[1]
LEAST = {"tests": 95, "corpora": 80}


def read(path):
    """{file of src/standard: {line: was it reached?}}"""
    reached = {}
    for document in filter(None, map(str.strip, path.open(encoding="utf-8"))):
        data = json.loads(document)
        for file in data["files"]:
            name = (pathlib.Path(data["current_working_directory"]) / file["file"]).resolve()
            if name.parent != TOP / "src/standard":
                continue
            lines = reached.setdefault(name.name, {})
            for line in file["lines"]:
                number = line["line_number"]
                lines[number] = lines.get(number, False) or line["count"] > 0
    return reached


def figure(lines):
    good, n = sum(lines.values()), max(1, len(lines))
    return "%5.1f %% %5d/%-5d" % (100 * good / n, good, len(lines))


def together(reached, names):
    return {(name, line): hit for name in names for line, hit in reached.get(name, {}).items()}


def main(folder, show_lines):
    found = {name: read(folder / (name + ".json")) for name in (*LEAST, "build")}
    names = sorted(set(found["tests"]) | set(found["corpora"]))
    for name in names:  # an object that no program takes leaves no counts
        lines = {line for by in LEAST for line in found[by].get(name, {})}
        for by in LEAST:
            found[by][name] = {line: found[by].get(name, {}).get(line, False) for line in lines}
    print("%-22s %-20s %s" % ("src/standard", "by the tests", "by the fuzz corpora"))
    for name in names:
        print("%-22s %-20s %s" % (name, *(figure(found[by].get(name, {})) for by in LEAST)))
    totals = {by: together(found[by], names) for by in LEAST}
    print("%-22s %-20s %s" % ("together", *map(figure, totals.values())))
    print("\nprograms of the build, by the build itself")
    for name in sorted(set(found["build"]) - set(names)):
        print("%-22s %s" % (name, figure(found["build"][name])))
    for by in LEAST if show_lines else ():
        print("\nnot reached by the " + by)
        for name in names:
            missing = [str(line) for line, hit in sorted(found[by].get(name, {}).items()) if not hit]
            if missing:
                print("  %s: %s" % (name, " ".join(missing)))
    bad = [by for by, least in LEAST.items() if 100 * sum(totals[by].values()) < least * len(totals[by])]
    for by in bad:
        print("\nless than %d %% by the %s" % (LEAST[by], by))
    return bool(bad)


sys.exit(main(pathlib.Path(sys.argv[1]), "--lines" in sys.argv[2:]))
