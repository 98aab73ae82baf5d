#!/usr/bin/python3
"""Checks the files of one send unit with libcareplan through ctypes.

usage: check.py FILE…

No struct of the library is described here: objects are pointers, problems are asked by functions. A problem's place is
FILE:LINE:COLUMN, 0 being the whole file and the whole row. Ends with 0 when the unit may be sent, with 1 when not, with 2 when a
file could not be read or is not of the unit.
"""
import ctypes
import errno
import os
import sys

JA, EN = 0, 1  # enum careplan_language
ERROR = 2  # enum careplan_severity
UNIT_INCOMPLETE = 2  # enum careplan_unit_state
LEFT_OUT = {
    errno.EINVAL: "this is no transfer file's name",
    errno.EXDEV: "this file is of another send unit",
    errno.EEXIST: "this name was there before",
}

library = ctypes.CDLL("libcareplan.so.0")


def declare(name, result, *arguments):
    function = getattr(library, name)
    function.restype = result
    function.argtypes = arguments
    return function


pointer, text, size, u64 = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint64

problems_new = declare("careplan_problems_new", pointer, size)
problems_free = declare("careplan_problems_free", None, pointer)
problems_count = declare("careplan_problems_count", size, pointer)
problems_at = declare("careplan_problems_at", pointer, pointer, size)
# The collector is a callback of the library's own: its address is handed on, Python is not called for each problem.
problems_add = ctypes.cast(library.careplan_problems_add, pointer)

problem_code = declare("careplan_problem_code", text, pointer)
problem_severity = declare("careplan_problem_severity", ctypes.c_int, pointer)
problem_file = declare("careplan_problem_file", text, pointer)
problem_line = declare("careplan_problem_line", u64, pointer)
problem_column = declare("careplan_problem_column", ctypes.c_uint, pointer)
problem_message = declare("careplan_problem_message", text, pointer, ctypes.c_int)
problem_remedy = declare("careplan_problem_remedy", text, pointer, ctypes.c_int)

unit_new = declare("careplan_unit_check_new", pointer, pointer, pointer, size, pointer, pointer)
unit_free = declare("careplan_unit_check_free", None, pointer)
unit_add = declare("careplan_unit_check_add", ctypes.c_int, pointer, text, text, size)
unit_judge = declare("careplan_unit_check_judge", ctypes.c_int, pointer)
unit_errors = declare("careplan_unit_check_errors", u64, pointer)


def check(paths, language=JA):
    """(may it be sent: None when a file was left out; problems as dictionaries in the order they were found)"""
    problems = problems_new(1000)
    unit = unit_new(None, None, 0, problems_add, problems)
    if not problems or not unit:
        raise MemoryError
    left_out = False
    try:
        for path in paths:
            with open(path, "rb") as file:
                content = file.read()
            error = unit_add(unit, os.path.basename(path).encode(), content, len(content))
            if error:
                print(f"{path}: {LEFT_OUT.get(-error) or os.strerror(-error)}", file=sys.stderr)
                left_out = True
        state = unit_judge(unit)
        found = [describe(problems, i, language) for i in range(problems_count(problems))]
        return None if left_out else state != UNIT_INCOMPLETE and unit_errors(unit) == 0, found
    finally:
        unit_free(unit)
        problems_free(problems)


def describe(problems, i, language):
    problem = problems_at(problems, i)
    return {
        "code": problem_code(problem).decode(),
        "severity": "error" if problem_severity(problem) == ERROR else "warning",
        "file": problem_file(problem).decode(),
        "line": problem_line(problem),
        "column": problem_column(problem),
        "message": problem_message(problem, language).decode(),
        "remedy": problem_remedy(problem, language).decode(),
    }


def main():
    if len(sys.argv) < 2:
        print("usage: check.py FILE...", file=sys.stderr)
        return 2
    try:
        good, problems = check(sys.argv[1:])
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    for p in problems:
        place = f"{p['file'] or '(unit)'}:{p['line']}:{p['column']}"
        print(f"{place}: {p['severity']}: {p['message']} [{p['code']}]\n    → {p['remedy']}")
    return 2 if good is None else 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
