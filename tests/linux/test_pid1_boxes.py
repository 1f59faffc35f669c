"""The boxes that the other tests use: what they promise about namespaces, users and clean-up."""

import os

import pytest
from boxed import ORDINARY, Box, eventually, needs_root, stat_fields

SLEEPER = '[program.web]\ncommand = ["sleep", "600"]\n'
USERS = [None, pytest.param(ORDINARY, marks=needs_root)]


@pytest.mark.parametrize("uid", USERS)
def test_pyinit_is_pid_1_and_its_control_socket_answers(uid):
    with Box(SLEEPER, uid=uid) as box:
        box.wait_state("web", "RUNNING")
        everybody = box.processes()
        assert everybody[0].inner == 1
        assert everybody[-1].words == ("sleep", "600")
        assert box.ctl("status").returncode == 0
        assert box.json("status")["pid"] == 1
        if uid is not None:
            assert os.stat(f"/proc/{box.run_pid('web')}").st_uid == uid


def test_nothing_of_a_box_is_left_afterwards():
    with Box(SLEEPER) as box:
        pid = box.run_pid("web")
    eventually(lambda: stat_fields(pid) is None)
    assert not box.place.exists()


def test_without_a_namespace_pyinit_has_an_ordinary_pid():
    with Box(SLEEPER, namespace=False) as box:
        box.wait_state("web", "RUNNING")
        assert box.pid == box.json("status")["pid"] == box.process.pid
