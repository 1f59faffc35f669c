"""A section of supervisord's files being read: each option converted, each fault with its place."""

from __future__ import annotations

from pyinit.config import ini_options, ini_values
from pyinit.config.ini_parse import DEFAULTS, unclosed
from pyinit.config.problems import ValueFault, suggest
from pyinit.config.users import Accounts
from pyinit.core.record import Record, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import TypeVar

    from pyinit.config.ini_parse import Block, Entry
    from pyinit.config.ini_read import Ini
    from pyinit.config.problems import Problems
    from pyinit.core.plan_listen import SocketPlan

    T = TypeVar("T")
    D = TypeVar("D")

SPAWNING = frozenset(("program", "fcgi-program", "eventlistener"))
MOST_SUGGESTIONS = 200  # who has more unknown options needs another manual
NEAR = 0.7  # how alike two words are, of 1, to be worth a "did you mean"


class Common(Record):
    """What every program of a configuration has in common.

    `environment` is that of [supervisord]; `server_url` what programs find in
    SUPERVISOR_SERVER_URL; `uid` whom pyinit runs as, once it has dropped what it has to; `logs`
    the directory of AUTO files, with `copied` whether their output is pyinit's own, too.
    """

    environment: tuple[tuple[str, str], ...] = ()
    server_url: str = ""
    uid: int = 0
    directory: str | None = None
    umask: int | None = None
    base: str = "/"
    logs: str = "/tmp"  # noqa: S108  where supervisord has them
    copied: bool = True
    strip_ansi: bool = False


class World:
    """The configuration that is read, what is wrong with it, and what has been found so far.

    `instead` is for who lets names stand for markers: what to use for a marker where a value
    must be a number or a known word.
    """

    def __init__(self, ini: Ini, problems: Problems, *, strict: bool = False) -> None:
        self.ini = ini
        self.problems = problems
        self.accounts = Accounts()
        self.strict = strict
        self.insecure = False  # doors that everybody may enter are meant
        self.common = Common()
        self.sockets: dict[str, SocketPlan] = {}
        self.names: dict[str, str | int] = dict(ini.names)
        self.instead: dict[str | int, str | int] = {}
        self.suggested = 0  # how often: it takes a millisecond each
        self._told: set[str] = set()

    def warn(self, text: str, file: str, line: int, fix: str = "") -> None:
        """Note something that is said once, and keeps nothing from running."""
        place = f"{file}:{line}" if line else file
        shown = f"{place}: {text}" + (f"\n  {fix}" if fix else "")
        if shown not in self._told:
            self._told.add(shown)
            self.problems.warnings.append(shown)

    def doubt(self, text: str, file: str, line: int, fix: str = "") -> None:
        """Note what supervisord passes over in silence: a warning, or with `strict` a fault."""
        if self.strict:
            self.problems.add(file, (), text, fix, line)
        else:
            self.warn(text, file, line, fix)


class Section:
    """One section; `names` are those that stand for something in its values."""

    def __init__(self, world: World, block: Block, names: Mapping[str, str | int]) -> None:
        self.world = world
        self.block = block
        self.kind = ini_options.kind_of(block.name)
        self.names = names

    @property
    def title(self) -> str:
        """The name behind the colon."""
        return self.block.name.partition(":")[2].strip()

    def entry(self, option: str) -> Entry | None:
        """Return an option as it is written, None if it is not."""
        return self.world.ini.entry(self.block, option)

    def has(self, option: str) -> bool:
        """Say whether an option is written."""
        return self.entry(option) is not None

    def get(self, option: str, convert: Callable[[str], T], default: D, times: int = 1) -> T | D:
        """Return the converted value of `option`; `default` if it is not there or at fault.

        Its names are put in place so many `times`: supervisord does that twice for some.
        """
        entry = self.entry(option)
        if entry is None:
            return default
        try:
            return convert(self._text(option, entry, self.names, times))
        except ValueFault as fault:
            instead = self.world.instead
            if not instead or "%(" not in entry.value:
                self.fault(str(fault), option, fault.fix)
                return default
        try:
            names = {name: instead.get(value, value) for name, value in self.names.items()}
            return convert(self._text(option, entry, names, times))
        except ValueFault as fault:
            self.fault(str(fault), option, fault.fix)
            return default

    def _text(self, option: str, entry: Entry, names: Mapping[str, str | int], times: int) -> str:
        """Return the value of an option with its names in place.  Raises ValueFault."""
        where = f"{self.block.name}.{option}"
        try:
            text = self.world.ini.expanded(entry, names, where)
        except ValueFault:
            if option != "password":
                raise
            fix = "write %% for a percent sign"  # and show nothing of it
            raise ValueFault(f"Format string for '{where}' is badly formatted", fix) from None
        for _ in range(times - 1):
            again = replace(entry, value=text)
            text = self.world.ini.expanded(again, names, option)
        return text

    def fault(self, text: str, option: str = "", fix: str = "") -> None:
        """Note what is wrong with an option, or with the section."""
        entry = self.entry(option) if option else None
        file, line = (entry.file, entry.line) if entry else (self.block.file, self.block.line)
        if self.kind in SPAWNING:
            text += f" in section {self.block.name!r} (file: {self.block.file!r})"
        shown = f"{option}: {fix}" if option and fix else fix
        self.world.problems.add(file, (), text, shown, line)

    def warn(self, text: str, option: str = "", fix: str = "") -> None:
        """Note a warning about an option, or about the section."""
        entry = self.entry(option) if option else None
        file, line = (entry.file, entry.line) if entry else (self.block.file, self.block.line)
        self.world.warn(text, file, line, fix)

    def flag(self, option: str, default: bool = False) -> bool:
        """Return a boolean option."""
        return self.get(option, ini_values.boolean, default)

    def text(self, option: str, default: str = "") -> str:
        """Return an option as it is."""
        return self.get(option, str, default)


def check_words(world: World) -> None:
    """Note every section and option that supervisord does not know, and commands that were cut."""
    known = _all_options()
    for block in world.ini.sections():
        kind = ini_options.kind_of(block.name)
        if not kind:
            text = f"unknown section [{block.name}]"
            world.doubt(text, block.file, block.line, _section_meant(block.name))
            continue
        if kind in ini_options.FREE:
            _check_brackets(world, block)
        else:
            _check_options(world, block, kind)
    for block in world.ini.blocks.values():
        for option, entry in block.entries.items():
            if block.name == DEFAULTS and option not in known:
                text = f'unknown option "{option}" in [DEFAULT]'
                world.doubt(text, entry.file, entry.line, suggest(option, known))
            if entry.cut:
                text = f"the end of {option} is cut off: a ; or # behind a space begins a comment"
                fix = "inside of quotes, too: leave out the space before it, or use a script"
                world.warn(text, entry.file, entry.cut, fix)
        if block.name != "include":  # every file may have its own
            _warn_of_lost(world, block)


def _warn_of_lost(world: World, block: Block) -> None:
    for option, before in block.lost.items():
        place = f"{before.file}:{before.line}"
        text = f'"{option}" of [{block.name}] is in {place}, too: what is here counts'
        entry = block.entries[option]
        world.warn(text, entry.file, entry.line, "leave one of them out")


def _check_options(world: World, block: Block, kind: str) -> None:
    options = ini_options.KINDS[kind]
    for option, entry in block.entries.items():
        if option in options or (kind == "pyinit" and ini_options.is_limit(option)):
            continue
        basic = "program" if kind in SPAWNING else kind
        today = ini_options.REMOVED.get((basic, option))
        if today:
            text = f'"{option}" in [{block.name}] means nothing since supervisord 3'
            world.doubt(text, entry.file, entry.line, f"write {today}")
            continue
        text = f'unknown option "{option}" in [{block.name}]'
        meant = unclosed(option, entry.value) or _option_meant(world, option, options, kind)
        world.doubt(text, entry.file, entry.line, meant)


def _check_brackets(world: World, block: Block) -> None:
    """Warn of headers that are not closed in a section that may have any option."""
    for option, entry in block.entries.items():
        meant = unclosed(option, entry.value)
        if meant:
            text = f'"{option}" in [{block.name}] is taken for an option'
            world.warn(text, entry.file, entry.line, meant)


def _option_meant(world: World, option: str, options: Iterable[str], kind: str) -> str:
    """Return what may have been meant; nothing any more once that was done often."""
    world.suggested += 1
    if world.suggested > MOST_SUGGESTIONS:
        return ""
    if option.startswith("-"):
        return "indent the line, if it goes on with the command before it"
    near = suggest(option, options)
    if near.startswith("did"):
        return near
    homes = [f"[{name}]" for name, keys in ini_options.KINDS.items() if option in keys]
    if homes:
        return "it belongs in " + " or ".join(homes[:3])
    return "leave it out: it does nothing" if kind in SPAWNING else near


def _section_meant(name: str) -> str:
    kind, colon, rest = name.partition(":")
    if kind in ini_options.NAMED:
        return f"write [{kind}:NAME]"
    if kind in ini_options.KINDS and colon:
        return f"write [{kind}]"
    near = suggest(kind, (*ini_options.KINDS, *ini_options.FREE), NEAR)
    if near.startswith("did") and colon:
        return near.replace('"?', f':{rest}"?')
    return near


def _all_options() -> frozenset[str]:
    return frozenset(option for options in ini_options.KINDS.values() for option in options)
