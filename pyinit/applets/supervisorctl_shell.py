"""Reads lines, runs the commands in them, and says what went wrong: supervisorctl's shell."""

from __future__ import annotations

from pyinit.applets import supervisorctl_server as srv
from pyinit.applets.supervisorctl_commands import COMMANDS, EVERY, LEAVING, PROCESSES, help_of
from pyinit.applets.supervisorctl_session import GENERIC
from pyinit.core.record import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.applets.supervisorctl_server import Info
    from pyinit.applets.supervisorctl_session import Session

WORD = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
HEADER = "default commands (type help <topic>):"
WIDTH = 79
BREAKS = ":*-"  # are parts of names, whatever readline thinks
NO_PASSWORD = "Server requires authentication"  # noqa: S105  it says that there is none


class Shell:
    """Runs command lines in a session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._infos: list[Info] | None = None  # for the completion, from line to line
        self._offers: list[str] = []

    def run(self, line: str) -> bool:
        """Run one line; return whether it asks to leave.  Nothing is raised but KeyboardInterrupt.

        The exit status is left in the session.
        """
        line = line.strip()
        if not line:
            return False
        name, arg = _parse(line)
        self._infos = None
        if name == "help":
            self._help(arg)
        elif name in LEAVING or name == "EOF":
            self._session.say("")
            return True
        elif name in COMMANDS:
            self._carry_out(name, arg)
        else:
            self._session.fail(f"*** Unknown syntax: {line}")
        return False

    def converse(self) -> None:
        """Run what is typed, the states first, until somebody leaves."""
        _prepare_readline(self, self._session.settings.history)
        try:
            leaving = self.run("status")
            while not leaving:
                try:
                    line = input(f"{self._session.settings.prompt}> ")
                except EOFError:
                    line = "EOF"
                leaving = self.run(line)
        except KeyboardInterrupt:
            self._session.say("")

    def complete(self, text: str, number: int) -> str | None:
        """Return the completion of that number, None if there are no more: for readline."""
        import readline

        if number == 0:
            try:
                self._offers = self.offers(readline.get_line_buffer(), text)
            except Exception:  # noqa: BLE001  the line is edited: no place to complain
                self._offers = []
        return self._offers[number] if number < len(self._offers) else None

    def offers(self, line: str, text: str) -> list[str]:
        """Return what may stand for `text`, the last word of `line`."""
        words = line.split()
        if not words or (len(words) == 1 and not line[-1].isspace()) or words[0] == "help":
            found = ["help", *EVERY]
        elif words[0] in COMMANDS and COMMANDS[words[0]].words:
            processes = COMMANDS[words[0]].words == PROCESSES
            found = self._processes(text) if processes else self._groups()
        else:
            return []
        return [f"{each} " for each in dict.fromkeys(found) if each.startswith(text)]

    def _carry_out(self, name: str, arg: str) -> None:
        """Run a command; whatever is wrong with it is said."""
        session = self._session
        try:
            COMMANDS[name].run(session, arg, lambda: session.say(help_of(name)))
        except srv.BadAnswer as error:
            if error.status != srv.UNAUTHORIZED:
                self._say_fault(error)
                return
            session.say(NO_PASSWORD)
            if not session.settings.interactive:
                session.code = GENERIC
                return
            self._ask_who()
            self._carry_out(name, arg)
        except Exception as error:  # noqa: BLE001  a shell goes on
            self._say_fault(error)

    def _ask_who(self) -> None:
        from getpass import getpass

        username = input("Username:")
        password = getpass("Password:")
        self._session.say("")
        settings = replace(self._session.settings, username=username, password=password)
        self._session.turn_to(settings)

    def _say_fault(self, error: Exception) -> None:
        """Say what nobody has words for, in the form of the genuine program."""
        trace, file, line = error.__traceback__, "", 0
        while trace is not None:
            file, line = trace.tb_frame.f_code.co_filename, trace.tb_lineno
            trace = trace.tb_next
        kind = getattr(error, "KIND", type(error))
        self._session.fail(f"error: {kind}, {error}: file: {file} line: {line}")

    def _help(self, name: str) -> None:
        if name:
            self._session.say(help_of(name) or f"*** No help on {name}")
            return
        lines = ["", HEADER, "=" * len(HEADER), *_columns(EVERY), ""]
        self._session.say("\n".join(lines))

    def _known(self) -> list[Info]:
        if self._infos is None:
            self._infos = srv.infos_of(self._session.call("getAllProcessInfo"))
        return self._infos

    def _groups(self) -> list[str]:
        return [info.group for info in self._known()]

    def _processes(self, text: str) -> list[str]:
        found: list[str] = []
        for info in self._known():
            if ":" in text or info.name != info.group:
                found += [f"{info.group}:{info.name}", f"{info.group}:*"]
            else:
                found.append(info.name)
        return found


def _parse(line: str) -> tuple[str, str]:
    """Return the command in a line, "" if it has none, and what follows it."""
    if line.startswith("?"):
        line = f"help {line[1:]}"
    length = next((at for at, char in enumerate(line) if char not in WORD), len(line))
    return line[:length], line[length:].strip()


def _columns(words: tuple[str, ...]) -> list[str]:
    """Return the words in columns, read downwards, as many as fit."""
    for rows in range(1, len(words) + 1):
        columns = [words[at : at + rows] for at in range(0, len(words), rows)]
        widths = [max([len(word) for word in column]) for column in columns]
        if sum(widths) + 2 * (len(widths) - 1) <= WIDTH:
            break
    else:
        return list(words)
    lines = []
    for row in range(rows):
        cells = [column[row] for column in columns if row < len(column)]
        padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=False)]
        lines.append("  ".join(padded))
    return lines


def _prepare_readline(shell: Shell, history: str) -> None:
    """Let lines be edited and completed, and remembered in the file `history`, if it can be."""
    try:
        import readline
    except ImportError:
        return
    delimiters = readline.get_completer_delims()
    readline.set_completer_delims("".join([each for each in delimiters if each not in BREAKS]))
    readline.set_completer(shell.complete)
    readline.parse_and_bind("tab: complete")
    if not history:
        return
    import atexit
    import contextlib

    def save() -> None:
        try:
            readline.write_history_file(history)
        except OSError:
            return

    with contextlib.suppress(OSError):
        readline.read_history_file(history)
    atexit.register(save)
