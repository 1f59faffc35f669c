"""Writes the manual pages, man(7), of what the commands and docs/ are made of.

    python scripts/manpages.py pyinit.1

What is told of options, verbs, keys, codes, signals, variables and files is in no place but its
own: the usage of `pyinit`, the table of verbs, the schema, `scripts/reference.py`.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import reference
import roff

from pyinit import __version__
from pyinit.applets import NAMES
from pyinit.cli import init, verbs
from pyinit.cli.words import Option
from pyinit.config import manual

if TYPE_CHECKING:
    from collections.abc import Callable

DATE = "2026-11-26"
"""When what they tell of changed last, as man(7) wants to be told."""
SOURCE = f"pyinit {__version__}"
DOCUMENTS = "The documentation: the directory docs/ of pyinit's sources."
PYINIT = """\
A process that other processes can rely on: as PID 1 of a container, as the supervisor of several
programs, or as a daemon on a host. It starts the programs of its configuration in the order in
which they need each other, starts again what fails, reaps every orphan, passes signals on, keeps
output and limits, and ends with an exit status that tells the truth.

With *COMMAND* it runs this one as its main program, beside those of a configuration if there is
one: the command gets the terminal and every signal, and its exit status becomes pyinit's. Options
end at the first word that is none.

The configuration is told of in pyinit.toml(5). Files of supervisord's are read as well. What runs
is controlled by pyinitctl(1).
"""
PYINIT_EXAMPLES = """\
See what is wrong with a configuration, then run it:

    pyinit --check -c pyinit.toml
    pyinit -c pyinit.toml

Run one command in a container, in the place of tini:

    pyinit /app/web --port 80

A daemon on a host, whose command returns when every program is ready:

    pyinit -d -c /etc/pyinit/pyinit.toml
"""
CTL = """\
Controls a running pyinit(1) through its control socket, and has tools that need none. Whoever is
root or the user of pyinit may do everything; others what `[init.control] allow` of pyinit.toml(5)
says.

*NAME* is a program, `group:process`, `group:*`, a glob, or `all`.
"""
CTL_EXAMPLES = """\
Tell what everything is doing, and why something has ended:

    pyinitctl status
    pyinitctl why web

Raise the limit of descriptors of what runs, without a restart:

    pyinitctl limits web nofile=65536

See what a changed configuration would do, then let it:

    pyinitctl reload --dry-run
    pyinitctl reload

Wait for a program in a script:

    pyinitctl wait web --for ready --timeout 30s
"""
APPLETS = """\
Started under one of these names, by a link or as a command that `pip install` has made, pyinit(1)
is that program: its options, environment variables, messages and exit statuses. Where it differs,
and why, is in docs/compatibility.md.
"""
SUMMARIES = {
    "tini": "runs a command in a container",
    "dumb-init": "runs a command in a container, in a session of its own",
    "supervisord": "supervises the programs of a supervisord.conf; controlled by supervisorctl",
    "supervisorctl": "starts, stops and shows what a supervisord keeps",
    "echo_supervisord_conf": "prints a configuration to begin with",
    "pidproxy": "runs a command, and passes signals on to the process in its pidfile",
}


def pyinit() -> str:
    """Return the page of the command `pyinit`."""
    return "".join(
        [
            *_top("pyinit", 1, "a PID 1 for containers, and a supervisor of programs"),
            roff.heading("Synopsis"),
            roff.usage(init.USAGE.partition("\n")[0]),
            roff.heading("Description"),
            _body(PYINIT),
            roff.heading("Options"),
            *[roff.entry(tag, text) for tag, text in options(init.USAGE)],
            roff.heading("Exit status"),
            _body(reference.exit_status()),
            roff.heading("Signals"),
            _body(reference.signals()),
            *_environment(),
            roff.heading("Files"),
            _body(reference.files()),
            roff.heading("Examples"),
            _body(PYINIT_EXAMPLES),
            *_end("pyinitctl(1), pyinit.toml(5), pyinit-applets(1), tini(1), supervisord(1)"),
        ]
    )


def pyinitctl() -> str:
    """Return the page of the command `pyinitctl`."""
    parts = [
        *_top("pyinitctl", 1, "control and tools of pyinit"),
        roff.heading("Synopsis"),
        roff.usage(verbs.usage().partition("\n")[0]),
        roff.heading("Description"),
        _body(CTL),
        roff.heading("Options"),
        roff.prose("These stand before the verb or behind it:"),
        *[_option(option) for option in verbs.PLAIN],
        roff.heading("Verbs"),
    ]
    for name, verb in verbs.VERBS.items():
        words = f"`{name}`" + (f" `{verb.operands}`" if verb.operands else "")
        parts.append(roff.entry(words, verb.doc))
        if verb.options:
            parts += [".RS\n", *[_option(option) for option in verb.options], ".RE\n"]
    return "".join(
        [
            *parts,
            roff.heading("Exit status"),
            _body(reference.ctl_exit_status()),
            roff.heading("Environment"),
            _body(_only(reference.read(), ("PYINIT_SOCKET", "XDG_RUNTIME_DIR", "DOCKER_HOST"))),
            roff.heading("Files"),
            _body(_only(reference.files(), ("control.sock",))),
            roff.heading("Examples"),
            _body(CTL_EXAMPLES),
            *_end("pyinit(1), pyinit.toml(5), supervisorctl(1)"),
        ]
    )


def configuration() -> str:
    """Return the page of the configuration."""
    text = manual.manual().partition("\n\n")[2].partition("\n\n")[2]  # title, and who writes it
    text = text.replace("([pyinit.schema.json](pyinit.schema.json):\ntaplo", "(taplo")
    return "".join(
        [
            *_top("pyinit.toml", 5, "the configuration of pyinit"),
            roff.heading("Description"),
            _body(text.replace("#:schema ./pyinit.schema.json", "#:schema PATH")),
            *_end("pyinit(1), pyinitctl(1), setrlimit(2), signal(7), capabilities(7)"),
        ]
    )


def applets() -> str:
    """Return pyinit-applets(1), the page of the other names."""
    names = list(dict.fromkeys(NAMES.values()))
    parts = [
        *_top(", ".join(["pyinit-applets", *names]), 1, "other names that pyinit answers to"),
        roff.heading("Description"),
        _body(APPLETS),
    ]
    for name in names:
        parts += [
            roff.subheading(name),
            roff.prose(f"`{name}` {SUMMARIES[name]}."),
            *(_words_of(HELPS[name]()) if name in HELPS else []),
        ]
    return "".join([*parts, *_end("pyinit(1), pyinitctl(1)")])


def _words_of(text: str) -> list[str]:
    """Return the synopsis and the options that a help tells of."""
    synopsis = next(line for line in text.split("\n") if line.startswith("Usage: "))
    told = synopsis.removeprefix("Usage: ")
    return [".PP\n", roff.usage(told), *[roff.entry(tag, text) for tag, text in options(text)]]


def _tini() -> str:
    from pyinit.applets.tini_options import USAGE

    return (USAGE % {b"name": b"tini", b"version": b""}).decode()


def _dumb_init() -> str:
    from pyinit.applets.dumb_init_options import HELP

    return (HELP % {b"name": b"dumb-init", b"version": b""}).decode()


def _supervisord() -> str:
    from pyinit.applets.supervisord_options import HELP

    return HELP.format(program="supervisord")


def _supervisorctl() -> str:
    from pyinit.applets.supervisorctl_options import HELP

    return HELP.format(program="supervisorctl")


HELPS: dict[str, Callable[[], str]] = {
    "tini": _tini,
    "dumb-init": _dumb_init,
    "supervisord": _supervisord,
    "supervisorctl": _supervisorctl,
}
OPTION = re.compile(r"\s*(-[-\w].*?|[A-Z_]{8,})(?:: | -- |  +)(.+)")


def options(usage: str) -> list[tuple[str, str]]:
    """Return the options (and variables) that a usage tells of, each with its text."""
    found: list[tuple[str, str]] = []
    goes_on = False
    for line in usage.split("\n"):
        option = OPTION.fullmatch(line)
        if option:
            found.append((f"`{option[1]}`", option[2]))
        elif goes_on and line.startswith("    "):
            found[-1] = (found[-1][0], f"{found[-1][1]} {line.strip()}")
        goes_on = bool(option) or (goes_on and line.startswith("    "))
    return [(spelling, text.replace("print this", "print the usage")) for spelling, text in found]


def _option(option: Option) -> str:
    spelling = ", ".join([f"`{name}`" for name in option.names])
    text = option.doc.replace("print this", "print the usage")
    return roff.entry(spelling + (f" *{option.value}*" if option.value else ""), text)


def _top(name: str, section: int, summary: str) -> list[str]:
    first = name.partition(",")[0]
    head = '.\\" Written by `make docs` (scripts/manpages.py): do not edit.\n'
    title = roff.title(first, section, DATE, SOURCE)
    return [head, title, roff.heading("Name"), roff.name(name, summary)]


def _environment() -> list[str]:
    return [
        roff.heading("Environment"),
        roff.prose("pyinit reads:"),
        _body(reference.read()),
        ".PP\n" + roff.prose("A program sees, beside what pyinit itself was given:"),
        _body(reference.given()),
    ]


def _end(see: str) -> list[str]:
    pages = ", ".join([re.sub(r"^([\w.-]+)", r"`\1`", page) for page in see.split(", ")])
    return [roff.heading("See also"), roff.prose(pages), ".PP\n", roff.prose(DOCUMENTS)]


def _only(table: str, words: tuple[str, ...]) -> str:
    """Return the rows of a table that have one of some words."""
    head, rule, *rows = table.strip().split("\n")
    return "\n".join([head, rule, *[row for row in rows if any(word in row for word in words)]])


def _body(markdown: str) -> str:
    """Return what stands below a head: its first paragraph needs no beginning."""
    return roff.convert(markdown).removeprefix(".PP\n")


def link(_name: str) -> str:
    """Return the page of another name: man(1) goes on in the one that it leads to."""
    return ".so man1/pyinit-applets.1\n"


PAGES: dict[str, Callable[[], str]] = {
    "pyinit.1": pyinit,
    "pyinitctl.1": pyinitctl,
    "pyinit.toml.5": configuration,
    "pyinit-applets.1": applets,
}
LINKS = tuple(f"{name}.1" for name in dict.fromkeys(NAMES.values()))


def page(name: str) -> str:
    """Return the page that is called `name`, such as "pyinit.1"."""
    return link(name) if name in LINKS else PAGES[name]()


def place(name: str) -> str:
    """Return where a page is in a hierarchy of pages."""
    return f"man{name[-1]}/{name}"


if __name__ == "__main__":
    print(page(sys.argv[1]), end="")
