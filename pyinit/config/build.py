"""Documents become a plan: [init], [defaults], programs, groups, and what binds them."""

from __future__ import annotations

from pyinit.config import program, values
from pyinit.config.problems import Problems, ValueFault, suggest
from pyinit.config.reader import Section, env_file
from pyinit.config.users import Accounts
from pyinit.core.plan import ControlPlan, InitPlan, LogPlan, Plan, ProcessPlan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyinit.config.toml import Document

EXITS = ("fail-fast", "all-done", "never")
ACTIONS = ("reload", "reopen", "stop", "ignore")
ACCESS = ("read", "operate", "admin")
FORBIDDEN = frozenset(" \t\n:/*?[],\"'")


class Builder:
    """Builds one plan out of documents; every fault goes into `problems`."""

    def __init__(
        self,
        documents: list[Document],
        problems: Problems,
        environ: Mapping[str, str],
        accounts: Accounts,
    ) -> None:
        self.documents = documents
        self.problems = problems
        self.environ = environ
        self.accounts = accounts
        self.places: dict[str, str] = {}  # program -> the file that has it

    def build(self) -> Plan:
        """Return the plan; it means something only if there are no problems."""
        for document in self.documents:
            Section("", document.file, (), document.tree, self.problems, self.environ).check_keys()
        init = self._init()
        groups = self._groups()
        defaults = self._sections("defaults", "program")
        processes: list[ProcessPlan] = []
        for document in self.documents:
            for name, tree in self._named(document, "program"):
                if name in self.places:
                    text = f'program "{name}" is in {self.places[name]} already'
                    self.problems.add(document.file, ("program", name), text)
                    continue
                self.places[name] = document.file
                section = self._section(document, ("program", name), tree, "program", defaults)
                group = groups.get(name)
                processes += program.build(name, section, init, group, self.accounts)
        self._check(init, processes)
        sources = tuple([document.file for document in self.documents])
        return Plan(init, tuple(processes), sources, tuple(self.problems.warnings))

    def _section(
        self,
        document: Document,
        path: tuple[str, ...],
        tree: object,
        name: str,
        inherited: tuple[Section, ...] = (),
    ) -> Section:
        return Section(name, document.file, path, tree, self.problems, self.environ, inherited)

    def _sections(self, key: str, name: str) -> tuple[Section, ...]:
        """Return the table `key` of every file that has it; the last file is asked first."""
        found = [
            self._section(document, (key,), document.tree[key], name)
            for document in self.documents
            if key in document.tree
        ]
        for section in found:
            section.check_keys()
        return tuple(reversed(found))

    def _named(self, document: Document, kind: str) -> list[tuple[str, object]]:
        """Return the tables `[kind.NAME]` of a file."""
        tables = document.tree.get(kind, {})
        if not isinstance(tables, dict):
            self.problems.add(document.file, (kind,), f'"{kind}" is no table of tables')
            return []
        for name in tables:
            if not name or FORBIDDEN & set(name) or name == "all" or not name.isprintable():
                text = f'"{name}" cannot be a name'
                fix = 'spaces, quotes and any of :/*?[], are taken, and so is "all"'
                self.problems.add(document.file, (kind, name), text, fix)
        return list(tables.items())

    def _init(self) -> InitPlan:
        sections = self._sections("init", "init")
        if not sections:
            return InitPlan()
        first = sections[0]
        init = Section(
            "init", first.file, ("init",), first.tree, self.problems, self.environ, sections[1:]
        )
        account = init.get("user", self.accounts.user, None)
        gid = init.get("group", self.accounts.group, account.gid if account else None)
        return InitPlan(
            exit=init.get("exit", values.word, "fail-fast"),
            limits=init.get("limits", values.limits, ()),
            limits_unmet=init.get("limits_unmet", values.choice("fail", "warn"), "fail"),
            stop_budget=init.get("stop_budget", values.duration, 9.0),
            drain_delay=init.get("drain_delay", values.duration, 0.0),
            umask=init.get("umask", values.mode, None),
            directory=init.get("directory", values.word, None),
            uid=account.uid if account else None,
            gid=gid,
            groups=account.groups if account else None,
            env=self._init_env(init),
            pidfile=init.get("pidfile", values.word, None),
            log=_log(init.sub("log", "init.log")),
            control=self._control(init.sub("control", "init.control")),
            signals=init.get("signals", _signals, ()),
        )

    def _init_env(self, init: Section) -> tuple[tuple[str, str], ...]:
        def files(value: object) -> dict[str, str]:
            merged: dict[str, str] = {}
            for path in values.strings(value):
                merged |= env_file(path)
            return merged

        found = init.get("env_file", files, {}) | init.get("env", values.variables, {})
        return tuple(sorted(found.items()))

    def _control(self, section: Section | None) -> ControlPlan:
        if section is None:
            return ControlPlan()
        uid, gid = section.get("owner", self.accounts.owner, (None, None))
        return ControlPlan(
            path=section.get("path", values.word, None),
            mode=section.get("mode", values.mode, 0o600),
            uid=uid,
            gid=gid,
            allow=section.get("allow", self._allow, ()),
        )

    def _allow(self, value: object) -> tuple[tuple[int, str], ...]:
        found = []
        for place, item in enumerate(values.strings(value)):
            name, colon, level = item.rpartition(":")
            if not colon or level not in ACCESS:
                fix = 'write "user:read", "user:operate" or "user:admin"'
                raise ValueFault(f'"{item}" grants nothing', fix, (place,))
            found.append((self.accounts.user(name).uid, level))
        return tuple(found)

    def _groups(self) -> dict[str, tuple[str, int]]:
        """Return (group, its priority) by program."""
        found: dict[str, tuple[str, int]] = {}
        programs = {name for each in self.documents for name, _ in self._named_quietly(each)}
        for document in self.documents:
            for name, tree in self._named(document, "group"):
                section = self._section(document, ("group", name), tree, "group")
                section.check_keys()
                if "programs" not in section.tree:
                    section.fault(f'group "{name}" has no programs', 'write programs = ["a", "b"]')
                priority = section.get("priority", values.integer(-9999, 9999), 999)
                for place, member in enumerate(section.get("programs", values.strings, ())):
                    path = ("programs", place)
                    if member not in programs:
                        text = f'group "{name}": there is no program "{member}"'
                        section.fault(text, suggest(member, programs), path)
                    elif member in found:
                        text = f'program "{member}" is in group "{found[member][0]}" already'
                        section.fault(text, "", path)
                    else:
                        found[member] = (name, priority)
        return found

    def _named_quietly(self, document: Document) -> list[tuple[str, object]]:
        tables = document.tree.get("program", {})
        return list(tables.items()) if isinstance(tables, dict) else []

    def _check(self, init: InitPlan, processes: list[ProcessPlan]) -> None:
        """Note what only the whole shows: names that lead nowhere, cycles, budgets."""
        known = set(self.places)
        if init.exit not in EXITS and not init.exit.startswith("main:"):
            self._init_fault(f'exit: "{init.exit}" is not known here', "exit", EXITS)
        elif init.exit.startswith("main:") and init.exit[5:] not in known:
            self._init_fault(f'exit: there is no program "{init.exit[5:]}"', "exit", known)
        if init.drain_delay and init.drain_delay >= init.stop_budget:
            text = "drain_delay: nothing of stop_budget would be left to stop anything"
            self._init_fault(text, "drain_delay", ())
        for _, action in init.signals:
            if action.startswith("forward:") and action[8:] not in known:
                self._init_fault(f'signals: there is no program "{action[8:]}"', "signals", known)
        needs: dict[str, list[str]] = {}
        for process in processes:
            needs[process.program] = [each.program for each in process.depends]
        for name, wanted in needs.items():
            for need in wanted:
                if need not in known:
                    self._program_fault(
                        name, f'there is no program "{need}"', suggest(need, known), need
                    )
        cycle = _cycle(needs)
        if cycle:
            text = "they wait for each other: " + " -> ".join(cycle)
            self._program_fault(cycle[0], text, "leave one of the dependencies out", cycle[1])

    def _init_fault(self, text: str, key: str, known: object) -> None:
        for document in self.documents:
            tree = document.tree.get("init")
            if isinstance(tree, dict) and key in tree:
                names = [str(each) for each in known] if isinstance(known, set | tuple) else []
                fix = suggest(text.partition('"')[2].partition('"')[0], names) if names else ""
                self.problems.add(document.file, ("init", key), text, fix)

    def _program_fault(self, name: str, text: str, fix: str, need: str) -> None:
        path = ("program", name, "depends_on", need)
        self.problems.add(self.places[name], path, f'depends_on of "{name}": {text}', fix)


def _log(section: Section | None) -> LogPlan:
    if section is None:
        return LogPlan()
    return LogPlan(
        level=section.get("level", values.choice("error", "warning", "info", "debug"), "info"),
        format=section.get("format", values.choice("text", "json", "supervisord"), "text"),
        file=section.get("file", values.word, None),
    )


def _signals(value: object) -> tuple[tuple[int, str], ...]:
    found = []
    for name, action in values.table(value).items():
        if not isinstance(action, str) or not (action in ACTIONS or action.startswith("forward:")):
            fix = 'write "forward:PROGRAM", "reload", "reopen", "stop" or "ignore"'
            raise ValueFault(f'"{action}" is nothing a signal can do', fix, (name,))
        try:
            number = values.signal(name)
        except ValueFault as fault:
            fault.path = (name,)
            raise
        found.append((number, action))
    return tuple(sorted(found))


def _cycle(needs: dict[str, list[str]]) -> list[str]:
    """Return one cycle as the names along it, the first again at the end; [] for none."""
    done: set[str] = set()
    for start in needs:
        path: list[str] = []
        on_path: set[str] = set()
        stack: list[tuple[str, int]] = [(start, 0)]
        while stack:
            name, place = stack.pop()
            if place == 0:
                if name in on_path:
                    return [*path[path.index(name) :], name]
                if name in done or name not in needs:
                    continue
                path.append(name)
                on_path.add(name)
            if place < len(needs[name]):
                stack.append((name, place + 1))
                stack.append((needs[name][place], 0))
            else:
                done.add(name)
                on_path.discard(name)
                path.pop()
    return []
