"""supervisord and pyinit side by side: one .conf, one script of actions, and the same outcome.

What becomes of runs, what programs are born with, in which order groups start and stop, whom
signals reach, starts that fail, sockets, files that change: states, events, logs, the words of
supervisorctl and exit statuses.  Single methods and commands are compared elsewhere
(tests/linux/test_rpc_differential.py, test_supervisorctl_words.py, test_supervisorctl_changes.py,
test_events_*.py, test_streams_genuine.py).
"""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from boxed import IS_ROOT, ROOT, WITHIN_S, eventually
from differing import (
    DIFFERENCES,
    lines,
    lives,
    side_by_side,
    spawned,
    unordered,
    without,
)
from rpc_asking import answers, ask
from supervised import base, listener, program

NO_LOGS = {"stdout_logfile": "NONE", "stderr_logfile": "NONE"}
ONE_LOG = {"redirect_stderr": "true"}


def test_every_difference_is_a_row_of_the_documentation():
    text = (ROOT / "docs" / "compatibility.md").read_text()
    rows = [re.split(r"(?<!\\) \| ", line.strip("| \n")) for line in text.splitlines()]
    for difference in DIFFERENCES.values():
        assert [*difference[:3]] in rows


def left_behind(side):
    """Wait for its end; return the names of the files in its directory, and its status."""
    code = side.wait()
    names = [re.sub(r"(---supervisor-)\w+", r"\1XXX", path.name) for path in side.place.iterdir()]
    return sorted(set(names) - {"control.sock"}), code


# --- what becomes of a run

ONCE = """\
test -e "$1" && exec sleep 600
: >"$1"
sleep 2.5
case $2 in kill) kill -KILL $$ ;; *) exit "$2" ;; esac
"""
ENDS = [(auto, way) for auto in ("true", "false", "unexpected") for way in "027k"]


def test_autorestart_and_exitcodes_decide_the_same():
    conf = base() + listener("PROCESS_STATE", buffer_size=100)
    for auto, way in ENDS:
        command = f"sh %(here)s/once.sh %(here)s/{auto}-{way} {way.replace('k', 'kill')}"
        keys = {**NO_LOGS, "autorestart": auto, "exitcodes": "0,2"}
        conf += program(f"{auto}-{way}", command, **keys)

    def script(side):
        for auto, way in ENDS:
            name = f"{auto}-{way}"
            if auto == "true" or (auto == "unexpected" and way in "7k"):
                eventually(lambda name=name: [*map(first, lives(side).get(name, ()))].count(UP) > 1)
            else:
                side.wait_state(name, "EXITED")
        found = lives(side), answers(side, ("getAllProcessInfo",))
        told = [lines(side, f"exited: {auto}-{way}") for auto, way in ENDS]
        return found, told, answers(side, ("shutdown",)), left_behind(side)

    ours, theirs = side_by_side(conf, script, files={"once.sh": ONCE})
    assert ours == theirs
    assert theirs[-1][1] == 0


UP = "PROCESS_STATE_RUNNING"


def first(event):
    return event[0]


# --- what programs are born with

BORN = r"""
env -0 -u BORN | sort -z | tr '\0' '\n' | sed 's/^/env /'
echo cwd $(pwd) umask $(umask) id $(id -u) $(id -g) $(id -G)
echo fds $(ls /proc/self/fd)
grep -E 'Sig(Blk|Ign|Cgt)' /proc/self/status
read pid comm state ppid pgrp sid tty rest </proc/$$/stat
echo leads its group: $((pgrp == pid)) session: $sid tty: $tty parent: $ppid
ulimit -S -a
echo oom $(cat /proc/self/oom_score_adj) nice $(nice)
for n in 0 1 2; do readlink /proc/$$/fd/$n | cut -d: -f1; done
echo born
exec sleep 600
"""


def test_programs_are_born_alike():
    """Its environment, directory, user, descriptors, signals, group and limits."""
    command = """sh -c 'eval "$BORN"'"""
    more = """A="other",HOME='/x',PATH="%(ENV_PATH)s:/extra",SUPERVISOR_GROUP_NAME=zzz"""
    numbered = "NUM=\"%(process_num)d\",ME='%(program_name)s/%(group_name)s',BEE=%(ENV_B)s"
    conf = base("environment=A=\"a b\",B='c',SUPERVISOR_ENABLED=no\nidentifier=box")
    conf += program("plain", command, stdout_logfile="%(here)s/plain.out", **ONE_LOG)
    keys = {"directory": "/", "umask": "027", **({"user": "nobody"} if IS_ROOT else {})}
    out = "%(here)s/%(program_name)s.out"
    conf += program("other", command, stdout_logfile=out, environment=more, **keys)
    name = {"process_name": "%(program_name)s_%(process_num)03d", "numprocs": 2}
    out = "%(here)s/%(group_name)s-%(process_num)02d.out"
    keys = {"stdout_logfile": out, "numprocs_start": 7, "serverurl": "http://x:1", **name}
    conf += program("n", command, environment=f"{numbered},OUT='%(ENV_OUTER)s'", **keys)
    conf += "[group:g]\nprograms=n\n\n"

    def script(side):
        files = ("plain.out", "other.out", "g-07.out", "g-08.out")
        eventually(lambda: all("\nborn\n" in side.read(file) for file in files))
        found = {}
        for file in files:
            text = without("ignored signals", r"^SigIgn:.*\n", side.plainly(side.read(file)))
            text = without("mark", r"^(env PYINIT_(PROGRAM|PROCESS)=|locks ).*\n", text)
            found[file] = text.splitlines()
        return found

    ours, theirs = side_by_side(conf, script, env={"BORN": BORN, "OUTER": "o%u%%t"})
    assert ours == theirs


# --- the order of starts and stops


def test_groups_and_priorities_order_starts_and_stops():
    slow = """sh -c 'trap "sleep {}; exit 0" TERM; while :; do sleep 0.05; done'"""
    three = {"numprocs": 3, "process_name": "b%(process_num)s"}
    conf = base() + listener("PROCESS_STATE", buffer_size=100)
    conf += program("a1", slow.format(0.4), priority=5) + program("a2", slow.format(0.1))
    conf += "[group:a]\nprograms=a1,a2\npriority=10\n\n[group:b]\nprograms=b\npriority=5\n\n"
    conf += program("b", slow.format(0), **three) + program("z", slow.format(0.3))
    conf += program("y", slow.format(0)) + program("early", slow.format(0), priority=2)
    names = ("a:a1", "a:a2", "b:b0", "b:b1", "b:b2", "z", "y", "early")

    def script(side):
        def order(state, count):
            wanted = side.wait_events(count, wanted=lambda h, _: h["eventname"].endswith(state))
            return [re.search(r"processname:(\S+)", payload)[1] for _, payload in wanted]

        for name in names:
            side.wait_state(name, "RUNNING")
        found = [("booted", spawned(side), order("STARTING", 9))]
        stopped = answers(side, ("stopProcessGroup", "b"), ("stopProcessGroup", "a"))
        found += [(question, unordered("first ready", each)) for question, each in stopped]
        found += answers(side, ("startProcessGroup", "b"), ("startProcessGroup", "a"))
        found.append(("again", order("STARTING", 14)[9:], order("STOPPING", 5)))
        after = len(side.messages())
        side.send("TERM")
        code = side.wait()
        # within a group they are stopped at once, and end as they are scheduled
        told = [text for _, text in lines(side, "^stopped: ", after)]
        told = [re.sub(r"\b(b|a)\d", r"\1N", text) for text in told]
        waiting = [text for _, text in lines(side, " to die", after)][:1]
        return found, told, [unordered("waiting", re.findall(r"\w+", *waiting))], code

    ours, theirs = side_by_side(conf, script)
    assert ours == theirs
    assert theirs[-1] == 0


def test_a_group_is_booted_by_priority_or_as_it_is_listed():
    conf = base() + program("a", "sleep 600", priority=9) + program("b", "sleep 600", priority=1)
    conf += "[group:g]\nprograms=a,b\n\n"

    def script(side):
        side.wait_state("g:a", "RUNNING")
        side.wait_state("g:b", "RUNNING")
        return spawned(side)

    assert DIFFERENCES["group order"]
    assert side_by_side(conf, script) == (["b", "a"], ["a", "b"])


# --- whom signals reach

TRAPS = """\
for name in HUP INT QUIT USR1 USR2 TERM; do
    trap "echo $1 $name; test \\$leaves && exit 0" $name
done
test "$2" && sh "$0" child "" "$3" &
echo up
while :; do sleep 0.1; done
"""
STOPSIGNALS = ("HUP", "INT", "QUIT", "USR1", "2", "SIGUSR2", "term")
FAMILIES = {
    "alone": {"stopwaitsecs": 1},
    "asgroup": {"stopasgroup": "true", "leaves": "1"},
    "killas": {"killasgroup": "true", "stopwaitsecs": 1},
    "stopkill": {"stopasgroup": "true", "stopwaitsecs": 1},
    "nine": {"stopsignal": "KILL"},
}


def test_signals_reach_the_process_or_its_group():
    conf = base()
    traps = "sh %(here)s/traps.sh parent"
    for name in STOPSIGNALS:
        conf += program(f"s{name}", f"env leaves=1 {traps}", stopsignal=name, **ONE_LOG)
    for name, keys in FAMILIES.items():
        leaves = keys.get("leaves", "")
        rest = {key: value for key, value in keys.items() if key != "leaves"}
        conf += program(name, f"env leaves={leaves} {traps} child {name}", **rest, **ONE_LOG)
    names = (*FAMILIES, *(f"s{name}" for name in STOPSIGNALS))

    def script(side):
        def log(name):
            found = ask(side, "readProcessStdoutLog", name, 0, 0)
            return found.split() if isinstance(found, str) else []

        for name in names:
            eventually(lambda name=name: log(name).count("up") == 1 + (name in FAMILIES))
            side.wait_state(name, "RUNNING")
        found = answers(side, ("signalProcess", "alone", "USR1"))
        eventually(lambda: "USR1" in log("alone"))
        after = len(side.messages())
        found += [("all", unordered("first ready", ask(side, "stopAllProcesses")))]
        told = sorted(set(lines(side, "^(?!reaped unknown)", after)))
        for name in ("asgroup", "killas", "stopkill"):
            eventually(lambda name=name: not alive_in(side, name))
        alive = {name: alive_in(side, name) for name in FAMILIES}
        # what a child says last may come too late for the log
        said = {name: sorted(set(log(name)) - {"child", "Terminated"}) for name in names}
        return found, told, said, alive

    ours, theirs = side_by_side(conf, script, files={"traps.sh": TRAPS})
    assert ours == theirs
    assert theirs[-1] == {name: name in ("alone", "nine") for name in FAMILIES}


def alive_in(side, name):
    """Whether the child of a process still runs."""
    wanted = f"{side.place}/traps.sh\0child\0\0{name}\0"
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(wanted in place.read_text(errors="replace"))
        except OSError:
            continue
    return any(found)


# --- what the log has at debug level


def test_bytes_that_are_no_text_and_ends_of_children_are_told_alike():
    once = {"startsecs": 0, "autorestart": "false", "stderr_logfile": "NONE"}
    conf = base("loglevel=debug") + program("p", "sh -c 'printf \"\\\\377\\\\n\"'", **once)

    def script(side):
        side.wait_state("p", "EXITED")
        child = ("DEBG", "received SIGCHLD indicating a child quit")
        eventually(lambda: child in side.messages())
        return re.findall(r"DEBG ('p' stdout output:\n.*)", side.log)

    ours, theirs = side_by_side(conf, script)
    assert ours == theirs == ["'p' stdout output:\nUndecodable: b'\\xff\\n'"]


# --- calls that wait, while others ask


def test_calls_that_wait_end_alike_whatever_others_do_meanwhile():
    stuck = """sh -c 'trap "" TERM; while :; do sleep 0.1; done'"""
    off = {"autostart": "false"}
    conf = base() + program("slow", "sleep 600", startsecs=30, **off)
    conf += program("stuck", stuck, stopwaitsecs=4) + program("one", "sleep 600", **off)
    conf += program("dies", "sh -c 'sleep 1; exit 3'", startsecs=9, startretries=0, **off)

    def script(side):
        side.wait_state("stuck", "RUNNING")
        side.by_http = True
        with ThreadPoolExecutor(3) as pool:
            starts = pool.submit(ask, side, "startProcess", "slow")
            side.wait_state("slow", "STARTING")
            dies = pool.submit(ask, side, "startProcess", "dies")
            found = answers(side, ("startProcess", "slow"), ("stopProcess", "slow"))
            stops = pool.submit(ask, side, "stopProcess", "stuck")
            side.wait_state("stuck", "STOPPING")
            found += answers(
                side,
                ("stopProcess", "stuck"),
                ("stopProcessGroup", "stuck"),
                ("signalProcess", "stuck", "CONT"),
                ("sendProcessStdin", "stuck", "x"),
                ("removeProcessGroup", "stuck"),
                ("getState",),
            )
            waited = [each.result(WITHIN_S) for each in (starts, dies, stops)]
        calls = [
            {"methodName": f"supervisor.{name}", "params": [*words]}
            for name, *words in [
                ("startProcess", "one"),
                ("getProcessInfo", "one"),
                ("stopProcess", "one"),
                ("stopProcess", "one"),
                ("startProcessGroup", "one", False),
                ("stopAllProcesses",),
            ]
        ]
        return found, waited, answers(side, ("system.multicall", calls), ("getAllProcessInfo",))

    ours, theirs = side_by_side(conf, script)
    assert ours == theirs
