"""The command line of supervisord: what each option sets in [supervisord], and its help.

A value is looked at here only as far as the genuine program does before it reads its file; what
it means is decided where the file's own values are.
"""

from __future__ import annotations

import posix

from pyinit.applets.supervisor_words import Option, read
from pyinit.core.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

VERSION = "4.3.0"  # the supervisord whose ways these are
LEVELS = ("critical", "error", "warn", "info", "debug", "trace", "blather")
UNITS = {"kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30}
DIRECTORY, FORMAT = 0o040000, 0o170000

HELP = """\
supervisord -- start programs, and keep them running.

Usage: {program} [options]

Options:
-c/--configuration FILENAME -- the configuration file (looked for if not given)
-n/--nodaemon -- stay in the foreground: pyinit always does
-s/--silent -- write no log to stdout (as 'silent=true' in the file)
-h/--help -- print this and exit
-v/--version -- print the version of supervisord that this stands in for, and exit
-u/--user USER -- run supervisord itself as this user (a name or a uid)
-m/--umask UMASK -- the umask of a daemon: means nothing with -n
-d/--directory DIRECTORY -- the directory of a daemon: means nothing with -n
-l/--logfile FILENAME -- write the activity log to FILENAME
-y/--logfile_maxbytes BYTES -- rotate the activity log at this size
-z/--logfile_backups NUM -- keep so many rotated activity logs
-e/--loglevel LEVEL -- what the activity log tells (debug,info,warn,error,critical)
-j/--pidfile FILENAME -- write the process id of supervisord to FILENAME
-i/--identifier STR -- the name by which clients and listeners know this supervisord
-q/--childlogdir DIRECTORY -- where AUTO log files of programs are made
-k/--nocleanup -- leave AUTO log files of earlier runs where they are
-a/--minfds NUM -- raise the limit of open files to this at least, or do not start
-t/--strip_ansi -- take the escape sequences of terminals out of program logs
--minprocs NUM -- raise the limit of processes to this at least, or do not start
--profile_options OPTIONS -- accepted and ignored: there is nothing to profile

"""


class Settings(Record):
    """What to run: the configuration's path ("" to look for it), and options over it."""

    path: str = ""
    overrides: tuple[tuple[str, str], ...] = ()


class Answer(Record):
    """Something to print on stdout, and no more."""

    text: str


def parse(words: Sequence[str], program: str) -> Settings | Answer:
    """Understand the words after `program`.  Raises supervisor_words.Unusable."""
    line = read(words, OPTIONS, operands=False)
    if line.given and line.given[-1][0] == "help":
        return Answer(HELP.format(program=program))
    if line.given and line.given[-1][0] == "version":
        return Answer(f"{VERSION}\n")
    given = dict(line.given)
    path = given.pop("configuration", "")
    given.pop("profile_options", None)
    return Settings(path, tuple([(name, value or _flag(name)) for name, value in given.items()]))


def _flag(name: str) -> str:
    """Return what an option without a value sets; an empty value stays one."""
    return "true" if name in FLAGS else ""


def whole(text: str) -> int:
    """Return an integer as Python reads one.  Raises ValueError."""
    return int(text)


def octal(text: str) -> int:
    """Return a file mode.  Raises ValueError with the genuine reason."""
    try:
        return int(text, 8)
    except ValueError:
        raise ValueError(f"{text} can not be converted to an octal type") from None


def size(text: str) -> int:
    """Return a size in bytes, with KB, MB or GB behind it.  Raises ValueError."""
    lower = text.lower()
    unit = UNITS.get(lower[-2:], 0)
    return int(lower[:-2]) * unit if unit else int(lower)


def level(text: str) -> str:
    """Return a level of the log.  Raises ValueError with the genuine reason."""
    if text.lower() not in LEVELS:
        raise ValueError(f"bad logging level name {text!r}")
    return text.lower()


def directory(text: str) -> str:
    """Return a directory that is there.  Raises ValueError with the genuine reason."""
    try:
        if posix.stat(_home(text)).st_mode & FORMAT == DIRECTORY:
            return text
    except OSError:
        pass
    raise ValueError(f"{text} is not an existing directory")


def _home(path: str) -> str:
    """Return a path with `~` at its beginning replaced, as far as $HOME tells."""
    home = posix.environ.get(b"HOME", b"").decode("utf-8", "surrogateescape")
    if home and (path == "~" or path.startswith("~/")):
        return home + path[1:]
    return path


FLAGS = frozenset(("nodaemon", "silent", "nocleanup", "strip_ansi"))
OPTIONS = (
    Option("help", "h", valued=False),
    Option("help", "?", valued=False),
    Option("configuration", "c"),
    Option("version", "v", valued=False),
    Option("nodaemon", "n", valued=False),
    Option("user", "u"),
    Option("umask", "m", check=octal),
    Option("directory", "d", check=directory),
    Option("logfile", "l"),
    Option("logfile_maxbytes", "y", check=size),
    Option("logfile_backups", "z", check=whole),
    Option("loglevel", "e", check=level),
    Option("pidfile", "j"),
    Option("identifier", "i"),
    Option("childlogdir", "q", check=directory),
    Option("minfds", "a", check=whole),
    Option("minprocs", check=whole),
    Option("nocleanup", "k", valued=False),
    Option("strip_ansi", "t", valued=False),
    Option("profile_options"),
    Option("silent", "s", valued=False),
)
