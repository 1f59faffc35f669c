"""The one table of what `pyinitctl` can do: words, options, where each verb is carried out."""

from __future__ import annotations

from pyinit.cli.words import Option
from pyinit.core.record import Record

NAMES = "NAME..."
WAITING = (
    Option(("--no-wait",), "", "do not wait until it is done"),
    Option(("-t", "--timeout"), "DURATION", "wait no longer than this"),
)
FOLLOW = Option(("-f", "--follow"), "", "go on with what comes")
LINES = Option(("-n", "--lines"), "N", "only the last N")
COMMON = (
    Option(("-s", "--socket"), "PATH", "the control socket of the pyinit that is meant"),
    Option(("-j", "--json"), "", "print JSON"),
    Option(("--container",), "NAME", "do it in this container, by Docker or Podman"),
    Option(("--context",), "NAME", "the Docker context, with --container and fleet"),
    Option(("-h", "--help"), "", "print this and exit"),
)
PLAIN = (*COMMON, Option(("--version",), "", "print the version and exit"))


class Verb(Record):
    """One verb: the module and function that do it, and what its words may be."""

    place: str
    doc: str
    operands: str = ""
    least: int = 0
    most: int | None = None
    options: tuple[Option, ...] = ()


VERBS = {
    "status": Verb(
        "state:status",
        "what every process is doing; exit 3 if one is not running that should be",
        "[NAME...]",
        options=(
            Option(("-w", "--watch"), "", "go on, every second"),
            Option(("-u", "--usage"), "", "with processor time, memory and descriptors"),
        ),
    ),
    "start": Verb("act:start", "start processes", NAMES, 1, options=WAITING),
    "stop": Verb("act:stop", "stop processes and all that they started", NAMES, 1, options=WAITING),
    "restart": Verb(
        "act:restart",
        "give processes new runs",
        NAMES,
        1,
        options=(*WAITING, Option(("--rolling",), "", "one after another, without a gap")),
    ),
    "signal": Verb("act:signal", "send a signal to processes", "SIG NAME...", 2),
    "reload": Verb(
        "act:reload",
        "read the configuration again; touch only what changed",
        most=0,
        options=(
            Option(("--dry-run",), "", "only check it and say what would change"),
            Option(("--no-wait",), "", "do not wait until all that changed is up"),
        ),
    ),
    "logs": Verb(
        "output:logs",
        "the last output of processes (up to 64 KB each)",
        NAMES,
        1,
        options=(
            FOLLOW,
            LINES,
            Option(("--stream",), "NAME", "only stdout or stderr"),
        ),
    ),
    "events": Verb(
        "output:events", "changes of state, one a line", "[NAME...]", options=(FOLLOW, LINES)
    ),
    "why": Verb(
        "output:why",
        "how the last ten runs ended, and the last words of the latest three",
        NAMES,
        1,
        options=(Option(LINES.names, "N", "only the last N lines of their words"),),
    ),
    "limits": Verb(
        "facts:limits",
        "soft, hard and used; with RESOURCE=VALUE: change them now, without a restart",
        "[NAME... [RESOURCE=VALUE...]]",
    ),
    "env": Verb("facts:env", "the environment; secrets are masked", NAMES, 1),
    "graph": Verb(
        "graph:graph",
        "which program needs which, what each took at boot, and the critical path",
        most=0,
        options=(Option(("--format",), "FORMAT", "text (default), dot or mermaid"),),
    ),
    "health": Verb("state:health", "exit 0 if nothing critical has failed, else 1", "[NAME...]"),
    "ready": Verb("state:ready", "exit 0 if everything is up and ready, else 3", "[NAME...]"),
    "wait": Verb(
        "state:wait",
        "wait until processes are in a state",
        NAMES,
        1,
        options=(
            Option(("--for",), "STATE", "ready (default), started, running, completed, stopped..."),
            Option(("-t", "--timeout"), "DURATION", "exit 3 if it takes longer"),
        ),
    ),
    "drain": Verb(
        "act:drain",
        "take readiness back and wait for drain_delay (preStop)",
        most=0,
        options=(
            Option(("--off",), "", "give readiness back"),
            Option(("--delay",), "DURATION", "instead of drain_delay"),
            Option(("-t", "--timeout"), "DURATION", "exit 1 if it takes longer"),
        ),
    ),
    "shutdown": Verb(
        "act:shutdown",
        "stop everything and let pyinit exit",
        most=0,
        options=(Option(("--no-wait",), "", "do not wait until it is done"),),
    ),
    "reexec": Verb("act:reexec", "replace pyinit by a new one that keeps every process", most=0),
    "trace": Verb("output:trace", "the last steps of pyinit's core", most=0, options=(LINES,)),
    "top": Verb(
        "state:top",
        "what processes use, every two seconds",
        "[NAME...]",
        options=(
            Option(("-n", "--count"), "N", "end after N times"),
            Option(("-d", "--delay"), "DURATION", "instead of two seconds"),
        ),
    ),
    "fleet": Verb(
        "fleet:fleet",
        "all containers with a pyinit, and services of a swarm; exit 3 if one is not well",
        "status [NAME...]",
        1,
        options=(
            Option(("-a", "--all"), "", "also those that do not run"),
            Option(("-w", "--watch"), "", "go on, every two seconds"),
        ),
    ),
    "check": Verb(
        "tools:check",
        "say all that is wrong with a configuration",
        "[FILE...]",
        options=(
            Option(("--strict",), "", "unknown options of a supervisord file are errors, too"),
        ),
    ),
    "show": Verb(
        "tools:show", "the effective configuration, each value with its origin", "FILE [NAME]", 1, 2
    ),
    "convert": Verb(
        "tools:convert", "a supervisord file as pyinit.toml, on stdout", "supervisord FILE...", 2
    ),
    "doctor": Verb("tools:doctor", "what pyinit can and cannot do here, and why", most=0),
    "schema": Verb("tools:schema", "the JSON Schema of pyinit.toml", most=0),
    "completion": Verb("tools:completion", "completion for a shell", "bash|zsh|fish", 1),
}


def usage() -> str:
    """Return the help of pyinitctl."""
    lines = ["usage: pyinitctl [-s SOCKET] [--json] VERB [ARG...]", ""]
    lines += [f"  {name:<11} {verb.doc}" for name, verb in VERBS.items()]
    lines += [
        "",
        "NAME is a program, group:process, group:*, a glob, or all.",
        "--container NAME carries a verb out in a container, as if it were called there.",
        "'pyinitctl VERB --help' tells a verb's options.",
        "exit status: 0 ok, 1 failed, 2 usage, 3 not running or not ready, 4 no such program,",
        "             5 no supervisor, 6 denied",
    ]
    return "\n".join(lines)


def usage_of(name: str) -> str:
    """Return the help of one verb."""
    verb = VERBS[name]
    lines = [f"usage: pyinitctl {name} [OPTION...] {verb.operands}".rstrip(), "", verb.doc, ""]
    for option in (*verb.options, *COMMON):
        spelling = ", ".join(option.names) + (f" {option.value}" if option.value else "")
        lines.append(f"  {spelling:<26} {option.doc}")
    return "\n".join(lines)
