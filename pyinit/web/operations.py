"""The one table of the API: what is answered, by which verb, with which fields.

Routes and the OpenAPI document are both made from it, so that neither can know more than the
other.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyinit.protocol.messages import VERBS


@dataclass(frozen=True)
class Field:
    """A field of a query or a body: its name, what it is (a kind of the protocol), and for what.

    `arg` is what the verb calls it. `choices` are the values it may have.
    """

    name: str
    kind: str
    doc: str
    arg: str = ""
    needed: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Operation:
    """One thing that can be asked for.  `result` is the schema of the answer.

    `query` and `body` are the fields of either; `named` says how the verb wants the {name} of the
    path: "names", "name", or "" where there is none.  `follows` is the schema of the events of a
    stream, "" where there is none.
    """

    id: str
    method: str
    path: str
    verb: str
    result: str
    summary: str
    doc: str = ""
    query: tuple[Field, ...] = ()
    body: tuple[Field, ...] = ()
    named: str = ""
    follows: str = ""

    @property
    def level(self) -> str:
        """The access that it takes."""
        return VERBS[self.verb].level


NAME = Field("name", "names", "processes, programs, groups or globs; all if left out", "names")
USAGE = Field("usage", "flag", "tell processor time, memory and descriptors, too")
LINES = Field("lines", "count", "only so many of the last lines")
LAST = Field("lines", "count", "only so many of the last")
FOLLOW = Field("follow", "flag", "go on with what comes, as server-sent events")
STREAM = Field("stream", "text", "which output", choices=("both", "stdout", "stderr"))
ONE_STREAM = Field("stream", "text", "which file", needed=True, choices=("stdout", "stderr"))
TIMEOUT = Field("timeout_s", "seconds", "give up waiting after so long; what was begun goes on")
WAIT = Field("wait", "flag", "answer when it is done (the default), or at once")
FOR = Field(
    "for",
    "text",
    "the state to wait for",
    choices=(
        *("ready", "started", "running", "completed", "done", "stopped"),
        *("starting", "stopping", "backoff", "exited", "fatal"),
    ),
)
LONG = "The answer comes when it is done, unless `wait` is false."

_WANTED = (
    Operation(
        *("getStatus", "GET", "/status", "status", "Status"),
        "What every process is doing",
        query=(NAME, USAGE),
    ),
    Operation(
        *("getMetrics", "GET", "/metrics", "metrics", "Metrics"),
        "Numbers of every process and of pyinit",
        "`/metrics` has the same in the form of Prometheus.",
        query=(NAME,),
    ),
    Operation(
        *("getHealth", "GET", "/health", "health", "Verdict"),
        "Whether nothing critical has failed",
        query=(NAME,),
    ),
    Operation(
        *("getReady", "GET", "/ready", "ready", "Verdict"),
        "Whether everything is up and traffic is welcome",
        query=(NAME,),
    ),
    Operation(
        *("getEvents", "GET", "/events", "events", "Events"),
        "The last changes of state",
        "With `follow`, those to come: events `state`, `removed` and `dropped`.",
        query=(NAME, LAST, FOLLOW),
        follows="Event",
    ),
    Operation(
        *("getWhy", "GET", "/why", "why", "Why"),
        "How the last runs of every process have ended",
        query=(NAME, LINES),
    ),
    Operation(
        *("getLimits", "GET", "/limits", "limits", "Limits"),
        "The limits of every running process, and how much of them is used",
        query=(NAME,),
    ),
    Operation(
        *("getGraph", "GET", "/graph", "graph", "Graph"),
        "Which program needs which",
    ),
    Operation(
        *("getTrace", "GET", "/trace", "trace", "Trace"),
        "The last steps of pyinit's core",
        query=(LAST,),
    ),
    Operation(
        *("getProcess", "GET", "/processes/{name}", "status", "Status"),
        "What a process is doing",
        query=(USAGE,),
        named="names",
    ),
    Operation(
        *("waitFor", "GET", "/processes/{name}/wait", "wait", "Waited"),
        "Wait until a process is in a state",
        "The answer comes when it is, or when it can never be.",
        query=(FOR, TIMEOUT),
        named="names",
    ),
    Operation(
        *("getLogs", "GET", "/processes/{name}/logs", "logs", "Logs"),
        "The last output of a process",
        "With `follow`, what it prints from now on, too: events `output` and `dropped`.",
        query=(LINES, STREAM, FOLLOW),
        named="names",
        follows="Event",
    ),
    Operation(
        *("clearLogs", "DELETE", "/processes/{name}/logs", "clear-log", "Outcome"),
        "Empty the log files of a process",
        named="names",
    ),
    Operation(
        *("readLogFile", "GET", "/processes/{name}/log-file", "read-log", "Piece"),
        "A piece of the log file of a process",
        "`data` has a character for each byte (latin-1); `offset` is where it begins.",
        query=(
            ONE_STREAM,
            Field("offset", "integer", "the first byte; from the end if it is negative"),
            Field("length", "count", "so many bytes at most"),
        ),
        named="name",
    ),
    Operation(
        *("getProcessWhy", "GET", "/processes/{name}/why", "why", "Why"),
        "How the last runs of a process have ended",
        query=(LINES,),
        named="names",
    ),
    Operation(
        *("getEnv", "GET", "/processes/{name}/env", "env", "Env"),
        "The environment of a process, its secrets masked",
        named="names",
    ),
    Operation(
        *("getProcessLimits", "GET", "/processes/{name}/limits", "limits", "Limits"),
        "The limits of a process, and how much of them is used",
        named="names",
    ),
    Operation(
        *("setLimits", "PATCH", "/processes/{name}/limits", "set-limits", "LimitsSet"),
        "Change limits of a process, and of its later runs",
        body=(Field("limits", "limits", "numbers or words by the name of the limit", needed=True),),
        named="names",
    ),
    Operation(
        *("start", "POST", "/processes/{name}/start", "start", "Outcome"),
        "Start a process",
        LONG,
        body=(WAIT, TIMEOUT),
        named="names",
    ),
    Operation(
        *("stop", "POST", "/processes/{name}/stop", "stop", "Outcome"),
        "Stop a process and all it has started",
        LONG,
        body=(WAIT, TIMEOUT),
        named="names",
    ),
    Operation(
        *("restart", "POST", "/processes/{name}/restart", "restart", "Outcome"),
        "Give a process a new run",
        LONG,
        body=(WAIT, TIMEOUT),
        named="names",
    ),
    Operation(
        *("signal", "POST", "/processes/{name}/signal", "signal", "Outcome"),
        "Send a signal to a process",
        body=(Field("signal", "text", "such as HUP, SIGHUP, 1 or RTMIN+1", needed=True),),
        named="names",
    ),
    Operation(
        *("writeStdin", "POST", "/processes/{name}/stdin", "write-stdin", "Done"),
        "Write to the standard input of a process",
        body=(Field("data", "text", "the text", needed=True),),
        named="name",
    ),
    Operation(
        *("reload", "POST", "/reload", "reload", "Reloaded"),
        "Read the configuration again, and put it in force if it is good",
        body=(Field("dry_run", "flag", "only tell what would change"),),
    ),
    Operation(
        *("drain", "POST", "/drain", "drain", "Drained"),
        "Take readiness back, and answer after the delay",
        body=(
            Field("off", "flag", "give it back"),
            Field("delay_s", "seconds", "instead of `init.drain_delay`"),
            TIMEOUT,
        ),
    ),
    Operation(
        *("shutdown", "POST", "/shutdown", "shutdown", "Ended"),
        "Stop everything and end pyinit",
        "The answer comes at the very end, unless `wait` is false; then the connection closes.",
        body=(WAIT,),
    ),
    Operation(
        *("reexec", "POST", "/reexec", "reexec", "Reexeced"),
        "Replace pyinit by a new one, which keeps every process",
    ),
)
# A verb that this pyinit does not have is none of the API's.
OPERATIONS = tuple(each for each in _WANTED if each.verb in VERBS)
