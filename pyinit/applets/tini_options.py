"""What tini understands: its options, its environment, its texts."""

from __future__ import annotations

from pyinit.applets.options import BadOption, Option, Scanner, read_number
from pyinit.core.record import Record, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LETTERS, VALUED = b"phvwgles", b"pe"
SUBREAPER_ENV, VERBOSITY_ENV = b"TINI_SUBREAPER", b"TINI_VERBOSITY"
GROUP_ENV, STRICT_ENV = b"TINI_KILL_PROCESS_GROUP", b"POSIXLY_CORRECT"
UNSIGNED = 2**32  # verbosity is unsigned: -1 is the most there is
# The names -p takes, from 1 on; no other spelling, and none of the signals left out here.
SIGNAL_NAMES = (
    *(b"HUP", b"INT", b"QUIT", b"ILL", b"TRAP", b"ABRT", b"BUS", b"FPE", b"KILL", b"USR1"),
    *(b"SEGV", b"USR2", b"PIPE", b"ALRM", b"TERM", b"", b"CHLD", b"CONT", b"STOP", b"TSTP"),
    *(b"TTIN", b"TTOU", b"URG", b"XCPU", b"XFSZ", b"VTALRM", b"PROF", b"WINCH", b"", b"", b"SYS"),
)
PARENT_DEATH_SIGNALS = {b"SIG" + name: n for n, name in enumerate(SIGNAL_NAMES, 1) if name}
USAGE = b"""\
%(name)b (%(version)b)
Usage: %(name)b [OPTIONS] PROGRAM -- [ARGS] | --version

Execute a program under the supervision of a valid init process (%(name)b)

Command line options:

  --version: Show version and exit.
  -h: Show this help message and exit.
  -s: Register as a process subreaper (requires Linux >= 3.4).
  -p SIGNAL: Trigger SIGNAL when parent dies, e.g. "-p SIGKILL".
  -v: Generate more verbose output. Repeat up to 3 times.
  -w: Print a warning when processes are getting reaped.
  -g: Send signals to the child's process group.
  -e EXIT_CODE: Remap EXIT_CODE (from 0 to 255) to 0.
  -l: Show license and exit.

Environment variables:

  TINI_SUBREAPER: Register as a process subreaper (requires Linux >= 3.4).
  TINI_VERBOSITY: Set the verbosity level (default: 1).
  TINI_KILL_PROCESS_GROUP: Send signals to the child's process group.

"""


class Settings(Record):
    """What a command line and an environment ask of tini.

    `verbosity` 0 says nothing but fatal errors, 1 warnings, 2 information, 3 debugging, 4 traces.
    """

    command: tuple[bytes, ...] = ()
    subreaper: bool = False
    parent_death_signal: int = 0
    verbosity: int = 1
    warn_on_reap: bool = False
    group: bool = False
    expected: frozenset[int] = frozenset()


class Answer(Record):
    """A command line that runs nothing: what is said instead, where, and the exit status.

    A `fatal` text gets tini's prefix with its pid.
    """

    code: int
    out: bytes = b""
    err: bytes = b""
    fatal: bytes = b""


def parse(argv: Sequence[bytes], environ: Mapping[bytes, bytes]) -> Settings | Answer:
    """Understand a command line of tini as tini 0.19 does."""
    if len(argv) == 2 and argv[1] == b"--version":
        return Answer(0, out=_version() + b"\n")
    found = Settings()
    scanner = Scanner(argv, LETTERS, VALUED, permute=STRICT_ENV not in environ)
    for option in scanner:
        if isinstance(option, BadOption):
            return Answer(1, err=option.message + _usage(argv))
        answer = _apply(option, found, argv)
        if isinstance(answer, Answer):
            return answer
        found = answer
    if not scanner.rest:
        return Answer(1, err=_usage(argv))
    return _by_environment(replace(found, command=scanner.rest), environ)


def _apply(option: Option, found: Settings, argv: Sequence[bytes]) -> Settings | Answer:
    match option.letter:
        case b"h":
            return Answer(0, out=_usage(argv))
        case b"l":
            from pyinit.applets.licence import TEXT

            return Answer(0, out=TEXT)
        case b"s":
            return replace(found, subreaper=True)
        case b"v":
            return replace(found, verbosity=found.verbosity + 1)
        case b"w":
            return replace(found, warn_on_reap=True)
        case b"g":
            return replace(found, group=True)
        case b"p":
            number = PARENT_DEATH_SIGNALS.get(option.value)
            if number is None:
                return Answer(1, fatal=b"Not a valid option for -p: " + option.value)
            return replace(found, parent_death_signal=number)
        case _:
            status = _exit_status(option.value)
            if status is None:
                return Answer(1, fatal=b"Not a valid option for -e: " + option.value)
            return replace(found, expected=found.expected | {status})


def _exit_status(text: bytes) -> int | None:
    if not text:
        return 0  # strtol finds nothing wrong with nothing
    number = read_number(text)
    if number is None or number[1] or not 0 <= number[0] <= 255:
        return None
    return number[0]


def _by_environment(found: Settings, environ: Mapping[bytes, bytes]) -> Settings:
    """Let the environment have the last word, as tini does."""
    verbosity = found.verbosity
    if VERBOSITY_ENV in environ:
        number = read_number(environ[VERBOSITY_ENV])
        verbosity = 0 if number is None else number[0] % UNSIGNED
    return replace(
        found,
        subreaper=found.subreaper or SUBREAPER_ENV in environ,
        group=found.group or GROUP_ENV in environ,
        verbosity=verbosity,
    )


def _usage(argv: Sequence[bytes]) -> bytes:
    name = argv[0].rpartition(b"/")[2] if argv else b""
    return USAGE % {b"name": name, b"version": _version()}


def _version() -> bytes:
    """Return tini's line; where its releases name their commit, ours names what it really is."""
    from pyinit import __version__

    return b"tini version 0.19.0 - pyinit " + __version__.encode()
