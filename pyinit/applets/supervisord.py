"""supervisord: pyinit with a supervisord .conf, its command line, its log, its exit statuses.

What the options set is laid over the file by the compiler; everything after that is pyinit as it
always is, in the foreground, as PID 1 or not.  docs/compatibility.md lists what differs.
"""

from __future__ import annotations

import posix
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Never

    from pyinit.applets.supervisord_options import Settings

NAME = "supervisord"
USAGE = 2


def main() -> Never:
    """Be supervisord with the command line of this process; never returns."""
    from pyinit.cli import init

    posix._exit(  # noqa: SLF001
        init.guarded(lambda signal_fd: run(sys.argv[1:], sys.argv[0], signal_fd))
    )


def run(words: list[str], program: str, signal_fd: int) -> int:
    """Do what the words after `program` ask for; return the exit status."""
    from pyinit.cli import init

    code = init.check_state()
    if code is not None:
        return code
    if b"PYINIT_STATE_FD" in posix.environ:  # what was asked for is in the state
        return init.start(signal_fd, name=NAME)
    found = _understand(words, program)
    if isinstance(found, int):
        return found
    return init.start(signal_fd, (found.path,), name=NAME, overrides=found.overrides)


def _understand(words: list[str], program: str) -> Settings | int:
    """Return what to run, the file found; or the exit status, everything said."""
    from pyinit.applets.supervisor_words import Unusable, complaint
    from pyinit.applets.supervisord_options import Answer, parse
    from pyinit.core.record import replace

    try:
        found = parse(words, program)
        if isinstance(found, Answer):
            return _say(1, found.text, 0)
        return found if found.path else replace(found, path=_find(program))
    except Unusable as error:
        return _say(2, complaint(str(error), program), USAGE)


def _find(program: str) -> str:
    """Return the first of supervisord's own places where there is a file.  Raises Unusable."""
    from pyinit.applets.supervisor_words import Unusable
    from pyinit.config.ini_places import places

    found = places(program)
    for place in found:
        try:
            posix.stat(place)
        except OSError:
            continue
        return place
    raise Unusable(
        f"No config file found at default paths ({', '.join(found)}); use the -c option to "
        "specify a config file at a different path"
    )


def _say(fd: int, text: str, code: int) -> int:
    from pyinit.system import files

    files.say(fd, text.encode("utf-8", "surrogateescape"))
    return code


if __name__ == "__main__":
    main()
