"""The same command lines under the genuine supervisorctl and ours: text and exit status.

Each line is run by three pairs: the genuine one at the genuine server, ours at the genuine server
(over HTTP), ours at pyinit (over its control socket).
"""

import re

import pytest
from supervised import Side, base, program

TWO = {"numprocs": "2", "process_name": "%(program_name)s_%(process_num)d"}
NO_FILES = {"stdout_logfile": "NONE", "stderr_logfile": "NONE"}
MANUAL = {"autostart": "false", "startretries": "0"}
CONF = (
    base()
    + program("cat", "sh -c 'echo hello; echo trouble >&2; exec cat'")
    + program("off", "sleep 100", **MANUAL)
    + program("missing", "/nonexistent/program", **MANUAL)
    + program("plain", "/etc/passwd", **MANUAL)
    + program("quick", "sh -c 'exit 3'", **MANUAL)
    + program("quiet", "sleep 100", **NO_FILES)
    + program("two", "sleep 100", **TWO)
)
# Lines that leave everything as it is, and may follow each other at one server.
LOOKING = """\
status
status all
status cat
status nope two:two_0
status two:*
status two:
status two
status nope:*
status cat cat
pid cat nope
pid off
pid off cat
pid nope
version
version x
avail
avail x
reread
reread x
update
update nope
update all
update cat nope
add cat
add nope
add nope cat
add
remove cat
remove nope
remove
tail cat
tail -3 cat
tail -0 cat
tail cat stderr
tail cat STDERR
tail cat nope
tail -3 cat stderr
tail
tail a b c d
tail -x cat
tail -
tail -f
tail nope
tail quiet
tail two:*
maintail x
maintail -x
maintail a b
clear
clear nope
clear two
signal
signal HUP
signal HUP nope
signal FOO cat
signal FOO two:*
signal FOO all
signal 99 cat
signal CONT off
signal CONT off cat
signal CONT cat off
signal CONT two:*
signal 18 cat
signal SIGCONT cat
signal CONT nope:*
signal CONT all
start
start cat
start cat nope
start nope cat
start nope
start nope:*
start missing
start plain
start two:*
stop
stop off
stop nope
stop nope:*
stop off cat:nope
restart
restart nope
reload x
shutdown x
fg
fg a b
fg nope
fg off
fg two:*
open nonsense
open
frobnicate
frobnicate cat
!ls
help nope
help EOF
exit
quit
EOF
"""
DOING = """\
start off
start off cat
start off two:*
start all
start quick
start quick missing plain
stop cat
stop two:*
stop two:two_1 cat
stop all
stop all cat
restart cat
restart off
restart two:*
restart cat nope
restart all
restart quick
clear cat
clear all
signal KILL quiet
signal TERM two:two_0
shutdown
reload
"""
SERVERS = (("genuine", "genuine"), ("pyinit", "genuine"), ("pyinit", "pyinit"))


def told(side, done):
    """Return what is to be the same: the output, what differs from run to run replaced."""
    text = re.sub(r": file: \S+ line: \d+", "", side.plainly(done.stdout))
    text = re.sub(r"uptime \d+:\d\d:\d\d", "uptime T", text)
    text = re.sub(r"[A-Z][a-z]{2} \d\d \d\d:\d\d [AP]M", "DATE", text)
    text = re.sub(r"^\d+$", "PID", text, flags=re.MULTILINE)
    return text, done.stderr, done.returncode


def up(server):
    """Start a server, and wait until what starts by itself is up."""
    side = Side(server, CONF)
    try:
        for name in ("cat", "quiet", "two:two_0", "two:two_1"):
            side.wait_state(name, "RUNNING")
    except BaseException:
        side.close()
        raise
    return side


def without_help(found):
    """Return the same without the help that follows an error: ours has words of its own."""
    text, *more = found
    help_line = r"\n(?:.*\t.*|tail \[-f\].*|Ex:|Note:.*|The files are.*)(?=\n)"
    return re.sub(help_line, "", text), *more


def in_any_order(found):
    """Return the same with sorted lines: supervisord tells who was ready first, first."""
    text, *more = found
    return sorted(text.splitlines()), *more


def looked(client, server, lines):
    """Return what is said to each of `lines`, at one server."""
    side = up(server)
    try:
        return {
            line: without_help(told(side, side.ctl(*line.split(), which=client))) for line in lines
        }
    finally:
        side.close()


@pytest.mark.parametrize("begins", ["!-o", "p-r", "s-si", "sj-s", "t-z"])
def test_lines_that_only_look_say_and_return_the_same(begins):
    first, _, last = begins.partition("-")
    lines = [line for line in LOOKING.splitlines() if first <= line.lower() < f"{last or first}~"]
    theirs, crossed, ours = [looked(*pair, lines) for pair in SERVERS]
    assert crossed == theirs
    assert ours == theirs


@pytest.mark.parametrize("line", DOING.splitlines())
def test_a_line_that_does_something_says_and_returns_the_same(line):
    found = []
    for client, server in SERVERS:
        side = up(server)
        try:
            found.append(in_any_order(told(side, side.ctl(*line.split(), which=client))))
        finally:
            side.close()
    theirs, crossed, ours = found
    assert crossed == theirs
    assert ours == theirs


DEAF = program(
    "deaf", "sh -c \"trap '' TERM; echo up; while :; do sleep 0.2; done\"", stopwaitsecs=60
)


def test_whoever_comes_while_it_stops_is_told_so():
    lines = ["shutdown", "reload", "start deaf", "stop deaf", "update", "reread", "add x", "avail"]
    lines += ["status", "version", "pid", "tail deaf", "signal HUP deaf", "clear deaf", "fg deaf"]
    found = []
    for client, server in SERVERS:
        with Side(server, base() + DEAF) as side:
            side.wait_state("deaf", "RUNNING")
            assert side.ctl("shutdown", which=client).stdout == "Shut down\n"
            rows = [told(side, side.ctl(*line.split(), which=client)) for line in lines]
            found.append(dict(zip(lines, rows, strict=True)))
    theirs, crossed, ours = found
    assert crossed == theirs
    assert ours == theirs
