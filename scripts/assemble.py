#!/usr/bin/env python3
"""Assemble the root of the image from scratch: Python, pyinit, and only what these import.

Nothing is listed by hand.  What goes in is found:

modules    every module of pyinit is read for its imports, those inside functions too; what they
           name outside pyinit is really imported in a fresh interpreter, and whatever that
           interpreter then holds is the closure
libraries  what the dynamic loader says that Python and those extension modules load
packages   the Debian packages that own the files: their copyright files go in, and their entries
           for scanners that look for known vulnerabilities
commands   the scripts of pyproject.toml

Modules become .pyc files beside no source, without docstrings, asserts and debug ranges: a third
of the size, and half of what Python reads at start-up.
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import json
import marshal
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
import zlib
from pathlib import Path
from types import CodeType

import sbom

CODECS = ("encodings.utf_8", "encodings.ascii", "encodings.latin_1")
"""Codecs are named by strings, which no closure sees: those that pyinit's own code names."""
LATE = ("encodings.unicode_escape", "jinja2.debug")
"""What the gateway's libraries come to import only while they work."""
ANNOTATIONS = annotations.compiler_flag  # bound by the statement above
BUNDLE = "modules.bundle"
GATEWAY = "pyinit.web"
OUTSIDE = "fleet"
"""The package of pyinit that is for people beside an engine: nobody calls it in a container."""
LIBRARIES = "pyinit/web/libraries.zip"
OPTIONAL = ("_bz2", "_lzma", "bz2", "lzma")
"""What `shutil` uses when it is there, and nobody here asks it to."""
TLS = "ssl"
"""With its libraries it is half as large as all of the core: probes by https say that it lacks."""
UNUSED = ("tzdata.zi", "leapseconds", "leap-seconds.list", "zone.tab", "iso3166.tab")
"""Of the time zones: sources and lists for people."""
USE_BUNDLE = "\nfrom pyinit import bundle\nbundle.use()\n"
LATER = "pyinit.runtime.later"
"""What no start imports, but everybody a moment after it."""
TOGETHER = {
    "pyinit.runtime.boot": (
        ("pyinit.bundle",),
        ("pyinit.system.signals", "pyinit.runtime.boot", "pyinit.runtime.options"),
    ),
    # asked for: (imported already by then, imported with it)
    "pyinit.runtime.machine": (
        ("pyinit.cli.init", "pyinit.runtime.boot"),
        ("pyinit.runtime.machine",),
    ),
    LATER: (
        ("pyinit.cli.init", "pyinit.runtime.boot", "pyinit.runtime.machine"),
        (LATER,),
    ),
    "pyinit.config.compile": (
        ("pyinit.cli.init", "pyinit.runtime.boot"),
        ("pyinit.config.compile", "pyinit.config.build", "pyinit.config.toml"),
    ),
}
"""What pyinit's start imports in one go: by name, for the bundle has what they import, too."""
EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The time of everything in a zip file: the same sources make the same image."""
MADE_FROM: dict[Path, list[Path]] = {}
"""Of the files that are made here from files of others: which."""
LANDMARK = "os"
"""Python looks for this module's file to find its library, though it has the module frozen."""

ACCOUNTS = """\
root:x:0:0:root:/root:/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin
nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin
"""
GROUP = "root:x:0:\ntty:x:5:\nnogroup:x:65534:\nnonroot:x:65532:\n"
NSSWITCH = "passwd: files\ngroup: files\nhosts: files dns\n"
DIRECTORIES = {
    "dev": 0o755,
    "etc/pyinit/conf.d": 0o755,
    "home": 0o755,
    "home/nonroot": 0o700,
    "proc": 0o555,
    "root": 0o700,
    "run": 0o755,
    "sys": 0o555,
    "tmp": 0o1777,
    "usr/bin": 0o755,
    "usr/lib": 0o755,
    "usr/sbin": 0o755,
    "var/tmp": 0o1777,
}
NONROOT = 65532
TERMINALS = (
    *("l/linux", "s/screen", "s/screen-256color", "t/tmux-256color"),
    *("v/vt100", "x/xterm", "x/xterm-256color"),
)
DATA = (
    *("/etc/ssl/certs/ca-certificates.crt", "/usr/share/zoneinfo", "/usr/lib/os-release"),
    *[f"/usr/share/terminfo/{name}" for name in TERMINALS],  # for the shell of supervisorctl
)
DATA_PACKAGES = ("ca-certificates", "tzdata", "base-files", "ncurses-base")
LICENSES = Path("/usr/share/common-licenses")
ENV = Path("/usr/bin/env")
EARLY = "/usr/libexec/pyinit/env"
"""coreutils' env, which blocks every signal within a millisecond, long before Python can: PID 1
drops a signal that it neither handles nor blocks.  A blocked one stays pending over the exec."""
HOLD = "{env} -S --block-signal {python} -X held -IS"  # -X held: read by pyinit.system.signals
ENTRY = """\
#!{interpreter}
import sys
sys.path[:0] = {path!r}
from {module} import {function}
{function}()
"""


def main() -> None:
    """Assemble what the arguments ask for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("root", type=Path, help="the directory that becomes /")
    parser.add_argument("--source", type=Path, default=Path(__file__).parent.parent)
    parser.add_argument(
        "--leave-out", action="append", default=[], metavar="PACKAGE", help="of pyinit, such as web"
    )
    parser.add_argument(
        "--guest", action="store_true", help="only pyinit, for a root that has Debian's Python"
    )
    arguments = parser.parse_args()
    root: Path = arguments.root
    ours = own_modules(arguments.source, arguments.leave_out)
    if arguments.guest:
        library = "/usr/lib/pyinit"
        install_own(root, library, ours)
        found = [m for m in closure(ours) if "/dist-packages/" in m[1]]
        install_modules(root, library, found, {})
        install_commands(root, arguments.source, [library])
        shutil.copytree(arguments.source / "man", root / "usr/share/man")
        tell(root, arguments.source)
        settle(root)
        return
    make_house(root)
    library = sysconfig.get_path("stdlib")
    modules = closure(ours)
    extensions = sysconfig.get_config_var("DESTSHARED")
    files = install_found(root, library, modules, ours, extensions)
    landmark = Path(library) / f"{LANDMARK}.py"
    compile_to(landmark, root / library.lstrip("/") / f"{LANDMARK}.pyc", landmark.name)
    install_own(root, library, ours)
    python = Path(os.path.realpath(sys.executable))
    files += [copy(root, python), install_early(root)]
    link(root, "usr/bin/python3", python.name)
    (root / extensions.lstrip("/")).mkdir(parents=True, exist_ok=True)
    files += install_libraries(
        root, [python, ENV, *[Path(m[1]) for m in modules if is_extension(m[1])]]
    )
    install_commands(root, arguments.source, [])
    for place in DATA:
        copy(root, Path(place))
    for name in UNUSED:
        (root / "usr/share/zoneinfo" / name).unlink(missing_ok=True)
    install_papers(root, files, arguments.source)
    prove(root, python, [*ours, *[name for name, _file in modules]])
    tell(root, arguments.source)
    settle(root)
    report(root, modules)


# What is there


def own_modules(source: Path, leave_out: list[str]) -> dict[str, Path]:
    """Return the modules of pyinit, by name."""
    found = {}
    for path in sorted((source / "pyinit").rglob("*.py")):
        parts = path.relative_to(source).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if len(parts) < 2 or parts[1] not in (*leave_out, OUTSIDE):
            found[name] = path
    return found


def data_of(ours: dict[str, Path]) -> list[Path]:
    """Return the files of the packages of `ours` that are no modules: pages, styles, pictures."""
    packages = {path.parent for path in ours.values() if path.name == "__init__.py"}
    found = [path for package in packages for path in package.rglob("*") if path.is_file()]
    modules = {".py", ".pyc"}
    rest = {path for path in found if path.suffix not in modules}
    home = ours["pyinit"].parent
    return sorted(
        path
        for path in rest
        if path.relative_to(home).parts[0] != "__pycache__"
        and f"pyinit.{path.relative_to(home).parts[0]}" in ours
    )


def named_imports(path: Path) -> set[str]:
    """Return the modules outside pyinit that a file imports anywhere but for types only."""
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), orelse=otherwise):
                for statement in otherwise:
                    visit(statement)
                return
            case ast.Import(names=names):
                found.update(alias.name for alias in names)
            case ast.ImportFrom(level=0, module=str(module)) if not is_future(node):
                found.add(module)
            case _:
                pass
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_bytes()))
    return {name for name in found if name.partition(".")[0] != "pyinit"}


IMPORTER = """\
import json, sys
sys.path += PATHS
missing = {}
for name in NAMES:
    try:
        __import__(name)
    except ImportError as error:
        missing[name] = str(error)
held = {}
for name, module in sys.modules.items():
    file = getattr(module, "__file__", None)
    origin = getattr(getattr(module, "__spec__", None), "origin", None)
    if file and origin != "frozen" and name != "__main__":
        held[name] = file
print(json.dumps([held, missing]))
"""


def closure(ours: dict[str, Path]) -> list[tuple[str, str]]:
    """Return (name, file) of each module outside pyinit that pyinit can come to import.

    Frozen and built-in modules have no file; the interpreter has them.  The importer runs without
    `site`, as pyinit does, so that only what is asked for is held.
    """
    wanted = {*CODECS, *(LATE if GATEWAY in ours else ())}
    for path in ours.values():
        wanted |= named_imports(path)
    if GATEWAY not in ours:
        wanted.discard(TLS)
    paths = [path for path in sys.path if path.endswith("-packages")]
    text = f"PATHS = {paths!r}\nNAMES = {sorted(wanted)!r}\n{IMPORTER}"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", text], check=True, capture_output=True, text=True
    )
    held, missing = json.loads(done.stdout)
    if missing:
        lines = [f"    {name}: {why}" for name, why in missing.items()]
        sys.exit("assemble: cannot import what pyinit imports:\n" + "\n".join(lines))
    return sorted((name, file) for name, file in held.items() if name not in OPTIONAL)


def mixed(modules: list[tuple[str, str]]) -> set[str]:
    """Return the packages that have machine code in them: they cannot be split."""
    return {name.partition(".")[0] for name, file in modules if "." in name and is_extension(file)}


def inner(ours: dict[str, Path]) -> dict[str, Path]:
    """Return what is left of `ours` without the gateway."""
    return {name: path for name, path in ours.items() if not name.startswith(GATEWAY)}


def is_extension(file: str) -> bool:
    """Return whether a module's file is machine code."""
    return file.endswith(".so")


def libraries_of(binaries: list[Path]) -> set[Path]:
    """Return the shared libraries that binaries load, with the loader, as the loader says."""
    found = set()
    for binary in binaries:
        done = subprocess.run(["ldd", str(binary)], check=True, capture_output=True, text=True)
        for line in done.stdout.splitlines():
            place = re.search(r"(?:=> )?(/\S+) \(0x", line)
            if place:
                found.add(Path(place[1]))
            elif "not found" in line:
                sys.exit(f"assemble: cannot find a library of {binary}: {line.strip()}")
    return found


# What is made


def make_house(root: Path) -> None:
    """Make the directories and the files that every program expects."""
    for name, mode in DIRECTORIES.items():
        (root / name).mkdir(parents=True, exist_ok=True)
        (root / name).chmod(mode)
    os.chown(root / "home/nonroot", NONROOT, NONROOT)
    for name in ("bin", "sbin", "lib"):
        link(root, name, f"usr/{name}")
    if Path("/lib64").is_symlink():
        (root / "usr/lib64").mkdir(exist_ok=True)
        link(root, "lib64", "usr/lib64")
    (root / "etc/passwd").write_text(ACCOUNTS)
    (root / "etc/group").write_text(GROUP)
    (root / "etc/nsswitch.conf").write_text(NSSWITCH)
    link(root, "etc/os-release", "../usr/lib/os-release")
    link(root, "var/run", "../run")


def copy(root: Path, place: Path) -> Path:
    """Copy a file or directory to its own place under `root`; return it."""
    target = root / os.path.realpath(place.parent).lstrip("/") / place.name
    target.parent.mkdir(parents=True, exist_ok=True)
    if place.is_dir():
        shutil.copytree(place, target, symlinks=True, dirs_exist_ok=True)
    else:
        shutil.copy2(place, target)
    return place


def link(root: Path, name: str, target: str) -> None:
    """Make a symbolic link, again if need be."""
    place = root / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    place.symlink_to(target)


def compiled(text: str, shown: str) -> CodeType:
    """Compile a module.

    `from __future__ import annotations` becomes a flag of the compiler: the statement would import
    a module at start-up that says nothing new.
    """
    return compiled_tree(ast.parse(text, shown), shown)


def compiled_own(text: str, shown: str) -> CodeType:
    """Compile a module of pyinit, without what only type checkers read: a tenth of its code."""
    return compiled_tree(Unannotated().visit(ast.parse(text, shown)), shown)


def compiled_tree(tree: ast.Module, shown: str) -> CodeType:
    """Compile a module; the future statement for annotations becomes a flag."""
    statements = [each for each in tree.body if not is_future(each)]
    flags = ANNOTATIONS if len(statements) < len(tree.body) else 0
    tree.body = statements
    code: CodeType = compile(tree, shown, "exec", flags=flags, dont_inherit=True, optimize=2)
    return code


class Unannotated(ast.NodeTransformer):
    """Takes out what only type checkers read, where nothing looks at it when pyinit runs.

    The annotations of classes stay: they are the fields of records and of dataclasses.
    """

    def visit_Module(self, node: ast.Module) -> ast.Module:
        """Take the annotations of the module's own names, too."""
        node.body = [bare for each in node.body if (bare := without_type(each)) is not None]
        self.generic_visit(node)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        """Take what a function says of its result."""
        node.returns = None
        self.generic_visit(node)
        return node

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AsyncFunctionDef:
        """Take what a function says of its result."""
        node.returns = None
        self.generic_visit(node)
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        """Take what a function says of an argument."""
        node.annotation = None
        return node

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt] | None:
        """Take what is only there while types are checked; what stands after `else` stays."""
        self.generic_visit(node)
        return (node.orelse or ast.copy_location(ast.Pass(), node)) if for_checkers(node) else node


def without_type(node: ast.stmt) -> ast.stmt | None:
    """Return an assignment without the type of its name; None if there is nothing else."""
    if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
        return node
    if node.value is None:
        return None
    return ast.copy_location(ast.Assign([node.target], node.value), node)


def for_checkers(node: ast.If) -> bool:
    """Return whether a statement is `if TYPE_CHECKING:`."""
    return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def pyc(data: bytes) -> bytes:
    """Return marshalled code as a .pyc that is never checked against a source."""
    unchecked_hash = (1).to_bytes(4, "little") + bytes(8)  # PEP 552
    return importlib.util.MAGIC_NUMBER + unchecked_hash + data


def write_module(target: Path, data: bytes) -> None:
    """Write a .pyc."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(pyc(data))


def compile_to(source: Path, target: Path, shown: str) -> None:
    """Compile the module of a file to another."""
    write_module(target, marshal.dumps(compiled(source.read_text("utf-8"), shown)))
    MADE_FROM[target] = [source]


def is_future(node: ast.stmt) -> bool:
    """Return whether a statement is `from __future__ import annotations` and no more."""
    return (
        isinstance(node, ast.ImportFrom)
        and node.module == "__future__"
        and [alias.name for alias in node.names] == ["annotations"]
    )


def install_own(root: Path, library: str, ours: dict[str, Path]) -> None:
    """Compile pyinit into `library`; its tracebacks show places relative to the source.

    All of PID 1 is in one file, pyinit/bundle.py says why and what the file looks like; outside
    are the package itself, the module that reads the file, which the package puts to use, and the
    gateway, a program of its own that finds its pages and pictures beside its modules.
    """
    index: dict[str, tuple[bool, int, int, bool]] = {}
    early = {"pyinit.cli", "pyinit.cli.init"}
    for name in ("pyinit.runtime.boot", LATER):
        early |= set(imported(ours, *TOGETHER[name]))
    codes: dict[str, tuple[bool, CodeType]] = {}
    body = b""
    home = root / library.lstrip("/")
    for name, source in ours.items():
        place = Path(*name.split("."))
        is_package = source.name == "__init__.py"
        if is_package:
            place /= "__init__"
        text = source.read_text("utf-8") + (USE_BUNDLE if name == "pyinit" else "")
        code = compiled_own(text, f"{place}.py")
        data = marshal.dumps(code)
        if name in {"pyinit", "pyinit.bundle"} or name.startswith(GATEWAY):
            write_module(home / f"{place}.pyc", data)
        else:
            is_compressed = name not in early
            data = zlib.compress(data, 9) if is_compressed else data
            index[name] = (is_package, len(body), len(data), is_compressed)
            body += data
            codes[name] = (is_package, code)
    for name, (before, wanted) in TOGETHER.items():
        rows = [(each, *codes[each]) for each in imported(ours, before, wanted)]
        data = marshal.dumps(rows)
        index[f"+{name}"] = (False, len(body), len(data), False)
        body += data
    for data_file in data_of(ours):
        target = home / data_file.relative_to(ours["pyinit"].parent.parent)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(data_file, target)
    head = marshal.dumps(index)
    (home / "pyinit" / BUNDLE).write_bytes(len(head).to_bytes(4, "little") + head + body)


RECORDER = """\
import sys
sys.path[:0] = PATHS
order = []
class Recorder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        for finder in sys.meta_path[1:]:
            spec = finder.find_spec(name, path, target)
            if spec is not None and name.startswith("pyinit."):
                execute = spec.loader.exec_module
                spec.loader.exec_module = lambda module: (execute(module), order.append(name))
            if spec is not None:
                return spec
for name in BEFORE:
    __import__(name)
sys.meta_path.insert(0, Recorder)
for name in WANTED:
    __import__(name)
print("\\n".join(order))
"""


def imported(ours: dict[str, Path], before: tuple[str, ...], wanted: tuple[str, ...]) -> list[str]:
    """Return what importing `wanted` imports of pyinit, in the order in which it is ready."""
    paths = [str(ours["pyinit"].parent.parent)]
    paths += [path for path in sys.path if path.endswith("-packages")]
    text = f"PATHS = {paths!r}\nBEFORE = {before!r}\nWANTED = {wanted!r}\n{RECORDER}"
    command = [sys.executable, "-I", "-S", "-B", "-c", text]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout.split()


def install_modules(
    root: Path, library: str, modules: list[tuple[str, str]], places: dict[str, str]
) -> list[Path]:
    """Put modules into `library`, extension modules outside packages where `places` says."""
    for name, file in modules:
        source = Path(file)
        stem = source.name.partition(".")[0]  # of machine code too: __init__.cpython-313-....so
        package = name if stem == "__init__" else name.rpartition(".")[0]
        inside = package.replace(".", "/")
        here = places.get("", library) if is_extension(file) and not package else library
        target = root / here.lstrip("/") / inside
        target.mkdir(parents=True, exist_ok=True)
        if is_extension(file):
            shutil.copy2(source, target)
            MADE_FROM[target / source.name] = [source]
        else:
            compile_to(source, target / f"{stem}.pyc", f"{name.replace('.', '/')}.py")
    return [Path(file) for _name, file in modules]


def install_found(
    root: Path,
    library: str,
    modules: list[tuple[str, str]],
    ours: dict[str, Path],
    extensions: str,
) -> list[Path]:
    """Put the modules of others into `library`, the packages of the gateway alone compressed."""
    near = {name.partition(".")[0] for name, _file in closure(inner(ours))} | mixed(modules)
    plain: list[tuple[str, str]] = []
    zipped: list[tuple[str, str]] = []
    for name, file in modules:
        is_plain = name.partition(".")[0] in near or is_extension(file)
        (plain if is_plain else zipped).append((name, file))
    files = install_modules(root, library, plain, {"": extensions})
    return files + install_zipped(root / library.lstrip("/"), zipped)


def install_zipped(home: Path, modules: list[tuple[str, str]]) -> list[Path]:
    """Put what only the gateway imports into one compressed file, a third of the size.

    Machine code stays outside: it cannot be loaded from there.
    """
    plain = [(name, Path(file)) for name, file in modules if not is_extension(file)]
    if not plain:
        return []
    target = home / LIBRARIES
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as box:
        for name, source in plain:
            place = name.replace(".", "/")
            if source.stem == "__init__":
                place += "/__init__"
            code = marshal.dumps(compiled(source.read_text("utf-8"), f"{place}.py"))
            entry = zipfile.ZipInfo(f"{place}.pyc", EARLIEST)
            entry.compress_type = zipfile.ZIP_DEFLATED
            box.writestr(entry, pyc(code))
    MADE_FROM[target] = [source for _name, source in plain]
    return [source for _name, source in plain]


def install_early(root: Path) -> Path:
    """Copy env to where no PATH leads: it is there for the first line of pyinit alone."""
    target = root / EARLY.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(ENV, target)
    MADE_FROM[target] = [ENV]
    return ENV


def install_libraries(root: Path, binaries: list[Path]) -> list[Path]:
    """Copy what binaries load, under the names by which they ask for it."""
    found = sorted(libraries_of(binaries))
    for library in found:
        target = root / os.path.realpath(library.parent).lstrip("/") / library.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(library, target)  # follows the link: one file of the name asked for
    return found


def install_commands(root: Path, source: Path, path: list[str]) -> None:
    """Make the commands of pyproject.toml; the names of others are links to pyinit."""
    scripts = tomllib.loads((source / "pyproject.toml").read_text())["project"]["scripts"]
    for name, entry in scripts.items():
        module, _, function = entry.partition(":")
        if module.startswith("pyinit.applets"):
            link(root, f"usr/bin/{name}", "pyinit")
            continue
        python = os.path.realpath(sys.executable)
        interpreter = f"{python} -IS"
        if name == "pyinit":
            interpreter = HOLD.format(env="/usr/bin/env" if path else EARLY, python=python)
        text = ENTRY.format(interpreter=interpreter, path=path, module=module, function=function)
        if not path:
            text = text.replace("import sys\nsys.path[:0] = []\n", "")
        script = root / "usr/bin" / name
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text(text)
        script.chmod(0o755)


# Papers


def owners(files: list[Path]) -> list[str]:
    """Return the Debian packages that own files."""
    names = set(DATA_PACKAGES)
    for file in files:
        asked = {str(file), os.path.realpath(file)}
        asked |= {place.removeprefix("/usr") for place in asked}
        done = subprocess.run(["dpkg", "-S", *asked], check=False, capture_output=True, text=True)
        names.update(re.findall(r"^([a-z0-9.+-]+)(?::\w+)?: /", done.stdout, re.MULTILINE))
    return sorted(names)


def install_papers(root: Path, files: list[Path], source: Path) -> None:
    """Put in the licences of what is there, and the entries of the packages for scanners."""
    licenses: set[str] = set()
    for package in owners(files):
        paper = Path("/usr/share/doc") / package / "copyright"
        if paper.exists():
            copy(root, paper)
            licenses |= set(re.findall(rf"{LICENSES}/([\w.+-]*[\w+])", paper.read_text("utf-8")))
        done = subprocess.run(["dpkg", "-s", package], check=True, capture_output=True, text=True)
        entry = root / "var/lib/dpkg/status.d" / package
        entry.parent.mkdir(parents=True, exist_ok=True)
        entry.write_text(done.stdout)
    for name in sorted(licenses):
        if (LICENSES / name).exists():
            copy(root, Path(os.path.realpath(LICENSES / name)))
            if (LICENSES / name).is_symlink():
                link(root, f"{LICENSES}/{name}".lstrip("/"), (LICENSES / name).readlink().name)
    own = root / "usr/share/doc/pyinit/copyright"
    own.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source / "LICENSE", own)


def prove(root: Path, python: Path, names: list[str]) -> None:
    """Import everything inside the new root: what the closure has missed ends the build."""
    text = "import sys\nfor name in sys.argv[1:]:\n    __import__(name)\n"
    command = ["chroot", str(root), str(python), "-I", "-S", "-c", text, *names]
    if subprocess.run(command, check=False).returncode != 0:
        sys.exit("assemble: cannot import in the new root what was put into it; see above")


def tell(root: Path, source: Path) -> None:
    """Write the list of all that the root is made of."""
    origins = {str(place.relative_to(root)): found for place, found in MADE_FROM.items()}
    sbom.write(root, source, origins)


def settle(root: Path) -> None:
    """Give everything one time of change, so that the same sources make the same image."""
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
    for place in sorted(root.rglob("*"), reverse=True):
        os.utime(place, (epoch, epoch), follow_symlinks=False)
    os.utime(root, (epoch, epoch))


def report(root: Path, modules: list[tuple[str, str]]) -> None:
    """Say what was assembled."""
    total = sum(
        path.lstat().st_size for path in root.rglob("*") if path.is_file() and not path.is_symlink()
    )
    names = " ".join(name for name, _file in modules)
    sys.stderr.write(f"assemble: {total / 1e6:.1f} MB; {len(modules)} modules: {names}\n")


if __name__ == "__main__":
    main()
