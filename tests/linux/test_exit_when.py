"""exit_when: what a sidecar stands beside is over, and it ends in order with 0."""

import os
import signal
import subprocess

import pytest
from boxed import Box, children_map, eventually, needs_root, program

NAME = "a-process-of-a-long-name"

WEB = program("web", "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.1; done")


def until_file(path):
    return f'[init]\nexit_when = {{ file = "{path}" }}\n'


@pytest.mark.parametrize("command", [(), ("sh", "-c", "exec sleep 600")])
def test_it_ends_with_0_once_the_file_is_there(tmp_path, command):
    done = tmp_path / "done"
    with Box(until_file(done) + WEB, command=command) as box:
        box.until("up", out=True)
        assert not box.ended
        done.touch()
        assert box.wait() == 0
        assert "bye" in box.out
        assert f'stopping: "{done}" is there' in box.err


def test_a_file_that_is_there_already_is_the_end(tmp_path):
    with Box(until_file(tmp_path) + WEB) as box:
        assert box.wait() == 0
        assert f'warning: "{tmp_path}" is there already' in box.err
        assert "remove it at its start" in box.err


def test_nobody_is_warned_of_a_file_that_comes_while_pyinit_is_replaced(tmp_path):
    done = tmp_path / "done"
    with Box(until_file(done) + WEB) as box:
        box.until("up", out=True)
        reexec = box.ctl("reexec")
        assert reexec.returncode == 0, reexec.stderr
        done.touch()
        assert box.wait() == 0
        assert "is there already" not in box.err


@needs_root  # to come in
def test_it_ends_once_a_process_that_was_seen_is_gone():
    """The other container of the pod is played by somebody who comes in from outside."""
    with Box(f'[init]\nexit_when = {{ process = "{NAME}" }}\n' + WEB) as box:
        box.until("up", out=True)
        enter = ["nsenter", "-t", str(box.pid), "-p", "-m", "bash", "-c"]
        with subprocess.Popen([*enter, f"exec -a {NAME} sleep 600"]) as other:
            box.until(f'process "{NAME}" is there')
            done = box.ctl("reexec")
            assert done.returncode == 0, done.stderr
            assert not box.ended
            (pid,) = eventually(lambda: children_map().get(other.pid))
            os.kill(pid, signal.SIGKILL)
            assert box.wait() == 0
        assert f'stopping: no process "{NAME}" is left' in box.err
        assert "bye" in box.out


def test_a_reload_can_say_what_the_end_is(tmp_path):
    with Box(WEB) as box:
        box.until("up", out=True)
        box.config.write_text(until_file(tmp_path) + WEB)
        box.ctl("reload")
        assert box.wait() == 0
