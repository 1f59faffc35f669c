"""What dumb-init understands: its options, its environment, its texts."""

from __future__ import annotations

from pyinit.applets.options import BadOption, Long, Scanner, as_int, read_number
from pyinit.core.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LETTERS, VALUED = b"hvVcr", b"r"
LONGS = (
    Long(b"help", b"h"),
    Long(b"single-child", b"c"),
    Long(b"rewrite", b"r", takes_value=True),
    Long(b"verbose", b"v"),
    Long(b"version", b"V"),
)
LAST_SIGNAL = 31  # real-time signals are passed on as they are
SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU = 19, 20, 21, 22
TERMINAL_STOPS = (SIGTSTP, SIGTTOU, SIGTTIN)
DEBUG_ENV, SETSID_ENV = b"DUMB_INIT_DEBUG", b"DUMB_INIT_SETSID"
HELP = b"""\
%(version)b
Usage: %(name)b [option] command [[arg] ...]

dumb-init is a simple process supervisor that forwards signals to children.
It is designed to run as PID1 in minimal container environments.

Optional arguments:
   -c, --single-child   Run in single-child mode.
                        In this mode, signals are only proxied to the
                        direct child and not any of its descendants.
   -r, --rewrite s:r    Rewrite received signal s to new signal r before proxying.
                        To ignore (not proxy) a signal, rewrite it to 0.
                        This option can be specified multiple times.
   -v, --verbose        Print debugging information to stderr.
   -h, --help           Print this help message and exit.
   -V, --version        Print the current version and exit.

Full help is available online at https://github.com/Yelp/dumb-init
"""
REWRITE_HELP = b"""\
Usage: -r option takes <signum>:<signum>, where <signum> is between 1 and 31.
This option can be specified multiple times.
Use --help for full usage.
"""
NO_COMMAND = b"""\
Usage: %(name)b [option] program [args]
Try %(name)b --help for full usage.
"""


class Settings(Record):
    """What a command line and an environment ask of dumb-init.

    `rewrite` maps a signal to the one that is sent for it, 0 for none.  `notes` are what the
    environment made it say when debugging.
    """

    command: tuple[bytes, ...]
    session: bool
    debug: bool
    rewrite: dict[int, int]
    notes: tuple[bytes, ...] = ()


class Answer(Record):
    """A command line that runs nothing: what is said on stderr instead, and the exit status."""

    code: int
    err: bytes = b""


def parse(argv: Sequence[bytes], environ: Mapping[bytes, bytes]) -> Settings | Answer:
    """Understand a command line of dumb-init as dumb-init 1.2.5 does."""
    name = argv[0] if argv else b""
    debug, session = False, True
    rewrite: dict[int, int] = {}
    scanner = Scanner(argv, LETTERS, VALUED, LONGS)
    for option in scanner:
        if isinstance(option, BadOption):
            return Answer(1, option.message)
        match option.letter:
            case b"h":
                return Answer(0, HELP % {b"name": name, b"version": _version()})
            case b"V":
                return Answer(0, _version() + b"\n")
            case b"v":
                debug = True
            case b"c":
                session = False
            case _:
                pair = _pair(option.value)
                if pair is None:
                    return Answer(1, REWRITE_HELP)
                rewrite[pair[0]] = pair[1]
    if not scanner.rest:
        return Answer(1, NO_COMMAND % {b"name": name})
    return _by_environment(scanner.rest, environ, session, debug, rewrite)


def _by_environment(
    command: tuple[bytes, ...],
    environ: Mapping[bytes, bytes],
    session: bool,
    debug: bool,
    rewrite: dict[int, int],
) -> Settings:
    notes = []
    if environ.get(DEBUG_ENV) == b"1":
        debug = True
        notes.append(b"Running in debug mode.")
    if environ.get(SETSID_ENV) == b"0":
        session = False
        notes.append(b"Not running in setsid mode.")
    if session:  # the child is in no job of the terminal's shell: only STOP suspends it
        for number in TERMINAL_STOPS:
            rewrite.setdefault(number, SIGSTOP)
    return Settings(command, session, debug, rewrite, tuple(notes))


def _pair(text: bytes) -> tuple[int, int] | None:
    """Read "s:r" as sscanf(3) reads "%d:%d": what follows it does not matter."""
    first = read_number(text)
    if first is None or first[1][:1] != b":":
        return None
    second = read_number(first[1][1:])
    if second is None:
        return None
    received, sent = as_int(first[0]), as_int(second[0])
    if not (1 <= received <= LAST_SIGNAL and 0 <= sent <= LAST_SIGNAL):
        return None
    return received, sent


def _version() -> bytes:
    from pyinit import __version__

    return b"dumb-init v1.2.5 (pyinit %b)" % __version__.encode()
