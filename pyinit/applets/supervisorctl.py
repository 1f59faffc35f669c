"""supervisorctl: the commands of supervisord's users, its texts, its exit statuses.

It talks to the pyinit that runs here over the control socket, and to everybody else, a genuine
supervisord too, by XML-RPC.  docs/compatibility.md lists what differs.
"""

from __future__ import annotations

import os
import signal
import sys

from pyinit.applets import bytes_through
from pyinit.applets.supervisor_words import Unusable, complaint
from pyinit.applets.supervisorctl_http import HttpServer
from pyinit.applets.supervisorctl_options import parse
from pyinit.applets.supervisorctl_session import Session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Never

    from pyinit.applets.supervisorctl_server import Server
    from pyinit.applets.supervisorctl_session import Settings

USAGE = 2
NOBODY_READS = 1


def main() -> Never:
    """Be supervisorctl with the command line of this process; never returns."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())  # the image's entry blocks all for pyinit
    bytes_through.open_up()
    try:
        code = run(sys.argv[1:], sys.argv[0])
        sys.stdout.flush()
    except BrokenPipeError:
        os._exit(NOBODY_READS)
    except KeyboardInterrupt:
        code = 128 + signal.SIGINT
    sys.exit(code)


def run(words: list[str], program: str) -> int:
    """Do what the words after `program` ask for; return the exit status."""
    from pyinit.applets.supervisorctl_shell import Shell

    try:
        asked = parse(words, program, os.environ)
    except Unusable as error:
        sys.stderr.write(complaint(str(error), program))
        return USAGE
    if asked.help:
        sys.stdout.write(asked.help)
        return 0
    session = Session(asked.settings, reach, _say)
    shell = Shell(session)
    if asked.words:
        shell.run(" ".join(asked.words))
        return session.code
    shell.converse()
    return 0


def reach(settings: Settings) -> Server:
    """Return the server that the settings lead to.  Raises ValueError."""
    from pyinit.applets import supervisorctl_local

    return supervisorctl_local.find(settings) or HttpServer(settings)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    main()
