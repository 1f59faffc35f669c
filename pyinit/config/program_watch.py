"""`watch` of a program: the files whose change is a reason to act while it runs."""

from __future__ import annotations

from pyinit.config import paths, values
from pyinit.config.meant_words import TRUTHS
from pyinit.config.problems import ValueFault
from pyinit.core.plan import COMPILED, USED
from pyinit.core.record import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pyinit.config.reader import Section
    from pyinit.core.plan import ProcessPlan

MOST = 64  # paths of one program: directories are one


def build(section: Section, secrets: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    """Return what is to be watched, each with what its change means (`plan.WATCHED`)."""
    layers = section.layers("watch")
    if not layers:
        return ()
    base = _directory_of(layers[0])
    wanted = section.get_from(layers[0], "watch", _paths(base), None)
    if wanted is None:
        return ()
    found = [COMPILED + path for path in _of_variables(section)]
    found += [USED + path for _, path in secrets]
    found += [USED + path for path in wanted]
    return tuple(dict.fromkeys(found))


def with_those_of_init(
    plans: list[ProcessPlan], section: Section, init: Section | None
) -> list[ProcessPlan]:
    """Return the processes of one program; one that watches watches the `env_file` of [init], too.

    Its variables are those of every program.
    """
    layers = section.layers("watch")
    if init is None or not layers or not plans:
        return plans
    if not plans[0].watch and layers[0].tree.get("watch") is not True:
        return plans
    found: list[str] = []
    for layer in reversed(init.layers("env_file")):
        found += init.get_from(layer, "env_file", _files(_directory_of(layer)), [])
    shared = [COMPILED + path for path in found]
    return [replace(each, watch=tuple(dict.fromkeys((*shared, *each.watch)))) for each in plans]


def _paths(base: str) -> Callable[[object], list[str] | None]:
    def convert(value: object) -> list[str] | None:
        if isinstance(value, bool):
            return [] if value else None
        if isinstance(value, str) and (said := TRUTHS.get(value.strip().lower())):
            fix = f'write {said} without quotes, or "./{value}" for a file of that name'
            raise ValueFault(f'"{value}" would be a path', fix)
        written = [values.word(value)] if isinstance(value, str) else values.strings(value)
        if len(written) > MOST:
            raise ValueFault(f"{len(written)} paths are too many", f"at most {MOST}: directories")
        return [paths.join(base, values.word(each)) for each in written]

    return convert


def _of_variables(section: Section) -> list[str]:
    """Return the paths of `env_file` and `env_dir`."""
    found: list[str] = []
    for layer in section.layers("env_file")[:1]:
        found += section.get_from(layer, "env_file", _files(_directory_of(layer)), [])
    for layer in section.layers("env_dir")[:1]:
        found += section.get_from(layer, "env_dir", _files(_directory_of(layer)), [])
    return found


def _files(base: str) -> Callable[[object], list[str]]:
    def convert(value: object) -> list[str]:
        written = [value] if isinstance(value, str) else values.strings(value)
        return [paths.join(base, each.removeprefix("-")) for each in written]

    return convert


def _directory_of(section: Section) -> str:
    return paths.directory_of(paths.absolute(section.file))
