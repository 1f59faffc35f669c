"""The command line of supervisorctl, and what [supervisorctl] of its file says."""

from __future__ import annotations

import os

from pyinit.applets.supervisor_words import Option, Unusable, read
from pyinit.applets.supervisorctl_session import Settings
from pyinit.core.record import Record, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyinit.config.ini_parse import Block, Entry

SECTION = "supervisorctl"
UNIX = "unix://"
HELP = """\
supervisorctl -- look after the programs of supervisord from the command line.

Usage: {program} [options] [action [arguments]]

Options:
-c/--configuration FILENAME -- the configuration file (looked for if not given)
-h/--help -- print this and exit
-i/--interactive -- ask back before a shutdown, as the shell does
-s/--serverurl URL -- where supervisord listens: http://HOST:PORT or unix:///PATH
     (default "http://localhost:9001", or the pyinit that runs here)
-u/--username USERNAME -- the name to come in by
-p/--password PASSWORD -- the password to come in by
-r/--history_file FILENAME -- remember there what was typed (if readline is available)

action [arguments] -- see below

Actions are words like "tail" or "stop".  Without one, lines with actions are read
until "quit": a shell.  The action "help" shows which actions there are.

"""


class Asked(Record):
    """What the command line asks for: an action's words in these settings, or `help` printed."""

    settings: Settings
    words: tuple[str, ...]
    help: str = ""


def parse(words: Sequence[str], program: str, environ: Mapping[str, str]) -> Asked:
    """Understand the words after `program`, and the file they name.  Raises Unusable."""
    line = read(words, OPTIONS, operands=True)
    if line.given and line.given[-1][0] == "help":
        return Asked(Settings(), (), HELP.format(program=program))
    given = dict(line.given)
    path = given.get("configuration") or _found(program)
    settings = _from_file(path, environ) if path else Settings()
    changes = {name: given[name] for name in ("username", "password") if name in given}
    settings = replace(
        settings,
        url=given.get("serverurl", settings.url),
        named=settings.named or "serverurl" in given,
        history=given.get("history_file", settings.history),
        interactive="interactive" in given or not line.rest,
    )
    return Asked(
        replace(
            settings,
            username=changes.get("username", settings.username),
            password=changes.get("password", settings.password),
        ),
        line.rest,
    )


def url(text: str) -> str:
    """Return a URL.  Raises ValueError with the genuine reason."""
    scheme, colon, rest = text.partition(":")
    if colon and scheme and rest.strip("/"):
        return text
    raise ValueError(f"value {text!r} is not a URL")


def _found(program: str) -> str:
    """Return the first of supervisord's places where there is a file, "" if there is none."""
    from pyinit.config.ini_places import places

    return next((place for place in places(program) if os.path.exists(place)), "")


def _from_file(path: str, environ: Mapping[str, str]) -> Settings:
    """Return what [supervisorctl] says.  Raises Unusable."""
    block = _section(path)
    here = os.path.dirname(os.path.abspath(os.path.expanduser(path)))
    names: dict[str, str | int] = {f"ENV_{name}": value for name, value in environ.items()}

    def value(option: str) -> str | None:
        return _value(block, option, {**names, "here": here})

    server = value("serverurl")
    if server is not None and server.startswith(UNIX):
        server = UNIX + _normal(server.removeprefix(UNIX))
    history = value("history_file")
    settings = Settings(
        username=value("username"),
        password=value("password"),
        history=_normal(history) if history else "",
        named=server is not None,
    )
    prompt = value("prompt")
    return replace(
        settings,
        url=settings.url if server is None else server,
        prompt=settings.prompt if prompt is None else prompt,
    )


def _section(path: str) -> Block:
    """Return the section of a file.  Raises Unusable."""
    from pyinit.config.ini_parse import parse as parse_ini

    if not os.path.exists(path):
        raise Unusable(f"could not find config file {path}")
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError):
        raise Unusable(f"could not read config file {path}") from None
    blocks: dict[str, Block] = {}
    bad = parse_ini(text, path, blocks)
    if bad:
        raise Unusable(f"{path}:{bad[0].line}: {bad[0].message}")
    if SECTION not in blocks:
        raise Unusable(".ini file does not include supervisorctl section")
    for option, entry in _defaults(blocks).items():
        blocks[SECTION].entries.setdefault(option, entry)
    return blocks[SECTION]


def _defaults(blocks: dict[str, Block]) -> dict[str, Entry]:
    from pyinit.config.ini_parse import DEFAULTS

    return blocks[DEFAULTS].entries if DEFAULTS in blocks else {}


def _value(block: Block, option: str, names: Mapping[str, str | int]) -> str | None:
    from pyinit.config.ini_expand import expand
    from pyinit.config.problems import ValueFault

    entry = block.entries.get(option)
    if entry is None:
        return None
    try:
        return expand(entry.value, names, f"{SECTION}.{option}")
    except ValueFault as fault:
        raise Unusable(str(fault)) from None


def _normal(path: str) -> str:
    return os.path.normpath(os.path.abspath(os.path.expanduser(path)))


OPTIONS = (
    Option("help", "h", valued=False),
    Option("help", "?", valued=False),
    Option("configuration", "c"),
    Option("interactive", "i", valued=False),
    Option("serverurl", "s", check=url),
    Option("username", "u"),
    Option("password", "p"),
    Option("history_file", "r"),
)
