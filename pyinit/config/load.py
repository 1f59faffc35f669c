"""From the command line's `-c` to a plan, or to every fault of every file."""

from __future__ import annotations

import posix
import sys

from pyinit.config import mounts, paths
from pyinit.config.problems import ConfigErrors, Problems
from pyinit.config.source import is_read_only
from pyinit.config.users import Accounts
from pyinit.core.record import Record, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyinit.core.plan import Plan


class Checked(Record):
    """A configuration that is good: its files, and how much is in it."""

    files: tuple[str, ...]
    programs: int
    processes: int
    warnings: tuple[str, ...]


DEFAULT_FILE = "/etc/pyinit/pyinit.toml"
DEFAULT_DIRECTORY = "/etc/pyinit/conf.d"
INI, TOML = "ini", "toml"
HEADERS = (b"[supervisord]", b"[program:", b"[unix_http_server]", b"[inet_http_server]")
REGULAR = 0o100000  # of st_mode, see inode(7)
PEEK_BYTES = 1 << 16  # of a file whose name does not tell what it is


def find_files(
    explicit: Sequence[str], environ: Mapping[str, str], *, beside: str = ""
) -> list[str]:
    """Return the files and directories to read: `-c`, else $PYINIT_CONFIG, else the default ones.

    $PYINIT_CONFIG may hold several, separated by colons.  Where pyinit has no file at its own
    places it reads the one that supervisord would, but not `beside` a command.  Empty if there
    is nothing to read.
    """
    if explicit:
        return list(explicit)
    named = [path for path in environ.get("PYINIT_CONFIG", "").split(":") if path]
    if named:
        return named
    files = [DEFAULT_FILE] if paths.status(DEFAULT_FILE) else []
    if _has_drop_ins(DEFAULT_DIRECTORY):
        files.append(DEFAULT_DIRECTORY)
    return files or _supervisords(beside)


def _supervisords(beside: str) -> list[str]:
    from pyinit.config.ini_places import find

    if beside:  # it may come to supervisord itself, which would start them again
        return []
    found = find(sys.argv[0] if sys.argv else "")
    return [] if found is None else [found]


def _has_drop_ins(directory: str) -> bool:
    """Say whether there is something to read in it, or a fault to be told of."""
    try:
        names = posix.listdir(directory)
    except OSError:
        return paths.is_there(directory)
    return any(name.endswith((".toml", ".conf", ".ini")) for name in names)


def load(
    files: Sequence[str],
    environ: Mapping[str, str],
    accounts: Accounts | None = None,
    *,
    overrides: Sequence[tuple[str, str]] = (),
    name: str = "pyinit",
    strict: bool = False,
) -> Plan:
    """Return the plan of `files`.  Raises ConfigErrors with all that is wrong with them.

    Files that end in .conf or .ini are supervisord's, and so are others whose sections look it;
    the two kinds do not mix.  For those `overrides` are options of [supervisord] that its command
    line has given, `name` is whom pyinit is called ("supervisord": it logs like it), and with
    `strict` what supervisord passes over in silence is wrong.
    """
    problems = Problems()
    if not is_supervisord(files, problems, name=name):
        from pyinit.config.build import Builder
        from pyinit.config.toml import read_all

        documents = read_all(files, problems, environ)
        plan = Builder(documents, problems, environ, accounts or Accounts()).build()
    else:
        from pyinit.config import ini_build, ini_read

        ini = ini_read.read_all(files, problems, environ, overrides)
        plan = ini_build.build(ini, problems, name=name, strict=strict)
    if problems:
        raise ConfigErrors(problems.errors(), tuple(problems.warnings))
    return mounts.by_fork(_with_owners_told(plan), environ)


def _with_owners_told(plan: Plan) -> Plan:
    """Return the plan with a warning of each file that a program of another user may change."""
    if posix.geteuid() != 0:
        return plan
    users = {each.launch.uid: each.program for each in reversed(plan.processes)}
    told = []
    for path in plan.sources:
        found = paths.status(path)
        if found is not None and found.st_uid and found.st_uid in users and not is_read_only(path):
            whose = f'it belongs to the user of "{users[found.st_uid]}", and root runs what it says'
            told.append(f'{path}: {whose}: "chown root" it, or mount it read-only')
    return replace(plan, warnings=(*plan.warnings, *told)) if told else plan


def is_supervisord(files: Sequence[str], problems: Problems, *, name: str = "pyinit") -> bool:
    """Say whether `files` are supervisord's; note it as a problem if some are and some are not.

    What is given to a pyinit that is called supervisord is, whatever its name.
    """
    kinds = {path: _kind(path, name) for path in files}
    found = {kind: path for path, kind in kinds.items() if kind}
    both = found.get("both")
    if both or len(found) > 1:
        path = both or found[INI]
        text = "supervisord files and TOML files do not make one configuration"
        fix = (
            "give one kind; a supervisord file becomes TOML by: pyinitctl convert supervisord FILE"
        )
        problems.add(path, (), text, fix)
    return INI in found


def _kind(path: str, name: str) -> str:
    """Return INI, TOML, "both" (a directory with both), or "" for one that has neither."""
    if paths.is_directory(path):
        return _kind_of_directory(path)
    if path.endswith((".conf", ".ini")) or name == "supervisord":
        return INI
    return TOML if path.endswith(".toml") or not looks_like_ini(path) else INI


def _kind_of_directory(path: str) -> str:
    try:
        names = [name for name in posix.listdir(path) if not name.startswith(".")]
    except OSError:
        return TOML  # who reads it tells what is wrong
    kinds = {name.rpartition(".")[2] for name in names}
    has_ini = bool({"conf", "ini"} & kinds)
    if "toml" in kinds:
        return "both" if has_ini else TOML
    return INI if has_ini else ""


def looks_like_ini(path: str) -> bool:
    """Say whether a file of any name has a section of supervisord's; TOML has no such header."""
    found = paths.status(path)
    if found is None or found.st_mode & paths.KIND_OF_FILE != REGULAR:
        return False  # what is read from a pipe is gone
    try:
        with open(path, "rb") as file:
            text = file.read(PEEK_BYTES)
    except OSError:
        return False
    return any(line.strip().startswith(HEADERS) for line in text.split(b"\n"))


def check(files: Sequence[str], environ: Mapping[str, str], *, strict: bool = False) -> Checked:
    """Return what is in `files`.  Raises ConfigErrors with all that is wrong with them."""
    plan = load(files, environ, strict=strict)
    programs = {process.program for process in plan.processes}
    return Checked(plan.sources, len(programs), len(plan.processes), plan.warnings)
