"""What the commands of supervisorctl share: whom they ask, what they say, how it ends."""

from __future__ import annotations

import errno

from pyinit.applets import supervisorctl_server as srv
from pyinit.core.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pyinit.applets.supervisorctl_server import Server, Value

# Exit statuses: those of init scripts (LSB).
OK, GENERIC, INVALID_ARGS, UNIMPLEMENTED = 0, 1, 2, 3
INSUFFICIENT_PRIVILEGES, NOT_INSTALLED, NOT_RUNNING = 4, 5, 7
STATUS_NOT_RUNNING, STATUS_UNKNOWN = 3, 4
DEAD = (srv.SPAWN_ERROR, srv.ABNORMAL_TERMINATION, srv.NOT_RUNNING)
API_VERSION = "3.0"
NO_NAMESPACE = (
    "Sorry, supervisord responded but did not recognize the supervisor namespace commands that "
    "supervisorctl uses to control it.  Please check that the [rpcinterface:supervisor] section "
    "is enabled in the configuration file (see sample.conf)."
)
OTHER_VERSION = (
    "Sorry, this version of supervisorctl expects to talk to a server with API version {}, but "
    "the remote version is {}."
)


class Settings(Record):
    """Whom to talk to, and how to talk to people.

    `named` is whether anybody said which `url`; `username` and `password` are None if not given.
    """

    url: str = "http://localhost:9001"
    named: bool = False
    username: str | None = None
    password: str | None = None
    prompt: str = "supervisor"
    history: str = ""
    interactive: bool = False


class Session:
    """One run of supervisorctl: `code` is the exit status so far; the last fault wins.

    `reach` returns the server that the settings lead to; `say` prints a line.
    """

    def __init__(
        self,
        settings: Settings,
        reach: Callable[[Settings], Server],
        say: Callable[[str], None],
    ) -> None:
        self.settings = settings
        self.reach = reach
        self.say = say
        self.code = OK
        self._server: Server | None = None

    def turn_to(self, settings: Settings) -> None:
        """Talk to another server, or to the same as somebody else, from now on."""
        self.close()
        self.settings = settings

    def close(self) -> None:
        """Hang up."""
        if self._server is not None:
            self._server.close()
        self._server = None

    def server(self) -> Server:
        """Return the server, which may turn out not to answer.  Raises ValueError, OSError."""
        if self._server is None:
            self._server = self.reach(self.settings)
        return self._server

    def call(self, method: str, *params: Value) -> Value:
        """Return the result of one of supervisord's methods."""
        return self.server().call(method, *params)

    def up(self) -> bool:
        """Say whether a server is there that we understand, having said why not."""
        try:
            version = self.call("getVersion")
        except srv.Fault as fault:
            if fault.code == srv.UNKNOWN_METHOD:
                return self._not_up(NO_NAMESPACE, UNIMPLEMENTED)
            raise
        except OSError as error:
            if error.errno == errno.ECONNREFUSED:
                text = f"{self.settings.url} refused connection"
                return self._not_up(text, INSUFFICIENT_PRIVILEGES)
            if error.errno == errno.ENOENT:
                return self._not_up(f"{self.settings.url} no such file", NOT_RUNNING)
            raise
        if version != API_VERSION:
            return self._not_up(OTHER_VERSION.format(API_VERSION, version), NOT_INSTALLED)
        return True

    def fail(self, text: str, code: int = GENERIC) -> None:
        """Say what is wrong, and end with `code` unless something else goes wrong later."""
        self.say(text)
        self.code = code

    def judge(self, status: int, ignored: int = srv.SUCCESS) -> None:
        """Let the status of one process decide how it ends."""
        if status in (ignored, srv.SUCCESS):
            return
        self.code = NOT_RUNNING if status in DEAD else GENERIC

    def _not_up(self, text: str, code: int) -> bool:
        self.fail(text, code)
        return False
