"""The effective configuration: every key with its value as TOML, and where the value comes from.

It is read from the same sections as the plan, so the two cannot disagree about what wins.
Variables are in place; those that are secret by name, and passwords in URLs, are masked.
"""

from __future__ import annotations

from pyinit.config import program, schema
from pyinit.config.build import Builder
from pyinit.config.positions import line_of, scan
from pyinit.config.problems import ConfigErrors, Problems
from pyinit.config.reader import Section, scalar
from pyinit.config.toml import read_all
from pyinit.config.users import Accounts
from pyinit.config.values import strings
from pyinit.config.written import is_value, key_text, value_text
from pyinit.core.record import Record, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pyinit.config.problems import Path

    Mask = Callable[[str, str], str]

MERGED = frozenset(("env", "limits", "secrets", "signals"))
NESTED = {
    "program": {
        "restart": "policy",
        "stop": "signal",
        "ready": "",
        "live": "",
        "reload": "",
        "capabilities": "",
        "schedule": "cron",
    },
    "init": {"log": "", "control": "", "exit_when": ""},
}
NUMBERS = frozenset(
    ("boolean", "instances", "priority", "nice", "oom", "fd", "count", "old_files", "codes")
) | frozenset(("factor", "jitter", "times", "backlog"))
FROM_INIT = frozenset(("directory", "umask", "limits_unmet"))
SHOWN_WHOLE = frozenset(("restart", "stop", "log", "control"))  # with the defaults of their keys
ONE_KIND = frozenset(("ready", "live"))  # of which [defaults] has all or nothing
INSTANCE = "\ufdd0"  # a character that is never text: stands for ${INSTANCE} until it is shown


class Setting(Record):
    """One value.  `value` is TOML; "" where nothing is set, and `note` says what holds then.

    `kind` of the origin: "file" (`file` and `line`; `section` is where it stands there),
    "default", "user" (of the account that the program runs as).
    """

    key: str
    value: str
    kind: str = "default"
    file: str = ""
    line: int = 0
    section: str = ""
    note: str = ""


class Effective(Record):
    """All of a configuration: the files, [init], and every program, group and socket by name."""

    files: tuple[str, ...]
    init: tuple[Setting, ...]
    programs: dict[str, tuple[Setting, ...]]
    groups: dict[str, tuple[Setting, ...]]
    members: dict[str, str]
    warnings: tuple[str, ...]
    web: tuple[Setting, ...] = ()
    sockets: dict[str, tuple[Setting, ...]] = {}  # noqa: RUF012  never changed


def effective(paths: Sequence[str], environ: Mapping[str, str], mask: Mask) -> Effective:
    """Return the configuration of `paths`.  Raises ConfigErrors.

    `mask(name, value)` returns the value of a variable as it may be shown.
    """
    problems = Problems()
    documents = read_all(paths, problems, environ)
    builder = Builder(documents, problems, environ, Accounts())
    plan = builder.build()
    if problems:
        raise ConfigErrors(problems.errors(), tuple(problems.warnings))
    # what follows reads the same sections again, with what may be shown in place of variables
    shown = {name: mask(name, value) for name, value in environ.items()}
    builder.environ = {**shown, "INSTANCE": INSTANCE}
    teller = _Teller(builder, mask)
    return Effective(
        plan.sources,
        tuple(teller.init),
        teller.programs,
        teller.groups,
        teller.members,
        plan.warnings,
        tuple(teller.web),
        teller.sockets,
    )


class _Teller:
    def __init__(self, builder: Builder, mask: Mask) -> None:
        self.builder = builder
        self.mask = mask
        self.places: dict[str, dict[Path, int]] = {}
        self.init_layer = builder.single_section("init") or self._empty("init")
        self.init = self._settings(self.init_layer)
        web = builder.single_section("web")
        self.web = [] if web is None else self._settings(web)
        self.sockets = {
            name: tuple(self._settings(section))
            for document in builder.documents
            for name, section in builder.tables(document, "socket")
        }
        self.members: dict[str, str] = {}
        self.priorities: dict[str, Setting] = {}
        self.groups = {
            name: self._group(name, section)
            for document in builder.documents
            for name, section in builder.tables(document, "group")
        }
        self.programs = {
            name: self._program(name, section)
            for document in builder.documents
            for name, section in builder.tables(document, "program")
        }

    def _group(self, name: str, section: Section) -> tuple[Setting, ...]:
        for member in section.get("programs", strings, ()):
            self.members[member] = name
            if "priority" in section.tree:
                self.priorities[member] = self._found(section, ("priority",), "priority")
        return tuple(self._settings(section))

    def _program(self, name: str, section: Section) -> tuple[Setting, ...]:
        found = []
        for each in self._settings(section):
            if each.kind != "default":
                found.append(each)
            elif each.key == "priority" and name in self.priorities:
                found.append(self.priorities[name])
            elif each.key in FROM_INIT and self.init_layer.layers(each.key):
                layer = self.init_layer.layers(each.key)[0]
                found.append(self._found(layer, (each.key,), each.key))
            else:
                found.append(each)
        env = {each.key: each for each in self.init if each.key.startswith("env.")}
        env |= self._account(section)
        own = [each for each in found if each.key.startswith("env.")]
        env |= {each.key: each for each in own}
        others = [each for each in found if each not in own and (each.key != "env" or not env)]
        return (*others, *[env[key] for key in sorted(env)])

    def _empty(self, name: str) -> Section:
        return Section(name, "", (), {}, self.builder.problems, self.builder.environ)

    def _settings(self, section: Section) -> list[Setting]:
        found: list[Setting] = []
        for name, key in schema.section(section.name).items():
            if key.since not in schema.AVAILABLE:
                continue
            nested = NESTED.get(section.name, {})
            if name in MERGED:
                found += self._entries(section, name, key)
            elif name in nested:
                found += self._nested(section, name, key, nested[name])
            elif section.layers(name):
                found.append(self._found(section.layers(name)[0], (name,), name))
            else:
                found.append(_default(name, key))
        return found

    def _entries(self, section: Section, name: str, key: schema.Key) -> list[Setting]:
        """Return the entries of a table that is merged: each from the nearest that has it."""
        found: dict[str, Setting] = {}
        for layer in reversed(section.layers(name)):
            table = layer.tree[name]
            assert isinstance(table, dict)  # the configuration has no faults
            for entry in table:
                path = (name, entry)
                found[entry] = self._found(layer, path, f"{name}.{key_text(entry)}")
        if name == "env":
            found = {**self._of_files(section), **found}
        return list(found.values()) or [_default(name, key)]

    def _of_files(self, section: Section) -> dict[str, Setting]:
        """Return the variables that env_file and env_dir bring."""
        found: dict[str, Setting] = {}
        for key in ("env_file", "env_dir"):
            layers = section.layers(key)
            for layer in reversed(layers if section.name == "init" else layers[:1]):
                tree = {key: layer.tree[key]}
                alone = Section(
                    *(section.name, layer.file, layer.path, tree),
                    *(self.builder.problems, self.builder.environ),
                )
                line = self._line(layer, (key,))
                for name, text in program.variables_of_files(alone).items():
                    value = value_text(self.mask(name, text))
                    label = f"env.{key_text(name)}"
                    found[name] = Setting(label, value, "file", layer.file, line, key)
        return found

    def _nested(self, section: Section, name: str, key: schema.Key, short: str) -> list[Setting]:
        sub = section.sub(name, f"{section.name}.{name}", short=short, merge=name not in ONE_KIND)
        if sub is None:
            if name not in SHOWN_WHOLE:
                return [_default(name, key)]
            sub = self._empty(f"{section.name}.{name}")
        found = []
        for inner, one in schema.section(sub.name).items():
            layers = sub.layers(inner)
            label = f"{name}.{inner}"
            if layers:
                found.append(self._found(layers[0], (inner,), label))
            elif one.since in schema.AVAILABLE and name in SHOWN_WHOLE:
                found.append(_default(label, one))
        return found

    def _account(self, section: Section) -> dict[str, Setting]:
        """Return HOME, USER and LOGNAME, which follow the user where nothing else sets them."""
        user = section.get("user", Accounts().user, None)
        if user is None:
            return {}
        place = self._found(section.layers("user")[0], ("user",), "user")
        follow = {"HOME": user.home or "/", "LOGNAME": user.name, "USER": user.name}
        return {
            f"env.{name}": replace(place, key=f"env.{name}", value=value_text(text), kind="user")
            for name, text in follow.items()
        }

    def _found(self, layer: Section, path: tuple[str, ...], label: str) -> Setting:
        """Return what `layer` says at `path`, with its place."""
        value: object = layer.tree
        for part in path:
            assert isinstance(value, dict)  # the configuration has no faults
            value = value[part]
        key = schema.section(layer.name).get(path[-1])
        shown = self._masked(path, layer.expanded(value))
        if shown != value and key is not None and key.kind in NUMBERS:
            shown = scalar(shown)
        text = value_text(shown).replace(INSTANCE, "${INSTANCE}")
        top = ".".join([part for part in layer.path if isinstance(part, str)])
        return Setting(label, text, "file", layer.file, self._line(layer, path), top)

    def _masked(self, path: tuple[str, ...], value: object) -> object:
        if path == ("password",):  # that of [web]
            return self.mask("password", str(value))
        if isinstance(value, str):
            return self.mask(path[-1] if path[0] == "env" else "", value)
        if isinstance(value, list):
            return [self._masked(("",), item) for item in value]
        if isinstance(value, dict):
            return {name: self._masked(("", name), item) for name, item in value.items()}
        return value

    def _line(self, layer: Section, path: tuple[str, ...]) -> int:
        if layer.file not in self.places:
            self.places[layer.file] = scan(self.builder.problems.texts.get(layer.file, ""))
        return line_of(self.places[layer.file], (*layer.path, *path))


def _default(label: str, key: schema.Key) -> Setting:
    """Return what holds where nothing is said: a value, or words."""
    if is_value(key.default):
        return Setting(label, key.default)
    return Setting(label, "", note=key.default)
