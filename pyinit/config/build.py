"""Documents become a plan: [init], [defaults], programs, groups, and what binds them."""

from __future__ import annotations

from pyinit.config import checks, program, program_sockets, program_watch, schema, values
from pyinit.config.limits import own_limit_table
from pyinit.config.output import MAX_FILES, check_shared
from pyinit.config.problems import ValueFault, each, suggest
from pyinit.config.program_probes import bindable
from pyinit.config.reader import Section
from pyinit.config.users import Account, Accounts
from pyinit.core.beside import BESIDE
from pyinit.core.plan import ControlPlan, ExitWhen, InitPlan, LogPlan, Plan, ProcessPlan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyinit.config.problems import Problems
    from pyinit.config.toml import Document
    from pyinit.core.plan_listen import SocketPlan, WebPlan

EXITS = ("fail-fast", "all-done", "never")
ACTIONS = ("reload", "restart", "reopen", "stop", "ignore")
ACCESS = ("read", "operate", "admin")
UNCATCHABLE = frozenset((9, 17, 19))  # KILL and STOP, and CHLD: the news of pyinit's own children
FORBIDDEN = frozenset(" \t\n:/*?[],=\"'")
RESERVED = {"all": "every program", "pyinit": "pyinit itself"}  # in `pyinitctl limits pyinit`


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
        self.typical: dict[str, ProcessPlan] = {}  # program -> one of its processes

    def build(self) -> Plan:
        """Return the plan; it means something only if there are no problems."""
        for document in self.documents:
            Section("", document.file, (), document.tree, self.problems, self.environ).check_keys()
        above = self.single_section("init")
        init = self._init(above)
        groups = self._groups()
        defaults = self.defaults()
        processes: list[ProcessPlan] = []
        for document in self.documents:
            for name, tree in self._named(document, "program"):
                if name in self.places:
                    text = f'program "{name}" is in {self._place(name)} already'
                    fix = "give one of them another name, or leave it out"
                    self.problems.add(document.file, ("program", name), text, fix)
                    continue
                self.places[name] = document.file
                section = self.section(document, ("program", name), tree, "program", defaults)
                if not isinstance(tree, dict):
                    continue
                plans, typical = program.build(name, section, init, groups.get(name), self.accounts)
                self.typical[name] = typical
                processes += program_watch.with_those_of_init(plans, section, above)
        for one in defaults:  # what every program overrides may be wrong, too
            tree = {"command": ["defaults"], **one.tree}
            section = Section("program", one.file, one.path, tree, self.problems, self.environ)
            program.build("defaults", section, init, None, self.accounts)
        sockets = program_sockets.sockets(self)
        processes = program_sockets.bound(self, processes, sockets)
        checks.check(self, init, processes)
        check_shared(self, processes)
        sources = tuple([document.file for document in self.documents])
        web = self._web(sockets)
        warnings = tuple(self.problems.warnings)
        return Plan(init, tuple(processes), sources, warnings, self._says_exit(), sockets, web)

    def _web(self, sockets: tuple[SocketPlan, ...]) -> WebPlan | None:
        section = self.single_section("web")
        if section is None:
            return None
        from pyinit.config import web

        return web.build(section, self.accounts, sockets)

    def _says_exit(self) -> bool:
        trees = [document.tree.get("init") for document in self.documents]
        return any("exit" in tree for tree in trees if isinstance(tree, dict))

    def defaults(self) -> tuple[Section, ...]:
        """Return the [defaults] of all files, the last one first: it wins."""
        return self._sections("defaults", "program")

    def tables(self, document: Document, kind: str) -> list[tuple[str, Section]]:
        """Return the programs or groups of a document as sections, by name."""
        inherited = self.defaults() if kind == "program" else ()
        return [
            (name, self.section(document, (kind, name), tree, kind, inherited))
            for name, tree in self._named(document, kind)
        ]

    def _place(self, name: str) -> str:
        from pyinit.config.positions import line_of, scan

        file = self.places[name]
        line = line_of(scan(self.problems.texts[file]), ("program", name))
        return f"{file}:{line}"

    def section(
        self,
        document: Document,
        path: tuple[str, ...],
        tree: object,
        name: str,
        inherited: tuple[Section, ...] = (),
    ) -> Section:
        """Return the table at `path` of a document, with the keys of the schema's `name`."""
        return Section(name, document.file, path, tree, self.problems, self.environ, inherited)

    def _sections(self, key: str, name: str) -> tuple[Section, ...]:
        """Return the table `key` of every file that has it; the last file is asked first."""
        found = [
            self.section(document, (key,), document.tree[key], name)
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
            text = f'"{kind}" is no table of tables'
            self.problems.add(document.file, (kind,), text, f"write [{kind}.NAME]")
            return []
        for name in tables:
            fix = _name_fix(name)
            if fix:
                self.problems.add(document.file, (kind, name), f'"{name}" cannot be a name', fix)
        nameless = [name for name in _keys(tables, kind) if not isinstance(tables[name], dict)]
        if nameless:
            text = f"[{kind}] has no name, so {nameless[0]} is nobody's"
            fix = f"write [{kind}.NAME] over it: a name such as [{kind}.web]"
            self.problems.add(document.file, (kind, nameless[0]), text, fix)
        return [item for item in tables.items() if item[0] not in nameless]

    def single_section(self, key: str) -> Section | None:
        """Return [init] or [web] of the last file that has it; it inherits from those before."""
        sections = self._sections(key, key)
        if not sections:
            return None
        first = sections[0]
        return Section(
            *(key, first.file, first.path, first.tree, self.problems, self.environ),
            inherited=sections[1:],
        )

    def _init(self, init: Section | None) -> InitPlan:
        if init is None:
            return InitPlan()
        account = init.get("user", self.accounts.user, None)
        gid, groups = self.accounts.become(account, init.get("group", self.accounts.group, None))
        limits = init.merged("limits", own_limit_table)
        return InitPlan(
            exit=init.get("exit", exit_rule, "fail-fast"),
            limits=program.in_order(limits),
            limits_unmet=init.get("limits_unmet", values.choice("fail", "warn"), "fail"),
            stop_budget=init.get("stop_budget", stop_budget, 9.0),
            drain_delay=init.get("drain_delay", values.duration, 0.0),
            umask=init.get("umask", values.mode, None),
            directory=init.get("directory", values.word, None),
            uid=account.uid if account else None,
            gid=gid,
            groups=groups,
            env=self._init_env(init, account),
            pidfile=init.get("pidfile", values.word, None),
            log=_log(init.sub("log", "init.log")),
            control=self._control(init.sub("control", "init.control")),
            signals=tuple(sorted(init.merged("signals", _signals).items())),
            exit_when=_exit_when(init.sub("exit_when", "init.exit_when", merge=False)),
            stop_order=init.get("stop_order", values.choice("graph", "groups"), "graph"),
        )

    def _init_env(self, init: Section, account: Account | None) -> tuple[tuple[str, str], ...]:
        found: dict[str, str] = {}
        if account is not None:
            home = account.home or "/"
            found = {"USER": account.name, "LOGNAME": account.name, "HOME": home}
        for layer in reversed(init.layers("env_file")):
            convert = program.files_of(program.directory_of(layer))
            found |= init.get_from(layer, "env_file", convert, {})
        return tuple(sorted((found | init.merged("env", values.variables)).items()))

    def _control(self, section: Section | None) -> ControlPlan:
        if section is None:
            return ControlPlan()
        uid, gid = section.get("owner", self.accounts.owner, (None, None))
        return ControlPlan(
            path=section.get("path", bindable, None),
            mode=section.get("mode", values.mode, 0o600),
            uid=uid,
            gid=gid,
            allow=section.get("allow", lambda value: allow(value, self.accounts), ()),
        )

    def _groups(self) -> dict[str, tuple[str, int]]:
        """Return (group, its priority) by program."""
        found: dict[str, tuple[str, int]] = {}
        programs = {
            name for document in self.documents for name, _ in self._named_quietly(document)
        }
        for document in self.documents:
            for name, tree in self._named(document, "group"):
                section = self.section(document, ("group", name), tree, "group")
                section.check_keys()
                if "programs" not in section.tree:
                    section.fault(f'group "{name}" has no programs', 'write programs = ["a", "b"]')
                priority = section.get("priority", values.integer(-9999, 9999), 999)
                members = section.get("programs", values.strings, ())
                if name in programs and name not in members:
                    self.problems.doubt(document.file, ("group", name), *_two_of(name))
                for place, member in enumerate(members):
                    path = ("programs", place)
                    if member not in programs:
                        text = f'group "{name}": there is no program "{member}"'
                        section.fault(text, suggest(member, programs), path)
                    elif member in found:
                        text = f'program "{member}" is in group "{found[member][0]}" already'
                        section.fault(text, "leave it out of one of them", path)
                    else:
                        found[member] = (name, priority)
        return found

    def _named_quietly(self, document: Document) -> list[tuple[str, object]]:
        tables = document.tree.get("program", {})
        return list(tables.items()) if isinstance(tables, dict) else []


def _two_of(name: str) -> tuple[str, str]:
    """Return what is doubtful about a group and a program that is not in it, and what to write."""
    text = f'group "{name}": program "{name}" has that name, too, and is not in it'
    fix = f'"{name}" means the program, "{name}:*" both: give one of them another name'
    return text, fix


def _keys(table: Mapping[str, object], section: str) -> list[str]:
    """Return what of a table is called like a key of a section."""
    known = schema.section(section)
    return [name for name in table if name in known]


def allow(value: object, accounts: Accounts) -> tuple[tuple[int, str], ...]:
    """Return (uid, level) of each "user:read", "user:operate", "user:admin"."""

    def convert(_place: int, item: object) -> tuple[int, str]:
        name, colon, level = values.string(item).rpartition(":")
        if not colon or level not in ACCESS:
            fix = 'write "user:read", "user:operate" or "user:admin"'
            raise ValueFault(f"{values.shown(item)} grants nothing", fix)
        return accounts.user(name).uid, level

    return tuple(each(enumerate(values.strings(value)), convert).values())


def _name_fix(name: str) -> str:
    """Return what to do about a name that a program or group cannot have; "" if it can."""
    if name in RESERVED:
        return f"to pyinitctl it means {RESERVED[name]}: choose another"
    if name.endswith(BESIDE):
        return f"a {BESIDE} at the end marks the new run of a rolling restart: leave it out"
    if not name or name[0] == "-" or not FORBIDDEN.isdisjoint(name) or not name.isprintable():
        return "spaces, quotes, any of :/*?[],= and a leading dash are taken"
    return ""


def _log(section: Section | None) -> LogPlan:
    if section is None:
        return LogPlan()
    return LogPlan(
        level=section.get("level", values.choice("error", "warning", "info", "debug"), "info"),
        format=section.get("format", values.choice("text", "json", "supervisord"), "text"),
        file=section.get("file", values.word, None),
        max_size=section.get("max_size", values.size, LogPlan().max_size),
        max_files=section.get("max_files", values.integer(0, MAX_FILES), LogPlan().max_files),
        echo=section.get("echo", values.boolean, LogPlan().echo),
    )


def _exit_when(section: Section | None) -> ExitWhen | None:
    if section is None or not section.is_table:
        return None
    if len({"file", "process"} & set(section.tree)) != 1:
        fix = 'write { file = "/lifecycle/done" } or { process = "NAME" }'
        section.fault("exit_when: it is a file or a process", fix)
    file = section.get("file", _absolute, "")
    return ExitWhen(file, section.get("process", _process_name, ""))


def stop_budget(value: object) -> float:
    """Return the seconds within which the whole shutdown ends: some, for else nothing could."""
    seconds = values.duration(value)
    if not seconds:
        fix = 'write a duration below the container\'s grace, such as "9s"'
        raise ValueFault("nothing can be stopped in no time", fix)
    return seconds


def _absolute(value: object) -> str:
    path = values.word(value)
    if not path.startswith("/"):
        raise ValueFault(f'"{path}" is no path from the root', 'write "/lifecycle/done"')
    return path


def _process_name(value: object) -> str:
    name = values.word(value)
    if "/" in name:
        raise ValueFault(f'"{name}" is a path', f'write "{name.rpartition("/")[2]}"')
    return name


def exit_rule(value: object) -> str:
    """Return when pyinit ends: one of EXITS, or "main:PROGRAM"."""
    if isinstance(value, str) and value.startswith("main:"):
        return value  # whether there is such a program is seen later
    return values.choice(*EXITS, "main:PROGRAM")(value)


def _signals(value: object) -> dict[int, str]:
    numbers: dict[str, int] = {}

    def convert(name: str, action: object) -> str:
        number = numbers[name] = values.signal(name)
        if number in UNCATCHABLE:
            raise ValueFault(f'"{name}" cannot be caught', "choose another signal")
        if list(numbers.values()).count(number) > 1:
            raise ValueFault(f'"{name}" is there twice', "leave one out")
        if isinstance(action, str) and (action in ACTIONS or action.startswith("forward:")):
            return action
        program = action if isinstance(action, str) and action.isidentifier() else "PROGRAM"
        fix = f'write "forward:{program}", "reload", "restart", "reopen", "stop" or "ignore"'
        raise ValueFault(f"{values.shown(action)} is nothing a signal can do", fix)

    found = each(values.table(value).items(), convert)
    return {numbers[name]: action for name, action in found.items()}
