"""Whatever becomes of the processes that PID 1 has work for it, PID 1 and the programs go on.

Who forks is taken from the code: a helper that is new, and has no test here, fails one.  The
compiler's are in test_helpers_compiler, the gateway's in test_helpers_gateway.
"""

import ast
import os
import signal
import socket
from pathlib import Path

import pytest
from boxed import ROOT, WITHIN_S, eventually, needs_root, program
from failing import Failing
from test_pid1_limits import nofile, powerless

from pyinit.protocol.messages import Refused

HELPERS = {
    "runtime.asking_child:Child.start": "test_a_prober_that_fails_is_not_held_against_its_program",
    "runtime.boot:_start_compiler": "test_a_compiler_that_fails_at_boot_is_told_of",
    "runtime.compiling:Compiler.start": "test_a_compiler_that_fails_at_a_reload_changes_nothing",
    "runtime.gateway:Gateway._call": "test_nobody_who_fails_to_say_so_makes_the_gateway_root",
    "runtime.lookup:look": "test_a_look_for_a_command_that_fails_is_left_to_the_start",
    "runtime.matching:Search._start": "test_a_search_that_fails_is_told_of",
    "runtime.packer:Packer._pack_next": "test_a_compressor_that_fails_leaves_the_file_as_it_is",
    "runtime.reexec:check": "test_a_new_pyinit_that_fails_is_not_taken_on",
    "runtime.strays:Burial._close": "test_a_crowd_of_them_is_closed_by_few_children",  # killed at once
    "runtime.strays:Burial._take": "test_nor_do_those_that_pyinit_has_no_room_for",
    "runtime.strays:stand_by": "test_nor_does_one_that_waits_when_pyinit_begins_anew",  # as briefly
    "runtime.schedules:Schedules._ask": "test_times_that_cannot_be_computed_are_asked_for_again",
    "runtime.verbs_limits:Change._ask_child": "test_limits_that_a_child_fails_to_set_are_not_set",
    "runtime.verbs_served:check_door": "test_a_password_that_nobody_can_compare_is_not_right",
    "runtime.watching:Watching._start": "test_a_watcher_that_fails_is_followed_by_another",
}
# What the user wrote: its failures are those of programs, hooks and probes, and have tests there.
USERS = {
    "applets.pidproxy:run",
    "runtime.asking_child:Child._execute",
    "runtime.driver:Driver._fork",
    "runtime.hooks:Hooks._spawn",
    "system.direct_child:start",
}
MEANS = {
    *("runtime.compiling:fork_compiler", "runtime.desk:Desk.fork", "runtime.reaper:forked"),
    *("system.signals:fork", "system.spawn:_by_fork", "system.spawn:_by_vfork"),
    "runtime.daemon:daemonize",  # becomes PID 1's parent, and its end is that of the command
}
FORKING = frozenset(
    ("fork", "forked", "forkpty", "fork_compiler", "fork_exec", "spawn", "posix_spawn", "Popen")
)
EVERY = ("raises", "killed", "hangs", "half", "rubbish", "wrong", "twice", "endless", "unborn")
SOON = {"pyinit.runtime.desk:ANSWER_S": 0.4}
UNBORN = "Resource temporarily unavailable"
SLEEP = ("sleep", "600")
LOCAL = "0x7f.1"  # for getaddrinfo(3) it is 127.0.0.1, whoever else may be asked; for us, a name
IDLE = {"autostart": False, "critical": False, "restart": "never"}


def forking():
    """Return where our code makes a process, as MODULE:FUNCTION."""
    found = set()
    for layer in ("runtime", "system", "applets"):
        for path in sorted((ROOT / "pyinit" / layer).glob("*.py")):
            _look(ast.parse(path.read_text()), f"{layer}.{path.stem}:", "", found)
    return found


def _look(node, module, within, found):
    for each in ast.iter_child_nodes(node):
        name = within
        if isinstance(each, ast.ClassDef | ast.FunctionDef):
            plain = not within or isinstance(node, ast.ClassDef)
            name = f"{within}.{each.name}".lstrip(".") if plain else within
        if isinstance(each, ast.Call):
            called = getattr(each.func, "attr", getattr(each.func, "id", ""))
            if called in FORKING:
                found.add(module + within)
        _look(each, module, name, found)


def test_every_helper_has_a_test():
    assert forking() == set(HELPERS) | USERS | MEANS
    texts = [path.read_text() for path in Path(__file__).parent.glob("test_*.py")]
    for name in HELPERS.values():
        assert any(f"\ndef {name}(" in text for text in texts), name


def test_a_look_for_a_command_that_fails_is_left_to_the_start():
    text = program("web", *SLEEP) + program("ghost", "/nonexistent/program", "x", **IDLE)
    with Failing(text) as box:
        box.run_pid("web")

        def start():
            with pytest.raises(Refused) as refused:
                box.call("start", {"names": ["ghost"], "precheck": True})
            return str(refused.value)

        assert "can't find command" in start()
        box.rest()
        for how in EVERY:
            with box.armed("runtime.lookup:look", how, soon=SOON):
                assert 'cannot execute "/nonexistent/program"' in start(), how
            box.check_calm()
        with box.armed("runtime.lookup:look", "floods"):
            assert "can't find command" in start()
        box.check_calm()


def test_a_password_that_nobody_can_compare_is_not_right(tmp_path):
    place = f"unix:{tmp_path}/door"
    web = f'[web]\nlisten = "{place}"\nusername = "u"\npassword = "p"\n'
    with Failing(web + program("web", *SLEEP)) as box:
        box.run_pid("web")

        def ask():
            asked = {"place": place, "username": "u", "password": "p"}
            return box.call("check-door", asked)["right"]

        assert ask() is True
        box.rest()
        for how in EVERY:
            with box.armed("runtime.verbs_served:check_door", how, soon=SOON):
                if how == "unborn":
                    with pytest.raises(Refused, match=UNBORN):
                        ask()
                else:
                    assert ask() is None, how
            box.check_calm()
        with box.armed("runtime.verbs_served:check_door", "floods"):
            assert ask() is True
        box.check_calm()


@needs_root
def test_limits_that_a_child_fails_to_set_are_not_set():
    text = program("web", *SLEEP, user="23456")
    told = {"hangs": "holds up who would do it", "endless": "holds up who would do it"}
    with Failing(text, inside=powerless()) as box:
        pid = box.run_pid("web")
        eventually(lambda: box.look_at(pid).words[0] == "sleep")
        before = nofile(pid)
        box.rest()
        for how in EVERY:
            with box.armed("runtime.verbs_limits:Change._ask_child", how, soon=SOON):
                done = box.ctl("limits", "web", "nofile=300")
            expected = UNBORN if how == "unborn" else told.get(how, "who would do it has died")
            assert f"cannot set the limits of web: {expected}" in done.stderr.replace(
                "uid 23456 holds", "holds"
            ), how
            assert done.returncode == 1
            if how in {"raises", "killed", "hangs"}:
                assert nofile(pid) == before, how
            box.check_calm()
        with box.armed("runtime.verbs_limits:Change._ask_child", "floods"):
            assert box.ctl("limits", "web", "nofile=300").returncode == 0
        assert nofile(pid)[0] == 300


def test_times_that_cannot_be_computed_are_asked_for_again():
    def job(minute):
        return program("job", "true", "x", schedule=f"{minute} 0 1 1 *") + program("web", *SLEEP)

    told = {
        "hangs": "does not answer",
        "endless": "does not answer",
        "wrong": "makes no sense",
        "unborn": UNBORN,
    }
    always = {"pyinit.runtime.schedules:RETRY_S": 0.2}
    with Failing(job(0), always=always) as box:
        box.run_pid("web")

        def known():
            return box.status()["job"].get("next_run_at")

        eventually(known)
        box.rest()
        some = ("killed", "hangs", "half", "rubbish", "wrong", "unborn", "floods")
        for minute, how in enumerate(some, 1):
            mark = len(box.err)
            box.config.write_text(job(minute))
            with box.armed("runtime.schedules:Schedules._ask", how, soon=SOON):
                assert box.ctl("reload").returncode == 0
                if how != "floods":
                    box.wait_said("cannot compute the times of schedules: ", mark)
                    assert known() is None
            eventually(known)
            if how != "floods":
                assert told.get(how, "the child that computes them died") in box.said_since(mark)
                assert box.said_since(mark).count("cannot compute the times") == 1
            box.check_calm()


def test_a_watcher_that_fails_is_followed_by_another(tmp_path):
    file = tmp_path / "file"
    file.write_text("0")
    script = "trap 'echo told' HUP; while :; do sleep 0.05; done"
    text = program("web", script, watch=[str(file)], reload={"signal": "HUP"})
    always = {"pyinit.runtime.watching:AGAIN_S": 0.1, "pyinit.runtime.watching:LONGEST_S": 0.2}
    always["pyinit.runtime.echoes:ECHOES"] = 1000  # all is changed right after another change
    told = {"rubbish": "makes no sense", "endless": "makes no sense"}
    with Failing(text + program("other", *SLEEP), always=always) as box:
        runs = {box.run_pid("web"), box.run_pid("other")}

        def watcher():
            found = [one for one in box.processes() if one.parent == box.pid]
            found = [one.pid for one in found if one.pid not in runs and one.state != "Z"]
            return found[0] if len(found) == 1 else 0

        def change(text):
            before = box.out.count("told")
            file.write_text(text)
            eventually(lambda: box.out.count("told") > before)

        eventually(watcher)
        change("first")
        for how in (*EVERY, "floods"):
            mark = len(box.err)

            def troubles(mark=mark):
                return box.said_since(mark).count("cannot watch files")

            code = -1 if how in told else 0
            with box.armed("runtime.watching:Watching._start", how, code=code):
                os.kill(eventually(watcher), signal.SIGKILL)
                eventually(troubles)
                assert "the child that looks at them died (killed by SIGKILL)" in box.said_since(
                    mark
                )
                if how == "half":  # it speaks only of what has changed
                    file.write_text("a half")
                if how not in {"hangs", "twice", "floods"}:
                    eventually(lambda: troubles() > 1)
                    assert (UNBORN if how == "unborn" else told.get(how, "died")) in box.said_since(
                        mark
                    )
            if how == "hangs":  # nobody waits for it; nothing but its end tells of it
                os.kill(eventually(watcher), signal.SIGKILL)
            change(how)
            assert box.zombies() == []
        assert {box.run_pid("web"), box.run_pid("other")} == runs


def test_a_search_that_fails_is_told_of():
    say = program(
        "say", "echo axxb; exec sleep 600", ready={"output": "a.*b", "timeout": "1s"}, **IDLE
    )
    with Failing(say + program("web", *SLEEP)) as box:
        box.run_pid("web")

        def start():
            with pytest.raises(Refused, match="not ready within 1 s"):
                box.call("start", {"names": ["say"]})

        box.rest()
        for how in ("raises", "killed", "half", "unborn", "hangs"):
            mark = len(box.err)
            with box.armed("runtime.matching:Search._start", how):
                start()
            if how != "hangs":
                why = UNBORN if how == "unborn" else "the process that looks for it has died"
                assert f'say: cannot look for "a.*b" in its output: {why}' in box.said_since(mark)
            box.check_calm()
        with box.armed("runtime.matching:Search._start", "floods"):
            box.call("start", {"names": ["say"]})
        box.call("stop", {"names": ["say"]})
        box.check_calm()


def test_a_compressor_that_fails_leaves_the_file_as_it_is(tmp_path):
    sink = {"file": str(tmp_path / "log"), "max_size": "2KB", "max_files": 4, "compress": True}
    loud = "head -c 4000 /dev/urandom | od -An -tx1; exec sleep 600"
    text = program("loud", loud, stdout=sink, start_seconds=0, **{**IDLE, "autostart": True})
    soon = {"pyinit.runtime.packer:PATIENCE_S": 0.3}
    told = {
        "raises": "exit status 1",
        "killed": "killed by SIGKILL",
        "half": "killed by SIGXFSZ",
        "hangs": "it took more than 0.3 s",
        "unborn": UNBORN,
    }

    def names():
        return sorted(each.name for each in tmp_path.iterdir())

    with Failing(text + program("web", *SLEEP)) as box:
        web = box.run_pid("web")
        packed = ["log", "log.1.gz", "log.2.gz", "log.3.gz", "log.4.gz"]
        eventually(lambda: names() == packed)
        for how, expected in told.items():
            mark = len(box.err)
            with box.armed("runtime.packer:Packer._pack_next", how, soon=soon):
                box.call("restart", {"names": ["loud"]})
                box.wait_said(f'cannot compress an old file of "{tmp_path}/log": ', mark)
                eventually(lambda: expected in box.said_since(mark))  # noqa: B023
            assert "it stays as it is" in box.said_since(mark)
            box.call("restart", {"names": ["loud"]})
            eventually(lambda: names() == packed)
            eventually(lambda: box.zombies() == [] and len(box.processes()) == 3)
        with box.armed("runtime.packer:Packer._pack_next", "floods"):
            box.call("restart", {"names": ["loud"]})
        eventually(lambda: names() == packed)
        assert box.run_pid("web") == web


def test_a_new_pyinit_that_fails_is_not_taken_on():
    soon = {"pyinit.runtime.reexec:CHECK_S": 0.5}
    told = {
        "raises": "cannot go on from this state (exit status 1)",
        "unborn": UNBORN,
        "killed": "cannot go on from this state (killed by SIGKILL)",
        "hangs": "did not read the state within 0.5 s",
        "no interpreter": "cannot go on from this state (exit status 1)",
    }
    with Failing(program("web", *SLEEP)) as box:
        box.run_pid("web")
        box.rest()
        for how, expected in told.items():
            mark = len(box.err)
            with box.armed("runtime.reexec:check", how, soon=soon):
                done = box.ctl("reexec")
            assert done.returncode == 1
            assert "cannot re-exec, going on: " in done.stderr
            assert expected in done.stderr, how
            if how == "no interpreter":
                missing = 'cannot execute the new pyinit: "/nonexistent/python": No such file'
                assert missing in box.said_since(mark)
            box.check_calm()
        with box.armed("runtime.reexec:check", "floods"):
            assert box.ctl("reexec").returncode == 0
        assert box.status()["web"]["state"] == "RUNNING"
        assert "re-executed, 1 runs kept" in box.err


def test_a_prober_that_fails_is_not_held_against_its_program():
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        place = f"{LOCAL}:{server.getsockname()[1]}"
        live = {"tcp": place, "interval": "100ms", "timeout": "3s", "failures": 1}
        text = program("web", *SLEEP, live=live) + program("other", *SLEEP)
        with Failing(text) as box:
            pid = box.run_pid("web")
            for how in ("raises", "killed", "rubbish", "endless", "unborn", "floods"):
                mark = len(box.err)
                helper = "runtime.asking_child:Child.start"
                with box.armed(helper, how, code=1):
                    before = box.met()
                    eventually(lambda: box.met() > before + 2)  # noqa: B023
                    if how == "unborn":
                        box.wait_said(f"cannot ask: {UNBORN}", mark)
                    elif how != "floods":
                        why = "makes no sense" if how == "endless" else "died"
                        told = f"web: cannot ask: connect to {place}: the child that asks {why}"
                        box.wait_said(told, mark)
                    asked = box.status()["web"]
                assert asked["pid"] == box.status()["web"]["pid"]
                assert asked["restarts"] == 0
            assert box.run_pid("web") == pid
            with box.armed("runtime.asking_child:Child.start", "hangs"):
                box.until("no answer within 3 s", within_s=WITHIN_S)
            eventually(lambda: box.status()["web"]["restarts"] == 1)
            eventually(lambda: box.zombies() == [])
