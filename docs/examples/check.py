#!/usr/bin/python3
"""Checks the files of one send unit with libcareplan through ctypes.

usage: check.py FILE…

No struct of the library is described here: objects are pointers, problems are asked by functions. Ends with 0 when the unit may
be sent, with 1 when not, with 2 when a file could not be read.
"""
import ctypes
import os
import sys

JA, EN = 0, 1  # enum careplan_language
ERROR = 2  # enum careplan_severity
UNIT_INCOMPLETE = 2  # enum careplan_unit_state

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
    """(may it be sent, problems as dictionaries in the order they were found)"""
    problems = problems_new(1000)
    unit = unit_new(None, None, 0, problems_add, problems)
    if not problems or not unit:
        raise MemoryError
    try:
        for path in paths:
            with open(path, "rb") as file:
                content = file.read()
            error = unit_add(unit, os.path.basename(path).encode(), content, len(content))
            if error:
                print(f"{path}: {os.strerror(-error)}", file=sys.stderr)
                return False, [describe(problems, i, language) for i in range(problems_count(problems))]
        state = unit_judge(unit)
        found = [describe(problems, i, language) for i in range(problems_count(problems))]
        return state != UNIT_INCOMPLETE and unit_errors(unit) == 0, found
    finally:
        unit_free(unit)
        problems_free(problems)


def describe(problems, i, language):
    problem = problems_at(problems, i)
    return {
        "code": problem_code(problem).decode(),
        "error": problem_severity(problem) == ERROR,
        "file": problem_file(problem).decode(),
        "line": problem_line(problem),
        "column": problem_column(problem),
        "message": problem_message(problem, language).decode(),
        "remedy": problem_remedy(problem, language).decode(),
    }


def main():
    try:
        good, problems = check(sys.argv[1:])
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    for p in problems:
        place = ":".join(str(part) for part in (p["file"], p["line"], p["column"]) if part)
        print(f"{place}: [{p['code']}] {p['message']}\n    → {p['remedy']}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
