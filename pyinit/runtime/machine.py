"""The machine: every part of a running pyinit, put together once and taken apart once."""

from __future__ import annotations

import posix
import time

from pyinit.core import effects as fx
from pyinit.core import events as ev
from pyinit.core import supervisor as core
from pyinit.core.phases import Booting, Over, Up
from pyinit.core.states import run_of
from pyinit.runtime import (
    anew,
    control_socket,
    footing,
    main_program,
    notify,
    own_log,
    parts,
    pidfile,
    speech,
)
from pyinit.runtime.announcer import TAIL_LINES, Announcer
from pyinit.runtime.compiling import Compiler, Faults
from pyinit.runtime.desk import Desk
from pyinit.runtime.driver import Driver
from pyinit.runtime.failure import all_of, each_of, fail, reason_of, termination
from pyinit.runtime.history import History
from pyinit.runtime.log import Log, fault
from pyinit.runtime.loop import SIGTERM, Loop
from pyinit.runtime.options import from_here
from pyinit.runtime.outlet import Outlet
from pyinit.runtime.packer import Packer
from pyinit.runtime.poller import Poller
from pyinit.runtime.pump import Pump
from pyinit.runtime.readiness import Readiness, notifies
from pyinit.runtime.reaper import Leash, Reaper
from pyinit.runtime.recorder import Recorder
from pyinit.runtime.rest import Rest
from pyinit.runtime.strays import Burial
from pyinit.runtime.watch import DescriptorWatch
from pyinit.system import cgroups, faults, files, limits, rescue, signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyinit.core.draft import Supervisor
    from pyinit.core.plan import Plan
    from pyinit.core.slot import Process
    from pyinit.protocol.wire import Object
    from pyinit.runtime.control import Ask, Control
    from pyinit.runtime.happenings import Happenings
    from pyinit.runtime.logfile import LogFile
    from pyinit.runtime.options import Options
    from pyinit.runtime.sockets_held import Held
    from pyinit.runtime.verbs import Verbs
    from pyinit.system.sockets import Socket

SIGCHLD = 17
FLUSH_S = 1.0  # for what pyinit has still to say when it ends


class Machine:
    """A pyinit that runs `plan`, or goes on with `state` after a re-exec."""

    def __init__(self, options: Options, plan: Plan, state: Supervisor | None = None) -> None:
        self.options = options
        self.plan = plan
        self.poller = Poller()
        self.outlets = (Outlet(1, self.poller), Outlet(2, self.poller))
        self.log = Log(self.outlets[1].write)
        self.log_file: LogFile | None = None
        self._doubts = own_log.style(self, plan.init)
        self.history = History()
        self.recorder = Recorder()
        self.control: Control | None = None
        self.listener: Socket | None = None  # of the control socket
        self.held: Held | None = None
        self._verbs: Verbs | None = None
        self.socket_path = ""
        self.notify_fd = -1
        self._anew = anew.begin
        self.pump = Pump(self.poller, self.outlets, self._trouble, self._pack)
        self.announcer = Announcer(self.log, self.history, self._last_output, cgroups.oom_kills)
        main = self.announcer.main = main_program.MAIN_KEY if options.command else None
        seed = int.from_bytes(posix.urandom(7), "little")
        supervisor = state or core.new(plan, main=main, seed=seed)
        self.readiness = Readiness(self.poller, self._post, None)
        self.driver = Driver(
            self.poller,
            self.pump,
            self.readiness,
            self.announcer,
            self.log,
            stdin=files.open_null(),
            environ=dict(posix.environ),
            extra_env=(),
        )
        self.leash = Leash()
        self.packer = Packer(self.driver.helpers, self.leash, self.log.warning)
        self.loop = Loop(supervisor, self.driver, self.poller, self.recorder, self.log)
        helpers = self.driver.helpers
        told = (options.overrides, options.name, options.beside)
        self.compiler = Compiler(self.poller, helpers, *told)
        self.desk = Desk(
            self.loop,
            self.pump,
            self.history,
            self.announcer,
            self.recorder,
            self.compiler,
            self.log,
            from_here(options.paths),
            self.driver.helpers,
        )
        self.reaper = Reaper(
            self.poller, options.signal_fd, self.loop, self.driver, self.pump, self.announcer
        )
        self.burial = Burial(self.driver.helpers)
        self.watch = DescriptorWatch(self.loop, self.log, time.monotonic())
        self.happenings: Happenings | None = None
        self.parts: dict[str, parts.Part] = {}
        self._wire()
        speech.choose(self)
        own_log.place(self, plan.init.log)

    def run(self, told: Sequence[int] = ()) -> int:
        """Boot and run to the end; `told` are signals that came already."""
        faults = self._prepare()
        if faults is not None:
            return fail(self.options, faults)
        for warning in (*self._doubts, *self.plan.warnings):
            self.log.warning(warning)
        speech.boot(self)
        self.loop.feed(ev.Boot())
        for number in told:
            if number != SIGCHLD:
                self.announcer.speech.signalled(number)
                self.loop.feed(ev.SignalReceived(number))
        self.reaper.kick()  # the compiler may be dead already
        return self.go()

    def go(self, spare: int = -1) -> int:
        """Run the loop to its end, and end.  The descriptor `spare` is closed once that is safe."""
        phase = self.loop.supervisor.phase
        if isinstance(phase, Over):  # carried over: the core has said Exit, and says it once
            cause = phase.shutdown.cause if phase.shutdown is not None else "everything is over"
            again = phase.shutdown is not None and phase.shutdown.again
            self.driver.exit = fx.Exit(phase.code, cause, again)
        try:
            if spare >= 0:
                posix.close(spare)
            code = self.loop.run()
        except BaseException as error:  # noqa: BLE001  the programs must not die of it
            try:
                return self._rescue(error)
            except BaseException:  # noqa: BLE001
                told = () if isinstance(self.loop.supervisor.phase, Booting | Up) else (SIGTERM,)
                return rescue.rescue([], self.options.signal_fd, told=told)
        try:
            self._end(code)
        except BaseException as error:  # noqa: BLE001  everything is over: nobody is hurt by it
            rescue.say(f"cannot take leave properly: {error!r}")
        return self._anew(self, code) if self.driver.exit and self.driver.exit.again else code

    def _prepare(self) -> Faults | None:
        """Limits, directory, mask, socket, pidfile, user: in this order."""
        init = self.plan.init
        unmet = limits.apply(init.limits)
        texts = [limits.describe_unmet(each, "pyinit") for each in unmet]
        if texts and init.limits_unmet == "fail":
            return Faults(tuple(texts))
        footing.become_init(self.log)
        for text in texts:
            self.log.warning(text)
        try:
            self.options = footing.enter(init, self.options)
            footing.take_pidfile(init)
            self.open_control()
            refused = self.hold(self.plan)
            if refused is not None:
                self._give_back()
                return refused
            footing.become_user(init)
            footing.take_rest(self)
            self.pump.special.expect(self.plan, boot=True)
            parts.adopt(self, init, self.plan.processes)
        except pidfile.AlreadyRunning as error:
            return Faults((f"cannot start: {error}",), 1)
        except footing.Unable as error:
            self._give_back()
            return Faults((str(error),))
        except OSError as error:
            self._give_back()
            return Faults((f"cannot start: {reason_of(error)}",))
        return None

    def open_control(
        self, listener_fd: int = -1, notify_path: str = "", notify_fd: int = -1
    ) -> None:
        """Listen on the control socket; without one, say so and run on.

        The descriptors are those that another pyinit has left to us.
        """
        self.listener = control_socket.open_for(self, listener_fd)
        self._open_notify(notify_path, notify_fd)

    def serve_control(self) -> Control:
        """Return the server of the control socket; without a socket it is for the gateway alone."""
        if self.control is None:
            from pyinit.runtime import control  # clients can wait until programs start

            given = (self.poller, self.listener, self._perform, self.log.warning)
            self.control = control.Control(*given, self.plan.init.control.allow)
            self.loop.timed = (*self.loop.timed, self.control)
            self.loop.after_turn.append(self.control.after_turn)
        return self.control

    def _let_in(self) -> None:
        if self.listener is not None:
            self.serve_control()

    def hold(self, plan: Plan) -> Faults | None:
        """Listen for programs and for the gateway as `plan` says, or return why not."""
        if self.held is None and not (plan.sockets or plan.web):
            return None
        from pyinit.runtime import sockets_held

        return sockets_held.hold(self, plan)

    def _open_notify(self, path: str = "", fd: int = -1) -> None:
        """Listen for sd_notify, once there is a program that wants to tell by it."""
        if fd >= 0:
            notify.listen(self, path, fd)
        elif self.notify_fd < 0 and any(notifies(each) for each in self.plan.processes):
            notify.listen(self, notify.place(self.socket_path))

    def _perform(self, ask: Ask) -> Object | None:
        """Carry out a request; the verbs are imported with the first one, not at boot."""
        from pyinit.runtime.verbs import Verbs

        if self._verbs is None:
            self._verbs = Verbs(self.desk)
        return self._verbs.perform(ask)

    def _wire(self) -> None:
        self.driver.on_reload = self.desk.reload
        self.driver.on_put_back = self.desk.put_back
        self.driver.on_reopen = self._reopen
        self.driver.members.row = self.row
        self.desk.on_plan = lambda plan: main_program.complete(self.options, plan)
        self.desk.on_load = self._adopt_plan
        self.desk.plan = lambda: self.plan
        self.desk.web = lambda: self.plan.web
        self.desk.environ = dict(posix.environ)
        self.desk.write_stdin = self.driver.write_stdin
        self.desk.own_log = lambda: self.log_file
        self.desk.bus = lambda: speech.bus(self)
        self.pump.special.ident = self.options.name
        self.pump.on_fault = self.loop.fault
        watch, rest = self.watch, Rest(time.monotonic(), self.poller)
        parts = (self.reaper, self.readiness, self.pump, self.compiler, self.announcer)
        self.loop.timed = (*parts, self.leash, watch, rest)
        self.loop.after_turn.append(self._let_in)
        self.loop.after_turn.append(rest.after_turn)
        self.loop.after_turn.append(lambda: watch.passing(time.monotonic()))
        self.loop.after_turn.append(self._take_faults)
        self.loop.timed = (*self.loop.timed, self.burial)
        self.loop.after_fault = signals.let_through
        self.loop.after_turn.append(self.desk.after_turn)
        self.loop.after_turn.append(self._reexec_if_wanted)
        if self.options.daemon_fd >= 0:
            self.loop.after_turn.append(self._tell_verdict)

    def _tell_verdict(self) -> None:
        """Tell the command `pyinit -d` how we do, if it waits."""
        if self.options.daemon_fd >= 0:
            from pyinit.runtime import verdict

            verdict.tell(self)

    def _take_faults(self) -> None:
        """Receive SEGV, ABRT and their like where somebody is to get them."""
        wanted = signals.FAULTS if self.options.command else dict(self.plan.init.signals)
        try:
            self.reaper.take_faults(faults.among(wanted))
        except (OSError, ImportError) as error:
            self.log.warning(f"cannot pass on signals that mean a fault: {error}")

    def _adopt_plan(self, plan: Plan) -> Faults | None:
        """A reload puts `plan` in force, or is told why that cannot be done."""
        from pyinit.runtime import revision

        refused = revision.adopt(self, plan)
        if refused is None:
            speech.adopt(self)
            self._open_notify()
            self.pump.special.expect(self.plan)
            parts.adopt(self, self.plan.init, plan.processes)
        return refused

    def _trouble(self, text: str) -> None:
        """Tell of a log file that cannot be written; it may be the one we write to ourselves."""
        self.log.warning(text)
        if self.plan.init.log.file is not None:
            self.outlets[1].write(f"pyinit: {text}\n".encode("utf-8", "surrogateescape"))

    def _pack(self, path: str) -> None:
        self.packer.pack(path)

    def _reopen(self) -> None:
        self.pump.reopen_all()
        self.announcer.speech.reopened()

    def _last_output(self, key: str) -> bytes:
        from pyinit.logs.ring import STDERR, STDOUT, last_lines

        data = self.pump.latest(key, STDERR) or self.pump.latest(key, STDOUT)
        return last_lines(data, TAIL_LINES)

    def last_lines(self, key: str) -> str:
        """Return the last lines that a process has printed."""
        return self._last_output(key).decode("utf-8", "replace")

    def _give_back(self, *, again: bool = False) -> None:
        if self.socket_path and not again:
            control_socket.remove(self.socket_path)
        if self.held is not None:
            self.held.remove(doors=not again)
        if self.notify_fd >= 0:
            files.remove(self.readiness.notify_path or "")
        if self.plan.init.pidfile is not None:
            pidfile.give_back(self.plan.init.pidfile)

    def _post(self, event: ev.ReadyReported) -> None:
        self.loop.feed(event)

    def _reexec_if_wanted(self) -> None:
        """Re-exec between two turns, once no reload is half done."""
        desk = self.desk
        if not (desk.reexec_wanted or desk.reexec_ready) or self.compiler.busy:
            return
        if not isinstance(self.loop.supervisor.phase, Up):  # a shutdown has begun meanwhile
            desk.reexec_wanted = desk.reexec_ready = False
            desk.reexec_failed = "pyinit is stopping"
            return
        from pyinit.runtime import reexec

        if desk.reexec_wanted:
            reexec.check(self)
        else:
            desk.reexec_ready = False
            reexec.reexec(self)

    def row(self, key: str) -> Process | None:
        """Return the process `key`, None if there is none (any more)."""
        table = self.loop.supervisor.table
        return table[key] if key in table else None  # noqa: SIM401  a table is no dict

    def directory(self) -> str:
        """Return the working directory, "/" if it is gone."""
        try:
            return posix.getcwd()
        except OSError:
            return "/"

    def _end(self, code: int) -> None:
        """Take leave: socket and pidfile go, what is still to say is said."""
        end = self.driver.exit
        again = end is not None and end.again
        if end is not None and code != 0 and not again:
            termination(f"pyinit: {end.reason}; exit status {code}\n")
        until = time.monotonic() + FLUSH_S
        stages: list[Callable[[], object]] = [self._tell_verdict, self.driver.end_helpers]
        stages += [self.packer.give_up, *([self.control.after_turn] if self.control else [])]
        stages += [lambda: self._give_back(again=again), self.pump.finish]
        stages.append(lambda: each_of(lambda outlet: outlet.flush(until), self.outlets))
        all_of(stages)

    def _rescue(self, error: BaseException) -> int:
        """The loop is broken: a new pyinit takes over, and if that fails, too, the rescue loop."""
        try:
            self.log.error(f"the loop is broken: {fault(error)}")
            from pyinit.runtime import reexec

            reexec.recover(self)
            self.log.error("only signals and reaping are left; all programs gone is the end")
            self.outlets[1].flush(time.monotonic() + FLUSH_S)
        except BaseException as another:  # noqa: BLE001  nothing may keep us from the last resort
            rescue.say(f"cannot recover: {another!r}")
        row = self.row(self.loop.supervisor.main or "")
        run = run_of(row.state) if row is not None else None
        main_pid = run.pid if run else 0
        told = (*self.loop.stops_told(), *self.reaper.unfed)  # and not obeyed so far
        code = rescue.rescue([], self.options.signal_fd, main_pid, self.reaper.faults_fd, told)
        termination(f"pyinit: the loop was broken: {error!r}\n")
        return code
