"""The house holds itself: layers, the one waitpid, the sizes, what PID 1 never imports."""

import ast
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[3]
PACKAGE = TOP / "pyinit"
MODULE_LINES, FUNCTION_LINES = 400, 60

# What each layer may import of pyinit; `core.record` and the version may be used by all.
LAYERS = {
    "core": set(),
    "protocol": set(),
    "logs": set(),
    "system": set(),
    "config": {"core"},
    "runtime": {"core", "protocol", "logs", "system"},
    "rpc": {"protocol"},
    "client": {"protocol"},
    "cli": {"client", "protocol", "config"},
    "applets": {"client", "protocol", "config", "cli", "rpc"},
    "web": {"client", "protocol", "rpc"},
    "fleet": {"client", "protocol"},
}
FREE = {"pyinit", "pyinit.bundle", "pyinit.core.record"}
# (importer, imported): each an exception with its reason.
DOORS = {
    # the only modules that start the init: the command, and the applets that are inits themselves
    ("pyinit.cli.init", "runtime"),
    ("pyinit.cli.init", "system"),
    ("pyinit.cli.init", "applets"),
    ("pyinit.applets.tini", "runtime"),
    ("pyinit.applets.tini", "system"),
    ("pyinit.applets.dumb_init", "runtime"),
    ("pyinit.applets.dumb_init", "system"),
    ("pyinit.applets.supervisord", "system"),
    # the compiler runs in a forked child of PID 1, and is imported only there
    ("pyinit.runtime.compiling", "config"),
    # so does what knows calendars and time zones
    ("pyinit.runtime.next_times", "config"),
    # how root opens a file that others could have laid in its way is known in one place
    ("pyinit.config.source", "system"),
    # a launch is what core's plan says; spawn and limits carry it out
    ("pyinit.system.spawn", "core"),
    ("pyinit.system.child", "core"),
    ("pyinit.system.limits", "core"),
    ("pyinit.system.environment", "core"),
    ("pyinit.system.direct_child", "core"),
    # only where an engine is asked: the image has no fleet
    ("pyinit.cli.ctl_fleet", "fleet"),
    # it looks at this place with the eyes of the pyinit that is or would be here
    ("pyinit.cli.doctor_facts", "system"),
    ("pyinit.cli.doctor_facts", "core"),
    # signals by name, as the log says them
    ("pyinit.cli.present", "core"),
}
# What would cost PID 1 a megabyte, a thread or a name service (invariant 13).
NEVER_IN_PID_1 = {
    *("asyncio", "threading", "subprocess", "logging", "socket", "signal", "json", "typing"),
    *("ctypes", "dataclasses", "enum", "inspect", "argparse", "pathlib", "os", "pwd", "grp"),
    *("collections", "functools", "contextlib", "selectors", "multiprocessing", "tempfile"),
    *("shutil", "re"),
}
LAZILY_IN_PID_1 = {"gzip", "zlib", "base64"}  # inside a function, for what few need
ELSEWHERE = {
    "pyinit.logs.packing": {"os", "shutil", "contextlib"},  # runs in a forked child of its own
    "pyinit.runtime.matching": {"re"},  # so does this
    "pyinit.protocol.wire": {"json"},  # only on a Python without CPython's C scanner
}
PID_1 = ("core", "protocol", "logs", "system", "runtime")

MODULES = sorted(PACKAGE.rglob("*.py"))


def _name(path):
    parts = path.relative_to(TOP).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _layer(name):
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else ""


def _is_for_checkers(node):
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def _imports(path, *, lazy=True, runtime_only=False):
    """Yield the full names of what a module imports; `lazy` includes imports in functions."""
    name = _name(path)
    stack = list(ast.parse(path.read_text()).body)
    while stack:
        node = stack.pop()
        if runtime_only and _is_for_checkers(node):
            stack.extend(node.orelse)
        elif not lazy and isinstance(node, ast.FunctionDef | ast.Lambda):
            continue
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                up = name.split(".")
                drop = node.level - (path.name == "__init__.py")
                base = ".".join([*(up[:-drop] if drop else up), *([base] if base else [])])
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield inner if _exists(inner) else base
        else:
            stack.extend(ast.iter_child_nodes(node))


def _exists(name):
    path = TOP.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or path.is_dir()


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_a_module_imports_only_what_its_layer_may(path):
    name = _name(path)
    layer = _layer(name)
    if not layer:
        return
    wrong = []
    for imported in _imports(path):
        other = _layer(imported)
        if not imported.startswith("pyinit") or imported in FREE or other in {"", layer}:
            continue
        if other not in LAYERS[layer] and (name, other) not in DOORS:
            wrong.append(imported)
    assert wrong == []


def test_every_exception_to_the_layers_is_used():
    used = set()
    for path in MODULES:
        used |= {(_name(path), _layer(imported)) for imported in _imports(path)}
    assert used >= DOORS


def test_core_imports_nothing_but_itself():
    found = {imported for path in (PACKAGE / "core").glob("*.py") for imported in _imports(path)}
    foreign = {each for each in found if not each.startswith("pyinit.core")}
    # `_collections`: records are tuples, whose fields it reads in C
    assert foreign <= {"__future__", "_collections", "typing", "collections.abc", "sys"}


@pytest.mark.parametrize(
    "path", [path for path in MODULES if _layer(_name(path)) in PID_1], ids=_name
)
def test_pid_1_imports_nothing_dear(path):
    always = {each.split(".")[0] for each in _imports(path, lazy=False, runtime_only=True)}
    ever = {each.split(".")[0] for each in _imports(path, runtime_only=True)}
    assert not always & (NEVER_IN_PID_1 | LAZILY_IN_PID_1)
    assert not (ever & NEVER_IN_PID_1) - ELSEWHERE.get(_name(path), set())


def test_there_is_one_waitpid():
    places = []
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Attribute | ast.Name) and ast.unparse(called).rpartition(".")[
                2
            ] in {"wait", "wait3", "wait4", "waitid", "waitpid"}:
                owner = ast.unparse(called).rpartition(".")[0]
                if owner in {"", "os", "posix", "_posix"}:
                    places.append(_name(path))
    assert places == ["pyinit.system.reap"]


def test_modules_and_functions_stay_small():
    large = []
    for path in MODULES:
        text = path.read_text()
        if text.count("\n") > MODULE_LINES:
            large.append(_name(path))
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                size = node.end_lineno - node.lineno + 1
                if size > FUNCTION_LINES:
                    large.append(f"{_name(path)}.{node.name}: {size}")
    assert large == []


def test_no_module_has_a_name_that_says_nothing():
    empty = {"utils", "helpers", "common", "misc", "manager", "base"}
    assert [path for path in MODULES if path.stem in empty] == []


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_every_module_says_what_it_is_for(path):
    assert ast.get_docstring(ast.parse(path.read_text()))
