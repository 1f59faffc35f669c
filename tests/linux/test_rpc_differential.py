"""The genuine supervisord and pyinit are asked the same after the same, and answer the same.

pyinit is asked over its control socket and, as supervisord is, by XML-RPC at its unix socket.
What differs on purpose is not asked here, or is told apart below with its reason.
"""

import pytest
from boxed import eventually
from differing import unordered
from rpc_asking import answers, ask, plain, wait_info
from supervised import Side, base, program

FIRST = "/bin/sh -c 'exit 3'"
# However slow the machine is, these end when it is known that they have started.
UNTIL_TOLD = "/bin/sh -c 'until test -e %(here)s/{name}; do sleep 0.1; done; {end}'"
STUBBORN = """/bin/sh -c 'trap "" TERM; while :; do sleep 0.1; done'"""
HELLO = """/bin/sh -c 'printf "hello world"; exec sleep 1000'"""
BAD_NAMES = ("zzz", "cat:zzz", "zzz:*", "n", "n_0", "g:zzz", "", ":", "a:b:c", "cat:cat:cat")

CONF = (
    base()
    + program("cat", "/bin/cat")
    + program("nope", "/nope/nope", autostart="false")
    + program("lost", "no-such-command-here", autostart="false")
    + program("noexec", "/etc/passwd", autostart="false")
    + program("folder", "/etc", autostart="false")
    + program("off", "/bin/sleep 1000", autostart="false")
    + program(
        "out",
        HELLO,
        redirect_stderr="true",
        stdout_logfile="%(here)s/out.log",
        stdout_logfile_backups=3,
        stdout_logfile_maxbytes="1MB",
        priority=5,
    )
    + program(
        "n",
        "/bin/sleep 1000",
        numprocs=2,
        process_name="%(program_name)s_%(process_num)s",
        directory="/tmp",
        user="nobody",
        serverurl="http://elsewhere:1",
        stopsignal="INT",
        exitcodes="0,2",
        startsecs=0,
        stopwaitsecs=3,
        killasgroup="true",
        stderr_syslog="true",
        stdout_capture_maxbytes="1KB",
        stderr_events_enabled="true",
    )
    + program("exiter", "/bin/sh -c 'sleep 3; exit 3'", autostart="false", autorestart="false")
    + program("slow", STUBBORN, autostart="false", stopwaitsecs=4)
    + "[group:g]\nprograms=exiter,slow\npriority=3\n\n"
)


def compare(conf, script):
    """Assert that both sides answer alike, question by question, and pyinit in both ways."""
    theirs = _run("genuine", conf, script)
    for way, by_http in (("control socket", False), ("gateway", True)):
        ours = _run("pyinit", conf, script, by_http=by_http)
        assert len(ours) == len(theirs) > 0
        wrong = [
            f"{question} by the {way}\n  pyinit      {mine}\n  supervisord {other}"
            for (question, mine), (_, other) in zip(ours, theirs, strict=True)
            if mine != other or type(mine) is not type(other)
        ]
        assert not wrong, "\n".join(wrong)


def _run(which, conf, script, *, by_http=True):
    with Side(which, conf) as side:
        side.by_http = by_http
        return script(side)


def ready(side):
    for name in ("cat", "out", "n:n_0", "n:n_1"):
        side.wait_state(name, "RUNNING")


def test_names_and_arguments_mean_the_same():
    def script(side):
        ready(side)
        return answers(
            side,
            *[
                (method, name)
                for method in ("startProcess", "stopProcess", "getProcessInfo", "clearProcessLogs")
                for name in BAD_NAMES
            ],
            *[("signalProcess", name, "HUP") for name in BAD_NAMES],
            *[("sendProcessStdin", name, "x") for name in BAD_NAMES],
            *[("tailProcessStdoutLog", name, 0, 1) for name in BAD_NAMES],
            *[("readProcessStderrLog", name, 0, 1) for name in BAD_NAMES],
            *[
                (method, name)
                for method in ("startProcessGroup", "stopProcessGroup", "addProcessGroup")
                for name in ("zzz", "zzz:*", "g:*", "")
            ],
            *[("removeProcessGroup", name) for name in ("zzz", "g:*", "", "cat", "n")],
            *[("addProcessGroup", name) for name in ("cat", "n", "g")],
            *[("signalProcessGroup", name, "HUP") for name in ("zzz", "g:*", "")],
            *[("getProcessInfo", name) for name in ("g:*", "g:", "g")],
            *[("sendProcessStdin", "cat", value) for value in ("x\n", 5, True, 1.5, [])],
            ("sendProcessStdin", "zzz", 5),
            ("sendProcessStdin", "g:*", "x"),
            ("sendProcessStdin", "off", "x"),
            *[(name,) for name in ("startProcess", "signalProcess", "readLog", "foo", "_update")],
            *[(name, 1, 2, 3, 4) for name in ("getState", "startProcess", "system.multicall")],
            *[(name,) for name in ("supervisor.getState.__class__", "system.foo", "a.b.c")],
            *[("signalProcess", "cat", 18, "x"), ("getAllProcessInfo", 1)],
        )

    compare(CONF, script)


def test_starts_and_stops_have_the_same_faults_and_leave_the_same_states():
    def script(side):
        ready(side)
        found = answers(
            side,
            *[("startProcess", name) for name in ("nope", "lost", "noexec", "folder", "cat")],
            ("startProcess", "nope", False),
            ("startProcessGroup", "nope"),
            ("startProcessGroup", "cat"),
            ("startProcess", "n:n_0"),
            ("startProcess", "n:*"),
            ("startProcess", "n:"),
            ("getProcessInfo", "nope"),
            ("stopProcess", "off"),
            ("startProcess", "off"),
            ("startProcess", "off"),
            ("getProcessInfo", "off"),
            ("stopProcess", "off"),
            ("getProcessInfo", "off"),
            ("startProcess", "g:exiter"),
            ("stopProcess", "n:n_0"),
            ("stopProcess", "n:*"),
            ("stopProcess", "n:*"),
            ("stopProcessGroup", "n"),
            ("getProcessInfo", "n:n_1"),
            ("startProcess", "n:n_1", False),
            ("startProcessGroup", "n"),
            ("startProcess", "g:slow"),
            ("stopProcess", "g:slow", False),
            ("getProcessInfo", "g:slow"),
            ("stopProcess", "g:slow"),
            ("signalProcess", "g:slow", "CONT"),
            ("sendProcessStdin", "g:slow", "x"),
            ("removeProcessGroup", "g"),
        )
        side.wait_state("g:exiter", "EXITED")
        side.wait_state("g:slow", "STOPPED")
        return found + answers(side, ("getAllProcessInfo",), ("getAllConfigInfo",))

    compare(CONF, script)


def test_what_fails_tells_the_same_of_itself_at_every_stage():
    never = {"autostart": "false", "startsecs": 300}  # up, however long a stalled machine takes
    killed = UNTIL_TOLD.format(name="killed", end="kill -9 $$")
    good = UNTIL_TOLD.format(name="good", end="exit 0")
    conf = (
        base()
        + program("ends", FIRST, startretries=50, **never)
        + program("well", "/bin/sh -c 'exit 0'", startretries=0, **never)
        + program("killed", killed, autostart="false", autorestart="false")
        + program("good", good, autostart="false", autorestart="unexpected")
    )

    def script(side):
        found, starts = answers(side, ("startProcess", "ends")), set()

        def waits_long(info):
            """The third time it waits for three seconds: time enough for some questions."""
            starts.add(info["start"])
            return len(starts) >= 3 and info["statename"] == "BACKOFF"

        found.append(("ends", plain(side, wait_info(side, "ends", waits_long))))
        found += answers(
            side,
            ("startProcess", "ends"),
            ("stopProcess", "ends"),
            ("stopProcess", "ends"),
            ("getProcessInfo", "ends"),
            ("startProcessGroup", "ends"),
            ("stopProcessGroup", "ends"),
            ("startProcess", "well"),
        )
        for name, state in (("well", "FATAL"), ("killed", "EXITED"), ("good", "EXITED")):
            if name != "well":
                found += answers(side, ("startProcess", name))
                (side.place / name).touch()
            told = wait_info(side, name, lambda info, state=state: info["statename"] == state)
            found.append((name, plain(side, told)))
        return found

    compare(conf, script)


def test_signals_reach_the_same_and_bad_ones_are_told_alike():
    def script(side):
        ready(side)
        harmless = ("foo", "0", 0, 999, -1, "RTMIN+1", "sigcont", 18, "35", " ", "", "SIG")
        found = answers(side, *[("signalProcess", "cat", signal) for signal in harmless])
        old = ask(side, "getProcessInfo", "cat")["pid"]
        found += answers(side, ("signalProcess", "cat", "RTMIN"))  # it dies of it

        def is_back(info):
            return info["statename"] == "RUNNING" and info["pid"] != old

        wait_info(side, "cat", is_back)
        return found + answers(
            side,
            ("signalProcess", "off", "CONT"),
            ("signalProcess", "off", "FOO"),
            ("signalProcess", "n:*", "CONT"),
            ("signalProcess", "n:*", "FOO"),
            ("signalProcess", "zzz", "FOO"),
            ("signalProcess", "zzz:*", "FOO"),
            ("signalProcessGroup", "n", 18),
            ("signalProcessGroup", "n", "FOO"),
            ("signalProcessGroup", "g", "CONT"),
            ("signalAllProcesses", "CONT"),
            ("signalAllProcesses", "FOO"),
        )

    compare(CONF, script)


def test_logs_are_read_byte_for_byte_alike():
    def script(side):
        ready(side)
        wait_read(side, "hello world")
        stdout = ("readProcessStdoutLog", "tailProcessStdoutLog", "readProcessLog")
        found = answers(
            side,
            *[
                (method, "out", offset, length)
                for method in stdout
                for offset in (-20, -5, -1, 0, 3, 10, 11, 12, 100)
                for length in (-3, 0, 1, 5, 11, 15)
            ],
            ("readProcessStderrLog", "out", 0, 0),
            ("readProcessStderrLog", "out", 0, -1),
            ("tailProcessStderrLog", "out", 3, 5),
            ("readProcessStderrLog", "cat", 0, 0),
            ("tailProcessLog", "cat", 0, 10),
            ("readLog", 0, -1),
            ("readLog", -10, 5),
            ("readMainLog", -10, -5),
            ("clearProcessLogs", "out"),
            ("readProcessStdoutLog", "out", 0, 0),
            ("tailProcessStdoutLog", "out", 0, 10),
            ("clearAllProcessLogs",),
            ("clearLog",),
            ("sendProcessStdin", "cat", "once more\n"),
        )
        found.append(("cat", wait_read(side, "once more\n", "cat")))
        (side.place / "out.log").unlink()
        return found + answers(
            side,
            ("readProcessStdoutLog", "out", 0, 0),
            ("readProcessStdoutLog", "out", 0, -1),
            ("tailProcessStdoutLog", "out", 5, 5),
        )

    # supervisord itself fails to clear the logs of a process with a syslog
    compare(CONF.replace("stderr_syslog=true\n", ""), script)


def wait_read(side, text, name="out"):
    """Wait until `text` is in the log of a process; return the log."""
    return eventually(lambda: _with(ask(side, "readProcessStdoutLog", name, 0, 0), text))


def _with(found, text):
    return found if isinstance(found, str) and text in found else None


def test_groups_come_and_go_alike():
    more = program("late", "/bin/sleep 1000", startsecs=0) + program("off", "/bin/sleep 1001")
    steps = (
        ("reloadConfig",),
        ("addProcessGroup", "late"),
        ("addProcessGroup", "late"),
        ("addProcessGroup", "off"),
        ("removeProcessGroup", "off"),
        ("removeProcessGroup", "off"),
        ("addProcessGroup", "off"),
        ("stopProcess", "off"),
        ("removeProcessGroup", "cat"),
        ("stopProcess", "cat"),
        ("removeProcessGroup", "cat"),
        ("addProcessGroup", "cat"),
        ("getProcessInfo", "cat"),
        ("reloadConfig",),
        ("getAllProcessInfo",),
    )

    def script(side):
        ready(side)
        found = answers(side, ("reloadConfig",), ("removeProcessGroup", "nope"))
        found += answers(side, ("addProcessGroup", "nope"), ("getProcessInfo", "nope"))
        text = side.conf.read_text().replace("[program:cat]", "[program:dog]")
        side.conf.write_text(text.replace("[program:off]", "[program:dropped]") + more)
        found += answers(side, *steps)
        side.conf.write_text("[supervisord\n")
        fault = ask(side, "reloadConfig")
        return [*found, ("bad", (fault[0], fault[1].partition(":")[0]))]

    compare(CONF, script)


def test_many_calls_and_questions_about_methods_are_answered_alike():
    def script(side):
        ready(side)
        calls = [
            {"methodName": "supervisor.getState"},
            {"methodName": "foo.bar", "params": []},
            {"params": []},
            {"methodName": ""},
            {"methodName": "system.multicall", "params": [[]]},
            {"methodName": "supervisor.startProcess", "params": ["cat", 1, 2]},
            {"methodName": "supervisor.getProcessInfo", "params": ["zzz"]},
            {"methodName": "supervisor.stopProcess", "params": ["n:n_0"]},
            {"methodName": "supervisor.startProcess", "params": ["n:n_0"]},
            {"methodName": "supervisor.getState", "params": 5},
            {"methodName": "supervisor.getState", "params": {}},
        ]
        listed = ask(side, "system.listMethods")
        signatures = [("system.methodSignature", name) for name in listed]
        return answers(
            side,
            ("system.multicall", calls),
            ("system.multicall", 5),
            ("system.multicall", []),
            ("system.multicall",),
            ("system.listMethods",),
            *signatures,
            ("system.methodSignature", "zzz"),
            ("system.methodHelp", "zzz"),
            ("system.methodHelp", 5),
            ("system.methodHelp",),
            *[(f"get{what}",) for what in ("State", "Version", "APIVersion", "PID")],
            *[(f"get{what}",) for what in ("SupervisorVersion", "Identification")],
        )

    compare(CONF, script)


@pytest.mark.parametrize("method", ["shutdown", "restart"])
def test_nothing_is_answered_any_more_while_everything_stops(method):
    def script(side):
        ready(side)
        return answers(
            side,
            ("startProcess", "g:slow"),
            (method,),
            ("getState",),
            ("startProcess", "zzz"),
            ("getAllProcessInfo",),
            ("readLog", 0, -1),
            ("system.multicall", [{"methodName": "supervisor.getPID"}]),
            ("foo",),
            ("getPID", 1),
            ("sendRemoteCommEvent", "a", "b"),
            (method,),
        )

    compare(CONF, script)


def test_a_group_with_a_socket_comes_changes_and_goes_alike():
    """The genuine one leaves the files of its sockets behind; only what runs is compared."""
    conf = base() + program("cat", "/bin/cat")

    def served(name):
        keys = {"numprocs": 2, "process_name": "f%(process_num)s", "startsecs": 0}
        socket = f"unix://%(here)s/{name}.sock"
        command = "/bin/sh -c 'test -S /proc/self/fd/0 && echo given; exec sleep 1000'"
        return program("f", command, "fcgi-program", socket=socket, **keys)

    def script(side):
        side.wait_state("cat", "RUNNING")
        side.conf.write_text(conf + served("one"))
        found = answers(side, ("reloadConfig",), ("addProcessGroup", "f"))
        side.wait_state("f:f1", "RUNNING")
        found.append(("one", (side.place / "one.sock").exists()))
        found.append(("given", wait_read(side, "given", "f:f0")))
        found += answers(side, ("sendProcessStdin", "f:f0", "x"))
        # of the others it says "auto" after a reread, however their logs are called
        ours = [each for each in ask(side, "getAllConfigInfo") if each["group"] == "f"]
        found.append(("getAllConfigInfo", plain(side, ours)))
        side.conf.write_text(conf + served("two"))
        found += answers(side, ("reloadConfig",), ("removeProcessGroup", "f"))
        found.append(unordered("first ready", ask(side, "stopProcess", "f:*")))
        found += answers(side, ("removeProcessGroup", "f"), ("addProcessGroup", "f"))
        side.wait_state("f:f0", "RUNNING")
        found.append(("two", (side.place / "two.sock").exists()))
        return found

    compare(conf, script)


def test_a_restart_reads_everything_again():
    conf = base() + program("old", "/bin/sleep 1000", startsecs=0)

    def script(side):
        side.wait_state("old", "RUNNING")
        side.conf.write_text(base("identifier=second") + program("new", "/bin/cat", startsecs=0))
        found = answers(side, ("restart",))
        side.wait_state("new", "RUNNING")
        return found + answers(side, ("getIdentification",), ("getAllProcessInfo",), ("getPID",))

    compare(conf, script)
