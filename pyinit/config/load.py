"""From the command line's `-c` to a plan, or to every fault of every file."""

from __future__ import annotations

import posix

from pyinit.config import mounts, paths
from pyinit.config.problems import ConfigErrors, Problems
from pyinit.config.users import Accounts
from pyinit.core.record import Record

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


def find_files(explicit: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    """Return the files and directories to read: `-c`, else $PYINIT_CONFIG, else the default ones.

    $PYINIT_CONFIG may hold several, separated by colons.  Empty if there is nothing to read.
    """
    if explicit:
        return list(explicit)
    named = [path for path in environ.get("PYINIT_CONFIG", "").split(":") if path]
    if named:
        return named
    files = [DEFAULT_FILE] if paths.status(DEFAULT_FILE) else []
    return [*files, DEFAULT_DIRECTORY] if _has_drop_ins(DEFAULT_DIRECTORY) else files


def _has_drop_ins(directory: str) -> bool:
    """Say whether there is something to read in it, or a fault to be told of."""
    try:
        names = posix.listdir(directory)
    except OSError:
        return paths.is_there(directory)
    return any(name.endswith(".toml") for name in names)


def load(
    files: Sequence[str], environ: Mapping[str, str], accounts: Accounts | None = None
) -> Plan:
    """Return the plan of `files`.  Raises ConfigErrors with all that is wrong with them."""
    from pyinit.config.build import Builder
    from pyinit.config.toml import read_all

    problems = Problems()
    documents = read_all(files, problems, environ)
    plan = Builder(documents, problems, environ, accounts or Accounts()).build()
    if problems:
        raise ConfigErrors(problems.errors())
    return mounts.by_fork(plan, environ)


def check(files: Sequence[str], environ: Mapping[str, str]) -> Checked:
    """Return what is in `files`.  Raises ConfigErrors with all that is wrong with them."""
    plan = load(files, environ)
    programs = {process.program for process in plan.processes}
    return Checked(plan.sources, len(programs), len(plan.processes), plan.warnings)
