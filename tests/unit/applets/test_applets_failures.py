"""What tini and dumb-init say of failures that no test can ask the kernel for."""

import errno
import re
import signal

import pytest

from pyinit.applets.dumb_init import DumbInit
from pyinit.applets.dumb_init_options import Settings as DumbInitSettings
from pyinit.applets.tini import Tini
from pyinit.applets.tini_options import Settings as TiniSettings

COMMAND = (b"a-command", b"a")
NO_MORE = "Resource temporarily unavailable"


def tini(verbosity=1):
    return Tini(TiniSettings(COMMAND, verbosity=verbosity))


def dumb_init(*, debug=False):
    return DumbInit(DumbInitSettings(COMMAND, session=True, debug=debug, rewrite={}))


def said(capfd):
    out, err = capfd.readouterr()
    return re.sub(r"\(\d+\)", "(PID)", out + err)


@pytest.mark.parametrize(
    ("stage", "number", "status", "text"),
    [
        ("fork", errno.EAGAIN, 1, f"fork failed: {NO_MORE}"),
        ("group", errno.EPERM, 1, "setpgid failed: Operation not permitted"),
        ("foreground", errno.EPERM, 1, "tcsetpgrp failed: Operation not permitted"),
        ("exec", errno.ENOENT, 127, "exec a-command failed: No such file or directory"),
        ("exec", errno.EACCES, 126, "exec a-command failed: Permission denied"),
        ("exec", errno.E2BIG, 1, "exec a-command failed: Argument list too long"),
        ("exec", errno.ELOOP, 1, "exec a-command failed: Too many levels of symbolic links"),
    ],
)
def test_a_stage_of_tini_that_fails_is_fatal(stage, number, status, text, capfd):
    assert tini(verbosity=0).stage(stage, number) == status
    assert said(capfd) == f"[FATAL tini (PID)] {text}\n"


@pytest.mark.parametrize(
    ("number", "text"), [(errno.ENOTTY, "no tty"), (errno.ENXIO, "no such device")]
)
def test_tini_can_do_without_a_terminal(number, text, capfd):
    assert tini(verbosity=3).stage("foreground", number) is None
    assert said(capfd) == f"[DEBUG tini (PID)] tcsetpgrp failed: {text} (ok to proceed)\n"
    assert tini().stage("foreground", number) is None
    assert said(capfd) == ""


@pytest.mark.parametrize("stage", ["group", "foreground"])
def test_a_stage_of_tini_that_succeeds_is_nothing_to_tell(stage, capfd):
    assert tini(verbosity=4).stage(stage, 0) is None
    assert said(capfd) == ""


def test_tini_warns_of_a_signal_for_a_child_that_is_dead(capfd):
    wrapper = tini()
    wrapper._gone = True
    assert wrapper.received(signal.SIGTERM) is None
    assert said(capfd) == "[WARN  tini (PID)] Child was dead when forwarding signal\n"


@pytest.mark.parametrize(
    ("stage", "number", "status", "text"),
    [
        ("fork", errno.EAGAIN, 1, "Unable to fork. Exiting."),
        (
            *("session", errno.EPERM, 1),
            "Unable to setsid (errno=1 Operation not permitted). Exiting.",
        ),
        ("exec", errno.ENOENT, 2, "a-command: No such file or directory"),
        ("exec", errno.EACCES, 2, "a-command: Permission denied"),
    ],
)
def test_a_stage_of_dumb_init_that_fails_is_the_end(stage, number, status, text, capfd):
    assert dumb_init().stage(stage, number) == status
    assert said(capfd) == f"[dumb-init] {text}\n"


@pytest.mark.parametrize("debug", [False, True])
def test_dumb_init_goes_on_without_a_terminal(debug, capfd):
    assert dumb_init(debug=debug).stage("session", 0) is None
    assert dumb_init(debug=debug).stage("terminal", errno.EPERM) is None
    assert said(capfd) == (
        "[dumb-init] Unable to attach to controlling tty (errno=1 Operation not permitted).\n"
        "[dumb-init] setsid complete.\n"
        if debug
        else ""
    )


def test_a_fault_of_ours_is_told_and_the_signal_dropped(capfd):
    """The child lives on."""

    class Faulty(Tini):
        def received(self, number):
            raise ZeroDivisionError("nothing")

    assert Faulty(TiniSettings(COMMAND))._guarded(15) is None
    assert said(capfd) == "cannot handle signal 15: ZeroDivisionError('nothing')\n"
