"""A supervisord configuration as pyinit.toml: the same programs, and a word about what differs.

The plan that pyinit makes of the old file is written down again, so that the two cannot disagree.
What TOML has no words for is told in `notes`.
"""

from __future__ import annotations

import posix

from pyinit.config import ini_build, ini_read, ini_sockets, ini_web
from pyinit.config.build import FORBIDDEN, RESERVED
from pyinit.config.ini_markers import Markers
from pyinit.config.ini_parse import Block
from pyinit.config.ini_section import SPAWNING, Section, World
from pyinit.config.ini_written import RESTART, STOP, body
from pyinit.config.load import looks_like_ini
from pyinit.config.problems import ConfigErrors, Problems
from pyinit.config.written import key_text
from pyinit.core.beside import BESIDE
from pyinit.core.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyinit.core.plan import InitPlan, Plan, ProcessPlan

NORMAL = 999  # the priority that is not written


class Converted(Record):
    """The new file, and what it could not say."""

    text: str
    notes: tuple[str, ...]


class Entry(Record):
    """One program of the new file: its name, its rows, the group it was in."""

    name: str
    group: str
    group_priority: int
    priority: int
    place: str
    rows: tuple[str, ...]


def convert(files: Sequence[str], environ: Mapping[str, str]) -> Converted:
    """Return `files` as one pyinit.toml.  Raises ConfigErrors."""
    problems = Problems()
    for path in [each for each in files if each.endswith(".toml") and not looks_like_ini(each)]:
        problems.add(path, (), "it is TOML, no file of supervisord's", f"pyinit -c {path} reads it")
    if problems:
        raise ConfigErrors(problems.errors())
    ini = ini_read.read_all(files, problems, environ)
    markers = Markers(ini, environ, posix.getcwd())
    plan = ini_build.build(ini, problems, instead=markers.instead)
    if problems:
        told = tuple([markers.real(text) for text in problems.warnings])
        raise ConfigErrors(problems.errors(), told)
    return _Writer(World(ini, problems), plan, markers).run()


class _Writer:
    def __init__(self, world: World, plan: Plan, markers: Markers) -> None:
        self.world = world
        self.plan = plan
        self.markers = markers
        self.notes: list[str] = [self._plainly(text) for text in plan.warnings]
        self.names: set[str] = set()

    def run(self) -> Converted:
        programs = self._programs()
        entries = [entry for group in programs for entry in self._entries(group)]
        blocks = [self._head(), self._init(self.plan.init), self._defaults()]
        if self.plan.web is not None:
            blocks.append(ini_web.table(self.plan.web, self.markers, self.notes))
        blocks += self._sockets(programs)
        for entry in entries:
            header = f"[program.{key_text(entry.name)}]"
            blocks.append("\n".join([f"# {_comment(entry.place)}", header, *entry.rows]))
        blocks += self._groups(entries)
        notes = tuple(dict.fromkeys(self.notes))
        if notes:
            told = ["\n#   ".join([_comment(line) for line in note.split("\n")]) for note in notes]
            blocks[0] += "\n#\n# What is different, or has to be looked at:"
            blocks[0] += "".join([f"\n# - {note}" for note in told])
        return Converted("\n\n".join(blocks) + "\n", notes)

    def _plainly(self, text: str) -> str:
        return self.markers.real(text) if self.markers.is_in(text) else text

    def _head(self) -> str:
        files = ", ".join([_comment(path) for path in self.plan.sources])
        return f"# Made of {files} by `pyinitctl convert supervisord`."

    def _init(self, init: InitPlan) -> str:
        toml = self.markers.toml
        rows = ["[init]"]
        exit_rule = "" if init.exit != "never" else '  # "fail-fast" suits containers better'
        rows.append(f"exit = {toml(init.exit)}{exit_rule}")
        rows.append('stop_order = "groups"  # "graph", with depends_on in programs, can say more')
        rows.append(f"stop_budget = {init.stop_budget:g}  # for all groups, one after another")
        if init.drain_delay:
            rows.append(f"drain_delay = {init.drain_delay:g}")
        limits = {one.resource: _limit(one.soft, one.hard, least=one.least) for one in init.limits}
        rows += [f"limits = {toml(limits)}"] if limits else []
        rows += ['limits_unmet = "warn"'] if init.limits_unmet != "fail" else []
        user = self._user("supervisord")
        if init.uid is not None:
            rows.append(f"user = {toml(user)}")
        rows += [f"env = {toml(dict(init.env))}"] if init.env else []
        rows += [f"pidfile = {toml(init.pidfile)}"] if init.pidfile else []
        rows.append('signals = { USR2 = "reopen" }')
        rows += self._log(init)
        self.notes.append(
            "HUP reloads: it touches only what has changed, and restarts nothing else"
        )
        return "\n".join(rows)

    def _log(self, init: InitPlan) -> list[str]:
        log = init.log
        found: dict[str, object] = {}
        if log.level != "info":
            found["level"] = log.level
        if log.format != "text":
            found["format"] = log.format
        if log.file and not log.file.startswith("/dev/"):
            found["file"] = log.file
            self.notes.append("pyinit's own log is in its file, and on stderr no more")
        return [f"log = {self.markers.toml(found)}"] if found else []

    def _defaults(self) -> str:
        rows = ["# how supervisord treats programs: what they do not say themselves", "[defaults]"]
        rows += [f"restart = {self.markers.toml(RESTART)}", f"stop = {self.markers.toml(STOP)}"]
        return "\n".join(rows)

    def _programs(self) -> list[list[ProcessPlan]]:
        """Return the processes that can be said in TOML, those of a program together."""
        found: dict[str, list[ProcessPlan]] = {}
        for process in self.plan.processes:
            block = self._block(process)
            place = f"[{block.name}]"
            if process.pool is not None:
                self.notes.append(f"{place}: event listeners need a supervisord file: left out")
            else:
                found.setdefault(process.program, []).append(process)
        return list(found.values())

    def _sockets(self, programs: list[list[ProcessPlan]]) -> list[str]:
        """Return the sockets that the programs have, each as a table."""
        used = {_socket_of(process) for processes in programs for process in processes}
        return [
            f"[socket.{key_text(_usable(each.name))}]\n{ini_sockets.rows(each, self.markers)}"
            for each in self.plan.sockets
            if each.name in used
        ]

    def _stdin(self, process: ProcessPlan, title: str) -> list[str]:
        name = _socket_of(process)
        if not name:
            return []
        self.notes.append(f"{title}: its socket is open from the start on, also while nobody runs")
        return [f"stdin = {self.markers.toml(f'socket:{_usable(name)}')}"]

    def _entries(self, processes: list[ProcessPlan]) -> list[Entry]:
        first = processes[0]
        block = self._block(first)
        title = f"[{block.name}]"
        place = f"{title} of {block.file}:{block.line}"
        user = self._user(block.name) if first.launch.uid is not None else ""
        bodies = [
            (
                *body(one, self.plan.init, user, self.markers, self.notes, title),
                *self._stdin(one, title),
            )
            for one in processes
        ]
        prefix, _, program = first.program.rpartition("/")
        name = f"{prefix}-{program}" if prefix else program
        if len(processes) > 1 and all(rows == bodies[0] for rows in bodies):
            entry = self._entry(name, first, place, (*bodies[0], f"instances = {len(processes)}"))
            last = len(processes) - 1
            text = f"{title}: its processes are {entry.name}:0 to {entry.name}:{last}"
            self.notes.append(f"{text}, no more {self._plainly(first.name)} and so on")
            return [entry]
        if len(processes) == 1:
            found = self._entry(name, first, place, bodies[0])
            if _process_name(first) not in (found.name, program):
                text = f"{title}: the process is called {found.name}"
                self.notes.append(f"{text}, no more {self._plainly(_process_name(first))}")
            return [found]
        return [
            self._entry(_process_name(one), one, place, rows)
            for one, rows in zip(processes, bodies, strict=True)
        ]

    def _entry(self, wanted: str, process: ProcessPlan, place: str, rows: tuple[str, ...]) -> Entry:
        wanted = self._plainly(wanted)
        name = _usable(wanted)
        plain, number = name, 2
        while name in self.names:
            name, number = f"{plain}-{number}", number + 1
        if name != wanted:
            self.notes.append(f'"{wanted}" is called "{name}": the other name is taken or no name')
        self.names.add(name)
        priorities = process.group_priority, process.priority
        return Entry(name, process.group, *priorities, place, rows)

    def _groups(self, entries: list[Entry]) -> list[str]:
        members: dict[str, list[Entry]] = {}
        for entry in entries:
            members.setdefault(entry.group, []).append(entry)
        found = []
        for group, those in members.items():
            priority = those[0].group_priority
            alone = len(those) == 1 and those[0].name == group
            if alone and priority == those[0].priority:
                continue
            name = _usable(group)
            if name != group:
                self.notes.append(f'the group "{group}" is called "{name}": the other is no name')
            rows = [f"[group.{key_text(name)}]"]
            rows.append(f"programs = {self.markers.toml([entry.name for entry in those])}")
            rows += [f"priority = {priority}"] if priority != NORMAL else []
            found.append("\n".join(rows))
        return found

    def _block(self, process: ProcessPlan) -> Block:
        """Return the section that a process is made of."""
        program = process.program.rpartition("/")[2]
        kinds = ("eventlistener",) if process.pool else tuple(SPAWNING - {"eventlistener"})
        for block in self.world.ini.sections():
            kind, _, title = block.name.partition(":")
            if kind in kinds and title.strip() == program:
                return block
        return Block(f"program:{program}", self.plan.sources[0], 0)

    def _user(self, name: str) -> str:
        block = self.world.ini.blocks[name]
        names = {**self.world.names, "program_name": block.name.partition(":")[2]}
        return self._plainly(Section(self.world, block, names).text("user"))


def _socket_of(process: ProcessPlan) -> str:
    """Return the name of the socket that is the stdin of a process, "" if there is none."""
    kind, _, name = process.launch.stdin.partition(":")
    return name if kind == "socket" else ""


def _process_name(process: ProcessPlan) -> str:
    return process.name.removeprefix(f"{process.group}:")


def _usable(name: str) -> str:
    """Return a name of a program or group as pyinit.toml may have it."""
    found = "".join(["_" if char in FORBIDDEN else char for char in name]).lstrip("-") or "_"
    return f"{found}_" if found in RESERVED or found.endswith(BESIDE) else found


def _limit(soft: int, hard: int, *, least: bool) -> object:
    words = {-1: "unlimited", -2: "max", -3: "max"}
    if least:
        return f">={soft}"
    if hard == -2:
        return words.get(soft, soft)
    if soft == hard == -1:
        return "unlimited"
    return f"{words.get(soft, soft)}:{words.get(hard, hard)}"


def _comment(text: str) -> str:
    """Return a text as one line of a TOML comment, which may have no control characters."""
    return "".join([char if char.isprintable() else ascii(char)[1:-1] for char in text])
