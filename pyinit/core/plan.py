"""The plan: a configuration after compilation, as PID 1 and its core see it.

`config` writes plans (in a forked child or a tool), `core` decides by their policies, `system`
and `runtime` carry out their launches.  Every name is already a number here (users, groups,
signals, sizes in bytes, times in seconds): PID 1 looks nothing up.

The unit is the *process*: one slot of a program.  Its `key` is `PROGRAM:INSTANCE` whatever the
number of instances, so scaling never renames a slot; its `name` is what people see.
"""

from __future__ import annotations

from . import plan_listen
from .record import Record, kinds_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .plan_listen import SocketPlan, WebPlan

KEEP = -2  # a limit's half: leave it as it is
UNLIMITED = -1  # a limit's half: RLIM_INFINITY
MAXIMUM = -3  # a limit's soft half: up to the hard limit

INHERIT_ENV = ("*",)

# What a path is watched for: the plan is compiled of its content, or a program uses it.
DOOR = "door"  # the kind of what is told of the gateway's doors
COMPILED, USED = "compile:", "use:"


class Limit(Record):
    """One rlimit: `resource` is the lower-case name after RLIMIT_ (`nofile`).

    `soft` and `hard` are numbers, UNLIMITED or KEEP; `soft` may be MAXIMUM.  A plain number N in
    a configuration is soft=N, hard=KEEP: the hard limit is raised to N only when it is below N.
    With `least` the soft limit is never lowered: it is what there has to be.
    """

    resource: str
    soft: int
    hard: int = KEEP
    least: bool = False


class Sink(Record):
    """Where one stream of a process goes.

    kind: "inherit" (pyinit's own descriptor), "null", "stdout" (stderr only: 2>&1), "copy" (as it
    is, but read by pyinit on its way; `path` "stdout" or "stderr" is which of pyinit's it goes
    to, where that is not its own), "prefix" and "json" (lines on pyinit's own stdout or
    stderr), "file", "auto" (a file that pyinit names and makes in the directory `path`, as
    supervisord's AUTO), "syslog" (lines to /dev/log).  The rest is for files only:
    `max_size` in bytes (0: never rotate), `max_files` old files kept, `format` one of "raw",
    "prefix", "json", "tai64n"; `mode`, `uid`, `gid` of the file (None: as created).
    """

    kind: str
    path: str = ""
    max_size: int = 50 * 1024 * 1024
    max_files: int = 10
    compress: bool = False
    format: str = "raw"
    mode: int | None = None
    uid: int | None = None
    gid: int | None = None


INHERIT = (Sink("inherit"),)


class Channel(Record):
    """What event listeners are told of one stream.

    `capture` is how many bytes between supervisord's capture tokens make a PROCESS_COMMUNICATION
    event (0: no capture mode); `events` sends each read as a PROCESS_LOG event.  `strip_ansi`
    takes terminal sequences out of what is written to its files.
    """

    capture: int = 0
    events: bool = False
    strip_ansi: bool = False


CHANNEL = Channel()


class Capabilities(Record):
    """Capability numbers: the bounding set is cut to `keep` (None: untouched); `ambient` raised."""

    keep: tuple[int, ...] | None = None
    ambient: tuple[int, ...] = ()


class Launch(Record):
    """Everything between fork and exec: what a new run of a process is born with.

    Two launches that are equal need no restart.  `argv[0]` without a slash is searched in PATH
    of the program's own environment.  `env` is what the configuration sets, laid over those
    variables of pyinit's environment whose names match a pattern of `env_pass`.
    `secrets` are (variable, path of a file read at spawn).  `stdin` is "null", "inherit", "pipe"
    (kept open by pyinit, written to on request) or "socket:NAME" (a socket of the plan as
    descriptor 0).  `channels` are those of stdout and stderr.  `slow`: its file system may keep
    an exec waiting, so that it is never waited for.
    `terminal` puts the run into the foreground of pyinit's terminal (main program).
    `session` starts a new session (else only a new process group).  `securebits` as in
    capabilities(7).  `runtime` "go": told what memory and processors the container has.
    """

    argv: tuple[str, ...]
    directory: str | None = None
    umask: int | None = None
    env: tuple[tuple[str, str], ...] = ()
    env_pass: tuple[str, ...] = INHERIT_ENV
    secrets: tuple[tuple[str, str], ...] = ()
    uid: int | None = None
    gid: int | None = None
    groups: tuple[int, ...] | None = None
    limits: tuple[Limit, ...] = ()
    limits_unmet: str = "fail"
    nice: int | None = None
    oom_score_adj: int | None = None
    cpu_affinity: tuple[int, ...] | None = None
    io_priority: tuple[int, int] | None = None
    no_new_privs: bool = False
    capabilities: Capabilities | None = None
    parent_death_signal: int = 0
    session: bool = True
    terminal: bool = False
    stdin: str = "null"
    stdout: tuple[Sink, ...] = INHERIT
    stderr: tuple[Sink, ...] = INHERIT
    channels: tuple[Channel, Channel] = (CHANNEL, CHANNEL)
    slow: bool = False
    securebits: int | None = None
    runtime: str = ""


class Dependency(Record):
    """`program` must be at `condition` ("started", "ready", "completed", "done") first.

    A `hard` one (depends_on) that is lost, or not there within `timeout` seconds (0: as long as it
    takes), is a failed start, and who needs it is stopped and restarted with it.  One that is not
    hard (wants) is started, too, and waited for, but whatever comes of it, the start goes on.
    """

    program: str
    condition: str
    timeout: float = 0.0
    hard: bool = True


class Restart(Record):
    """When and how soon a run that ended is followed by another.

    policy: "always", "on-failure", "never".  Times in seconds.  More than `max` failed runs
    within `window` give up; max=0 never gives up.  `jitter` is a fraction of the delay.

    With `retries` a number, supervisord's rule is in force instead: a run that ends before it is
    up is tried again after 1, 2, 3... seconds, whatever its status and the policy, and given up
    after that many tries more; one that was up is followed at once if the policy says so.
    """

    policy: str = "on-failure"
    delay: float = 0.5
    factor: float = 2.0
    max_delay: float = 30.0
    jitter: float = 0.1
    window: float = 60.0
    max: int = 5
    retries: int | None = None


class Stop(Record):
    """How a run is ended: `signals` in turn over `timeout` seconds, then KILL.

    kill: "tree" (group and every descendant), "group", "process"; `last` is the same for the
    KILL where that reaches further ("": as `kill`).  `dump_signal` (0: none) is sent one second
    before KILL.  With a `command` that is run in the place of the first signal.
    """

    signals: tuple[int, ...] = (15,)
    timeout: float = 10.0
    kill: str = "tree"
    dump_signal: int = 0
    last: str = ""
    command: tuple[str, ...] = ()


class Ready(Record):
    """How a run tells that it is ready.

    kind: "output" (`target` is a regular expression searched in its lines), "fd" (`target` is
    the descriptor's number), "notify" (sd_notify), "file" (`target` is a path), "delay"
    (`target` is seconds); or a probe: "tcp" (`target` HOST:PORT), "unix" (a path), "http" (a URL),
    "exec" (`argv`).  Not ready within `timeout` seconds is a failed start; `interval` is between
    two tries of those that ask.
    """

    kind: str
    target: str = ""
    timeout: float = 30.0
    interval: float = 1.0
    argv: tuple[str, ...] = ()


class Live(Record):
    """How a run shows that it lives still, once it is Running.

    kind: a probe as in Ready, or "watchdog" (WATCHDOG=1 at least every `interval` seconds).  A
    probe is made every `interval` seconds and has `timeout` seconds to answer; `failures` bad ones
    in a row are the end of the run, by `action`: "restart", "stop", "exit" (pyinit ends, too).
    """

    kind: str
    target: str = ""
    argv: tuple[str, ...] = ()
    interval: float = 10.0
    timeout: float = 5.0
    failures: int = 3
    action: str = "restart"


class Hooks(Record):
    """Commands that are run as the program would be, around its runs; each an argv, () for none.

    A `pre_start` that fails is a failed start; the others are told about and go on.
    """

    pre_start: tuple[str, ...] = ()
    post_start: tuple[str, ...] = ()
    pre_stop: tuple[str, ...] = ()
    post_stop: tuple[str, ...] = ()


class Schedule(Record):
    """When a oneshot is started: by a `cron` line read in `timezone`, or `every` so many seconds.

    `timezone` "" is that of the machine.  overlap, when its time comes and it still runs: "skip",
    "queue" (once more afterwards), "replace" (it is stopped and started anew).
    """

    cron: str = ""
    every: float = 0.0
    timezone: str = ""
    overlap: str = "skip"


class Pool(Record):
    """An event listener: the names of `events` its group is sent, `buffer_size` of them kept."""

    events: tuple[str, ...]
    buffer_size: int = 10


class ProcessPlan(Record):
    """One process: who it is, how it is kept, what it is launched with.

    `group_priority` orders the groups where the plan stops them one after another.  `command` is
    the command as it was written, for those who show it ("": `launch.argv` is all there is).  A
    `hidden` process is pyinit's own (the gateway): no name means it but its own, and nothing that
    asks what is left to run counts it.

    kind: "service", "oneshot" or "forking" (the run lives on in a process that the first one left
    behind; `pidfile` is where its pid stands, "" if it is to be found).  `max_memory` in bytes (0:
    no bound).  `sockets` are names of the plan's sockets, handed over in this order, and `places`
    where they listen, followed by that of a `kept` one that is its stdin; with sockets a new run
    can begin before the old one ends.  `on_demand` starts at the first connection,
    `idle_exit` (seconds, 0: never) stops when there is none.  `watch` are the files whose change
    is a reason to act, each after COMPILED (reload) or USED (signal, command or new run).
    """

    key: str
    name: str
    program: str
    group: str
    launch: Launch
    instance: int = 0
    kind: str = "service"
    autostart: bool = True
    critical: bool = True
    priority: int = 999
    depends: tuple[Dependency, ...] = ()
    restart: Restart = Restart()
    success_codes: tuple[int, ...] = (0,)
    start_s: float = 1.0
    ready: Ready | None = None
    stop: Stop = Stop()
    reload_signal: int = 0
    group_priority: int = 999
    command: str = ""
    pool: Pool | None = None
    hidden: bool = False
    live: Live | None = None
    max_memory: int = 0
    hooks: Hooks | None = None
    schedule: Schedule | None = None
    sockets: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    on_demand: bool = False
    idle_exit: float = 0.0
    reload_command: tuple[str, ...] = ()
    watch: tuple[str, ...] = ()
    pidfile: str = ""


class LogPlan(Record):
    """pyinit's own messages: `level` error, warning, info or debug; `file` None is stderr.

    `max_size` and `max_files` are those of the file; `echo` writes to stdout, too.
    """

    level: str = "info"
    format: str = "text"
    file: str | None = None
    max_size: int = 50 * 1024 * 1024
    max_files: int = 10
    echo: bool = False


class ControlPlan(Record):
    """The control socket; `path` None lets boot choose.  `allow` is (uid, level) pairs."""

    path: str | None = None
    mode: int = 0o600
    uid: int | None = None
    gid: int | None = None
    allow: tuple[tuple[int, str], ...] = ()


class ExitWhen(Record):
    """pyinit ends with 0 once the `file` is there, or no process called `process` any more."""

    file: str = ""
    process: str = ""


class InitPlan(Record):
    """What `[init]` says.  `exit`: "fail-fast", "all-done", "never" or "main:PROGRAM".

    `signals` maps a signal number to "forward:PROGRAM", "reload", "reopen", "restart" (stop
    everything, then begin anew), "stop" or "ignore".  `stop_order`: "graph" (those that need
    others first) or "groups" (one group after another, the highest priority first).
    `identifier` is what supervisord's clients and listeners see.  `cleanup` removes the "auto" log
    files that earlier pyinits of this identifier have left.
    """

    exit: str = "fail-fast"
    limits: tuple[Limit, ...] = ()
    limits_unmet: str = "fail"
    stop_budget: float = 9.0
    drain_delay: float = 0.0
    umask: int | None = None
    directory: str | None = None
    uid: int | None = None
    gid: int | None = None
    groups: tuple[int, ...] | None = None
    env: tuple[tuple[str, str], ...] = ()
    pidfile: str | None = None
    log: LogPlan = LogPlan()
    control: ControlPlan = ControlPlan()
    signals: tuple[tuple[int, str], ...] = ()
    stop_order: str = "graph"
    identifier: str = "supervisor"
    cleanup: bool = True
    exit_when: ExitWhen | None = None


class Plan(Record):
    """A whole configuration.  `sources` are the files it came from, `warnings` what to say once.

    `exit_given` is whether one of them says `exit`, or it is only the default.  `told` are (level,
    kind, sentence) that are said first where the log is supervisord's; those of the kind "door" are
    of the gateway, the others have "".
    """

    init: InitPlan = InitPlan()
    processes: tuple[ProcessPlan, ...] = ()
    sources: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    exit_given: bool = False
    sockets: tuple[SocketPlan, ...] = ()
    web: WebPlan | None = None
    told: tuple[tuple[str, str, str], ...] = ()


def plan_kinds() -> dict[str, type[Record]]:
    """Return the records a plan is made of, for `record.from_plain`."""
    import sys

    return kinds_of(sys.modules[__name__], plan_listen)
