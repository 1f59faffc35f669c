"""Probes that a child makes: a command, or a question that a name service or TLS has part in.

A command is born as the program is (user, environment, directory, limits), always by fork, so
that no file system can keep PID 1 waiting for its exec.  Its end comes by the one reaper, as that
of every helper.  Of what it prints the last lines are kept; one that prints without end is given
up.  When it is over, or its time is, whatever it started goes with it.

The other children ask what `asking` asks, and may wait while they do.
"""

from __future__ import annotations

import posix

from pyinit.core.record import replace
from pyinit.core.states import NEVER
from pyinit.core.status import NO_CHILD_STAGES, describe, from_wait
from pyinit.runtime.asking import UNABLE, addresses, judge_answer, request_of, shown, split_url
from pyinit.runtime.reaper import Runs, forked
from pyinit.system import files, mark, tree
from pyinit.system import spawn as spawning

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    import socket as _socket
    from collections.abc import Callable

    from pyinit.core.plan import ProcessPlan
    from pyinit.runtime.asking import UNABLE, Question
    from pyinit.runtime.machine import Machine
    from pyinit.system.sockets import Socket
else:
    import _signal
    import _socket

READ_BYTES = 64 * 1024
KEPT_BYTES = 2048  # of the end of what it printed
MOST_BYTES = 1 << 20  # who prints more in one probe will not come to an end
ANSWER_BYTES = 4096


class Child:
    """Asks by a child; `done` is called once with the answer, unless `close` comes first.

    It is `busy` as long as the child is there, which may be longer than anybody waits for it.
    """

    def __init__(
        self, machine: Machine, plan: ProcessPlan, question: Question, done: Callable[[str], None]
    ) -> None:
        self._machine = machine
        self._plan = plan
        self._question = question
        self._done: Callable[[str], None] | None = done
        self.label = f"{plan.name} probe"
        self._output = b""
        self._count = 0
        self._fd = -1
        self._status_fd = -1
        self.pid = 0

    look_at = NEVER  # whoever answers, nobody can look

    def look(self, now: float) -> None:
        """Nothing to see."""

    @property
    def busy(self) -> bool:
        """Whether the child is there still."""
        return self.pid != 0

    def start(self) -> None:
        """Fork."""
        try:
            reader, writer = files.pipe()
        except OSError as error:
            self._finish(f"{UNABLE}{error.strerror}")
            return
        try:
            if self._question.kind == "exec":
                failed = self._execute(writer)
            else:
                work = _asking(self._question, writer)
                helpers = self._machine.driver.helpers
                self.pid = forked(work, helpers, self._ended, nice=0, keep=(writer,))
                failed = ""
        except OSError as error:
            failed = f"{UNABLE}{error.strerror}"
        except BaseException:
            posix.close(reader)
            raise
        finally:
            posix.close(writer)
        if failed:
            posix.close(reader)
            self._finish(failed)
            return
        self._fd = reader
        self._machine.poller.register(reader, True, False, self._readable)

    def give_up(self) -> str:
        """The time is over: kill it, and return the answer that this is."""
        said = self._last_line()
        self.close()
        if self._question.kind == "exec":
            return f"{self._word()} does not end{said}"
        return f"{self._named()}: no answer"

    def close(self) -> None:
        """Nobody wants to know any more."""
        self._done = None
        self._hang_up()
        if self.pid:
            kill(self._machine, self.pid, self.label)

    def _execute(self, writer: int) -> str:
        """Fork the command; return why that cannot be done."""
        machine, plan = self._machine, self._plan
        # slow: forked, never waited for
        launch = replace(plan.launch, argv=self._question.argv, terminal=False, slow=True)
        names = (("PYINIT_PROGRAM", plan.program), ("PYINIT_PROCESS", plan.name))
        env = (*machine.driver.extra_env, *names)
        null = files.open_null()
        try:
            fds = (null, writer, writer)
            found = spawning.spawn(launch, machine.desk.environ, env, fds, (), self.label)
        finally:
            posix.close(null)
        if isinstance(found, spawning.ExecFailure):
            told = spawning.describe(found, launch.argv[0]).partition("\n")[0]
            return f"{UNABLE}{told}" if found.stage in NO_CHILD_STAGES else told
        self.pid, self._status_fd = found.pid, found.status_fd
        machine.driver.helpers[found.pid] = self._ended
        return ""

    def _readable(self, _mask: int) -> None:
        if not self._read():
            self._hang_up()
        elif self._count > (MOST_BYTES if self._question.kind == "exec" else ANSWER_BYTES):
            done, self._done = self._done, None
            self.close()
            if done is not None:
                done(self._endless())

    def _read(self) -> bool:
        """Take what it has printed; say whether more may come."""
        try:
            data = posix.read(self._fd, READ_BYTES)
        except BlockingIOError:
            return True
        self._count += len(data)
        self._output = (self._output + data)[-KEPT_BYTES:]
        return bool(data)

    def _hang_up(self) -> None:
        if self._fd >= 0:
            self._machine.poller.unregister(self._fd)
            posix.close(self._fd)
            self._fd = -1

    def _ended(self, status: int) -> None:
        """The child was reaped."""
        pid, self.pid = self.pid, 0
        if self._fd >= 0:
            self._read()
        self._hang_up()
        failure = self._exec_failure()
        _clear(self._machine, pid, self.label)
        if self._question.kind != "exec":
            self._finish(self._told(status))
        elif failure is not None:
            self._finish(spawning.describe(failure, self._question.argv[0]).partition("\n")[0])
        elif status == 0:
            self._finish("")
        else:
            self._finish(f"{self._word()}: {describe(from_wait(status))}{self._last_line()}")

    def _exec_failure(self) -> spawning.ExecFailure | None:
        fd, self._status_fd = self._status_fd, -1
        if fd < 0:
            return None
        try:
            found = spawning.read_status(fd)
        finally:
            posix.close(fd)
        return found if isinstance(found, spawning.ExecFailure) else None

    def _told(self, status: int) -> str:
        """Return the answer of a child of ours: only what is whole is one."""
        if status == 0:
            return ""
        said = files.answered(self._output)
        if said is not None:
            return said.decode("utf-8", "replace")
        return self._unasked(f"died ({describe(from_wait(status))})")

    def _endless(self) -> str:
        if self._question.kind == "exec":
            return f"{self._word()} prints without end"
        return self._unasked("makes no sense")

    def _unasked(self, why: str) -> str:
        """Return what is no answer of the run's: it does not count against it."""
        return f"{UNABLE}{self._named()}: the child that asks {why}"

    def _word(self) -> str:
        return f'"{shown(self._question.argv[0].encode("utf-8", "surrogateescape"))}"'

    def _named(self) -> str:
        is_url = self._question.kind == "http"
        return f"GET {self._question.target}" if is_url else f"connect to {self._question.target}"

    def _last_line(self) -> str:
        lines = self._output.strip().split(b"\n")
        return f": {shown(lines[-1].strip())}" if lines[-1] else ""

    def _finish(self, answer: str) -> None:
        done, self._done = self._done, None
        if done is not None:
            done(answer)


def kill(machine: Machine, pid: int, label: str) -> None:
    """Kill a child that is not reaped yet, and whatever it has started."""
    tree.kill_tree(pid, label, "tree", _signal.SIGKILL, _seen(machine))


def _clear(machine: Machine, pid: int, label: str) -> None:
    """Kill what a reaped child has left: only who carries its mark, since its pid is free."""
    number = mark.number(label)
    for one in tree.survey(pid, label, "tree", _seen(machine)):
        if mark.of(one) == number:
            tree.signal_process(one, _signal.SIGKILL)


def _seen(machine: Machine) -> tree.Snapshot:
    return tree.Snapshot(Runs(machine.loop.supervisor.pids, machine.driver.helpers))


def _asking(question: Question, writer: int) -> Callable[[], None]:
    """Return what the child does: returning is a good answer."""

    def work() -> None:
        posix.setsid()
        files.show_name("pyinit-probe")
        answer = _ask(question)
        if answer:
            files.answer(writer, answer.encode("utf-8", "surrogateescape")[: KEPT_BYTES // 2])
            raise SystemExit(1)

    return work


def _ask(question: Question) -> str:
    """Ask, and wait for the answer.  The parent kills us when the time is over."""
    name = place = question.target
    if question.kind == "http":
        url = split_url(question.target)
        name = place = url.place
    try:
        connection = _connected(place)
    except OSError as error:
        return f"cannot connect to {name}: {error.strerror or error}"
    if question.kind != "http":
        return ""
    try:
        return judge_answer(question.target, _exchanged(question, connection))
    except (OSError, ImportError) as error:
        return f"GET {question.target}: {error}"


def _connected(place: str) -> Socket:
    """Connect to the first address that takes us.  Raises OSError."""
    host, _, port = place.rpartition(":")
    found = addresses(place)
    if found is None:
        name = host.encode("utf-8")  # for text Python imports a codec that the image has not
        rows = _socket.getaddrinfo(name, int(port), 0, _socket.SOCK_STREAM)
        found = [(row[4][0], int(row[4][1])) for row in rows if isinstance(row[4][0], str)]
    failed = OSError(0, "it has no address")
    for address in found:
        family = _socket.AF_INET6 if ":" in address[0] else _socket.AF_INET
        connection = _socket.socket(family, _socket.SOCK_STREAM)
        try:
            connection.connect(address)
        except OSError as error:
            connection.close()
            failed = error
        else:
            return connection
    raise failed


def _exchanged(question: Question, connection: Socket) -> bytes:
    """Return what the server has answered to our request."""
    url = split_url(question.target)
    request = request_of(url)
    if question.target.startswith("https:"):
        return _exchanged_safely(url.host, request, connection)
    connection.sendall(request)
    answer = b""
    while b"\n" not in answer and len(answer) < ANSWER_BYTES:
        data = connection.recv(ANSWER_BYTES)
        if not data:
            break
        answer += data
    return answer


def _exchanged_safely(host: str, request: bytes, connection: Socket) -> bytes:
    """Do that by TLS.  As with Kubernetes' probes, nobody has to prove who they are."""
    import ssl

    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
    # it takes over the descriptor of any socket object, also of one without the module `socket`
    with context.wrap_socket(connection, server_hostname=name.strip("[]")) as safe:
        safe.sendall(request)
        answer = b""
        while b"\n" not in answer and len(answer) < ANSWER_BYTES and (data := safe.recv(4096)):
            answer += data
    return answer
