"""Commands around runs under a real PID 1: hooks, stop.command and reload.command."""

import os

import pytest
from boxed import ORDINARY, Box, eventually, needs_root, program

OTHER = program("other", "sleep", "600")
QUICK = {"delay": "10ms"}
LOUD = "echo $PYINIT_HOOK of $PYINIT_PROCESS; "


def sh(script):
    return ["sh", "-c", script]


def web(script="echo up; exec sleep 600", **keys):
    return program("web", script, **{"start_seconds": 0, **keys}) + OTHER


def order(box, *words):
    """Say whether the words were printed in this order, each after the one before."""
    at = 0
    for word in words:
        found = box.out.find(word, at)
        if found < 0:
            return False
        at = found + len(word)
    return True


def test_each_hook_has_its_turn():
    kinds = ("pre_start", "post_start", "pre_stop", "post_stop")
    hooks = {kind: sh(LOUD) for kind in kinds}
    script = "trap 'echo told; exit 0' TERM; echo up; while :; do sleep 0.05; done"
    with Box(web(script, hooks=hooks)) as box:
        box.until("post_start of web", out=True)
        box.call("stop", {"names": ["web"], "wait": True})
        said = ("pre_start of web", "up", "pre_stop of web", "told", "post_stop of web")
        assert order(box, *said), box.out


@pytest.mark.parametrize("form", ["text", "supervisord"])
def test_the_log_tells_of_the_start_before_it_tells_that_it_is_up(form):
    log = f'[init]\nlog = {{ format = "{form}" }}\n'
    keys = {"hooks": {"pre_start": ["true"]}, "restart": {**QUICK, "policy": "always"}}
    with Box(log + program("web", "exec sleep 600", start_seconds=0.5, **keys)) as box:
        first, up = {
            "text": ("web: started, pid", "web: up"),
            "supervisord": ("spawned: 'web' with pid", "entered RUNNING state"),
        }[form]
        for count in (1, 2):
            eventually(lambda count=count: box.err.count(up) == count)
            told = [word for line in box.err.splitlines() for word in (first, up) if word in line]
            assert told == [first, up] * count, box.err
            box.call("restart", {"names": ["web"], "wait": True})


@needs_root
def test_a_post_start_goes_on_until_that_of_the_next_run_begins_and_that_is_no_warning():
    with Box(web(hooks={"post_start": sh("echo told; exec sleep 600")})) as box:
        box.until("told", out=True)
        assert box.ctl("restart", "web").returncode == 0
        box.until("info: web: post_start: it was ended, because the next one begins")
        assert "SIGKILL" not in box.err
        eventually(lambda: box.out.count("told") == 2)


def test_hooks_are_run_as_the_program_is():
    keys = {"user": "23456", "directory": "/usr", "env": {"X": "y"}, "limits": {"nofile": 77}}
    hooks = {"pre_start": sh("echo as $(id -u) in $PWD with $X and $(ulimit -n)")}
    with Box(web(hooks=hooks, **keys)) as box:
        box.until("as 23456 in /usr with y and 77\n", out=True)


def test_an_ordinary_user_has_hooks_too():
    with Box(web(hooks={"pre_start": sh(LOUD)}), uid=ORDINARY) as box:
        box.until("up", out=True)
        assert order(box, "pre_start of web", "up")


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (sh("echo no; exit 3"), "pre_start: exit status 3"),
        (["/no/such/command"], 'pre_start: cannot execute "/no/such/command"'),
        (sh("kill -9 $$"), "pre_start: killed by SIGKILL"),
    ],
)
def test_a_pre_start_that_fails_is_a_failed_start(command, why):
    with Box(web(hooks={"pre_start": command}, restart={**QUICK, "max": 1})) as box:
        assert box.wait() == 126
        assert why in box.err
        assert "up" not in box.out
        assert "2 failed runs" in box.err


def test_a_pre_start_has_as_long_as_the_start():
    keys = {"hooks": {"pre_start": sh("sleep 300")}, "restart": "never"}
    with Box(web(ready={"file": "/x", "timeout": "300ms"}, **keys)) as box:
        assert box.wait() != 0
        assert "pre_start: it did not end in time" in box.err


def test_a_stop_ends_a_pre_start_and_all_that_it_has_started():
    hooks = {"pre_start": sh("setsid sleep 301 & sleep 302; echo not reached")}
    with Box(web(hooks=hooks)) as box:
        eventually(lambda: {"301", "302"} <= {w for one in box.processes() for w in one.words})
        box.call("stop", {"names": ["web"], "wait": True})
        assert box.status()["web"]["state"] == "STOPPED"
        eventually(lambda: not {"301", "302"} & {w for one in box.processes() for w in one.words})
        assert "up" not in box.out


def test_a_deaf_pre_start_does_not_hold_up_a_shutdown():
    hooks = {"pre_start": sh("trap '' TERM; echo deaf; while :; do sleep 1; done")}
    with Box('[init]\nstop_budget = "3s"\n' + web(hooks=hooks)) as box:
        box.until("deaf", out=True)
        box.send("TERM")
        assert box.wait(30) == 0


def test_a_stop_command_takes_the_place_of_the_signal():
    script = "trap 'echo signalled' TERM; trap 'echo asked; exit 0' USR1; echo up; while :; do sleep 0.05; done"
    stop = {"command": sh("echo stopping $MAINPID; kill -USR1 $MAINPID")}
    with Box(web(script, stop=stop)) as box:
        box.until("up", out=True)
        pid = box.status()["web"]["pid"]
        box.call("stop", {"names": ["web"], "wait": True})
        assert order(box, f"stopping {pid}", "asked")
        assert "signalled" not in box.out


@pytest.mark.parametrize("command", [sh("exit 1"), ["/no/such/command"]])
def test_the_signal_is_sent_where_the_stop_command_fails(command):
    script = "trap 'echo signalled; exit 0' TERM; echo up; while :; do sleep 0.05; done"
    with Box(web(script, stop={"command": command})) as box:
        box.until("up", out=True)
        box.call("stop", {"names": ["web"], "wait": True})
        assert "signalled" in box.out
        assert "web: stop: " in box.err


@pytest.mark.parametrize("where", ["stop", "hooks"])
def test_commands_of_a_stop_have_its_time_and_no_more(where):
    hang = sh("setsid sleep 301 & sleep 302")
    stop = {"timeout": "500ms", **({"command": hang} if where == "stop" else {})}
    keys = {"hooks": {"pre_stop": hang}} if where == "hooks" else {}
    with Box(web(stop=stop, **keys)) as box:
        box.until("up", out=True)
        box.call("stop", {"names": ["web"], "wait": True})
        assert box.status()["web"]["last_exit"]["signal"] == 9
        eventually(lambda: not {"301", "302"} & {w for one in box.processes() for w in one.words})


@pytest.mark.parametrize("kill", ["tree", "process"])
def test_the_next_run_begins_when_the_post_stop_of_the_last_is_over(kill):
    script = "echo up; test -e $PYINIT_BOX/again && exec sleep 600; touch $PYINIT_BOX/again; exit 1"
    hooks = {"post_stop": sh("sleep 0.5; echo after")}
    with Box(web(script, hooks=hooks, restart=QUICK, stop={"kill": kill})) as box:
        eventually(lambda: box.status()["web"]["restarts"] == 1)
        eventually(lambda: order(box, "up", "after", "up"))
        assert box.out.count("after") == 1


@pytest.mark.parametrize("kill", ["tree", "process"])
def test_a_shutdown_waits_for_post_stop(kill):
    hooks = {"post_stop": sh("sleep 0.3; echo after")}
    with Box(web(hooks=hooks, stop={"kill": kill})) as box:
        box.until("up", out=True)
        box.send("TERM")
        assert box.wait() == 0
        assert box.out.count("after") == 1


def test_a_post_stop_that_hangs_is_killed_within_the_budget():
    hooks = {"post_stop": sh("echo hangs; sleep 300")}
    with Box('[init]\nstop_budget = "3s"\n' + web(hooks=hooks)) as box:
        box.until("up", out=True)
        box.send("TERM")
        assert box.wait(30) == 0
        assert "hangs" in box.out
        assert "post_stop: it did not end in time" in box.err


def test_hooks_print_where_their_program_prints():
    hooks = {"pre_start": sh("echo before"), "post_start": sh("echo behind")}
    with Box(web(hooks=hooks, stdout="prefix")) as box:
        eventually(lambda: "behind" in box.out)
        lines = box.out.splitlines()
        assert all("web" in line for line in lines if "before" in line or "behind" in line)
        assert "before" in box.ctl("logs", "web").stdout


def test_what_a_failed_pre_start_has_printed_is_in_the_report():
    keys = {"hooks": {"pre_start": sh("echo the database is not there; exit 1")}}
    text = web(stdout="prefix", restart="never", critical=False, **keys)
    with Box(text) as box:
        box.wait_state("web", "EXITED", "FATAL")
        assert "the database is not there" in box.ctl("why", "web").stdout


def test_a_reexec_in_the_middle_of_each_hook_loses_nothing():
    slow = "while ! test -e $PYINIT_BOX/$PYINIT_HOOK; do sleep 0.02; done; echo done $PYINIT_HOOK"
    kinds = ("pre_start", "pre_stop", "post_stop")
    hooks = {kind: sh(f"echo begun $PYINIT_HOOK; {slow}") for kind in kinds}
    script = "trap 'echo told; exit 0' TERM; echo up; while :; do sleep 0.05; done"
    with Box(web(script, hooks=hooks, stop={"timeout": "100s"})) as box:
        box.until("begun pre_start", out=True)
        box.call("reexec")
        (box.place / "pre_start").touch()
        box.until("up", out=True)
        box.wait_state("web", "RUNNING")
        box.call("stop", {"names": ["web"], "wait": False})
        box.until("begun pre_stop", out=True)
        box.call("reexec")
        assert "told" not in box.out
        (box.place / "pre_stop").touch()
        box.until("told", out=True)
        box.until("begun post_stop", out=True)
        box.call("reexec")
        assert box.status()["web"]["state"] == "STOPPING"
        (box.place / "post_stop").touch()
        box.wait_state("web", "STOPPED")
        assert [box.out.count(f"done {kind}") for kind in kinds] == [1, 1, 1]


def test_who_leaves_the_plan_has_its_hooks_though_pyinit_is_reexecuted_in_the_middle():
    slow = "echo begun $PYINIT_HOOK; while ! test -e $PYINIT_BOX/go; do sleep 0.02; done"
    script = "trap 'echo told; exit 0' TERM; echo up; while :; do sleep 0.05; done"
    hooks = {"pre_stop": sh(slow), "post_stop": sh(LOUD)}
    with Box(web(script, hooks=hooks, stop={"timeout": "100s"})) as box:
        box.until("up", out=True)
        box.wait_state("web", "RUNNING")
        box.config.write_text(OTHER)
        box.send("HUP")
        box.until("begun pre_stop", out=True)
        box.call("reexec")
        (box.place / "go").touch()
        box.until("post_stop of web", out=True)
        assert order(box, "begun pre_stop", "told", "post_stop of web")
        eventually(lambda: [*box.status()] == ["other"])


def test_a_watched_file_that_changes_runs_the_reload_command():
    keys = {"watch": ["WATCHED"], "reload": {"command": sh("echo $PYINIT_HOOK $MAINPID")}}
    text = web(**keys).replace("WATCHED", "${PYINIT_BOX}/watched")
    with Box(text) as box:
        before = box.wait_state("web", "RUNNING")["pid"]

        def changed():
            with (box.place / "watched").open("a") as watched:
                watched.write("more")
            return f"reload {before}" in box.out

        eventually(changed, every_s=1)
        assert box.status()["web"]["pid"] == before


def test_many_processes_have_their_hooks_at_the_same_time():
    hooks = {"pre_start": sh("sleep 0.2"), "post_stop": sh("echo after")}
    with Box(program("web", "sleep", "600", instances=20, start_seconds=0, hooks=hooks)) as box:
        eventually(lambda: all(e["state"] == "RUNNING" for e in box.status().values()))
        box.send("TERM")
        assert box.wait() == 0
        assert box.out.count("after") == 20
        assert not os.path.exists(box.socket)


def test_a_stop_before_there_is_a_run_tells_of_no_pid():
    with Box(program("web", "sleep 600", hooks={"pre_start": ["sleep", "600"]})) as box:
        eventually(lambda: any(each.words == ("sleep", "600") for each in box.processes()))
        box.ctl("stop", "web")
        box.until("web: stopping\n")
