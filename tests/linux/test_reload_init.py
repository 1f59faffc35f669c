"""A reload that changes [init]: what holds at once does, and what does not is told."""

import json
import os
import signal
import socket

import pytest
from boxed import Box, eventually, needs_root

WEB = '[program.web]\ncommand = ["sleep", "600"]\nstart_seconds = 0\n'
LATER = '[program.later]\ncommand = ["sleep", "601"]\nautostart = false\n'
INIT = '[init]\nexit = "never"\nlimits = { nofile = 900 }\n'


def soft(box, pid):
    """Return the soft limit of descriptors of a process as the kernel has it."""
    with open(f"/proc/{pid}/limits") as file:
        (line,) = [each for each in file if each.startswith("Max open files")]
    return int(line.split()[3])


def reloaded(box, init, *words):
    """Reload with another [init]; return what pyinitctl says."""
    box.config.write_text(init + WEB + LATER)
    done = box.ctl("reload", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def box():
    with Box(INIT + WEB + LATER, public=True) as found:
        found.wait_state("web", "RUNNING")
        yield found


NOW = {
    'stop_budget = "20s"': "stop_budget",
    'stop_order = "groups"': "stop_order",
    'exit = "all-done"': "exit",
    'drain_delay = "1s"': "drain_delay",
    'limits_unmet = "warn"': "limits_unmet",
    'signals = { USR2 = "forward:web" }': "signals",
    'log = { level = "debug" }': "log.level",
    'log = { format = "json" }': "log.format",
    'control = { allow = ["1234:read"] }': "control.allow",
}
NEXT_START = {
    'user = "12345"': "user",
    'group = "12345"': "group",
    'pidfile = "/run/pyinit-test.pid"': "pidfile",
    'control = { path = "/run/other.sock" }': "control.path",
    'control = { mode = "0660" }': "control.mode",
    'control = { owner = "12345" }': "control.owner",
}


def test_every_key_of_init_that_changed_is_told_with_when_it_holds(box):
    for added, key in [*NOW.items(), *NEXT_START.items()]:
        if key == "user":
            continue  # it brings variables with it: below
        init = INIT.replace('exit = "never"\n', "") if key == "exit" else INIT
        said = reloaded(box, init + added + "\n", "--dry-run")
        when = "would be in force" if key in NOW.values() else "at the next start"
        told = [line for line in said.splitlines() if line.startswith("[init] ")]
        assert told == [f"[init] {key}: {when}"]
    assert reloaded(box, INIT) == "nothing changed\n"


def test_what_cannot_hold_before_the_next_start_is_told_by_every_reload(box):
    init = INIT + 'pidfile = "/run/pyinit-test.pid"\n'
    for _ in range(2):
        assert reloaded(box, init) == "[init] pidfile: at the next start\n"
    assert not os.path.exists("/run/pyinit-test.pid")
    box.ctl("reexec")
    assert reloaded(box, init) == "[init] pidfile: at the next start\n"
    (told,) = json.loads(reloaded(box, init, "--json"))["init"]
    assert told == {"key": "pidfile", "applies": "next-start", "note": ""}
    assert reloaded(box, INIT) == "nothing changed\n"


def test_what_holds_at_once_does(box):
    log = box.place / "own.log"
    init = INIT.replace("never", "all-done") + 'signals = { USR2 = "stop" }\n'
    init += f'log = {{ level = "debug", format = "json", file = "{log}" }}\n'
    said = reloaded(box, init).splitlines()
    wanted = ["exit", "signals", "log.level", "log.format", "log.file"]
    assert said == [f"[init] {key}: in force" for key in wanted]
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert "[init] signals: in force" in [line["message"] for line in lines]
    before = box.err
    reloaded(box, INIT)
    assert log.read_text().count("reloading") == 1
    assert "reloading" in box.err[len(before) :]
    assert not [fd for fd in os.listdir(f"/proc/{box.pid}/fd") if links_to(box.pid, fd, log)]
    reloaded(box, INIT + 'signals = { USR2 = "stop" }\n')
    box.send(signal.SIGUSR2)
    assert box.wait() == 0


def links_to(pid, fd, path):
    try:
        return os.readlink(f"/proc/{pid}/fd/{fd}") == str(path)
    except FileNotFoundError:
        return False


def test_a_raised_limit_is_that_of_pyinit_and_of_what_starts_from_then_on(box):
    web = box.run_pid("web")
    said = reloaded(box, INIT.replace("900", "950"))
    assert said == (
        "[init] limits.nofile: in force\n"
        "  what runs keeps its own; change that, too: pyinitctl limits all nofile=950\n"
    )
    assert soft(box, box.pid) == 950
    assert soft(box, web) == 900
    assert box.ctl("start", "later").returncode == 0
    assert soft(box, box.run_pid("later")) == 950
    assert box.ctl("limits", "all", "nofile=950").returncode == 0
    assert soft(box, web) == 950
    assert box.run_pid("web") == web
    left_out = "[init] limits.nofile: at the next start\n"
    assert reloaded(box, '[init]\nexit = "never"\n') == left_out


def test_who_has_a_limit_of_his_own_is_not_to_be_given_that_of_pyinit(box):
    own = WEB + "limits = { nofile = 700 }\n"

    def told(text):
        box.config.write_text(text)
        return box.ctl("reload").stdout

    assert told(INIT + own + LATER) == "restarted: web\n"
    said = told(INIT.replace("900", "950") + own + LATER)
    assert "change that, too: pyinitctl limits later nofile=950\n" in said
    assert told(INIT + own) == "removed: later\n[init] limits.nofile: in force\n"


def test_hup_does_the_same_and_says_it_in_the_log(box):
    text = INIT.replace("900", "950") + 'stop_budget = "3s"\npidfile = "/run/x.pid"\n'
    box.config.write_text(text + WEB + LATER)
    box.send("HUP")
    said = box.until("pyinitctl limits all nofile=950")  # its last line
    assert "[init] stop_budget: in force" in said
    assert "[init] pidfile: at the next start" in said
    assert soft(box, box.pid) == 950


def test_a_reload_that_is_refused_for_a_socket_has_changed_no_limit(box):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f'[socket.s]\nlisten = "127.0.0.1:{taken.getsockname()[1]}"\n'
        box.config.write_text(INIT.replace("900", "950") + place + WEB + LATER)
        assert box.ctl("reload").returncode == 1
    assert soft(box, box.pid) == 900


# The hard limit of descriptors is 2000, and nobody here may raise it.
BOUND = ["prlimit", "--nofile=1000:2000", "setpriv", "--bounding-set=-sys_resource"]


@needs_root
@pytest.mark.parametrize("how", ["reload", "HUP"])
def test_a_limit_that_cannot_be_had_fails_the_reload_and_the_old_plan_stays(how):
    with Box(INIT + WEB + LATER, inside=BOUND) as box:
        box.wait_state("web", "RUNNING")
        text = INIT.replace("900", "3000") + 'stop_budget = "3s"\n' + WEB
        box.config.write_text(text)
        if how == "HUP":
            box.send("HUP")
            said = box.until("raise it from outside")
            assert "not reloading; the old configuration stays in force" in said
        else:
            done = box.ctl("reload")
            assert done.returncode == 1
            assert done.stderr.startswith("pyinitctl: cannot reload: not all of it is to be had")
            assert "cannot set nofile to 3000:3000 for pyinit" in done.stderr
            assert "--ulimit nofile=3000:3000" in done.stderr
        assert soft(box, box.pid) == 900
        assert "later" in box.status()
        assert box.ctl("reload", "--dry-run").stdout.startswith(
            "would be removed: later\n[init] stop_budget: would be in force\n"
        )
        box.config.write_text(text.replace("[init]\n", '[init]\nlimits_unmet = "warn"\n'))
        assert box.ctl("reload").returncode == 0
        assert soft(box, box.pid) == 2000
        eventually(lambda: "later" not in box.status())
        assert "cannot set nofile to 3000:3000 for pyinit" in box.err


def test_what_the_environment_has_set_goes_before_the_file_and_that_is_told():
    with Box(INIT + WEB, env={"PYINIT_LOG_LEVEL": "warning"}) as box:
        box.wait_state("web", "RUNNING")
        box.config.write_text(INIT + 'log = { level = "debug" }\n' + WEB)
        assert box.ctl("reload").stdout == (
            "[init] log.level: in force\n  PYINIT_LOG_LEVEL goes before it\n"
        )


@needs_root
def test_a_user_is_of_the_next_start_but_its_variables_are_of_now(box):
    said = reloaded(box, INIT + 'user = "12345"\n')
    told = "restarted: web\nadjusted: later\n"
    assert said == (told + "[init] env: in force\n[init] user: at the next start\n")
    assert os.stat(f"/proc/{box.pid}").st_uid == 0
