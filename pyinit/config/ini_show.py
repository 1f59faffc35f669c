"""The effective configuration of supervisord's files: every option, and where its value is from.

What is secret is masked: passwords, and variables that are secret by name wherever they are used.
A value that differs from process to process is left as it is written.
"""

from __future__ import annotations

from pyinit.config import ini_build, ini_options, ini_read, ini_values
from pyinit.config.effective import Setting
from pyinit.config.ini_section import SPAWNING, Section, World
from pyinit.config.problems import ConfigErrors, Problems, ValueFault
from pyinit.core.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pyinit.config.ini_parse import Block, Entry

    Mask = Callable[[str, str], str]

VARIES = ("%(process_num)", "%(group_name)")


class Shown(Record):
    """All sections by header; `programs` are those of processes: header -> (name, groups).

    A setting of the kind "written" has the value as it is written, "file" one that is expanded.
    """

    files: tuple[str, ...]
    sections: dict[str, tuple[Setting, ...]]
    programs: dict[str, tuple[str, tuple[str, ...]]]
    warnings: tuple[str, ...]


def shown(paths: Sequence[str], environ: Mapping[str, str], mask: Mask) -> Shown:
    """Return the configuration of `paths`.  Raises ConfigErrors.

    `mask(name, value)` returns the value of a variable as it may be shown.
    """
    problems = Problems()
    ini = ini_read.read_all(paths, problems, environ)
    plan = ini_build.build(ini, problems)
    if problems:
        raise ConfigErrors(problems.errors(), tuple(problems.warnings))
    groups: dict[str, dict[str, None]] = {}
    for process in plan.processes:
        groups.setdefault(process.program.rpartition("/")[2], {})[process.group] = None
    teller = _Teller(World(ini, problems), environ, dict(plan.init.env), mask)
    sections: dict[str, tuple[Setting, ...]] = {}
    programs: dict[str, tuple[str, tuple[str, ...]]] = {}
    for block in ini.sections():
        kind = ini_options.kind_of(block.name)
        if not kind:
            continue
        sections[block.name] = tuple(teller.settings(block, kind))
        if kind in SPAWNING:
            name = block.name.partition(":")[2].strip()
            programs[block.name] = name, tuple(groups.get(name, ()))
    return Shown(plan.sources, sections, programs, plan.warnings)


class _Teller:
    def __init__(
        self, world: World, environ: Mapping[str, str], environment: dict[str, str], mask: Mask
    ) -> None:
        self.world = world
        self.mask = mask
        variables = {**environ, **environment}
        self.names = world.ini.names | {
            f"ENV_{name}": mask(name, value) for name, value in variables.items()
        }

    def settings(self, block: Block, kind: str) -> list[Setting]:
        """Return every option of a section: written, or as it is by default."""
        known = ini_options.KINDS.get(kind, {})
        others = [option for option in block.entries if option not in known]
        found = []
        for option in (*known, *others):
            entry = self.world.ini.entry(block, option)
            if entry is None:
                note = "" if known[option] else "none"
                found.append(Setting(option, known[option], note=note))
                continue
            kind = "written" if any(form in entry.value for form in VARIES) else "file"
            value = self._value(block, option, entry)
            found.append(Setting(option, value, kind, entry.file, entry.line, block.name))
        return found

    def _value(self, block: Block, option: str, entry: Entry) -> str:
        if option == "environment":
            try:
                return self._variables(block, entry)
            except ValueFault:  # of a section that has none: it was warned about, not read
                return self.mask("password", entry.value)
        text = entry.value
        if not any(form in text for form in VARIES) and option != "password":
            section = Section(self.world, block, self._names(block))
            twice = option.endswith("_logfile") and option in ini_options.OUTPUT
            text = section.get(option, str, text, times=2 if twice else 1)
        return self.mask(option, text)

    def _variables(self, block: Block, entry: Entry) -> str:
        """Return an environment with what is secret by name in it masked."""
        names = {**self._names(block), "process_num": 0, "numprocs": 1}
        text = self.world.ini.expanded(entry, names, "environment")
        if any(form in entry.value for form in VARIES):
            text = entry.value
        found = ini_values.environment(text)
        return ",".join([f'{name}="{self.mask(name, value)}"' for name, value in found.items()])

    def _names(self, block: Block) -> dict[str, str | int]:
        """Return the names of a program, with the variables of its own environment."""
        program = block.name.partition(":")[2].strip()
        names = {**self.names, "program_name": program, "group_name": program}
        entry = self.world.ini.entry(block, "environment")
        if entry is None or ini_options.kind_of(block.name) not in SPAWNING:
            return names
        more = {**names, "process_num": 0, "numprocs": 1}
        found = ini_values.environment(self.world.ini.expanded(entry, more, "environment"))
        return names | {f"ENV_{name}": self.mask(name, value) for name, value in found.items()}
