"""The names of others that pyinit answers to."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Never

NAMES = {
    "tini": "tini",
    "tini-static": "tini",
    "dumb-init": "dumb-init",
    "supervisord": "supervisord",
    "supervisorctl": "supervisorctl",
    "echo_supervisord_conf": "echo_supervisord_conf",
    "pidproxy": "pidproxy",
}


def personality(argv0: str) -> str | None:
    """Return the applet that a program started as `argv0` is, None for pyinit itself."""
    return NAMES.get(argv0.rpartition("/")[2])


def main_of(applet: str) -> Callable[[], Never]:
    """Return what runs `applet`, one of the values of `personality`, on sys.argv.

    It ends the process itself.  Raises ValueError for a name that is no applet.
    """
    if applet == "tini":
        from pyinit.applets.tini import main as tini

        return tini
    if applet == "dumb-init":
        from pyinit.applets.dumb_init import main as dumb_init

        return dumb_init
    if applet == "supervisord":
        from pyinit.applets.supervisord import main as supervisord

        return supervisord
    if applet == "supervisorctl":
        from pyinit.applets.supervisorctl import main as supervisorctl

        return supervisorctl
    if applet == "echo_supervisord_conf":
        from pyinit.applets.echo_supervisord_conf import main as echo_supervisord_conf

        return echo_supervisord_conf
    if applet == "pidproxy":
        from pyinit.applets.pidproxy import main as pidproxy

        return pidproxy
    raise ValueError(f'cannot answer to "{applet}": no such applet')
