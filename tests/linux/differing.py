"""Runs one script at supervisord and at pyinit side by side, and says what may differ of them.

    ours, theirs = side_by_side(CONF, script)          # script(side) returns what is compared
    assert ours == theirs

A comparison that leaves something out names the row of DIFFERENCES that lets it: `lines` applies
those that leave out lines of the log, `unordered` and `without` are given the name of theirs.
tests/linux/test_differential.py holds the table and docs/compatibility.md together.
"""

import re
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from supervised import SIDES, Side


class Difference(NamedTuple):
    """A row of docs/compatibility.md; `lines` is what is left out of the logs because of it."""

    supervisord: str
    pyinit: str
    why: str
    lines: str = ""


DIFFERENCES = {
    "first fault": Difference(
        "refuses a file at its first fault",
        "tells all faults of all files at once, each with its line, the fix below it",
        "one look instead of ten",
    ),
    "command words": Difference(
        "a command with an open quote: `can't parse command ...`; a directory: `... is a directory`",
        "`can't find command ...`, `... is not executable`; the open quote is warned about at the"
        " start, with its line",
        "PID 1 splits no text, and looks for nothing that the kernel does not tell",
        r"^(HERE/sup\.conf:\d+: can't parse|  command: close the quote)",
    ),
    "other words": Difference(
        "quotes the value that is wrong, now and then the whole of it",
        "never shows variables, and says some faults in words of its own",
        "what is wrong may be a password",
    ),
    "numeric user": Difference(
        "`user=` has to be in the passwd file, as a number, too",
        "any number will do; the group stays what it is, as with Docker",
        "images without such a file run programs under numbers",
    ),
    "made directories": Difference(
        "ends when the directory of `logfile` or `pidfile` is not there",
        "makes it",
        "`/var/log/supervisord` is in no base image",
    ),
    "log file": Difference(
        "a `logfile` that cannot be opened: a traceback, and status 1",
        "says so, and runs on without",
        "the programs are worth more than their supervisor's log",
    ),
    "plugins": Difference(
        "`result_handler`, `[rpcinterface:x]` name Python code that it imports",
        "only its own are known; it warns of others, and does without",
        "it would be somebody's Python in PID 1",
    ),
    "failed start": Difference(
        "a directory or user that cannot be had: a run that ends with 127, two lines in the"
        " program's stderr, `Exited too quickly`",
        "a start that failed: `spawnerr` says why",
        "the reason stands where it is looked for, and not in a log that may be turned off",
    ),
    "spawned": Difference(
        "logs `spawned: ...` when it has forked",
        "when the program runs, in the order in which they got there",
        "what cannot be executed is not told as spawned",
    ),
    "group order": Difference(
        "the processes of a `[group:x]` are started in the order of `programs=` when it boots",
        "by their priority, as by `start all` of either",
        "it is what `priority` is documented to do",
    ),
    "waiting": Difference(
        "names whom it waits for at the end in the order in which their groups were made",
        "in the order of starting",
        "after a reload the other order tells nothing",
    ),
    "first ready": Difference(
        "`start all`, `stop GROUP:*` tell who was ready first, first",
        "tell in the order of the processes",
        "the same command says the same twice",
    ),
    "looks": Difference(
        "with `startsecs=0` the log tells of RUNNING if the program has not ended at the next"
        " look; `waiting for X to stop` likewise",
        "tells of both always",
        "there is no next look",
        r"^waiting for \S+ to stop$",
    ),
    "ignored signals": Difference(
        "programs are born with SIGPIPE and SIGXFSZ ignored",
        "with every signal as the kernel has it",
        "Python ignores both for itself; a program in a pipe would not end",
    ),
    "mark": Difference(
        "programs have nothing of it but `SUPERVISOR_...`",
        "they have `PYINIT_PROGRAM` and `PYINIT_PROCESS`, too, and a number as their soft"
        " RLIMIT_LOCKS",
        "pyinit knows by it whose an orphan was; Linux has no use for that limit",
    ),
    "sockets": Difference(
        "logs `Creating socket ...` and `Closing socket ...`, and leaves the file of a socket"
        " behind when its programs stop",
        "says nothing, and takes the file away",
        "a socket nobody listens at looks like one",
        r"^(Creating|Closing) socket ",
    ),
    "grouped socket": Difference(
        "an `[fcgi-program]` in a `[group:x]` is started without its socket",
        "has it",
        "it could not run at all",
    ),
    "own copy": Difference(
        "without `stdout_logfile`, what programs print is in files of the temporary directory only",
        "unless `childlogdir` is set, it is on pyinit's stdout, too",
        "a container's output is read there",
    ),
    "exited": Difference(
        "the payload of PROCESS_STATE_EXITED ends with the pid",
        "` exit_code:N` or ` exit_signal:SIGKILL` follows",
        "a listener wants to know why",
    ),
    "own warnings": Difference(
        "passes over in silence what it does not understand, or cannot do",
        "warns, with the fix on a line of its own",
        "a misspelt option is found",
        r"^(the web gateway |  )",
    ),
}


def side_by_side(conf, script, **more):
    """Run `script(side)` at pyinit and at supervisord at the same time; return both results."""

    def run(which):
        with Side(which, conf, **more) as side:
            return script(side)

    with ThreadPoolExecutor(len(SIDES)) as pool:
        return tuple(pool.map(run, SIDES))


def unordered(because, values):
    """Return `values` in an order that is the same for both: the row `because` lets it differ."""
    assert because in DIFFERENCES
    return sorted(values, key=repr)


def without(because, pattern, text):
    """Return `text` without what matches: the row `because` lets it differ."""
    assert because in DIFFERENCES
    return re.sub(pattern, "", text, flags=re.MULTILINE)


def lines(side, wanted="", after=0):
    """Return the sentences of the log that are to be the same, those with `wanted` in them."""
    left_out = "|".join(row.lines for row in DIFFERENCES.values() if row.lines)
    return [
        (level, text)
        for level, text in side.messages()[after:]
        if re.search(wanted, text) and not re.search(left_out, text)
    ]


def spawned(side):
    """Return who was forked, in that order, whenever it was told."""
    found = re.findall(r"spawned: '(\S+)' with pid (\d+)", side.log)
    return [name for name, _ in sorted(found, key=lambda each: int(each[1]))]


def plain_event(headers, payload):
    """Return (event, payload) without pids and times."""
    payload = re.sub(r"\bpid:[1-9]\d*", "pid:N", payload)
    payload = re.sub(r"^when:\d+$", "when:T", payload)
    return headers["eventname"], without("exited", r" exit_(code|signal):\w+$", payload)


def lives(side, name="recorder"):
    """Return {process: [(event, payload)]} of the state changes that a `listener` was told."""
    found = {}
    for event in side.events(name):
        kind, payload = plain_event(*event)
        if kind.startswith("PROCESS_STATE"):
            process = re.search(r"processname:(\S+)", payload)[1]
            found.setdefault(process, []).append((kind, payload))
    return found
