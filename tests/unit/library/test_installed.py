#!/usr/bin/python3
"""libcareplan as it is installed: what it shows and takes, and the examples built against nothing else.

usage: test_installed.py BUILD SOURCE SANITIZERS COMPILER…

Prints its results as cmocka does.
"""
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

BUILD, SOURCE = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
SANITIZERS = "" if sys.argv[3] == "none" else sys.argv[3]
COMPILER = sys.argv[4:]
SAMPLES = SOURCE / "tests" / "samples"
EXAMPLES = SOURCE / "docs" / "examples"
VALID = sorted((SAMPLES / "valid" / "b_month_202504_43_to_11").glob("*.CSV"))
BROKEN = sorted((SAMPLES / "broken" / "B03_gaiji").glob("*.CSV"))

# All that the library asks of its surroundings: memory, strings, text put into memory, and the process's random bytes
# (getauxval), by which tables of keys cannot be filled on purpose; and errno, to say why there is no object.
IMPORTS = set("""__errno_location bsearch getauxval qsort_r calloc explicit_bzero free malloc memchr memcmp memcpy memmove memset memmem qsort realloc reallocarray snprintf
    strcasecmp strchr strcmp strcpy strcspn strdup strlen strncmp strncpy strndup strnlen strpbrk strrchr strspn strstr strtok_r strsep
    strtol strtoul strtoull strtoumax strncasecmp rawmemchr vsnprintf __stack_chk_fail __cxa_finalize __gmon_start__
    _ITM_deregisterTMCloneTable _ITM_registerTMCloneTable _GLOBAL_OFFSET_TABLE_ __isoc23_strtoul __isoc23_strtoull""".split())


def run(*command, **options):
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    return done.returncode, done.stdout


def must(*command, **options):
    status, output = run(*command, **options)
    assert status == 0, f"{' '.join(map(str, command))} ended with {status}:\n{output}"
    return output


def must_not(*command, status, **options):
    ended, output = run(*command, **options)
    assert ended == status, f"{' '.join(map(str, command))} ended with {ended}, expected {status}:\n{output}"
    return output


class Installed:
    """The library in a folder of its own."""

    def __init__(self, folder):
        self.folder = folder
        must("meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", folder / "root", "--tags", "devel,runtime,man")
        self.pc = next((folder / "root").rglob("careplan.pc"))
        self.lib = self.pc.parent.parent
        self.include = next((folder / "root").rglob("careplan/standard.h")).parent.parent
        self.man = next((folder / "root").rglob("libcareplan.3")).parent
        self.shared = self.lib / "libcareplan.so.0"
        self.archive = self.lib / "libcareplan.a"
        self.environment = dict(os.environ, LD_LIBRARY_PATH=str(self.lib), ASAN_OPTIONS="detect_leaks=0",
                                PYTHONDONTWRITEBYTECODE="1")

    def pkg_config(self, *options):
        environment = dict(os.environ, PKG_CONFIG_LIBDIR=str(self.pc.parent), PKG_CONFIG_SYSROOT_DIR=str(self.folder / "root"))
        return shlex.split(must("pkg-config", *options, "careplan", env=environment))

    def compile(self, example, static=False):
        """Builds an example as its head says."""
        program = self.folder / (example + "-static" * static)
        flags = ["-std=c11", "-Wall", "-Wextra", "-Werror"]
        libraries = self.pkg_config("--cflags", "--libs")
        if static:
            flags.append("-static")
            libraries = self.pkg_config("--cflags", "--libs", "--static")
        if SANITIZERS:
            # They have no static form: only our library is static then.
            flags = [f for f in flags if f != "-static"] + [f"-fsanitize={SANITIZERS}"]
            libraries = self.pkg_config("--cflags") + [self.archive] if static else libraries
        must(*COMPILER, *flags, EXAMPLES / f"{example}.c", *libraries, "-o", program)
        return program


def headers(installed):
    return sorted((installed.include / "careplan").glob("*.h"))


def without_comments(text):
    return re.sub(r"^\s*#.*$", "", re.sub(r"/\*.*?\*/", "", text, flags=re.S), flags=re.M)


def declared(installed):
    """Functions of the installed headers: name -> prototype, in one line."""
    found = {}
    for header in headers(installed):
        for text in without_comments(header.read_text()).split(";"):
            text = " ".join(text.split())
            match = re.search(r"((?:const )?(?:struct |enum )?\w+ \**)(careplan_\w+)\(([^{}]*)\)$", text)
            if match and "typedef" not in text:
                found[match[2]] = f"{match[1].strip()} {match[2]}({match[3]})"
    return found


def symbols(*options):
    for line in must("nm", *options).splitlines():
        parts = line.split()
        if len(parts) >= 2 and len(parts[-2]) == 1:
            yield parts[-2], parts[-1]


def headers_stand_alone_in_c_and_cpp(installed):
    names = [header.name for header in headers(installed)]
    assert names == ["binding.h", "problems.h", "record.h", "standard.h", "unit.h"], f"installed headers: {names}"
    for name in names:
        for language, standard in (("c", "c99"), ("c", "c17"), ("c++", "c++11")):
            compiler = COMPILER if language == "c" else ["c++"]
            must(*compiler, "-x", language, f"-std={standard}", "-pedantic", "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
                 "-I", installed.include, "-", input=f"#include <careplan/{name}>\n")


def shows_what_the_headers_declare_and_no_more(installed):
    shown = {name.split("@")[0] for kind, name in symbols("-D", "--defined-only", installed.shared) if kind != "A"}
    wanted = set(declared(installed))
    assert len(wanted) > 60, f"only {len(wanted)} functions found in the headers"
    assert shown == wanted, f"declared, not shown: {sorted(wanted - shown)}; shown, not declared: {sorted(shown - wanted)}"
    for kind, name in symbols("-D", "--defined-only", installed.shared):
        assert kind == "A" or name.endswith("@@CAREPLAN_0.1"), f"{name} has no version"


def names_in_the_version_script_exist(installed):
    script = (SOURCE / "src" / "library" / "careplan.map").read_text()
    named = re.findall(r"^ +(careplan_\w+);$", script, re.M)
    assert named == sorted(declared(installed)), f"careplan.map differs from the headers: {set(named) ^ set(declared(installed))}"


def the_archive_shows_public_names_only(installed):
    shown = {name for _, name in symbols("--defined-only", "--extern-only", installed.archive)}
    assert shown == set(declared(installed)), f"in one of both only: {sorted(shown ^ set(declared(installed)))}"


def asks_for_memory_and_strings_only(installed):
    for library in ("-D", installed.shared), (installed.archive,):
        asked = {name.split("@")[0] for kind, name in symbols("--undefined-only", *library)}
        asked = {re.sub(r"^__(\w+)_chk$", r"\1", name) for name in asked}
        if SANITIZERS:
            asked = {name for name in asked if not re.match(r"_*(asan|ubsan|sanitizer)_", name)}
        assert asked <= IMPORTS, f"{library[-1].name} asks for {sorted(asked - IMPORTS)}"
    needed = re.findall(r"NEEDED.*\[(.*)\]", must("readelf", "-d", installed.shared))
    needed = [name for name in needed if not re.match(r"lib(asan|ubsan)\.", name)]
    assert needed == ["libc.so.6"], f"the library needs {needed}"


def has_no_data_that_could_change(installed):
    sizes = re.findall(r"^(\.data|\.bss|\.tbss|\.tdata)\s+(\d+)", must("size", "-A", installed.archive), re.M)
    assert all(size == "0" for _, size in sizes), f"writable data: {sizes}"


def every_function_has_a_manual_page(installed):
    told = {}
    for page in SOURCE.glob("docs/man/*.3"):
        text = page.read_text()
        told.update(prototypes(text))
        for name in re.findall(r"^\.Nm (careplan_\w+)", text, re.M):
            assert (installed.man / f"{name}.3").resolve().name == page.name, f"{name}(3) does not lead to {page.name}"
    wanted = declared(installed)
    assert set(told) == set(wanted), f"in pages or headers only: {sorted(set(told) ^ set(wanted))}"
    for name, prototype in wanted.items():
        assert told[name] == prototype, f"page: {told[name]}\nheader: {prototype}"


def prototypes(page):
    """Of a page's SYNOPSIS, in the words of declared()."""
    found, result, name, arguments = {}, "", "", []
    for line in page[page.index(".Sh SYNOPSIS"):page.index(".Sh DESCRIPTION")].splitlines():
        words = shlex.split(line)
        if words[0] == ".Ft":
            result = " ".join(words[1:])
        elif words[0] == ".Fo":
            name, arguments = words[1], []
        elif words[0] == ".Fa":
            arguments.extend(words[1:])
        elif words[0] == ".Fn":
            name, arguments = words[1], words[2:]
        if words[0] in (".Fn", ".Fc") and not result.startswith("typedef"):
            found[name] = f"{result} {name}({', '.join(arguments)})"
    return found


def manual_pages_are_well_formed(_installed):
    for page in sorted(SOURCE.glob("docs/man/*.3")):
        complaints = must("groff", "-Kutf8", "-Tutf8", "-mdoc", "-ww", "-z", page)
        assert not complaints, complaints


def the_check_example_judges(installed):
    judges(installed, installed.compile("check"))


def the_check_example_judges_when_linked_statically(installed):
    judges(installed, installed.compile("check", static=True))


def judges(installed, program):
    output = must(program, *VALID, env=installed.environment)
    assert output == "3 files, 0 errors, 0 warnings\n", output
    status, output = run(program, *VALID[:2], env=installed.environment)
    assert status == 1 and "CP1301" in output, f"an incomplete unit ended with {status}:\n{output}"
    status, output = run(program, *BROKEN, env=installed.environment)
    assert status == 1 and f"{BROKEN[0].name}:1:6: error CP1006" in output, f"gaiji ended with {status}:\n{output}"
    status, output = run(program, VALID[0], SOURCE / "README.md", env=installed.environment)
    assert status == 2 and "no transfer file's name" in output, f"another file ended with {status}:\n{output}"
    output = must_not(program, VALID[0], *BROKEN, status=2, env=installed.environment)
    assert "this file is of another send unit" in output, output
    assert must_not(program, status=2, env=installed.environment) == "usage: check FILE...\n"


def the_make_example_makes_a_good_file(installed):
    program, folder = installed.compile("make"), installed.folder
    output = must(program, cwd=folder, env=installed.environment)
    name = output.splitlines()[-1]
    assert name == "DLTPLAN_202504_0300000100_43_0300000005_11_20250507110500.CSV", output
    assert output.splitlines()[:-1] == ["line 1: 0000000101", "line 2: H000000102"], output
    content = (folder / name).read_bytes()
    assert content == b"202407,039999,0000000101,202504\r\n202407,039999,H000000102,202504\r\n", content
    output = must(installed.compile("check"), folder / name, env=installed.environment)
    assert output == "1 files, 0 errors, 0 warnings\n", output


def the_python_example_judges(installed):
    environment = dict(installed.environment)
    if "address" in SANITIZERS:
        environment["LD_PRELOAD"] = must(*COMPILER, "-print-file-name=libasan.so").strip()
    python = ["/usr/bin/python3", EXAMPLES / "check.py"]
    assert must(*python, *VALID, env=environment) == ""
    status, output = run(*python, *BROKEN, env=environment)
    assert status == 1 and f"{BROKEN[0].name}:1:6: error: " in output and "外字" in output, f"{status}:\n{output}"
    output = must_not(*python, VALID[0], status=1, env=environment)
    assert ":0:0: error: " in output and "CP1304" in output, output
    output = must_not(*python, VALID[0], SOURCE / "README.md", *BROKEN, status=2, env=environment)
    assert "README.md: this is no transfer file's name" in output and "this file is of another send unit" in output, output
    assert must_not(*python, status=2, env=environment) == "usage: check.py FILE...\n"
    status, output = run(*python, VALID[0], "missing.CSV", env=environment)
    assert (status, output) == (2, "missing.CSV: No such file or directory\n"), f"a missing file ended with {status}:\n{output}"


def is_built_alone(installed):
    build = installed.folder / "alone"
    must("meson", "setup", "-Dprograms=false", build, SOURCE)
    must("ninja", "-C", build)
    for name in "libcareplan.so.0", "libcareplan.a":
        assert (build / "src" / "library" / name).exists(), f"{name} was not built"


TESTS = [headers_stand_alone_in_c_and_cpp, shows_what_the_headers_declare_and_no_more, names_in_the_version_script_exist,
         the_archive_shows_public_names_only, asks_for_memory_and_strings_only, every_function_has_a_manual_page,
         manual_pages_are_well_formed, the_check_example_judges, the_check_example_judges_when_linked_statically,
         the_make_example_makes_a_good_file, the_python_example_judges]
if not SANITIZERS:
    TESTS += [has_no_data_that_could_change, is_built_alone]


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        installed = Installed(pathlib.Path(folder))
        for test in TESTS:
            try:
                test(installed)
                print(f"[       OK ] {test.__name__}")
            except (AssertionError, OSError, ValueError) as error:
                print(f"[  FAILED  ] {test.__name__}\n{error}")
                failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
