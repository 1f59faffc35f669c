"""How it all ends, on the real kernel: exit policies, restarts, dependencies, what was not started."""

import os

import pytest
from boxed import Box, eventually, needs_root, program

FAST = {"delay": "10ms", "max_delay": "50ms", "jitter": 0, "max": 3}
SLEEPER = program("web", "sleep", "600")


def init(**keys):
    return "[init]\n" + "".join(
        f"{key} = {value!r}\n".replace("'", '"') for key, value in keys.items()
    )


# --- before anything is started


def test_a_bad_configuration_is_78_with_every_fault_and_nothing_started():
    text = SLEEPER + '[program.x]\ncomand = ["x"]\nrestart = "somtimes"\n[int]\n'
    with Box(text) as box:
        assert box.wait() == 78
        for fault in ("comand", "somtimes", "int"):
            assert fault in box.err
        assert f"{box.config}:" in box.err
        assert "started" not in box.err.replace("nothing was started", "")


@pytest.mark.parametrize("words", [("-x",), ("-c",), ("--no-such",)])
def test_a_wrong_command_line_is_2(words):
    with Box(options=words) as box:
        assert box.wait() == 2
        assert "Try 'pyinit --help'." in box.err


def test_without_configuration_and_command_it_says_what_it_wants():
    with Box(env={"PYINIT_CONFIG": "/no/such/file.toml"}) as box:
        assert box.wait() == 78
        assert "/no/such/file.toml" in box.err


@pytest.mark.parametrize("content", ["", "[init]\n"])
def test_a_configuration_without_programs_has_nothing_to_run(content):
    with Box(content) as box:
        assert box.wait() == 0
        assert "there is nothing to run" in box.err


# --- exit policies


def test_a_program_that_is_to_run_always_and_soon_does_well_is_never_given_up():
    restart = {**FAST, "policy": "always", "delay": 0}
    with Box(program("tick", "exit 0", restart=restart) + SLEEPER) as box:
        eventually(lambda: box.status()["tick"]["restarts"] >= 8)
        first, second = [each["at"] for each in box.json("why", "tick")["processes"][0]["ends"][:2]]
        assert second - first >= 0.09
        assert "tick: ended (exit status 0)" in box.err
        assert "gave up" not in box.err
        box.send("TERM")
        assert box.wait() == 0


def test_a_program_that_is_not_ready_in_time_ends_everything_and_is_said_so():
    ready = {"output": "x", "timeout": "0.2s"}
    text = program("a", "sleep", "600", ready=ready, restart="never") + SLEEPER
    with Box(text) as box:
        assert box.wait() == 128 + 15
        assert "stopping: a is not ready within 0.2 s" in box.err


def test_a_critical_program_that_gives_up_ends_everything_with_its_status():
    text = program("bad", "exit 42", restart=FAST) + SLEEPER
    with Box(text) as box:
        assert box.wait() == 42
        assert box.err.count("bad: started") == 4
        assert "bad: gave up" in box.err
        assert "web: stopped (killed by SIGTERM)" in box.err


def test_one_that_is_not_critical_is_mourned_by_nobody():
    text = program("bad", "exit 42", restart=FAST, critical=False) + SLEEPER
    with Box(text) as box:
        box.wait_state("bad", "FATAL")
        assert box.status()["web"]["state"] in {"STARTING", "RUNNING"}


def test_when_nothing_is_left_to_run_the_status_is_0():
    with Box(program("once", "exit 0", type="oneshot") + program("two", "exit 0")) as box:
        assert box.wait() == 0


def test_when_nothing_is_left_to_run_the_first_failure_counts():
    text = program("one", "exit 3", restart="never", critical=False)
    text += program("two", "sleep 0.3; exit 4", restart="never", critical=False)
    with Box(text) as box:
        assert box.wait() == 3


def test_all_done_waits_for_everybody():
    text = init(exit="all-done") + program("one", "exit 3", restart="never")
    text += program("two", "sleep 0.5; echo finished; exit 0", restart="never")
    with Box(text) as box:
        assert box.wait() == 3
        assert "finished" in box.out


def test_never_runs_on_though_everything_has_failed():
    text = init(exit="never") + program("one", "exit 3", restart="never")
    with Box(text) as box:
        box.wait_state("one", "EXITED", "FATAL")
        assert box.process.poll() is None
        box.send("TERM")
        assert box.wait() == 0


def test_the_program_named_main_decides():
    text = init(exit="main:job") + program("job", "sleep 0.3; exit 7", restart="never") + SLEEPER
    with Box(text) as box:
        assert box.wait() == 7


def test_a_program_that_a_signal_killed_gives_128_and_the_number():
    with Box(program("bad", "kill -9 $$", restart="never") + SLEEPER) as box:
        assert box.wait() == 137


# --- restarts


def test_a_crash_is_answered_at_once_where_no_delay_is_configured():
    with Box(program("web", "sleep", "600", restart={"policy": "always", "delay": 0})) as box:
        first = box.wait_state("web", "RUNNING")["pid"]
        os.kill(box.outer(first), 9)
        again = eventually(lambda: (p := box.status()["web"]["pid"]) not in (None, 0, first) and p)
        assert again != first
        assert box.wait_state("web", "RUNNING")["restarts"] == 1


def test_the_delay_grows_with_each_failure():
    text = program("bad", "exit 1", restart={**FAST, "delay": "100ms", "max_delay": "10s"})
    with Box(text) as box:
        box.wait()
        delays = [
            line.split("next run in ")[1] for line in box.err.splitlines() if "next run" in line
        ]
        assert delays == ["0.1 s", "0.2 s", "0.4 s"]


def test_success_is_restarted_only_always():
    text = program("once", "exit 0") + program("codes", "exit 3", success_codes=[3]) + SLEEPER
    with Box(text) as box:
        box.wait_state("once", "EXITED")
        box.wait_state("codes", "EXITED")
        assert box.status()["web"]["state"] in {"STARTING", "RUNNING"}


# --- dependencies and oneshots


def test_dependencies_are_kept_on_the_way_up():
    text = program("migrate", "sleep 0.3; echo migrated", type="oneshot")
    text += program("seed", "exit 9", type="oneshot", critical=False, restart="never")
    text += program(
        "db",
        "sleep 0.2; echo db; touch $PYINIT_BOX/up; sleep 600",
        ready={"file": "FILE", "interval": "20ms"},
    )
    text += program(
        "api",
        "echo api; sleep 600",
        depends_on={"db": "ready", "migrate": "completed", "seed": "done"},
    )
    with Box(text.replace("FILE", "${PYINIT_BOX}/up")) as box:
        box.until("api", out=True)
        assert box.out.split()[-1] == "api"
        assert set(box.out.split()) == {"migrated", "db", "api"}


def test_what_needs_a_failed_oneshot_is_never_started():
    text = program("migrate", "exit 9", type="oneshot", restart="never")
    text += program("api", "echo api; sleep 600", depends_on={"migrate": "completed"})
    with Box(text) as box:
        assert box.wait() == 9
        assert "api" not in box.out


# --- where the reason of the end is written


@needs_root
def test_the_reason_is_left_where_kubernetes_reads_it(tmp_path):
    """A /dev of its own with a termination-log, as a container of a pod has one."""
    log = tmp_path / "log"
    log.touch()
    target = "/dev/termination-log"
    script = f"mount -t tmpfs none /dev && touch {target} && mount --bind {log} {target}"
    inside = ("unshare", "--mount", "sh", "-c", f'{script} && exec "$@"', "sh")
    with Box(command=("sh", "-c", "exit 5"), inside=inside) as box:
        assert box.wait() == 5
    assert "exit status 5" in log.read_text()
    with Box("[what]\n", inside=inside) as box:
        assert box.wait() == 78
    assert "what" in log.read_text()


def test_the_log_tells_of_an_end_before_it_tells_of_the_next_run():
    text = program("web", "exit 1", restart={"delay": 0, "max": 2, "policy": "always"})
    with Box(text) as box:
        assert box.wait() == 1
        told = [
            line.partition("web: ")[2].split()[0]
            for line in box.err.splitlines()
            if "web: " in line
        ]
        assert told[:5] == ["started,", "ended", "started,", "ended", "started,"]
